"""The arithmetic task of Madsen & Johansen (2020): two sums out of a hundred numbers, and +, − or × of them.

Theirs: 100 numbers from U(1, 2), tested on U(2, 6); a and b are sums of 25 neighbours, 12 of which they share; two layers, the first of
2 units or more; Adam at 0.001, batches of 128; 5,000,000 steps. Where the two windows lie does not matter to a layer whose weights all
start alike, so here they lie at the beginning.

Ours, where the laptop decides: `STEPS` steps, `LONGER` times as many for ×, whose penalty begins only after a million; a check every
`EVERY`.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .. import data, layers
from .._inputs import one_of, whole_number
from ..expression import OPERATIONS, known_operation
from ..field import EPSILON, judged
from ..many import fit_many

INPUTS, BATCH, EVERY = 100, 128, 2_500
WINDOWS = slice(0, 25), slice(13, 38)
INSIDE, OUTSIDE = (1, 2), (2, 6)
MODELS = {
    "add": ["linear", "NAC", "NALU", "NAU"],
    "sub": ["linear", "NAC", "NALU", "NAU"],
    "mul": ["NMU", "NACLog", "NALU"],
}
KEY = ["operation", "model", "hidden"]
# Not run: NACLog and NALU at ×, an hour each for 25 seeds.
CHUNKS = [(operation, model, 2) for operation in MODELS for model in MODELS[operation] if operation != "mul" or model == "NMU"]
SEEDS, STEPS = 25, 200_000
LONGER = {"mul": 12}
SHARES = {"extrapolation_quarter": 0.25, "extrapolation_half": 0.5, "extrapolation_last": 1}

# How many of 100 seeds were solved, with 2 hidden units and after 5,000,000 steps. Source: Madsen & Johansen 2020.
PUBLISHED = {
    ("add", "linear"): 100,
    ("add", "NAC"): 100,
    ("add", "NALU"): 14,
    ("add", "NAU"): 100,
    ("sub", "linear"): 7,
    ("sub", "NAC"): 100,
    ("sub", "NALU"): 14,
    ("sub", "NAU"): 100,
    ("mul", "NACLog"): 31,
    ("mul", "NALU"): 0,
    ("mul", "NMU"): 98,
}
# The step at which the median of those was first below the threshold.
PUBLISHED_AT = {
    ("add", "linear"): 61_000,
    ("add", "NAC"): 250_000,
    ("add", "NALU"): 1_500_000,
    ("add", "NAU"): 18_000,
    ("sub", "NAC"): 9_000,
    ("sub", "NAU"): 5_000,
    ("mul", "NACLog"): 2_800_000,
    ("mul", "NMU"): 1_400_000,
}


def network(operation: str, model: str, hidden: int = 2) -> keras.Sequential:
    """A fresh network for 100 numbers: a layer of `hidden` units and one of 1, as published.

    The NMU stands behind a NAU and the NACLog behind a NAC; of the others both layers are of the same kind. Raises TypeError or
    ValueError for what it does not know.
    """
    one_of(operation, MODELS, "operation"), one_of(model, MODELS[operation], "model"), whole_number(hidden, "hidden")
    late: dict[str, Any] = {"penalty_size": 10.0, "penalty_steps": (1_000_000, 2_000_000)}
    made = {
        "linear": lambda: [keras.layers.Dense(units) for units in (hidden, 1)],
        "NAC": lambda: [_with_hats(layers.NAC, INPUTS, hidden), _with_hats(layers.NAC, hidden, 1)],
        "NACLog": lambda: [_with_hats(layers.NAC, INPUTS, hidden), _with_hats(layers.NACLog, hidden, 1)],
        "NALU": lambda: [_with_hats(layers.NALU, INPUTS, hidden), _with_hats(layers.NALU, hidden, 1)],
        "NAU": lambda: [layers.NAU(units, penalty_steps=(5_000, 50_000)) for units in (hidden, 1)],
        "NMU": lambda: [layers.NAU(hidden, **late), layers.NMU(1, **late)],
    }
    whole = keras.Sequential(made[model]())
    whole.build((None, INPUTS))
    return whole


def _with_hats(kind, columns, units):
    start = layers.benchmark_start(columns, units)
    return kind(units, W_hat_initializer=start, M_hat_initializer=start)


def answer(operation: str, x: Any) -> Any:
    """The sums of both windows of x [..., 100], added, subtracted or multiplied: [..., 1]."""
    a, b = (x[..., window].sum(axis=-1, keepdims=True) for window in WINDOWS)
    return OPERATIONS[known_operation(operation)](a, b)


def updates(operation: str, model: str, hidden: int, *, seeds: Sequence[int], steps: int) -> int:
    """How many updates `run` makes."""
    return len(seeds) * _in_all(operation, steps)


def _in_all(operation, steps):
    """How many steps a network is trained when `steps` are asked for."""
    return steps * LONGER.get(operation, 1)


@functools.cache
def examined(operation: str, rows: int = 10_000) -> data.Task:
    """The rows on which networks are validated, from U(1, 2), and tested, from U(2, 6): the same ones every time."""
    parts, rows = [], whole_number(rows, "rows")
    for (low, high), seed in zip((INSIDE, OUTSIDE), data.EXAMINED_SEEDS, strict=True):
        x = np.random.RandomState(seed).uniform(low, high, (rows, INPUTS))
        parts += [x.astype("float32"), answer(operation, x).astype("float32")]
    return data.Task(*parts)


@functools.cache
def threshold(operation: str, off: float = 1e-5) -> float:
    """The mean squared error on U(2, 6) of a first layer whose 200 weights are all wrong by `off`: below it a run has succeeded.

    Every weight of 1 is 1 − off and every weight of 0 is off. Source: Madsen & Johansen 2020, and their code, whose windows hold one more.
    """
    x = np.random.default_rng(0).uniform(*OUTSIDE, (100_000, INPUTS))
    sums = [(1 - 2 * off) * x[:, window].sum(axis=1) + off * x.sum(axis=1) for window in WINDOWS]
    almost = OPERATIONS[known_operation(operation)](*sums)
    return float(np.mean((almost - answer(operation, x)[:, 0]) ** 2))


def run(operation: str, model: str, hidden: int, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Train one network, once for each of `seeds`; a table with a row for each: what becomes of it, judged as in the field's benchmark.

    × is trained `LONGER` times as many steps. `extrapolation_quarter`, `_half` and `_last` are the error outside at those shares of the
    steps. Raises as `network` does.
    """
    network(operation, model, hidden)  # an unknown name is said at once
    steps = _in_all(operation, whole_number(steps, "steps"))
    of = OPERATIONS[known_operation(operation)]

    def cost(net, drawn):
        x = INSIDE[0] + (INSIDE[1] - INSIDE[0]) * drawn
        a, b = (tf.reduce_sum(x[:, window], axis=1, keepdims=True) for window in WINDOWS)
        return tf.reduce_mean((net(x, training=True) - of(a, b)) ** 2)

    checks = fit_many(
        lambda: network(operation, model, hidden),
        lambda rng, count: (rng.random((count, BATCH, INPUTS), "float32"),),
        cost=cost,
        examined=examined(operation),
        seeds=seeds,
        steps=steps,
        every=min(EVERY, steps),
        optimizer=keras.optimizers.Adam(1e-3, epsilon=EPSILON),
        progress=progress,
    ).table
    rows = []
    for seed, of_seed in checks.groupby("seed", sort=False):
        at = {name: of_seed[of_seed["step"] <= share * steps]["extrapolation"].iloc[-1] for name, share in SHARES.items()}
        row = {"operation": operation, "model": model, "hidden": hidden, "seed": seed, **judged(of_seed, threshold(operation))}
        rows.append(row | at)
    return pd.DataFrame(rows)
