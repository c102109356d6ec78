"""Evaluating small programs token by token: an LSTM with a NAC or a NALU at its end, or in its recurrence (paper, section 4.4).

Trained on numbers below 100 and sums of 1 to 5 of them; tested on longer programs and on larger numbers.
"""

import re
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops

from .._inputs import as_seed, in_digits, one_of, refuse_memory, whole_number
from ..layers import NAC, NALU, Tensor
from ..many import Runs, fit_many

UNIT = 100.0  # networks see and say numbers in hundreds, so that those they are trained on are below 1
TERMS, CONSTANTS, BATCH = (1, 5), 100, 64  # of training
TESTS = [(terms, CONSTANTS) for terms in (1, 2, 3, 4, 5, 7, 10, 15, 20)]  # numbers a sum, numbers below
TESTS += [(3, constants) for constants in (200, 500, 1_000, 3_000, 10_000)]
TEST_PROGRAMS = 500
CELLS = 32  # of every LSTM
LONGEST = 200  # the most tokens of a program that is given as text; the longest of the tests has 84

# Small programs (11): sums, and a choice between two sums, such as "if 3 < 5 then 7 + 2 else 4 - 1".
TOKENS = ("number", "+", "-", "<", ">", "if", "then", "else")
KINDS = ("sum", "if")
_DIGITS = 7  # float32 holds every whole number of so many digits exactly


def examples(
    count: int, kind: str = "if", terms: tuple[int, int] = TERMS, constants: int = CONSTANTS, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """`count` random programs as a list of texts, and their values, whole numbers [count].

    "sum" is numbers joined by +, such as "17 + 4 + 80"; "if" compares two numbers and goes on with one of two sums that hold + and −,
    such as "if 3 < 5 then 7 + 2 else 4 - 1". Every sum has from terms[0] to terms[1] numbers, every number is below `constants`. The
    same seed makes the same programs. Raises TypeError or ValueError for an unknown kind, when the count, the terms or the constants
    are no whole numbers or are below 1, or the seed is none of at least 0.
    """
    x, y = draw_encoded(np.random.default_rng(as_seed(seed)), whole_number(count, "count"), kind, terms, constants)
    return [_text_of(rows) for rows in x], y.ravel()


def value_of(text: str) -> int:
    """The value of a program such as "7 + 2" or "if 3 < 5 then 7 + 2 else 4 - 1", a whole number: the truth that a network is to learn.

    Raises TypeError when it is no text, ValueError, naming the token, when it is empty, holds an unknown token or is no program.
    """
    program = _Tokens(text)
    if program.comes("if"):
        program.take("if")
        left = program.number()
        sign = program.take("<", ">")
        right = program.number()
        program.take("then")
        if_true = _sum(program)
        program.take("else")
        if_false = _sum(program)
        holds = left < right if sign == "<" else left > right
        value = if_true if holds else if_false
    else:
        value = _sum(program)
    program.take("+", "-", "its end")  # the signs are gone by now: they stand here for the sentence that says what could follow
    return value


def _sum(program):
    """The value of the numbers and signs that come next."""
    total = program.number()
    while program.comes("+", "-"):
        sign = program.take("+", "-")
        number = program.number()
        total += number if sign == "+" else -number
    return total


class _Tokens:
    """The tokens of a program, taken one after the other."""

    def __init__(self, text):
        self.tokens, self.text, self.place = tokens_of(text), text.strip(), 0

    def next(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else "its end"

    def comes(self, *expected):
        """Whether the next token is one of those `expected`, where "number" stands for all numbers."""
        return ("number" if self.next().isdigit() else self.next()) in expected

    def take(self, *expected):
        """The next token. Raises ValueError when it is none of those `expected`."""
        token = self.next()
        if not self.comes(*expected):
            wanted = " or ".join(expected)
            raise ValueError(f"{self.text!r} is not a program: expected {wanted} at token {self.place + 1}, met {token}; try '7 + 2'")
        self.place += 1
        return token

    def number(self):
        return int(self.take("number"))


def tokens_of(text: str) -> list[str]:
    """The tokens of a program as a list of words. Raises TypeError or ValueError when it is no text, empty, or holds an unknown token."""
    if not isinstance(text, str):
        raise TypeError(f"the program is {text!r}, expected text such as '7 + 2'")
    tokens = text.replace("−", "-").split()
    if not tokens:
        raise ValueError("the program is empty, it has no token: write for example '7 + 2'")
    for place, token in enumerate(tokens, start=1):
        if re.fullmatch("[0-9]+", token):
            if len(token) > _DIGITS:
                raise ValueError(f"token {place} is a number of {len(token)} digits, expected at most {_DIGITS}: make it smaller")
        elif token not in TOKENS[1:]:
            known = " ".join(TOKENS[1:])
            raise ValueError(f"token {place} is {token!r}, known are whole numbers and {known}: put a space between two tokens")
    return tokens


def refuse_long(tokens: int, most: int, room: str) -> None:
    """Raise ValueError when a program has more tokens than the `most` there may be; `room` are the words before that number."""
    if tokens > most:
        raise ValueError(f"the program has {tokens:,} tokens, {room} {most}: make it shorter")


def encode(texts: str | Iterable[str]) -> np.ndarray:
    """Programs as a network reads them, float32 [programs, tokens, 9]: a row a token, and rows of 0 after the end of the shorter ones.

    The first eight columns say which of `TOKENS` it is, a 1 among 0s; the last is the number, 0 for any other token. Raises
    ValueError when there is no program, and what `value_of` raises.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("there is no program: give at least one, such as ['7 + 2']")
    for text in texts:
        value_of(text)
    split = [tokens_of(text) for text in texts]
    x = np.zeros((len(split), max(map(len, split)), len(TOKENS) + 1), "float32")
    for row, tokens in zip(x, split, strict=True):
        for place, token in zip(row[: len(tokens)], tokens, strict=True):  # what follows a shorter program stays 0
            if token.isdigit():
                place[0], place[-1] = 1, int(token)
            else:
                place[TOKENS.index(token)] = 1
    return x


def draw_encoded(rng: np.random.Generator, count: int, kind: str, terms: tuple[int, int], constants: int) -> tuple[np.ndarray, np.ndarray]:
    """`examples`, made fast with the generator `rng` and already encoded: x float32 [count, tokens, 9], the values y int64 [count, 1].

    The values are exact, however large; a network says float32, which beyond 2²⁴ = 16,777,216 does not hold every whole number.
    """
    one_of(kind, KINDS, "kind")
    try:
        low, high = (whole_number(end, "terms") for end in terms)
    except (TypeError, ValueError) as error:
        raise type(error)(f"terms is {terms!r}, expected two whole numbers (low, high) of at least 1, such as (1, 5)") from None
    if low > high:
        raise ValueError(f"terms is ({low}, {high}), expected its first end not above its second: write ({high}, {low})")
    if whole_number(constants, "constants") > 10**_DIGITS:
        raise ValueError(f"constants is {constants}, expected at most {10**_DIGITS:,}, what float32 holds exactly")
    refuse_memory(4 * count * (2 * high + 6) * 9, f"{in_digits(count)} programs of up to {in_digits(high)} terms")
    columns, nothing, always = [], np.zeros(count, int), np.ones(count, bool)

    def add(name, numbers=nothing, there=always, after=0):
        """One more token for every program: its kind, `after` places further in TOKENS, its number, and whether it is there."""
        columns.append((TOKENS.index(name) + after + nothing, numbers, there))

    def add_sum():
        """A sum for every program, token by token; the values of these sums."""
        numbers = rng.integers(constants, size=(high, count))  # int64: so are the sums
        minus = rng.integers(2, size=(high, count)) * (kind == "if")
        minus[0], there = 0, np.arange(high)[:, None] < rng.integers(low, high + 1, size=count)
        for place in range(high):
            if place > 0:
                add("+", there=there[place], after=minus[place])
            add("number", numbers[place], there[place])
        return np.sum(numbers * (1 - 2 * minus) * there, axis=0)

    if kind == "sum":
        y = add_sum()
    else:
        left, right = rng.integers(constants, size=count), rng.integers(constants, size=count)
        greater = rng.integers(2, size=count)
        add("if")
        add("number", left)
        add("<", after=greater)
        add("number", right)
        add("then")
        if_true = add_sum()
        add("else")
        if_false = add_sum()
        y = np.where(np.where(greater, left > right, left < right), if_true, if_false)
    tokens, numbers, there = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    order = np.argsort(~there, axis=1, kind="stable")  # what is there to the front
    tokens, numbers, there = (np.take_along_axis(part, order, axis=1) for part in (tokens, numbers, there))
    x = np.zeros((*tokens.shape, len(TOKENS) + 1), "float32")
    x[..., :-1] = np.eye(len(TOKENS), dtype="float32")[tokens] * there[..., None]
    x[..., -1] = numbers * there
    return x, y[:, None]


def _text_of(rows):
    """The text of an encoded program [tokens, 9]."""
    there = rows[rows[:, :-1].any(axis=1)]
    return " ".join(str(int(row[-1])) if row[0] else TOKENS[int(np.argmax(row[:-1]))] for row in there)


@keras.saving.register_keras_serializable("nalu_helpers")
class SetByLSTM(keras.layers.Layer):
    """A recurrent cell whose memory is a few registers r, written by a NAC or a NALU whose weights an LSTM sets at every token.

        h = LSTM(token, tanh(10 r))      Ŵ, M̂ = linear(h)      W = tanh(Ŵ) ⊙ σ(M̂)      r ← [r, number] W

    With `unit="NALU"` that sum is a; m = exp(log(|r, number| + ε) W), g = σ(linear(h) + `gate_start`), and r ← g ⊙ a + (1 − g) ⊙ m. The
    LSTM sees the kind of token, and of the registers little more than their signs; with `sees_numbers` it sees the number too. Each W
    starts near the identity, "keep what you have", as an LSTM's forget gate does. Input [batch, 9], a token of `encode`;
    output the registers [batch, registers]. After Trask et al. 2018, section 4.4, where an LSTM sets a NALU's weights.
    """

    def __init__(
        self,
        cells: int = CELLS,
        registers: int = 2,
        unit: str = "NAC",
        sees_numbers: bool = False,
        gate_start: float = 2.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.cells, self.registers = whole_number(cells, "cells"), whole_number(registers, "registers")
        self.unit, self.sees_numbers, self.gate_start = one_of(unit, ("NAC", "NALU"), "unit"), bool(sees_numbers), float(gate_start)
        self.lstm = keras.layers.LSTMCell(cells)
        self.state_size, self.output_size = [cells, cells, registers], registers

    def build(self, shape: tuple[int, ...]) -> None:
        r = self.registers
        self.lstm.build((None, shape[-1] - 1 + r + self.sees_numbers))
        keep = np.zeros((2, r + 1, r), "float32")
        keep[:, range(r), range(r)] = 2.0
        start = np.concatenate([keep.ravel(), np.full(r * (self.unit == "NALU"), self.gate_start, "float32")])
        self.set = keras.layers.Dense(len(start))
        self.set.build((None, self.lstm.units))
        self.set.bias.assign(start)
        self.built = True

    def weights_for(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """What the LSTM's output h sets: W [batch, registers + 1, registers], and the gate's G [batch, registers], or nothing for a NAC."""
        size, (r, set_to) = self.registers * (self.registers + 1), (self.registers, self.set(h))
        W_hat, M_hat = (ops.reshape(set_to[:, i * size : (i + 1) * size], (-1, r + 1, r)) for i in (0, 1))
        return ops.tanh(W_hat) * ops.sigmoid(M_hat), set_to[:, 2 * size :]

    def call(self, token: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h, c, r = states
        kind, number = token[:, :-1], token[:, -1:] / UNIT
        _, (h, c) = self.lstm(ops.concatenate([kind, ops.tanh(10 * r)] + [number] * self.sees_numbers, axis=-1), [h, c])
        W, G = self.weights_for(h)
        given = ops.concatenate([r, number], axis=-1)
        r = ops.einsum("bi,bio->bo", given, W)
        if self.unit == "NALU":
            m = ops.exp(ops.einsum("bi,bio->bo", ops.log(ops.abs(given) + 1e-7), W))
            r = ops.sigmoid(G) * r + (1 - ops.sigmoid(G)) * m
        return r, [h, c, r]

    def get_config(self) -> dict[str, Any]:
        names = "cells", "registers", "unit", "sees_numbers", "gate_start"
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("nalu_helpers")
class FirstRegister(keras.layers.Layer):
    """Where the answer is read: the first of the registers, [batch, registers] → [batch, 1]."""

    def call(self, registers: Tensor) -> Tensor:
        return registers[:, :1]


def _read_by(*last, memory=keras.layers.LSTM):
    return [keras.layers.Rescaling([1.0] * len(TOKENS) + [1 / UNIT]), memory(CELLS), *last]


def _without_bound(cells):
    """A memory without an upper end: states that are kept, added to, and never below 0 (Le, Jaitly & Hinton 2015)."""
    return keras.layers.SimpleRNN(cells, activation="relu", recurrent_initializer="identity")


def _written_by(**how):
    return [keras.layers.RNN(SetByLSTM(**how), name="registers"), FirstRegister()]


# A row a model: what stands after the input and its mask. In the first three the arithmetic is at the end, in the next four in the
# recurrence, in the last nowhere.
MODELS = {
    "LSTM": lambda: _read_by(keras.layers.Dense(1)),
    "LSTM, then NAC": lambda: _read_by(NAC(1)),
    "LSTM, then NALU": lambda: _read_by(NALU(1)),
    "NAC set by LSTM": lambda: _written_by(unit="NAC"),
    "NALU set by LSTM": lambda: _written_by(unit="NALU"),
    "NAC set by LSTM that sees numbers": lambda: _written_by(unit="NAC", sees_numbers=True),
    "NALU set by LSTM, gate starts at ½": lambda: _written_by(unit="NALU", gate_start=0.0),
    "identity-RNN": lambda: _read_by(keras.layers.Dense(1), memory=_without_bound),
}

KEY = ["kind", "model"]
CHUNKS = [("sum", model) for model in [*list(MODELS)[:5], "identity-RNN"]] + [("if", model) for model in MODELS]
SEEDS, STEPS = 10, 3_000


def make(model: str) -> keras.Sequential:
    """A fresh Keras model called `model`: encoded programs [batch, tokens, 9] → values in hundreds [batch, 1].

    Raises ValueError, listing the models, for an unknown one.
    """
    parts = MODELS[one_of(model, MODELS, "model")]()
    return keras.Sequential([keras.layers.Input((None, len(TOKENS) + 1)), keras.layers.Masking(), *parts])


def train(kind: str, model: str, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> Runs:
    """Train `model` on programs of `kind` for each of `seeds`, side by side; return what `fit_many` returns.

    The cost is the paper's, the root of the mean squared error, here over 64 fresh programs a step; the learning rate is 0.005 for all.
    """
    one_of(kind, KINDS, "kind")
    one_of(model, MODELS, "model")

    def draw(rng, count):
        x, y = draw_encoded(rng, count * BATCH, kind, TERMS, CONSTANTS)
        return x.reshape(count, BATCH, *x.shape[1:]), y.reshape(count, BATCH, 1).astype("float32") / UNIT

    def cost(model, x, y):
        return tf.sqrt(tf.reduce_mean((model(x) - y) ** 2))

    adam = keras.optimizers.Adam(5e-3, global_clipnorm=1.0)
    return fit_many(lambda: make(model), draw, cost=cost, seeds=seeds, steps=steps, optimizer=adam, every=100, progress=progress)


def evaluate(model: keras.Model, texts: str | Iterable[str]) -> np.ndarray:
    """What a trained model says to programs, given as text: numbers [programs].

    Raises what `encode` does, and ValueError for a program with more than `LONGEST` tokens.
    """
    x = encode(texts)
    refuse_long(x.shape[1], LONGEST, "expected at most")
    return said(model, x)


def registers(model: keras.Model, text: str) -> np.ndarray:
    """What a trained model whose registers are "set by LSTM" keeps in them after each token of a program, [tokens, registers]."""
    cell, steps = model.get_layer("registers").cell, encode(text)[0]
    states, kept = [ops.zeros((1, size)) for size in cell.state_size], []
    for token in steps:
        r, states = cell(ops.convert_to_tensor(token[None]), states)
        kept.append(UNIT * ops.convert_to_numpy(r)[0])
    return np.array(kept)


def said(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a trained model says to encoded programs: numbers [programs]."""
    return UNIT * ops.convert_to_numpy(model(x)).ravel()


def measure(model: keras.Model, kind: str, terms: int, constants: int) -> dict[str, float]:
    """The errors of a trained model on fixed programs with `terms` numbers in every sum and all numbers below `constants`.

    `error` is the mean absolute error; `scaled` is that in percent of the error of the best constant guess, the median of these very
    answers, so that 100 means that nothing was learned; `right` is the share whose rounded answer is exact.
    """
    rng = np.random.default_rng([2018, whole_number(terms, "terms"), whole_number(constants, "constants")])
    x, y = draw_encoded(rng, TEST_PROGRAMS, kind, (terms, terms), constants)
    y, answers = y.ravel(), said(model, x)
    error = np.abs(answers - y).mean()
    scaled = 100 * error / np.abs(y - np.median(y)).mean()
    return {"error": error, "scaled": scaled, "right": np.mean(np.round(answers) == y)}


def run(kind: str, model: str, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False) -> pd.DataFrame:
    """One piece of the table: `model` on `kind`, a row for each seed and each of `TESTS`. Raises ValueError for an unknown name."""
    seeds = list(seeds)
    models = train(kind, model, seeds, steps, progress).models
    rows = [
        {"kind": kind, "model": model, "seed": seed, "terms": terms, "constants": constants, **measure(trained, kind, terms, constants)}
        for seed, trained in zip(seeds, models, strict=True)
        for terms, constants in TESTS
    ]
    return pd.DataFrame(rows)
