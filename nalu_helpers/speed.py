"""How fast training is: `fit` beside the plain loop, and `fit_many` beside a loop that trains one model at a time."""

import time

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from . import data, layers
from ._inputs import whole_number
from .many import fit_many
from .training import fit


def training(epochs=22000, eager_epochs=300, rounds=3):
    """Epochs a second of the eager loop and of `fit`, as two lists of `rounds` numbers; compiling is part of `fit`'s time.

    Both are measured side by side, in turns, on the article's 2,000 rows. Raises TypeError or ValueError when a number is not whole
    or below 1.
    """
    epochs, eager_epochs, rounds = (
        whole_number(value, name) for value, name in ((epochs, "epochs"), (eager_epochs, "eager_epochs"), (rounds, "rounds"))
    )
    task = data.article("+")
    x, y = tf.constant(task.x_train), tf.constant(task.y_train)
    nac, adam = layers.NAC(1), keras.optimizers.Adam(0.05)
    nac.build((None, 2))

    def train_step():
        with tf.GradientTape() as tape:
            cost = tf.reduce_sum((nac(x) - y) ** 2)
        adam.apply(tape.gradient(cost, nac.trainable_variables), nac.trainable_variables)

    train_step()  # the first call makes Adam's variables
    eager, compiled = [], []
    for _ in range(rounds):
        eager.append(eager_epochs / _seconds(lambda: [train_step() for _ in range(eager_epochs)]))
        compiled.append(epochs / _seconds(lambda: fit(layers.NAC(1), x.numpy(), y.numpy(), steps=epochs, progress=False)))
    return eager, compiled


class Clock:
    """Stands where a progress bar would, and knows when how many steps were done."""

    def __init__(self):
        self.marks = []

    def update(self, steps):
        self.marks.append((time.perf_counter(), steps))

    def rate(self):
        """Steps a second from the first mark to the last: starting and compiling are over by then."""
        times, steps = zip(*self.marks, strict=True)
        return sum(steps[1:]) / (times[-1] - times[0])


def throughput(run_steps=8_000_000, counts=(1, 25, 225, 2250, 22500), batch=128):
    """Run-steps a second of NALU on ×: a table with a row for each of `counts` runs, and one for a loop that trains one model at a time.

    `compiled` is measured once the loop is compiled, `in all` from the call to the table. A count that nine divides is spread over the
    benchmark's nine ranges. Raises TypeError or ValueError when a number is not whole or below 1.
    """
    run_steps, batch = whole_number(run_steps, "run_steps"), whole_number(batch, "batch")
    rows = [{"runs": "one at a time", "compiled": _one_at_a_time(batch), "in all": np.nan}]
    for count in (whole_number(count, "a count of runs") for count in counts):
        ranges = data.BENCHMARK_RANGES if count % 9 == 0 else data.BENCHMARK_RANGES[6:7]
        steps, clock = max(4_000, run_steps // max(count, 32)), Clock()  # at least two calls of the compiled loop
        settings = {"seeds": range(count // len(ranges)), "ranges": ranges, "steps": steps, "batch": batch, "every": 1_000}
        seconds = _seconds(lambda: fit_many(lambda: layers.NALU(1), "*", **settings, progress=clock))  # noqa: B023
        rows.append({"runs": count, "compiled": clock.rate(), "in all": count * steps / seconds})
    table = pd.DataFrame(rows)
    table["times one at a time"] = table["compiled"] / table["compiled"][0]
    return table


def _one_at_a_time(batch, steps=3_000):
    """Steps a second of one NALU on ×, with Keras' Adam and a compiled step that draws its own fresh numbers."""
    nalu, adam = layers.NALU(1), keras.optimizers.Adam(1e-3)
    nalu.build((None, 2))
    adam.build(nalu.trainable_variables)

    @tf.function
    def step():
        x = tf.random.uniform((batch, 2), 1, 2)
        with tf.GradientTape() as tape:
            cost = tf.reduce_mean((nalu(x) - x[:, :1] * x[:, 1:]) ** 2)
        adam.apply(tape.gradient(cost, nalu.trainable_variables), nalu.trainable_variables)

    step()
    return steps / _seconds(lambda: [step() for _ in range(steps)])


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
