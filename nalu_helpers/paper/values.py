"""Numbers as values in a Transformer, and units for arithmetic inside it (notebook 13).

A sentence is two numbers, a sign and "=" in one of three orders: "+ a b =", "a + b =", "a b + =". As in xVal (Golkar et al. 2023) a number
is one vector times its value. `MODELS` differ in what makes the answer of what the Transformer has read, and in whether its reader sees how
large the numbers are. A unit gets its two numbers by attention and is chosen by a softmax, so that all is learned from the answer alone.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .._inputs import in_digits, one_of, positive_number, refuse_memory, whole_number
from ..expression import OPERATIONS
from ..layers import NALU, NAU, NMU, Tensor, benchmark_start
from ..many import Runs, fit_many
from ..metrics import relative_error
from .tokens import Block, embedding, warmed_adam

SIGNS = "+-*"
NUMBER, EQUALS, LENGTH = 0, len(SIGNS) + 1, 4  # tokens; the signs have 1 to 3
WIDTH, HEADS, BATCH = 32, 4, 128
INSIDE, SCALES, ASKED = (0.1, 1.0), (1, 10, 100, 1000), 1_000  # numbers learned from; how many times larger the ones asked for are


@keras.saving.register_keras_serializable("nalu_helpers")
class Calculator(keras.layers.Layer):
    """a + b, a − b and a × b, exactly and with nothing to learn: [rows, 2] → [rows, 3]."""

    def call(self, ab: Tensor) -> Tensor:
        a, b = ab[:, :1], ab[:, 1:]
        return keras.ops.concatenate([a + b, a - b, a * b], axis=-1)


@keras.saving.register_keras_serializable("nalu_helpers")
class Choice(keras.layers.Layer):
    """A softmax whose `temperature` is 1 while it learns; near 0 the largest logit takes all. Where `allowed` is False nothing goes."""

    def build(self, logits_shape: Any, allowed_shape: Any = None) -> None:
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")

    def call(self, logits: Tensor, allowed: Tensor | None = None) -> Tensor:
        if allowed is not None:
            logits = keras.ops.where(allowed, logits, -1e9)
        return keras.ops.softmax(logits / self.temperature)


@keras.saving.register_keras_serializable("nalu_helpers")
class Pointers(keras.layers.Layer):
    """Two questions to all tokens, after what stands at the last one: their logits, [rows, tokens, width] → [rows, 2, tokens]."""

    def build(self, x_shape: Any) -> None:
        self.question, self.key = keras.layers.Dense(2 * x_shape[-1]), keras.layers.Dense(x_shape[-1])
        self.question.build((*x_shape[:1], x_shape[-1])), self.key.build(x_shape)

    def call(self, x: Tensor) -> Tensor:
        width = x.shape[-1]
        question = keras.ops.reshape(self.question(x[:, -1]), (-1, 2, width))
        return keras.ops.einsum("biw,btw->bit", question, self.key(x)) / width**0.5


@keras.saving.register_keras_serializable("nalu_helpers")
class Told(keras.layers.Layer):
    """Which sign a sentence has, as a choice that nobody had to learn: tokens [rows, 4] → [rows, 3]."""

    def call(self, tokens: Tensor) -> Tensor:
        return keras.ops.one_hot(keras.ops.sum(tokens, axis=1) - EQUALS - 1, len(SIGNS))


def _small_nalu():
    start = benchmark_start(2, 3)
    return [NALU(3, W_hat_initializer=start, M_hat_initializer=start)]


def _started(second):
    """Two NAUs and an NMU whose weights start halfway or nearer to a + b, to a ± b, as the sign `second` says, and to a × b."""
    units = [NAU(2), NMU(1)]
    for unit, signs in zip(units, ([[1, 1], [1, second]], [[1], [1]]), strict=True):
        unit.build((None, 2))
        unit.W.assign(keras.random.uniform(unit.W.shape, 0.5, 1) * np.array(signs, "float32"))
    return units


UNITS = {
    "calculator": lambda: [Calculator()],
    "NAU, NMU": lambda: [NAU(2), NMU(1)],
    "NAU, NMU, near + and ×": lambda: _started(1),
    "NAU, NMU, near all": lambda: _started(-1),
    "NALU": _small_nalu,
    "linear": lambda: [keras.layers.Dense(3)],
}
# name: (whether the reader sees the values, whether it has layer normalization, the units or None, whether it is told which to take)
MODELS = {
    "Transformer": (True, True, None, False),
    "Transformer, no norms": (True, False, None, False),
    "calculator": (True, True, "calculator", False),
    "calculator, reader sees no values": (False, True, "calculator", False),
    "linear, reader sees no values": (False, True, "linear", False),
    "NALU, reader sees no values": (False, True, "NALU", False),
    "NAU, NMU, reader sees no values": (False, True, "NAU, NMU", False),
    "NAU, NMU, told which": (False, True, "NAU, NMU", True),
    "NAU, NMU, started near + and ×": (False, True, "NAU, NMU, near + and ×", False),
    "NAU, NMU, started near all three": (False, True, "NAU, NMU, near all", False),
    "NAU, NMU, started near + and ×, told which": (False, True, "NAU, NMU, near + and ×", True),
}
RATES = (0.003, 0.01)
KEY = ["model", "rate"]
CHUNKS = [(model, rate) for model in MODELS for rate in RATES]
SEEDS, STEPS = 10, 5_000


def network(model: str) -> keras.Model:
    """A fresh one of MODELS: tokens and values, both [rows, 4], → the answer [rows, 1]. Raises ValueError for an unknown one."""
    sees, norm, units, told = MODELS[one_of(model, MODELS, "model")]
    tokens, values = keras.Input((LENGTH,), dtype="int32", name="tokens"), keras.Input((LENGTH,), name="values")
    token, place = embedding(EQUALS + 1, WIDTH), embedding(LENGTH, WIDTH)
    x = token(tokens)
    if sees:
        x = x * values[:, :, None]
    places = keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1
    x = x + place(places)
    x = Block(WIDTH, HEADS, norm)(x)
    x = keras.layers.LayerNormalization()(x) if norm else x
    if units is None:
        return keras.Model([tokens, values], keras.layers.Dense(1)(x[:, -1]))
    pointed = Choice(name="pointed")(Pointers()(x), keras.ops.equal(tokens, NUMBER)[:, None, :])
    ab = keras.ops.einsum("bit,bt->bi", pointed, values)
    said = keras.ops.concatenate([unit(ab) for unit in UNITS[units]()], axis=-1)
    chosen = Told()(tokens) if told else Choice(name="chosen")(keras.layers.Dense(len(SIGNS))(x[:, -1]))
    return keras.Model([tokens, values], keras.ops.sum(chosen * said, axis=-1, keepdims=True))


def make_sure(net: keras.Model, temperature: float = 1e-6) -> None:
    """From now on `net` takes the one token and the one unit it likes best, where it mixed several. A temperature of 1 takes that back.

    Raises TypeError or ValueError when `temperature` is no number above 0.
    """
    for layer in net.layers:
        if isinstance(layer, Choice):
            layer.temperature.assign(positive_number(temperature, "temperature", 1e-6))


def drawn(rng: np.random.Generator, rows: int, scale: float = 1, sign: str | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sentences: tokens [rows, 4], values [rows, 4] and answers [rows, 1]; the numbers are from U(0.1, 1), `scale` times as large.

    One sign, or any of the three; each of the three orders is as likely. What is no number has the value 1.
    """
    refuse_memory(200 * whole_number(rows, "rows"), f"{in_digits(rows)} sentences")
    signs = rng.integers(0, len(SIGNS), rows) if sign is None else np.full(rows, SIGNS.index(one_of(sign, SIGNS, "sign")))
    ab, place, each = rng.uniform(*INSIDE, (rows, 2)) * scale, rng.integers(0, 3, rows), np.arange(rows)
    tokens, values = np.full((rows, LENGTH), NUMBER, "int32"), np.ones((rows, LENGTH), "float32")
    tokens[each, place], tokens[:, -1] = signs + 1, EQUALS
    values[tokens == NUMBER] = ab.ravel()
    every = np.stack([OPERATIONS[known](*ab.T) for known in SIGNS], axis=1)
    return tokens, values, every[each, signs, None].astype("float32")


def train(model: str, rate: float = 0.003, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> Runs:
    """One of MODELS for each of `seeds`, trained on fresh sentences: what `fit_many` returns.

    Mean squared error, batches of 128, Adam at `rate`: warmed up, then falling as a cosine, with clipped gradients. Raises ValueError
    for an unknown model.
    """
    one_of(model, MODELS, "model")
    steps = whole_number(steps, "steps")

    def draw(rng, count):
        return tuple(part.reshape(count, BATCH, -1) for part in drawn(rng, count * BATCH))

    def cost(net, tokens, values, answers):
        return tf.reduce_mean((net([tokens, values], training=True) - answers) ** 2)

    how = dict(seeds=seeds, steps=steps, every=steps, optimizer=warmed_adam(rate, steps))
    return fit_many(lambda: network(model), draw, cost=cost, progress=progress, **how)


def errors(net: keras.Model, rows: int = ASKED) -> pd.DataFrame:
    """How wrong `net` is, as a share of the usual size of the answer: a row for each sign, a column for each of SCALES."""

    def error(scale, sign):
        tokens, values, answers = drawn(np.random.default_rng(scale), rows, scale, sign)
        return relative_error(answers, net([tokens, values]))

    table = {f"times_{scale}": [error(scale, sign) for sign in SIGNS] for scale in SCALES}
    return pd.DataFrame(table, index=pd.Index(list(SIGNS), name="operation"))


def run(model: str, rate: float, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Train one of MODELS at one of RATES for each of `seeds`: a row for each seed, choice (soft as trained, or sure) and operation."""
    seeds, rows = list(seeds), []
    for seed, net in zip(seeds, train(model, rate, seeds=seeds, steps=steps, progress=progress).models, strict=True):
        for choice, temperature in (("soft", 1.0), ("sure", 1e-6)):
            make_sure(net, temperature)
            told = pd.DataFrame({"model": model, "rate": rate, "seed": seed, "choice": choice, "operation": list(SIGNS)}, index=list(SIGNS))
            rows.append(told.join(errors(net)))
    return pd.concat(rows, ignore_index=True)
