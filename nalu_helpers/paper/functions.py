"""Six functions of two hidden sums, the paper's Table 1 (Trask et al. 2018, section 4.1), static; `recurrent` is its other half.

x holds 100 numbers, a and b are the sums over two fixed windows of them, and y is a function of a and b. A network of two layers, both
made of the unit in question, has to find the windows and the function. It is tested on numbers four times as large.

What the paper leaves open is chosen as in the public reimplementation named at `REIMPLEMENTATION`: numbers from U(0, ½), in the test from
U(0, 2); two hidden units; batches of 64; Ŵ, M̂ and G from U(−0.01, 0.01). "short" has windows of 2 and 3 numbers: their sums vary much more.

Every model is tuned before it is judged, and all in the same way: of the settings in `GRID` it gets the one with the smallest error inside
the training range, on seeds that judge nothing afterwards. The error outside has no say.
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .. import data
from .._inputs import one_of, whole_number
from ..layers import NAC, NALU, NAU, NMU
from ..many import fit_many

FUNCTIONS = {
    "a + b": lambda a, b: a + b,
    "a − b": lambda a, b: a - b,
    "a × b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
    "a²": lambda a, b: a**2,
    "√a": lambda a, b: a**0.5,
}
REPAIRS: dict[str, dict[str, Any]] = {
    "NALU": {},
    "NALU, own gate": dict(input_independent_gate=True),
    "NALU, own weights": dict(separate_weights=True),
    "NALU, repaired": dict(input_independent_gate=True, separate_weights=True),
}
MODELS = ("ReLU6", "linear", "NAC", "NAU", "NMU", *REPAIRS)
WINDOWS = {"long": (slice(12, 39), slice(57, 80)), "short": (slice(20, 22), slice(70, 73))}
KEY = ["windows", "function", "model"]
CHUNKS = list(itertools.product(WINDOWS, FUNCTIONS, MODELS))
SEEDS, STEPS = 10, 150_000
INPUTS, BATCH, HIDDEN = 100, 64, 2
RANGES = {"inside": 0.5, "outside": 2}  # the numbers lie between 0 and this
CHECKS = (2 / 15, 1 / 3, 1)  # of the steps: 20,000, 50,000 and all

OPTIMIZERS = {"Adam": keras.optimizers.Adam, "RMSprop": keras.optimizers.RMSprop}
RATES, TUNED = (1e-3, 3e-3, 1e-2), ["optimizer", "clipped", "rate"]
GRID = list(itertools.product(OPTIMIZERS, (True, False), RATES))  # clipped: gradients are cut to norm 1
CHOOSE = range(100, 103)

# Table 1 of the paper, static, outside the training range, as commonly cited; the source of all rows that follow: Trask et al. 2018.
PAPER = {
    "ReLU6": (42.6, 29.0, 10.0, 37.2, 47.0, 10.3),
    "linear": (0.0, 0.0, 29.5, 52.3, 25.1, 20.0),
    "NAC": (0.0, 0.0, 33.3, 61.3, 53.3, 16.4),
    "NALU": (0.0, 0.0, 0.0, 0.7, 0.0, 0.0),
}
# The same inside the training range.
PAPER_INSIDE = {
    "ReLU6": (0.2, 0.0, 3.2, 4.2, 0.7, 0.5),
    "linear": (0.0, 0.0, 20.9, 35.0, 4.3, 2.2),
    "NAC": (0.0, 0.0, 21.4, 37.1, 22.4, 3.6),
    "NALU": (0.0, 0.0, 0.0, 5.3, 0.0, 0.0),
}
# A public reimplementation (github.com/merrymercy/NALU, MXNet), outside the training range: one seed, up to 156,250 steps, a NALU with both
# repairs. Its errors are roots, 100 · RMSE / RMSE of a random model; 100 · (r / 100)² is on the paper's scale.
REIMPLEMENTATION = {"NAC": (0.0, 0.0, 75.73, 23.82, 76.48, 63.17), "NALU, repaired": (0.42, 0.43, 0.0, 0.36, 0.0, 0.17)}


def examples(
    rng: np.random.Generator, function: str, rows: tuple[int, ...], where: str = "inside", windows: str = "long"
) -> tuple[np.ndarray, np.ndarray]:
    """Examples drawn by `rng`: x [*rows, 100] and y [*rows, 1], float32.

    `where` is "inside" (numbers below ½) or "outside" (below 2), `windows` one of `WINDOWS`. Raises ValueError for an unknown word.
    """
    one_of(function, FUNCTIONS, "function"), one_of(where, RANGES, "where"), one_of(windows, WINDOWS, "windows")
    x = rng.random((*rows, INPUTS), "float32")
    x *= RANGES[where]
    a, b = (x[..., window].sum(axis=-1, keepdims=True) for window in WINDOWS[windows])
    return x, FUNCTIONS[function](a, b)


def network(model: str) -> keras.Sequential:
    """A fresh network [..., 100] → [..., 1] of the kind `model`: two layers of the unit, of 2 units and 1. Raises ValueError for an unknown one.

    "linear", the paper's "None", is a layer without activation; an NMU stands behind a NAU.
    """
    hidden, last = {
        "ReLU6": lambda: (keras.layers.Dense(HIDDEN, activation="relu6"), keras.layers.Dense(1)),
        "linear": lambda: (keras.layers.Dense(HIDDEN), keras.layers.Dense(1)),
        "NMU": lambda: (NAU(HIDDEN), NMU(1)),
        "NAU": lambda: (NAU(HIDDEN), NAU(1)),
    }.get(one_of(model, MODELS, "model"), lambda: (unit(model, HIDDEN), unit(model, 1)))()
    whole = keras.Sequential([hidden, last])
    whole.build((None, INPUTS))
    return whole


def unit(model: str, units: int) -> NAC:
    """A NAC, or one of the NALUs in `REPAIRS`, that starts near 0."""

    def near_0():
        return keras.initializers.RandomUniform(-0.01, 0.01)

    start = dict(W_hat_initializer=near_0(), M_hat_initializer=near_0())
    return NAC(units, **start) if model == "NAC" else NALU(units, **start, G_initializer=near_0(), **REPAIRS[model])


def learned(
    windows: str,
    function: str,
    model: str,
    *,
    seeds: Iterable[int],
    steps: int,
    optimizer: str = "Adam",
    clipped: bool = True,
    rates: Sequence[float] = (1e-2,),
    every: int | None = None,
    progress: Any = False,
) -> pd.DataFrame:
    """Train a model in one setting, for each of `seeds` and `rates`: a row for each check, `every` so many steps, and each place.

    `scaled` is the paper's error, 100 · MSE / MSE of an untrained linear network; `relative` is √MSE / mean |y|. A run whose cost is no
    longer finite has errors of infinity. Raises TypeError or ValueError for what it does not know.
    """
    network(model), examples(np.random.default_rng(0), function, (1,), windows=windows)  # an unknown word is said at once
    steps = whole_number(steps, "steps")
    kind = OPTIMIZERS[one_of(optimizer, OPTIMIZERS, "optimizer")]
    task = examined(function, windows)
    checks = fit_many(
        lambda: network(model),
        lambda rng, count: examples(rng, function, (count, BATCH), windows=windows),
        cost=lambda net, x, y: tf.reduce_mean((net(x, training=True) - y) ** 2),
        examined=task,
        seeds=seeds,
        steps=steps,
        every=steps if every is None else every,
        learning_rate=list(rates),
        optimizer=kind(rates[0], global_clipnorm=1.0 if clipped else None),
        progress=progress,
    ).table
    places = []
    for where, error, y in (("inside", "interpolation", task.y_train), ("outside", "extrapolation", task.y_test)):
        mse = checks[error].where(checks["diverged_at"].isna()).fillna(np.inf)
        setting = dict(optimizer=optimizer, clipped=clipped, rate=checks["learning_rate"])
        told = dict(windows=windows, function=function, model=model, seed=checks["seed"], where=where, step=checks["step"], **setting)
        scaled = 100 * mse / untrained_error(function, where, windows)
        places.append(pd.DataFrame(dict(**told, scaled=scaled, relative=np.sqrt(mse) / np.abs(y).mean())))
    table = pd.concat(places, ignore_index=True)
    return table[table["step"] > 0]


def tried(windows: str, function: str, model: str, *, steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """The choice: every setting of `GRID` on the seeds `CHOOSE`, told by the error inside alone; a row for each setting and seed.

    All are trained until the first of `CHECKS`, and the best one of each rate anew until the second, so that slow ones get their time.
    """
    first, second, _ = checks_of(steps)
    asked = dict(seeds=CHOOSE, progress=progress)
    tables = []
    for optimizer, clipped in dict.fromkeys(setting[:2] for setting in GRID):
        tables.append(learned(windows, function, model, steps=first, optimizer=optimizer, clipped=clipped, rates=RATES, **asked))
    early = pd.concat(tables)
    for rate in RATES:
        optimizer, clipped, _ = best(early[early["rate"] == rate])
        tables.append(learned(windows, function, model, steps=second, optimizer=optimizer, clipped=clipped, rates=[rate], **asked))
    table = pd.concat(tables, ignore_index=True)
    return table[table["where"] == "inside"]


def checks_of(steps: int) -> tuple[int, ...]:
    """The steps after which runs of so many `steps` are looked at."""
    return tuple(max(1, round(share * whole_number(steps, "steps"))) for share in CHECKS)


def best(table: pd.DataFrame) -> tuple[str, bool, float]:
    """The setting with the smallest error inside among those of `tried` that were trained longest.

    It is the mean over the seeds of log10(error), each error taken between 10⁻⁸ and 10⁸.
    """
    table = table[(table["step"] == table["step"].max()) & (table["where"] == "inside")]
    logs = np.log10(table["scaled"].clip(1e-8, 1e8))
    optimizer, clipped, rate = logs.groupby([table[name] for name in TUNED], sort=False).mean().idxmin()
    return optimizer, bool(clipped), float(rate)


def run(windows: str, function: str, model: str, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Tune one model on one function, then train it in its setting once for each of `seeds`: the tables of `tried` and of `learned`."""
    first, second, last = checks_of(steps)
    table = tried(windows, function, model, steps=steps, progress=progress)
    optimizer, clipped, rate = best(table)
    asked = dict(seeds=seeds, optimizer=optimizer, clipped=clipped, rates=[rate], progress=progress)
    judged = learned(windows, function, model, steps=last, every=int(np.gcd(first, second)), **asked)
    return pd.concat([table, judged[judged["step"].isin([first, second, last])]], ignore_index=True)


def updates(windows: str, function: str, model: str, *, seeds: Sequence[int], steps: int) -> int:
    """How many updates `run` makes, those of the choice among them."""
    first, second, last = checks_of(steps)
    return len(seeds) * last + len(CHOOSE) * (len(GRID) * first + len(RATES) * second)


@functools.cache
def examined(function: str, windows: str = "long", rows: int = 1_000) -> data.Task:
    """The rows on which networks are tested, inside the training range and outside: the same ones every time."""
    rng = np.random.default_rng(2018)
    return data.Task(*examples(rng, function, (rows,), "inside", windows), *examples(rng, function, (rows,), "outside", windows))


@functools.cache
def untrained_error(function: str, where: str, windows: str = "long", networks: int = 25) -> float:
    """The yardstick: the median mean squared error of untrained linear networks, on rows of its own."""
    rng = np.random.default_rng(808)
    x, y = examples(rng, function, (1_000,), where, windows)
    first, second = ((6 / (n + m)) ** 0.5 for n, m in ((INPUTS, HIDDEN), (HIDDEN, 1)))  # the limits of Glorot's uniform start
    draws = [rng.uniform(-first, first, (INPUTS, HIDDEN)) @ rng.uniform(-second, second, (HIDDEN, 1)) for _ in range(networks)]
    return float(np.median([np.mean((x @ W - y) ** 2) for W in draws]))


@functools.cache
def constant_error(function: str, where: str, windows: str = "long") -> float:
    """The scaled error of a constant guess, the mean of the answers inside the training range, on the rows of `examined`."""
    guess = examples(np.random.default_rng(2019), function, (5_000,), windows=windows)[1].mean(dtype="float64")
    task = examined(function, windows)
    y = task.y_train if where == "inside" else task.y_test
    return float(100 * np.mean((guess - y) ** 2) / untrained_error(function, where, windows))
