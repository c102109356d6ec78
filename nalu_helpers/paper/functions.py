"""Six functions of two hidden sums, the paper's Table 1 (Trask et al. 2018, section 4.1), static and recurrent.

Static: x holds 100 numbers, a and b are the sums over two fixed windows of them, and y is a function of a and b. A network of two layers,
both made of the unit in question, has to find the windows and the function. Recurrent: ten numbers a step, a and b are sums over two
windows and over all steps; a recurrent layer reads them and a second layer answers. Tested on larger numbers, and on a longer sequence.

What the paper leaves open is chosen as in the public reimplementation named at `REIMPLEMENTATION`: numbers from U(0, ½), and from U(0, 2)
in the static test; two hidden units; batches of 64; Ŵ, M̂ and G from U(−0.01, 0.01).
"""

import functools
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .._inputs import one_of, whole_number
from ..layers import NAC, NALU, Shape, Tensor
from ..many import fit_many

FUNCTIONS = {
    "a + b": lambda a, b: a + b,
    "a − b": lambda a, b: a - b,
    "a × b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
    "a²": lambda a, b: a**2,
    "√a": lambda a, b: a**0.5,
}
MODELS = {
    "static": ["ReLU6", "linear", "NAC", "NALU", "NALU, repaired"],
    "recurrent": ["ReLU6", "linear", "LSTM", "NAC", "NALU", "NALU, repaired"],
}
KEY = ["form", "function", "model"]
CHUNKS = [(form, function, model) for form in MODELS for function in FUNCTIONS for model in MODELS[form]]
SEEDS, STEPS = 6, 20_000
INPUTS, LENGTHS = {"static": 100, "recurrent": 10}, {"inside": 10, "outside": 1000}
BATCH, HIDDEN, STATE = 64, 2, 16  # rows a step; units of the hidden layer; units of the recurrent layers that are not NACs
RATES = {"NALU": 1e-3}  # 1e-2 for the others; with that, the exponential of a NALU whose gate sees 100 inputs overflows
REPAIRS = dict(separate_weights=True, input_independent_gate=True)

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


def windows(inputs: int) -> list[slice]:
    """The two windows whose sums are a and b, as slices: drawn once, contiguous, one in each half, of 10 to 30 % of the inputs."""
    rng, tenth = np.random.default_rng(0), inputs // 10
    sizes = rng.integers(tenth, 3 * tenth + 1, 2)
    starts = rng.integers(0, inputs // 2 - sizes + 1) + [0, inputs // 2]
    return [slice(int(start), int(start + size)) for start, size in zip(starts, sizes, strict=True)]


def examples(
    rng: np.random.Generator, form: str, function: str, rows: tuple[int, ...], where: str = "inside"
) -> tuple[np.ndarray, np.ndarray]:
    """Examples drawn by `rng`: x [*rows, 100], or [*rows, steps, 10] when recurrent, and y [*rows, 1], float32.

    `where` is "inside" (numbers below ½, 10 steps) or "outside" (static: below 2; recurrent: 1,000 steps). Raises ValueError for an
    unknown form, function or place.
    """
    one_of(form, MODELS, "form"), one_of(function, FUNCTIONS, "function"), one_of(where, LENGTHS, "where")
    recurrent = form == "recurrent"
    x = rng.random((*rows, *[LENGTHS[where]] * recurrent, INPUTS[form]), "float32")
    x *= 2 if where == "outside" and not recurrent else 0.5
    total = x.sum(axis=-2) if recurrent else x
    a, b = (total[..., window].sum(axis=-1, keepdims=True) for window in windows(INPUTS[form]))
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

    Static: two layers of the unit, of 2 units and 1. Recurrent: a plain RNN or LSTM of 16 units read by a linear layer; or a NAC of 2
    units as the recurrent cell, read by the unit in question. "linear", the paper's "None", is a layer without activation.
    """
    one_of(form, MODELS, "form")
    one_of(model, MODELS[form], "model")
    activation = "relu6" if model == "ReLU6" else None
    if model in ("NAC", "NALU", "NALU, repaired"):
        hidden = _unit("NAC" if form == "recurrent" else model, HIDDEN)
        layers = [keras.layers.RNN(Recurrent(hidden)) if form == "recurrent" else hidden, _unit(model, 1)]
    else:
        kind = {"static": keras.layers.Dense, "recurrent": keras.layers.SimpleRNN}[form]
        hidden = keras.layers.LSTM(STATE) if model == "LSTM" else kind(HIDDEN if form == "static" else STATE, activation=activation)
        layers = [hidden, keras.layers.Dense(1)]
    whole = keras.Sequential(layers)
    whole.build((None, INPUTS[form]) if form == "static" else (None, None, INPUTS[form]))
    return whole


def run(form: str, function: str, model: str, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Train one model on one function, once for each of `seeds`; a table with a row for each seed inside and outside the training range.

    `scaled` is the paper's error, 100 · MSE / MSE of an untrained linear network; `relative` is mean |ŷ − y| / mean |y|. A seed whose cost
    is no longer finite has errors of infinity. Recurrent networks train for half of `steps`. Raises ValueError for an unknown name.
    """
    one_of(form, MODELS, "form"), one_of(function, FUNCTIONS, "function"), one_of(model, MODELS[form], "model")
    seeds, steps = list(seeds), whole_number(steps, "steps")
    networks = fit_many(
        lambda: network(form, model),
        lambda rng, count: examples(rng, form, function, (count, BATCH)),
        cost=lambda net, x, y: tf.reduce_mean((net(x) - y) ** 2),
        seeds=seeds,
        steps=steps if form == "static" else -(-steps // 2),
        optimizer=keras.optimizers.Adam(RATES.get(model, 1e-2), global_clipnorm=1.0),
        progress=progress,
    ).models
    rows = []
    for where in LENGTHS:
        x, y = _tested(np.random.default_rng(2018), form, function, where)
        untrained = untrained_error(form, function, where)
        for seed, said in zip(seeds, _answers(networks, x), strict=True):
            error = np.abs(said.astype("float64") - y)
            scaled, relative = 100 * np.mean(error**2) / untrained, error.mean() / np.abs(y).mean()
            finite = np.isfinite([scaled, relative]).all()
            rows.append((form, function, model, seed, where, *((scaled, relative) if finite else (np.inf, np.inf))))
    return pd.DataFrame(rows, columns=[*KEY, "seed", "where", "scaled", "relative"])


@functools.cache
def untrained_error(form: str, function: str, where: str, networks: int = 25) -> float:
    """The yardstick: the median MSE of untrained linear networks (recurrent: each reads the sum over the steps) on other examples."""
    rng = np.random.default_rng(808)
    x, y = _tested(rng, form, function, where)
    x = x if form == "static" else x.sum(axis=1)
    first, second = ((6 / (n + m)) ** 0.5 for n, m in ((x.shape[-1], HIDDEN), (HIDDEN, 1)))  # the limits of Glorot's uniform start
    draws = [rng.uniform(-first, first, (x.shape[-1], HIDDEN)) @ rng.uniform(-second, second, (HIDDEN, 1)) for _ in range(networks)]
    return float(np.median([np.mean((x @ W - y) ** 2) for W in draws]))


@functools.cache
def constant_error(form: str, function: str, where: str) -> float:
    """The scaled error of a constant guess, the mean of the answers inside the training range, on the examples that `run` tests with."""
    guess = examples(np.random.default_rng(2019), form, function, (5000,))[1].mean(dtype="float64")
    _, y = _tested(np.random.default_rng(2018), form, function, where)
    return float(100 * np.mean((guess - y) ** 2) / untrained_error(form, function, where))


def _tested(rng, form, function, where):
    """As many examples as networks are tested on."""
    return examples(rng, form, function, (1000 if form == "static" else 100,), where)


def _unit(model, units):
    def near_0():
        return keras.initializers.RandomUniform(-0.01, 0.01)

    start = dict(W_hat_initializer=near_0(), M_hat_initializer=near_0())
    if model == "NAC":
        return NAC(units, **start)
    return NALU(units, **start, G_initializer=near_0(), **(REPAIRS if model == "NALU, repaired" else {}))


def _answers(networks, x):
    """What each network says of x [rows, …], as arrays [rows, 1]; one that diverged says NaN. Compiled once for all of them."""
    first = networks[0]

    @tf.function(jit_compile=x.ndim == 3, autograph=False)
    def say(weights, x):
        with keras.StatelessScope(state_mapping=list(zip(first.trainable_variables, weights, strict=True))):
            return first(x)

    for net in networks:
        yield say([tf.convert_to_tensor(w) for w in net.trainable_variables], tf.constant(x)).numpy()
