"""Evaluating small programs token by token: an LSTM with a NAC or a NALU at its end, or in its recurrence (paper, section 4.4).

Trained on numbers below 100 and sums of 1 to 5 of them; tested on longer programs and on larger numbers.
"""

from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops

from .. import data
from .._inputs import one_of, whole_number
from ..layers import NAC, NALU, Tensor
from ..training import fit_stream

UNIT = 100.0  # networks see and say numbers in hundreds, so that those they are trained on are below 1
TERMS, CONSTANTS, BATCH = (1, 5), 100, 64  # of training
TESTS = [(terms, CONSTANTS) for terms in (1, 2, 3, 4, 5, 7, 10, 15, 20)]  # numbers a sum, numbers below
TESTS += [(3, constants) for constants in (200, 500, 1_000, 3_000, 10_000)]
TEST_PROGRAMS = 500
CELLS = 32  # of every LSTM


@keras.saving.register_keras_serializable("nalu_helpers")
class SetByLSTM(keras.layers.Layer):
    """A recurrent cell whose memory is a few registers r, written by a NAC or a NALU whose weights an LSTM sets at every token.

        h = LSTM(token, tanh(10 r))      Ŵ, M̂ = linear(h)      W = tanh(Ŵ) ⊙ σ(M̂)      r ← [r, number] W

    With `unit="NALU"` that sum is a; m = exp(log(|r, number| + ε) W), g = σ(linear(h) + `gate_start`), and r ← g ⊙ a + (1 − g) ⊙ m. The
    LSTM sees the kind of token, and of the registers little more than their signs; with `sees_numbers` it sees the number too. Each W
    starts near the identity, "keep what you have", as an LSTM's forget gate does. Input [batch, 9], a token of `data.encode_programs`;
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


def _read_by(*last):
    return [keras.layers.Rescaling([1.0] * len(data.PROGRAM_TOKENS) + [1 / UNIT]), keras.layers.LSTM(CELLS), *last]


def _written_by(**how):
    return [keras.layers.RNN(SetByLSTM(**how), name="registers"), FirstRegister()]


# A row a model: what stands after the input and its mask. In the first three the arithmetic is at the end, in the others in the recurrence.
MODELS = {
    "LSTM": lambda: _read_by(keras.layers.Dense(1)),
    "LSTM, then NAC": lambda: _read_by(NAC(1)),
    "LSTM, then NALU": lambda: _read_by(NALU(1)),
    "NAC set by LSTM": lambda: _written_by(unit="NAC"),
    "NALU set by LSTM": lambda: _written_by(unit="NALU"),
    "NAC set by LSTM that sees numbers": lambda: _written_by(unit="NAC", sees_numbers=True),
    "NALU set by LSTM, gate starts at ½": lambda: _written_by(unit="NALU", gate_start=0.0),
}

KEY = ["kind", "model"]
CHUNKS = [("sum", model) for model in list(MODELS)[:5]] + [("if", model) for model in MODELS]  # the last two: what else was tried
SEEDS, STEPS = 5, 3_000


def make(model):
    """A fresh Keras model called `model`: encoded programs [batch, tokens, 9] → values in hundreds [batch, 1].

    Raises ValueError, listing the models, for an unknown one.
    """
    parts = MODELS[one_of(model, MODELS, "model")]()
    return keras.Sequential([keras.layers.Input((None, len(data.PROGRAM_TOKENS) + 1)), keras.layers.Masking(), *parts])


def train(kind, model, seeds, steps=STEPS, progress=False):
    """Train `model` on programs of `kind` for each of `seeds`, side by side; return the models and their costs, [steps, seeds].

    The cost is the paper's, the root of the mean squared error, here over 64 fresh programs a step.
    """
    one_of(kind, data.PROGRAM_KINDS, "kind")
    one_of(model, MODELS, "model")

    def draw(rng, count):
        x, y = data.program_rows(rng, count * BATCH, kind, TERMS, CONSTANTS)
        return x.reshape(count, BATCH, *x.shape[1:]), y.reshape(count, BATCH, 1) / UNIT

    def cost(model, x, y):
        return tf.sqrt(tf.reduce_mean((model(x) - y) ** 2))

    how = {"seeds": seeds, "steps": steps, "learning_rate": 5e-3, "clip_norm": 1.0, "every": 100, "progress": progress}
    return fit_stream(lambda: make(model), draw, cost, **how)


def evaluate(model, texts):
    """What a trained model says to programs, given as text: numbers [programs]. Raises what `data.encode_programs` does."""
    return said(model, data.encode_programs(texts))


def registers(model, text):
    """What a trained model whose registers are "set by LSTM" keeps in them after each token of a program, [tokens, registers]."""
    cell, steps = model.get_layer("registers").cell, data.encode_programs(text)[0]
    states, kept = [ops.zeros((1, size)) for size in cell.state_size], []
    for token in steps:
        r, states = cell(ops.convert_to_tensor(token[None]), states)
        kept.append(UNIT * ops.convert_to_numpy(r)[0])
    return np.array(kept)


def said(model, x):
    """What a trained model says to encoded programs: numbers [programs]."""
    return UNIT * ops.convert_to_numpy(model(x)).ravel()


def measure(model, kind, terms, constants, count=TEST_PROGRAMS):
    """The errors of a trained model on `count` fixed programs with `terms` numbers in every sum and all numbers below `constants`.

    `error` is the mean absolute error; `scaled` is that in percent of the error of the best constant guess, the median of these very
    answers, so that 100 means that nothing was learned; `right` is the share whose rounded answer is exact.
    """
    rng = np.random.default_rng([2018, whole_number(terms, "terms"), whole_number(constants, "constants")])
    x, y = data.program_rows(rng, count, kind, (terms, terms), constants)
    y, answers = y.ravel(), said(model, x)
    error = np.abs(answers - y).mean()
    scaled = 100 * error / np.abs(y - np.median(y)).mean()
    return {"error": error, "scaled": scaled, "right": np.mean(np.round(answers) == y)}


def run(kind, model, *, seeds, steps=STEPS, progress=False):
    """One piece of the table: `model` on `kind`, a row for each seed and each of `TESTS`. Raises ValueError for an unknown name."""
    seeds = list(seeds)
    models, _ = train(kind, model, seeds, steps, progress)
    rows = [
        {"kind": kind, "model": model, "seed": seed, "terms": terms, "constants": constants, **measure(trained, kind, terms, constants)}
        for seed, trained in zip(seeds, models)
        for terms, constants in TESTS
    ]
    return pd.DataFrame(rows)
