"""Six functions of two hidden sums, the paper's Table 1 (Trask et al. 2018, section 4.1), static and recurrent.

Static: x holds 100 numbers, a and b are the sums over two fixed windows of them, and y is a function of a and b. A network of two layers,
both made of the unit in question, has to find the windows and the function. It is tested on numbers four times as large. The windows are
"long", of 27 and 23 numbers, "short", of 2 and 3, whose sums vary much more, or "theirs", of 10 and 30, as in the reimplementations.
"recurrent": ten numbers at each step, a and b are sums over two windows and over all steps; a recurrent layer reads them and a second
layer answers. It is tested on 1,000 steps in place of 10.

What the paper leaves open is chosen as in the public reimplementations named below: numbers from U(0, ½), and from U(0, 2) in the static
test; two hidden units; batches of 64; Ŵ, M̂ and G from U(−0.01, 0.01).

Every model is tuned before it is judged, and all in the same way: of the settings in `WAYS_OF` and `RATES` it gets the one with the
smallest error inside the training range, on seeds that judge nothing afterwards. The error outside has no say.
"""

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .. import data
from .._inputs import one_of, refuse_memory, whole_number
from ..layers import NAC, NALU, NAU, NMU, Shape, Tensor
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
UNITS = ("NAC", "NAU", "NMU", *REPAIRS)
MODELS = {
    "long": ("ReLU6", "linear", *UNITS),
    "short": ("ReLU6", "linear", *UNITS),
    "theirs": (*REPAIRS,),
    "recurrent": ("ReLU6", "linear", "LSTM", "NAC", "NAU", "NMU", "NALU", "NALU, repaired"),
}
WINDOWS = {
    "long": (slice(12, 39), slice(57, 80)),
    "short": (slice(20, 22), slice(70, 73)),
    "theirs": (slice(20, 30), slice(50, 80)),
    "recurrent": (slice(1, 4), slice(6, 8)),
}
KEY = ["form", "function", "model"]
IN_THE_TABLE = {"long": list(FUNCTIONS), "recurrent": list(FUNCTIONS), "short": ["a × b"], "theirs": ["a × b"]}
CHUNKS = [(form, function, model) for form, functions in IN_THE_TABLE.items() for function in functions for model in MODELS[form]]
SEEDS, STEPS = 10, 150_000
SHARE = {"recurrent": 20}  # a recurrent network is trained for a twentieth of the steps
INPUTS, BATCH, HIDDEN = {"long": 100, "short": 100, "theirs": 100, "recurrent": 10}, 64, 2
STATE = 16  # units of the recurrent layers that are not the paper's
RANGES = {"inside": 0.5, "outside": 2}  # the numbers lie between 0 and this; the recurrent ones always below ½
LENGTHS = {"inside": 10, "outside": 1_000}  # steps to read, recurrent
CHECKS = (2 / 15, 1 / 3, 1)  # of the steps: 20,000, 50,000 and all
LATE = {  # and 1,000,000 where some do not fit by then
    ("long", function, model): 20 / 3
    for function, model in (("a + b", "NALU"), ("a × b", "NALU"), ("a × b", "NALU, repaired"), ("a²", "NALU"))
}

OPTIMIZERS = {"Adam": keras.optimizers.Adam, "RMSprop": keras.optimizers.RMSprop}
RATES, TUNED = (1e-3, 3e-3, 1e-2), ["optimizer", "clipped", "rate"]
WAYS = list(itertools.product(OPTIMIZERS, (True, False)))  # True: gradients are clipped to norm 1
# With each of RATES these are the settings that are tried.
WAYS_OF = {"long": WAYS, "short": WAYS, "theirs": WAYS, "recurrent": [("Adam", True)]}
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
# Public reimplementations (MXNet), outside the training range: windows of 10 and 30 numbers, one seed, up to 156,250 steps. Their errors
# are roots, 100 · RMSE / RMSE of a random model; 100 · (r / 100)² is on the paper's scale. The second one tried each repair of the NALU.
REIMPLEMENTATIONS = {
    "merrymercy/NALU": {
        "NAC": (0.0, 0.0, 75.73, 23.82, 76.48, 63.17),
        "NALU, repaired": (0.42, 0.43, 0.0, 0.36, 0.0, 0.17),
    },
    "SthePasso/NALU2IMG": {
        "NAC": (0.0, 0.0, 76.09, 20.77, 77.55, 65.64),
        "NALU": (85.86, 80.15, 99.89, 3.35, 98.61, 45.42),
        "NALU, own gate": (0.02, 90.54, 85.5, 16.82, 88.29, 4.6),
        "NALU, own weights": (44.93, 0.0, 98.28, 1.03, 76.69, 21.23),
        "NALU, repaired": (0.44, 0.39, 0.0, 0.11, 0.0, 0.19),
    },
}


def examples(
    rng: np.random.Generator, form: str, function: str, rows: tuple[int, ...], where: str = "inside"
) -> tuple[np.ndarray, np.ndarray]:
    """Examples drawn by `rng`: x [*rows, 100], or [*rows, steps, 10] when recurrent, and y [*rows, 1], float32.

    `form` is one of `MODELS`; `where` is "inside" (numbers below ½, 10 steps) or "outside" (static: below 2; recurrent: 1,000 steps).
    Raises ValueError for an unknown word.
    """
    one_of(form, MODELS, "form"), one_of(function, FUNCTIONS, "function"), one_of(where, RANGES, "where")
    recurrent = form == "recurrent"
    shape = (*rows, *[LENGTHS[where]] * recurrent, INPUTS[form])
    refuse_memory(8 * math.prod(shape), f"examples of shape {list(shape)}")
    x = rng.random(shape, "float32")
    x *= RANGES["inside" if recurrent else where]
    total = x.sum(axis=-2) if recurrent else x
    a, b = (total[..., window].sum(axis=-1, keepdims=True) for window in WINDOWS[form])
    return x, FUNCTIONS[function](a, b)


@keras.saving.register_keras_serializable("nalu_helpers")
class Recurrent(keras.layers.Layer):
    """A unit as the cell of `keras.layers.RNN`: it reads the numbers of a step and its own last answer, h′ = unit([x, h])."""

    def __init__(self, unit: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.unit, self.state_size, self.output_size = unit, unit.units, unit.units

    def build(self, input_shape: Shape) -> None:
        if not self.unit.built:  # one that was loaded is
            self.unit.build((*input_shape[:-1], input_shape[-1] + self.state_size))

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h = self.unit(keras.ops.concatenate([x, states[0]], axis=-1))
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit": keras.saving.serialize_keras_object(self.unit)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Recurrent":
        return cls(keras.saving.deserialize_keras_object(config.pop("unit")), **config)


def network(form: str, model: str) -> keras.Sequential:
    """A fresh network of the kind `model` for a form: one of `MODELS[form]`. Raises ValueError, listing them, for any other.

    Static: two layers of the unit, of 2 units and 1; an NMU stands behind a NAU. Recurrent: a plain RNN or LSTM of 16 units read by a
    linear layer; or a NAC of 2 units as the recurrent cell, a NAU for NAU and NMU, read by the unit in question. "linear", the paper's
    "None", is a layer without activation.
    """
    one_of(form, MODELS, "form"), one_of(model, MODELS[form], "model")
    recurrent = form == "recurrent"
    if model in UNITS:
        adds = {"NMU": "NAU"}.get(model, "NAC" if recurrent and model != "NAU" else model)
        hidden, last = unit(adds, HIDDEN), unit(model, 1)
        hidden = keras.layers.RNN(Recurrent(hidden)) if recurrent else hidden
    elif model == "LSTM":
        hidden, last = keras.layers.LSTM(STATE), keras.layers.Dense(1)
    else:
        kind, units = (keras.layers.SimpleRNN, STATE) if recurrent else (keras.layers.Dense, HIDDEN)
        hidden, last = kind(units, activation="relu6" if model == "ReLU6" else None), keras.layers.Dense(1)
    whole = keras.Sequential([hidden, last])
    whole.build((None, None, INPUTS[form]) if recurrent else (None, INPUTS[form]))
    return whole


def unit(model: str, units: int) -> keras.layers.Layer:
    """A layer of one of `UNITS`; a NAC and a NALU start near 0, a NAU and an NMU as their authors have it."""
    if model in ("NAU", "NMU"):
        return {"NAU": NAU, "NMU": NMU}[model](units)

    def near_0():
        return keras.initializers.RandomUniform(-0.01, 0.01)

    start = dict(W_hat_initializer=near_0(), M_hat_initializer=near_0())
    return NAC(units, **start) if model == "NAC" else NALU(units, **start, G_initializer=near_0(), **REPAIRS[model])


def learned(
    form: str,
    function: str,
    model: str,
    *,
    seeds: Iterable[int],
    steps: int,
    way: tuple[str, bool] = ("Adam", True),
    rates: Sequence[float] = (1e-2,),
    every: int | None = None,
    progress: Any = False,
) -> pd.DataFrame:
    """Train a model for each of `seeds` and `rates`: a row for each check, `every` so many steps, and each place.

    `way` is one of `WAYS`: which of `OPTIMIZERS`, and whether gradients are clipped.
    `scaled` is the paper's error, 100 · MSE / MSE of an untrained linear network; `relative` is √MSE / mean |y|. A run whose cost is no
    longer finite has errors of infinity. Raises TypeError or ValueError for what it does not know.
    """
    network(form, model), one_of(function, FUNCTIONS, "function")  # an unknown word is said at once
    steps = whole_number(steps, "steps")
    optimizer, clipped = way
    kind = OPTIMIZERS[one_of(optimizer, OPTIMIZERS, "optimizer")]
    task = examined(form, function)
    checks = fit_many(
        lambda: network(form, model),
        lambda rng, count: examples(rng, form, function, (count, BATCH)),
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
        told = dict(form=form, function=function, model=model, seed=checks["seed"], where=where, step=checks["step"], **setting)
        scaled = 100 * mse / untrained_error(form, function, where)
        places.append(pd.DataFrame(dict(**told, scaled=scaled, relative=np.sqrt(mse) / np.abs(y).mean())))
    table = pd.concat(places, ignore_index=True)
    return table[table["step"] > 0]


def tried(form: str, function: str, model: str, *, steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """The choice: every setting on the seeds `CHOOSE`, told by the error inside alone; a row for each setting, seed and check.

    All are trained until the first of `CHECKS`, and the best one of each rate anew until the second, so that slow ones get their time.
    """
    first, second, _ = checks_of(form, steps)
    asked = dict(seeds=CHOOSE, progress=progress)
    tables = [learned(form, function, model, steps=first, way=way, rates=RATES, **asked) for way in WAYS_OF[form]]
    early = pd.concat(tables)
    chosen = [best(early[early["rate"] == rate]) for rate in RATES]
    for way in dict.fromkeys(setting[:2] for setting in chosen):
        rates = [setting[2] for setting in chosen if setting[:2] == way]
        tables.append(learned(form, function, model, steps=second, way=way, rates=rates, **asked))
    table = pd.concat(tables, ignore_index=True)
    return table[table["where"] == "inside"]


def checks_of(form: str, steps: int, late: float | None = None) -> tuple[int, ...]:
    """The steps after which runs are looked at when `steps` are asked for, and once more after `late` times as many."""
    whole = whole_number(steps, "steps") / SHARE.get(one_of(form, MODELS, "form"), 1)
    return tuple(max(1, round(share * whole)) for share in (*CHECKS, *([] if late is None else [late])))


def best(table: pd.DataFrame) -> tuple[str, bool, float]:
    """The setting with the smallest error inside among those of `tried` that were trained longest.

    It is the mean over the seeds of log10(error), each error taken between 10⁻⁸ and 10⁸.
    """
    table = table[(table["step"] == table["step"].max()) & (table["where"] == "inside")]
    logs = np.log10(table["scaled"].clip(1e-8, 1e8))
    optimizer, clipped, rate = logs.groupby([table[name] for name in TUNED], sort=False).mean().idxmin()
    return optimizer, bool(clipped), float(rate)


def run(form: str, function: str, model: str, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Tune one model on one function, then train it in its setting once for each of `seeds`: the tables of `tried` and of `learned`."""
    checks = checks_of(form, steps, LATE.get((form, function, model)))
    table = tried(form, function, model, steps=steps, progress=progress)
    *way, rate = best(table)
    asked = dict(seeds=seeds, way=tuple(way), rates=[rate], progress=progress)
    judged = learned(form, function, model, steps=checks[-1], every=int(np.gcd.reduce(checks)), **asked)
    return pd.concat([table, judged[judged["step"].isin(checks)]], ignore_index=True)


def updates(form: str, function: str, model: str, *, seeds: Sequence[int], steps: int) -> int:
    """How many updates `run` makes, those of the choice among them."""
    first, second, *_, last = checks_of(form, steps, LATE.get((form, function, model)))
    return len(seeds) * last + len(CHOOSE) * len(RATES) * (len(WAYS_OF[form]) * first + second)


@functools.cache
def examined(form: str, function: str) -> data.Task:
    """The rows on which networks are tested, inside the training range and outside: the same ones every time."""
    rng = np.random.default_rng(2018)
    return data.Task(*_tested(rng, form, function, "inside"), *_tested(rng, form, function, "outside"))


@functools.cache
def untrained_error(form: str, function: str, where: str) -> float:
    """The yardstick: the median MSE of 25 untrained linear networks (recurrent: each reads the sum over the steps) on rows of its own."""
    rng = np.random.default_rng(808)
    x, y = _tested(rng, form, function, where)
    x = x.sum(axis=1) if form == "recurrent" else x
    first, second = ((6 / (n + m)) ** 0.5 for n, m in ((x.shape[-1], HIDDEN), (HIDDEN, 1)))  # the limits of Glorot's uniform start
    draws = [rng.uniform(-first, first, (x.shape[-1], HIDDEN)) @ rng.uniform(-second, second, (HIDDEN, 1)) for _ in range(25)]
    return float(np.median([np.mean((x @ W - y) ** 2) for W in draws]))


@functools.cache
def constant_error(form: str, function: str, where: str) -> float:
    """The scaled error of a constant guess, the mean of the answers inside the training range, on the rows of `examined`."""
    guess = examples(np.random.default_rng(2019), form, function, (5_000,))[1].mean(dtype="float64")
    task = examined(form, function)
    y = task.y_train if where == "inside" else task.y_test
    return float(100 * np.mean((guess - y) ** 2) / untrained_error(form, function, where))


def _tested(rng, form, function, where):
    """As many rows as networks are tested on."""
    return examples(rng, form, function, (100 if form == "recurrent" else 1_000,), where)
