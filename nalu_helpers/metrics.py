"""How wrong a prediction is, inside the training range and outside it, and how sure a count of successes is."""

import numpy as np

from ._inputs import as_floats, as_range, as_rows, is_tensor


def absolute_error(y, prediction):
    """|ŷ − y| for every entry, float64, same shape as `y`. Raises ValueError when the shapes differ or a number is not finite."""
    y, prediction = _numbers(y, "y"), _numbers(prediction, "prediction")
    if y.shape != prediction.shape:
        raise ValueError(f"y has shape {y.shape} and prediction {prediction.shape}: compare like with like")
    return np.abs(prediction - y)


def relative_error(y, prediction):
    """Mean |ŷ − y| as a share of mean |y|: 0.01 means wrong by 1 % of the usual size. Good near y = 0, where |ŷ − y| / |y| is not.

    Raises ValueError when every y is 0, and as `absolute_error` does.
    """
    error, size = absolute_error(y, prediction), np.abs(_numbers(y, "y")).mean()
    if size == 0:
        raise ValueError("every y is 0, so no error can be relative to it: use absolute_error")
    return float(error.mean() / size)


def test_error(model, task):
    """`relative_error` of what a model says to the test rows of a `data.Task`. Raises what `relative_error` does."""
    return relative_error(task.y_test, model(task.x_test))


def by_region(x, y, prediction, inside):
    """Errors inside and outside the training range, as a table with a row for each region that holds any data.

    x [rows, in] and y, prediction [rows, 1]; a row is inside when all its columns are within `inside` = (low, high).
    """
    import pandas as pd

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
                "relative error": relative_error(y[rows], prediction[rows]),
            }
    return pd.DataFrame(table).T.astype({"rows": int})


def sparsity_error(W):
    """How far the least tidy weight is from the nearest of −1, 0 and 1: max over W of min(|W|, |1 − |W||). 0 is perfect.

    Source: Madsen & Johansen 2020.
    """
    size = np.abs(_numbers(W, "W"))
    return float(np.minimum(size, np.abs(1 - size)).max())


def first_below(cost, level):
    """The first epoch, counted from 0, whose cost is below `level`, or None when there is none. `cost` has shape [epochs]."""
    below = np.flatnonzero(_numbers(cost, "cost") < level)
    return int(below[0]) if len(below) else None


def success_rate(solved):
    """How many of the runs succeeded, how many there were, and the 95 % interval (Wilson) of the rate: (k, n, low, high).

    `solved` is one True or False a run. Raises ValueError when there are none.
    """
    from scipy.stats import binomtest

    solved = as_floats(solved, "solved").ravel() > 0
    interval = binomtest(int(solved.sum()), len(solved)).proportion_ci(0.95, method="wilson")
    return int(solved.sum()), len(solved), interval.low, interval.high


def _numbers(values, name):
    return as_floats(np.asarray(values) if is_tensor(values) else values, name, "float64")
