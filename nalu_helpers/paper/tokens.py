"""Numbers as today's language models read them, a token a digit: a small Transformer learns "+" and "×" (notebook 13).

A sentence such as "57+68=125;" is read from the left, and after "=" the Transformer says the answer, one digit at a time. `MODELS` differ
only in the order of the digits and in what says where a token stands. All learn from the same sentences with the same settings.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import ArrayLike

from .._inputs import one_of, positive_number, whole_number
from ..expression import OPERATIONS
from ..layers import Shape, Tensor
from ..many import Runs, fit_many

SYMBOLS = "0123456789+*=;"
END, NOTHING = SYMBOLS.index(";"), len(SYMBOLS)  # what ends an answer; what stands in a slot that a shorter number leaves free
WIDTH, HEADS, LAYERS, PLACES, BATCH, RATE = 48, 4, 2, 64, 128, 0.003
LATEST = 24  # a place that begins anywhere begins at most here
# name: (whether the digits are written from the last to the first, what says where a token stands, whether that begins anywhere)
MODELS = {
    "usual order": (False, "counted", False),
    "reversed": (True, "counted", False),
    "reversed, places from anywhere": (True, "counted", True),
    "reversed, no places": (True, "none", False),
    "reversed, places in the number": (True, "restart", False),
    "Abacus": (True, "restart", True),
}
KEY = ["operation", "model", "digits"]
CHUNKS = [*(("+", model, 5) for model in MODELS), ("*", "reversed", 3), ("*", "Abacus", 3)]
SEEDS, STEPS, ASKED = 5, 4_000, 500
LONGEST = {"+": 12, "*": 6}  # digits of each number, up to which a trained Transformer is asked


@keras.saving.register_keras_serializable("nalu_helpers")
class Block(keras.layers.Layer):
    """A block of a Transformer: attention, then two dense layers for each token, each added to what came in: [rows, tokens, width] → same.

    Layer normalization stands before both (Xiong et al. 2020), unless `norm` is False. `mask` [rows, tokens, tokens] says which token
    sees which. Source: Vaswani et al. 2017.
    """

    def __init__(self, width: int, heads: int, norm: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.width, self.heads, self.norm = whole_number(width, "width"), whole_number(heads, "heads"), bool(norm)

    def build(self, x_shape: Shape, mask_shape: Shape | None = None) -> None:
        self.attention = keras.layers.MultiHeadAttention(self.heads, self.width // self.heads)
        self.wide, self.narrow = keras.layers.Dense(4 * self.width, activation="relu"), keras.layers.Dense(self.width)
        self.norms = [keras.layers.LayerNormalization() if self.norm else keras.layers.Identity() for _ in range(2)]
        self.attention.build(x_shape, x_shape)
        for layer in (*self.norms, self.wide):
            layer.build(x_shape)
        self.narrow.build((*x_shape[:-1], 4 * self.width))

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        h = self.norms[0](x)
        x = x + self.attention(h, h, attention_mask=mask)
        return x + self.narrow(self.wide(self.norms[1](x)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads, "norm": self.norm}


@keras.saving.register_keras_serializable("nalu_helpers")
class Seen(keras.layers.Layer):
    """Which token sees which, [rows, tokens] → [rows, tokens, tokens]: itself and all before it, but no slot that holds nothing."""

    def call(self, tokens: Tensor) -> Tensor:
        place = keras.ops.arange(keras.ops.shape(tokens)[1])
        return (place[:, None] >= place)[None] & (tokens != NOTHING)[:, None, :]


def embedding(count: int, width: int) -> keras.layers.Embedding:
    """A vector [width] for each of `count` names, from an initializer of its own: one that two layers share gives both the same numbers."""
    return keras.layers.Embedding(count, width, keras.initializers.RandomNormal(stddev=0.5))


def network() -> keras.Model:
    """A fresh Transformer: tokens and their places, both [rows, tokens], → the logit of each symbol as the next, [rows, tokens, 14]."""
    tokens, places = (keras.Input((None,), dtype="int32", name=name) for name in ("tokens", "places"))
    token, place = embedding(NOTHING + 1, WIDTH), embedding(PLACES, WIDTH)
    x = token(tokens) + place(places)
    seen = Seen()(tokens)
    for _ in range(LAYERS):
        x = Block(WIDTH, HEADS)(x, seen)
    return keras.Model([tokens, places], keras.layers.Dense(len(SYMBOLS))(keras.layers.LayerNormalization()(x)))


def write(
    a: ArrayLike, b: ArrayLike, operation: str, model: str, *, digits: int | None = None, start: ArrayLike = 0
) -> tuple[np.ndarray, np.ndarray, int]:
    """The sentences "a+b=c;" as one of MODELS reads them: tokens and places, both [rows, slots], and the slot where answers begin.

    Every number has slots for `digits` digits, as many as the longest has unless more are asked for, and the answer for one more digit in
    +, for twice as many in ×, and for the end. `start` is how far a place begins from its first one, a number or [rows]. Raises
    TypeError for what are no whole numbers, ValueError for an unknown operation or model, numbers below 0, and such as have more than 18
    digits in the answer.
    """
    one_of(operation, LONGEST, "operation")
    backwards, kind, _ = MODELS[one_of(model, MODELS, "model")]
    a, b = (np.atleast_1d(np.asarray(number)) for number in (a, b))
    if not {a.dtype.kind, b.dtype.kind} <= {"i", "u"}:
        raise TypeError("the numbers are not all whole, or have more than 18 digits: expected such as 123")
    a, b = a.astype("int64"), b.astype("int64")
    longest = max(len(str(max(number.max(), 0))) for number in (a, b))
    digits = longest if digits is None else whole_number(digits, "digits", at_least=longest)
    if min(a.min(), b.min()) < 0 or digits > (17 if operation == "+" else 9):
        raise ValueError(
            f"the numbers begin at {min(a.min(), b.min())} and have up to {digits} digits: expected 0 or more, and answers of at most 18"
        )
    slots = digits + 1 if operation == "+" else 2 * digits
    start = np.broadcast_to(start, a.shape)[:, None]
    sign, equals = (np.full((len(a), 1), SYMBOLS.index(symbol)) for symbol in (operation, "="))
    parts = [_spelled(a, digits, backwards), sign, _spelled(b, digits, backwards), equals]
    parts += [_spelled(OPERATIONS[operation](a, b), slots, backwards), np.full((len(a), 1), NOTHING)]
    tokens = np.concatenate(parts, axis=1)
    answer = 2 * digits + 2
    tokens[np.arange(len(a)), answer + (tokens[:, answer:] != NOTHING).sum(axis=1)] = END
    there = tokens != NOTHING
    if kind == "counted":
        places = (np.cumsum(there, axis=1) + start) * there
    elif kind == "restart":  # of the digits; other symbols have place 0
        within = np.concatenate([np.arange(1, part.shape[1] + 1) for part in parts])
        places = (within + start) * (tokens < 10)
    else:
        places = np.zeros_like(tokens)
    return tokens.astype("int32"), places.astype("int32"), answer


def _spelled(numbers, slots, backwards):
    """The digits of `numbers` [rows], [rows, slots]: from the left, or the last one first; the slots behind them hold nothing."""
    count = 1 + (numbers[:, None] >= 10 ** np.arange(1, 19)).sum(axis=1, keepdims=True)
    place = np.arange(slots)
    power = place if backwards else count - 1 - place
    digit = numbers[:, None] // 10 ** np.clip(power, 0, 18) % 10
    return np.where(place < count, digit, NOTHING)


def drawn(rng: np.random.Generator, rows: int, digits: int | tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers a row, of exactly so many digits, or each of any length from the first to the last: a [rows] and b [rows]."""
    low, high = (digits, digits) if isinstance(digits, int) else digits
    lengths = rng.integers(low, high + 1, (2, rows))
    least = np.where(lengths == 1, 0, 10 ** (lengths - 1))
    return tuple(rng.integers(least, 10**lengths))


def train(model: str, operation: str = "+", digits: int = 5, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> Runs:
    """A Transformer for each of `seeds` that has learned sentences whose numbers have 1 to `digits` digits, as one of MODELS reads them.

    Returns what `fit_many` returns: a table with the cost before and after, and the models.

    Cross-entropy of the answer's symbols, batches of 128 fresh sentences, Adam (β₂ = 0.98) at 0.003: warmed up, then falling as a
    cosine, with clipped gradients. Raises ValueError for an unknown model or operation.
    """
    _, _, anywhere = MODELS[one_of(model, MODELS, "model")]
    steps, digits = whole_number(steps, "steps"), whole_number(digits, "digits")
    begin = write(0, 0, operation, model, digits=digits)[2]

    def draw(rng, count):
        a, b = drawn(rng, count * BATCH, (1, digits))
        start = rng.integers(0, LATEST + 1, len(a)) if anywhere else 0
        tokens, places, _ = write(a, b, operation, model, digits=digits, start=start)
        return tokens.reshape(count, BATCH, -1), places.reshape(count, BATCH, -1)

    def cost(net, tokens, places):
        logits, after = net([tokens[:, :-1], places[:, :-1]], training=True)[:, begin - 1 :], tokens[:, begin:]
        there = tf.cast(after != NOTHING, logits.dtype)
        wrong = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.minimum(after, END), logits)
        return tf.reduce_sum(wrong * there) / tf.reduce_sum(there)

    how = dict(seeds=seeds, steps=steps, every=steps, optimizer=warmed_adam(RATE, steps, beta_2=0.98))
    return fit_many(network, draw, cost=cost, progress=progress, **how)


def warmed_adam(rate: float, steps: int, **kwargs: Any) -> keras.optimizers.Adam:
    """Adam with clipped gradients, whose learning rate rises to `rate` in a twentieth of `steps`, then falls to a fiftieth as a cosine."""
    rate = positive_number(rate, "rate", 0.003)
    rates = keras.optimizers.schedules.CosineDecay(0.0, steps, alpha=0.02, warmup_target=rate, warmup_steps=max(1, steps // 20))
    return keras.optimizers.Adam(rates, global_clipnorm=1.0, **kwargs)


def right(net: keras.Model, model: str, operation: str, digits: int, rows: int = ASKED) -> np.ndarray:
    """Whether `net` says every digit of the answer and the end, for `rows` pairs of numbers with exactly `digits` digits: [rows].

    The right digits before it stand there when it says the next. That decides nothing: where all are right, it has said them itself.
    """
    a, b = drawn(np.random.default_rng(digits), rows, whole_number(digits, "digits"))
    tokens, places, begin = write(a, b, operation, model)
    said = np.argmax(net([tokens[:, :-1], places[:, :-1]])[:, begin - 1 :], axis=-1)
    return ((said == tokens[:, begin:]) | (tokens[:, begin:] == NOTHING)).all(axis=1)


def say(net: keras.Model, model: str, operation: str, a: int, b: int) -> str:
    """What `net` answers to a and b, symbol by symbol until it says the end, as one writes it: "125"."""
    tokens, places, begin = write(a, b, operation, model)
    (backwards, kind, _), said = MODELS[model], ""
    length = tokens.shape[1] - 1
    for slot in range(begin, length + 1):
        symbol = int(np.argmax(net([tokens[:, :slot], places[:, :slot]])[0, -1]))
        if symbol == END or slot == length:
            break
        said += SYMBOLS[symbol]
        tokens[0, slot] = symbol
        places[0, slot] = {"counted": places[0, slot - 1] + 1, "restart": slot - begin + 1, "none": 0}[kind]
    return said[::-1] if backwards else said


def run(operation: str, model: str, digits: int, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """Train one of MODELS for each of `seeds`: a row for each, its last cost and the share of right answers for numbers of each length."""
    seeds = list(seeds)
    table, nets = train(model, operation, digits, seeds=seeds, steps=steps, progress=progress)
    last, rows = table.groupby("seed")["cost"].last(), []
    for seed, net in zip(seeds, nets, strict=True):
        shares = {f"right_{n}": right(net, model, operation, n).mean() for n in range(1, LONGEST[operation] + 1)}
        rows.append({"operation": operation, "model": model, "digits": int(digits), "seed": seed, "cost": last[seed], **shares})
    return pd.DataFrame(rows)
