"""How fast training is: `fit` beside the plain loop, and `fit_many` beside a loop that trains one model at a time."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from . import data, layers
from ._inputs import whole_number
from .many import fit_many
from .training import CORES, fit

BATCH = 128  # fresh rows a step
SECONDS, SEEDS, INPUTS = 8.0, 25, 100  # of `two_layers`


def training(steps: int = 22000, eager_steps: int = 300, rounds: int = 3) -> tuple[list[float], list[float]]:
    """Steps a second of the eager loop and of `fit`, as two lists of `rounds` numbers; compiling is part of `fit`'s time.

    Both are measured side by side, in turns, on the article's 2,000 rows. Raises TypeError or ValueError when a number is not whole
    or below 1.
    """
    steps, eager_steps, rounds = (
        whole_number(value, name) for value, name in ((steps, "steps"), (eager_steps, "eager_steps"), (rounds, "rounds"))
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
        eager.append(eager_steps / _seconds(lambda: [train_step() for _ in range(eager_steps)]))
        compiled.append(steps / _seconds(lambda: fit(layers.NAC(1), x.numpy(), y.numpy(), steps=steps, progress=False)))
    return eager, compiled


class Clock:
    """Stands where a progress bar would, and knows when how many steps were done."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def update(self, steps: int) -> None:
        self.marks.append((time.perf_counter(), steps))

    def rate(self) -> float:
        """Steps a second from the first mark to the last: starting and compiling are over by then."""
        times, steps = zip(*self.marks, strict=True)
        return sum(steps[1:]) / (times[-1] - times[0])


def throughput(run_steps: int = 24_000_000, counts: Sequence[int] = (1, 25, 225, 2250, 22500)) -> pd.DataFrame:
    """Run-steps a second of NALU on ×: a table with a row for each of `counts` runs, and one for a loop that trains one model at a time.

    `compiled` is measured once the loop is compiled, `in all` from the call to the table. A count that nine divides is spread over the
    benchmark's nine ranges. Raises TypeError or ValueError when a number is not whole or below 1.
    """
    run_steps = whole_number(run_steps, "run_steps")
    product = lambda model, x: tf.reduce_mean((model(x) - x[:, :1] * x[:, 1:]) ** 2)  # noqa: E731
    alone = _one_at_a_time(lambda: layers.NALU(1), lambda: tf.random.uniform((BATCH, 2), 1, 2), product)
    rows = [{"runs": "one at a time", "compiled": alone, "in all": np.nan}]
    for count in (whole_number(count, "a count of runs") for count in counts):
        ranges = data.BENCHMARK_RANGES if count % 9 == 0 else data.BENCHMARK_RANGES[6:7]
        steps, clock = max(4_000, run_steps // max(count, 32)), Clock()  # at least two calls of the compiled loop
        settings: dict[str, Any] = {"seeds": range(count // len(ranges)), "ranges": ranges, "steps": steps, "batch": BATCH, "every": 1_000}
        seconds = _seconds(lambda: fit_many(lambda: layers.NALU(1), "*", **settings, progress=clock))  # noqa: B023
        rows.append({"runs": count, "compiled": clock.rate(), "in all": count * steps / seconds})
    table = pd.DataFrame(rows)
    table["times one at a time"] = table["compiled"] / table["compiled"][0]
    return table


def two_layers() -> pd.DataFrame:
    """Run-steps a second of a model of two layers, 100 numbers → NAC(2) → NMU(1), on fresh numbers: a table with three rows.

    What drawing the numbers alone allows on all cores, `fit_many` with 25 seeds, and a compiled loop that trains one model at a time and
    draws its own numbers. Each is measured for about 8 seconds.
    """
    make = lambda: keras.Sequential([keras.Input((INPUTS,)), layers.NAC(2), layers.NMU(1)])  # noqa: E731
    draw = lambda rng, count: (1 + rng.random((count, BATCH, INPUTS), "float32"),)  # noqa: E731
    error = lambda model, x: tf.reduce_mean((model(x) - _of_two_sums(x)) ** 2)  # noqa: E731

    def drawn(seed):
        rng, count, start = np.random.default_rng(seed), 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            draw(rng, 20)
            count += 20
        return count

    with ThreadPoolExecutor(CORES) as pool:
        rates = {"drawing the numbers alone": sum(pool.map(drawn, range(CORES))) / SECONDS}
    alone, clock = _one_at_a_time(make, lambda: tf.random.uniform((BATCH, INPUTS), 1, 2), error), Clock()
    steps = max(500, int(SECONDS * 30 * alone / SEEDS))
    fit_many(make, draw, cost=error, seeds=range(SEEDS), steps=steps, every=steps, progress=clock)
    table = pd.DataFrame({"run-steps a second": {**rates, "fit_many": clock.rate(), "one at a time": alone}})
    table["times one at a time"] = table["run-steps a second"] / alone
    return table


def _of_two_sums(x):
    """The product of the sums of the first and the second half of the inputs."""
    half = x.shape[1] // 2
    return tf.reduce_sum(x[:, :half], 1, keepdims=True) * tf.reduce_sum(x[:, half:], 1, keepdims=True)


def _one_at_a_time(make, draw, cost, steps=3_000):
    """Steps a second of one model, with Keras' Adam and a compiled step that draws its own fresh numbers."""
    model, adam = make(), keras.optimizers.Adam(1e-3)
    model(draw())
    adam.build(model.trainable_variables)

    @tf.function(autograph=False)
    def step():
        x = draw()
        with tf.GradientTape() as tape:
            value = cost(model, x)
        adam.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)

    step()
    return steps / _seconds(lambda: [step() for _ in range(steps)])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
