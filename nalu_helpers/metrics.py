"""How wrong a prediction is, inside the training range and outside it, and how sure a count of successes is."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from . import data
from ._inputs import as_floats, as_range, as_rows, in_digits, is_tensor, one_of, positive_number, refuse_memory, whole_number
from .expression import OPERATIONS, known_operation


def absolute_error(y: ArrayLike, prediction: ArrayLike) -> np.ndarray:
    """|ŷ − y| for every entry, float64, same shape as `y`. Raises ValueError when the shapes differ or a number is not finite."""
    y, prediction = _numbers(y, "y"), _numbers(prediction, "prediction")
    if y.shape != prediction.shape:
        raise ValueError(f"y has shape {y.shape} and prediction {prediction.shape}: compare like with like")
    return np.abs(prediction - y)


def relative_error(y: ArrayLike, prediction: ArrayLike) -> float:
    """Mean |ŷ − y| as a share of mean |y|: 0.01 means wrong by 1 % of the usual size. Good near y = 0, where |ŷ − y| / |y| is not.

    Raises ValueError when every y is 0, and as `absolute_error` does.
    """
    error, size = absolute_error(y, prediction), np.abs(_numbers(y, "y")).mean()
    if size == 0:
        raise ValueError("every y is 0, so no error can be relative to it: use absolute_error")
    return float(error.mean() / size)


def test_error(model: Callable, task: data.Task) -> float:
    """`relative_error` of what a model says to the test rows of a `data.Task`. Raises what `relative_error` does."""
    return relative_error(task.y_test, model(task.x_test))


def by_region(x: ArrayLike, y: ArrayLike, prediction: ArrayLike, inside: data.Range) -> pd.DataFrame:
    """Errors inside and outside the training range, as a table with a row for each region that holds any data.

    x [rows, in] and y, prediction [rows, 1]; a row is inside when all its columns are within `inside` = (low, high).
    The relative error of a region in which every y is 0 is NaN. Raises ValueError when rows are missing or a number is not finite.
    """
    low, high = as_range(inside, "inside")
    x, error = as_rows(x, "x", "float64"), absolute_error(y, prediction)
    if len(x) != len(error):
        raise ValueError(f"x has {len(x)} rows and y has {len(error)}: every row of x needs its own row of y")
    within = ((x >= low) & (x <= high)).all(axis=1)
    y, prediction, table = _numbers(y, "y"), _numbers(prediction, "prediction"), {}
    for region, rows in {"inside": within, "outside": ~within}.items():
        if rows.any():
            table[region] = {
                "rows": int(rows.sum()),
                "mean absolute error": error[rows].mean(),
                "worst absolute error": error[rows].max(),
                "relative error": relative_error(y[rows], prediction[rows]) if y[rows].any() else np.nan,
            }
    return pd.DataFrame(table).T.astype({"rows": int})


def sparsity_error(W: ArrayLike) -> float:
    """How far the least tidy weight is from the nearest of −1, 0 and 1: max over W of min(|W|, |1 − |W||). 0 is perfect.

    Source: Madsen & Johansen 2020.
    """
    size = np.abs(_numbers(W, "W"))
    return float(np.minimum(size, np.abs(1 - size)).max())


def first_below(cost: ArrayLike, level: float) -> int | None:
    """The first step, counted from 0, whose cost is below `level`, or None when there is none. `cost` has shape [steps]."""
    below = np.flatnonzero(_numbers(cost, "cost") < as_floats(level, "level", "float64"))
    return int(below[0]) if len(below) else None


def success_rate(solved: ArrayLike) -> tuple[int, int, float, float]:
    """How many of the runs succeeded, how many there were, and the 95 % interval (Wilson) of the rate: (k, n, low, high).

    `solved` is one True or False a run. Raises ValueError when there are none.
    """
    from scipy.stats import binomtest

    solved = as_floats(solved, "solved").ravel() > 0
    interval = binomtest(int(solved.sum()), len(solved)).proportion_ci(0.95, method="wilson")
    return int(solved.sum()), len(solved), interval.low, interval.high


def better_than_best(errors: ArrayLike, others: ArrayLike) -> int:
    """How many of the runs with these `errors` are better than the best run of the `others`, by the lowest of their errors.

    When all of them are, the model has *succeeded* against its opponents: even its worst seed is better than their best. Errors may be
    infinite. Raises ValueError when either holds none, or NaN.
    """
    errors, others = (np.asarray(some, "float64").ravel() for some in (errors, others))
    for name, some in (("errors", errors), ("others", others)):
        if not len(some) or np.isnan(some).any():
            raise ValueError(f"{name} holds {'NaN' if len(some) else 'no run'}: give the error of each run, infinity for one that diverged")
    return int((errors < others.min()).sum())


def success_threshold(operation: str, test: data.Ranges, delta: float = 1e-4, samples: int = 1_000_000) -> float:
    """The mean squared error on the range `test` of an almost perfect unit, whose weights are off by `delta`: below it a run has succeeded.

    ŷ = y − δ·Σ|x| for + and −, (1 − δ)²·y for ×, (1 − δ)/(1 + δ)·y for ÷; simulated with `samples` rows, the same ones every time.
    Source: Mistry, Farrahi & Hare 2022, and Madsen & Johansen 2020.
    """
    operation, pieces = known_operation(operation), data.as_pieces(test, "test")
    delta, samples = positive_number(delta, "delta", 1e-4), whole_number(samples, "samples")
    refuse_memory(64 * samples, f"{in_digits(samples)} rows")
    x = data.draw(np.random.RandomState(1234), pieces, samples)
    y = OPERATIONS[operation](x[:, 0], x[:, 1])
    if operation in "+-":
        almost = y - delta * np.abs(x).sum(axis=1)
    else:
        almost = y * ((1 - delta) ** 2 if operation == "*" else (1 - delta) / (1 + delta))
    return float(np.mean((almost - y) ** 2))


def mean_interval(values: ArrayLike, family: str) -> tuple[float, float, float]:
    """The mean of `values` and its 95 % interval by profile likelihood, (mean, low, high), for values that follow a `family`.

    "gamma" is for numbers above 0, such as the step at which a run was solved; "beta" for numbers between 0 and 0.5, such as sparsity
    errors. The interval is (NaN, NaN) for fewer than two values and of no width when all are the same, for a beta to within 1e-10.
    Raises ValueError for values that the family does not have, and for a 0 among others of a gamma: how near to 0 it is taken to be would
    decide the interval alone. Source: Madsen & Johansen 2020, appendix, and their R code.
    """
    from scipy.optimize import brentq, minimize_scalar
    from scipy.special import betaln, gammaln
    from scipy.stats import chi2

    one_of(family, ("gamma", "beta"), "family")
    values = as_floats(values, "values", "float64").ravel() if np.size(values) else np.empty(0)
    expected, most = ("at least 0", np.inf) if family == "gamma" else ("between 0 and 0.5", 0.5)
    wrong = values[(values < 0) | (values > most)]
    if len(wrong):
        raise ValueError(
            f"values holds {wrong[0]:g}, expected numbers {expected}, which is where the family {family!r} lives: choose another"
        )
    if len(values) < 2 or np.ptp(values) <= 1e-10 * (values.max() if family == "gamma" else 1):
        mean = float(values.mean()) if len(values) else np.nan
        return (mean, mean, mean) if len(values) > 1 else (mean, np.nan, np.nan)
    if family == "gamma" and values.min() < 1e-12 * values.mean():
        raise ValueError(
            f"values holds {values.min():g} beside {values.max():g}, expected numbers above 0, or all the same, since a gamma has no 0: "
            "leave it out, or say the mean without an interval"
        )
    scale = 2.0 if family == "beta" else 1 / values.mean()  # both families now live around 0…1
    x = np.clip(values * scale, 1e-12, 1 - 1e-12) if family == "beta" else values * scale
    log_x = np.log(x)

    def log_density(mean: float, size: float) -> np.ndarray:
        """The logarithm of the density of `family` at each x; `size` is a + b of a beta, the shape of a gamma."""
        if family == "beta":
            a, b = mean * size, (1 - mean) * size
            return (a - 1) * log_x + (b - 1) * np.log1p(-x) - betaln(a, b)
        return (size - 1) * log_x - size * x / mean + size * np.log(size / mean) - gammaln(size)

    def likelihood(mean: float) -> float:
        def badness(log_size: float) -> float:
            return -np.clip(log_density(mean, np.exp(log_size)), -1e6, 1e6).sum()

        return -minimize_scalar(badness, bounds=(-8, 25), method="bounded").fun

    ends = (1e-9, 1 - 1e-9) if family == "beta" else (1e-9, 1e3)
    best = minimize_scalar(lambda m: -likelihood(m), bounds=(max(ends[0], x.min()), min(ends[1], x.max())), method="bounded")
    least = -best.fun - chi2.ppf(0.95, 1) / 2
    outside = lambda mean: likelihood(mean) - least  # noqa: E731
    low = brentq(outside, ends[0], best.x) if outside(ends[0]) < 0 else ends[0]
    inner, outer = best.x, ends[1]
    while family == "gamma" and outside(outer) >= 0:  # of few numbers that lie far apart
        inner, outer = outer, 1e3 * outer
    high = brentq(outside, inner, outer) if outside(outer) < 0 else outer
    return float(best.x / scale), float(low / scale), float(high / scale)


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    return as_floats(np.asarray(values) if is_tensor(values) else values, name, "float64")
