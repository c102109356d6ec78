"""Section 4.3, language to number: "three hundred and thirty four" → 334, read word by word by an LSTM (notebook 10).

The words are embedded, an LSTM reads them, and a last layer, the head, turns its state into a number: linear, a NAC or a NALU. Since
the states of an LSTM lie between −1 and 1 and the answers go up to 999, two controls answer in thousands: the head's number, times 1,000.
"""

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .. import data
from .._inputs import one_of, whole_number
from ..layers import NAC, NALU, benchmark_start
from ..training import fit_stream

STATES, EMBEDDING, BATCH = 32, 16, 32
HEADS = {
    "linear": lambda states: keras.layers.Dense(1, name="head"),
    "NAC": lambda states: NAC(1, name="head", **_small_start(states)),
    "NALU": lambda states: NALU(1, name="head", **_small_start(states)),
}
# name: (head, what its number is multiplied by, learning rate). The rates are the better ones of a few that were tried with two seeds:
# a linear head without a scale is slow with less than 0.03, a NALU does not bear much more than 0.003.
MODELS = {
    "LSTM + linear": ("linear", 1.0, 0.03),
    "LSTM + NAC": ("NAC", 1.0, 0.03),
    "LSTM + NALU": ("NALU", 1.0, 0.003),
    "LSTM + linear, in thousands": ("linear", 1000.0, 0.01),
    "LSTM + NAC, in thousands": ("NAC", 1000.0, 0.01),
}
EXAMPLES = (169, 631)  # to learn from: the paper's number, and so many that 169 are left for the test; 200 are for validation
KEY = ["model", "examples"]
CHUNKS = [(model, examples) for examples in EXAMPLES for model in MODELS]
SEEDS, STEPS = 6, 6000


def reader(head, scale=1.0, states=STATES):
    """A Keras model that reads tokens [rows, 5] and says a number after each word, [rows, 5, 1]; after the last word it stays as it is.

    `head` is one of HEADS. Raises ValueError for another, TypeError or ValueError when `states` is not a whole number of at least 1.
    """
    one_of(head, HEADS, "head")
    tokens = keras.Input((data.phrases()[0].shape[1],), dtype="int32")
    words = keras.layers.Embedding(len(data.phrases()[2]), EMBEDDING)(tokens)
    lstm = keras.layers.LSTM(whole_number(states, "states"), return_sequences=True, name="lstm")
    state = lstm(words, mask=keras.ops.not_equal(tokens, 0))
    return keras.Model(tokens, HEADS[head](states)(state) * scale)


def train(model, learned, *, seeds, steps=STEPS, jit_compile=True, progress=False):
    """One of MODELS, trained on the numbers `learned` once for each of `seeds`: a list of Keras models.

    Mean squared error, batches of 32, Adam; for the last quarter of the steps its learning rate is a tenth. Without `jit_compile` it
    starts sooner and runs slower: better for few steps.
    """
    head, scale, rate = MODELS[one_of(model, MODELS, "model")]
    last = whole_number(steps, "steps") // 4
    tokens, values = (tf.constant(part) for part in data.phrases()[:2])
    learned = np.asarray(learned, "int32")

    def cost(model, rows):
        return tf.reduce_mean((model(tf.gather(tokens, rows))[:, -1, 0] - tf.gather(values, rows)) ** 2)

    how = dict(seeds=seeds, clip_norm=1.0, jit_compile=jit_compile, progress=progress)
    draw = lambda rng, count: (rng.choice(learned, (count, BATCH)),)  # noqa: E731
    models, _ = fit_stream(lambda: reader(head, scale), draw, cost, steps=steps - last, learning_rate=rate, **how)
    if last:
        once_more = iter(models)
        models, _ = fit_stream(lambda: next(once_more), draw, cost, steps=last, learning_rate=rate / 10, **how)
    return models


def says(model, numbers=range(1000)):
    """What a trained reader says after each word of `numbers`, [numbers, 5], as float64."""
    return np.asarray(model(data.phrases()[0][np.asarray(numbers)]), "float64")[..., 0]


def run(model, examples, *, seeds, steps=STEPS, progress=False):
    """Train one of MODELS on `examples` numbers; a row for each seed with its mean absolute error on the three parts of the split.

    `right` is the share of the test numbers whose answer, rounded, is right. Raises ValueError for an unknown model or number of examples.
    """
    one_of(model, MODELS, "model")
    if examples not in EXAMPLES:
        raise ValueError(f"examples is {examples!r}, known are: {', '.join(map(str, EXAMPLES))}")
    seeds = list(seeds)
    split = data.phrase_split(train=int(examples))
    models = train(model, split[0], seeds=seeds, steps=steps, progress=progress)
    rows = []
    for seed, trained in zip(seeds, models):
        error = np.abs(says(trained)[:, -1] - data.phrases()[1])
        measures = {name: error[part].mean() for name, part in zip(("train", "validation", "test"), split)}
        rows.append({"model": model, "examples": int(examples), "seed": seed, **measures, "right": np.mean(error[split[2]] < 0.5)})
    return pd.DataFrame(rows)


def _small_start(states):
    """Ŵ and M̂ start small, as in the field's benchmark: with the article's U(−2, 2) a NALU's first answers are beyond 10¹¹."""
    return {name: benchmark_start(states, 1) for name in ("W_hat_initializer", "M_hat_initializer")}
