"""The explorer of one unit's failures, for notebook 08: the surface of its cost, and the paths of its runs from several starts."""

import math
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import numpy as np

from .. import data, fair, field, layers, metrics, plots
from .._inputs import one_of, whole_number
from ..expression import as_function, known_operation
from ..many import as_seeds
from ..training import progress_bar
from . import parts
from .parts import Explorer, choice, slider

RATES = (1e-3, 1e-2, 1e-1)
UNITS = ("NAC", "NACLog", "NALU", "INALU", "NAU", "NMU")  # those with a matrix W of two entries for each operation
ROWS = 250  # of the training range, on which the surface is computed


def surface(
    unit: str,
    operation: str,
    train: tuple[float, float],
    *,
    seeds: Iterable[int] = range(8),
    steps: int = 50_000,
    every: int = 1_000,
    progress: Any = True,
) -> Explorer:
    """Where runs of `unit` are on the surface of its cost, step by step: choose how they start and their learning rate.

    The surface is log₁₀ of the mean squared error on the range `train`, over the entries of W, with the gate, where there is one, on the
    side of `operation`. The runs are trained and checked as in the benchmark but for what the handles choose, and shown every `every`
    steps. Raises ValueError for a unit with no such W, an operation that it does not enter and a range that is none of the benchmark's.
    """
    entry = fair.FIELD[one_of(unit, UNITS, "unit")]
    operation = known_operation(operation)
    if operation not in entry.operations:
        raise ValueError(f"operation is {operation!r}, expected one that {unit} enters: {', '.join(entry.operations)}")
    pair = field.RANGES[one_of(data.range_name(train), field.RANGES, "train")]
    steps, every = whole_number(steps, "steps"), whole_number(every, "every")
    threshold, inside = metrics.success_threshold(operation, pair[1]), data.draw(np.random.RandomState(0), [pair[0]], ROWS)
    starts = list(dict.fromkeys(setting.start for setting in fair.grid(entry, operation)))
    seeds, runs = as_seeds(seeds), {}
    with progress_bar(progress, len(starts) * len(RATES) * len(seeds) * steps, " steps in all") as bar:
        for start in starts:
            settings = [fair.Setting(rate, start, clipping=entry.clipping) for rate in RATES]
            often = math.gcd(every, field.CHECK_EVERY)  # a restart goes by what the checks see
            checks = fair.runs_of(entry, operation, settings, seeds, [pair], steps, bar, every=often, weights=True).table
            checks = checks[checks["step"] % every == 0]
            runs[start] = [_paths(checks[checks["learning_rate"] == rate], operation, threshold, inside) for rate in RATES]
    title = f"{unit}, {plots.SIGNS[field.WORDS[operation]]}, trained on {data.range_name(train)}"
    handles = [
        choice("start", "start", starts, "What the weights are drawn from"),
        choice("rate", "learning rate", RATES, "How far Adam steps"),
        slider("step", "step", 0, 0, steps // every * every, every, "How long they have learned", decimals=0),
    ]
    return Explorer("surface", title, _drawn(unit, operation, inside, title), handles, runs=runs, rates=RATES, every=every)


def _paths(checks, operation, threshold, inside):
    """The runs of one start and rate: W, [runs, looks, 2], whether each is below the threshold, and its mean gate, [runs, looks].

    What is no number, in a run that diverged, travels as None.
    """
    by_seed = [run for _, run in checks.groupby("seed", sort=False)]

    def column(name):
        return np.array([run[name] for run in by_seed])

    def both(name):
        return np.stack([column(f"{name}[{row}, 0]") for row in (0, 1)], axis=-1)

    hat = {"W_hat[0, 0]": "W_hat", "W_a_hat[0, 0]": "W_a_hat" if operation in "+-" else "W_m_hat"}
    name = next((hat[first] for first in hat if first in checks), None)
    known = {"W": both("W") if name is None else np.tanh(both(name)) * _sigmoid(both(name.replace("W", "M")))}
    if "G[0, 0]" in checks:
        known["gate"] = _sigmoid(both("G") @ inside.T).mean(axis=-1)
    elif "g[0]" in checks:
        known["gate"] = _sigmoid(column("g[0]"))
    nothing = np.array(None)
    known = {name: np.where(np.isfinite(values), np.round(values, 3), nothing).tolist() for name, values in known.items()}
    return {**known, "solved": (column("extrapolation") < threshold).astype(int).tolist()}


def _sigmoid(t):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-t.astype("float64")))


def costs(unit: str, operation: str, x: np.ndarray, size: int = 81) -> tuple[np.ndarray, tuple[float, float]]:
    """log₁₀ of the mean squared error of `unit` on the rows x over all W = [w₁, w₂], [size, size], and the two ends of w.

    The gate of a unit that has one is on the side of `operation`.
    """
    adds, low = operation in "+-", 0.0 if unit == "NMU" else -1.0
    w = np.linspace(low, 1, size)
    W = np.stack(np.meshgrid(w, w)).reshape(2, -1)  # a unit for each pair
    kind = {"NALU": layers.NAC if adds else layers.NACLog}.get(unit) or getattr(layers, unit)
    layer = kind(size**2, dtype="float64")
    layer.build((None, 2))
    hats = [np.arctanh(np.clip(W, -1 + 1e-9, 1 - 1e-9)), np.full_like(W, 40)]
    layer.set_weights({"NAU": [W], "NMU": [W], "INALU": [*hats, *hats, np.full(size**2, 40.0 if adds else -40.0)]}.get(unit, hats))
    y = as_function(operation)(x[:, :1], x[:, 1:])
    error = np.mean((np.asarray(layer(x)) - y) ** 2, axis=0).reshape(size, size)
    return np.log10(np.maximum(error, np.quantile(error, 0.001))), (low, 1.0)


def _drawn(unit, operation, x, title):
    value, (low, high) = costs(unit, operation, x)
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture(title, figsize=(4.5, 3.75))
        ax = figure.subplots()
        w, extent = np.linspace(low, high, len(value)), (low, high, low, high)
        # stored as a small picture, which the page smooths
        shown = ax.imshow(value, extent=extent, origin="lower", cmap="cividis", interpolation="none")
        ax.contour(w, w, value, levels=12, colors=parts.ON_A_SURFACE, linewidths=0.6, linestyles="solid")
        figure.colorbar(shown, ax=ax, label="log₁₀ of the mean squared error")
        for color, mark, words in (("W_hat", "o", "solved"), ("M_hat", "D", "not solved")):
            ax.plot([], [], mark, color=plots.COLORS[color], mec=parts.ON_A_SURFACE, ms=8, label=words)
        margin = 0.04 * (high - low)
        ax.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
        ax.locator_params(nbins=5)
        ax.grid(False)
        figure.legend(loc="outside lower center", ncols=2)
    return figure
