"""The command line. `python -m nalu_helpers.benchmark training` compares `fit` with the plain loop that notebook 03 writes out.

Both are measured side by side, in turns, in the same run, on the article's 2,000 rows.
"""

import argparse
import time

import keras
import numpy as np
import tensorflow as tf

from . import data
from ._inputs import whole_number
from .layers import NAC
from .training import fit


def training(epochs=22000, eager_epochs=300, rounds=3):
    """Epochs a second of the eager loop and of `fit`, as two lists of `rounds` numbers; compiling is part of `fit`'s time.

    Raises TypeError or ValueError when a number is not whole or below 1.
    """
    epochs, eager_epochs, rounds = (
        whole_number(value, name) for value, name in ((epochs, "epochs"), (eager_epochs, "eager_epochs"), (rounds, "rounds"))
    )
    task = data.article("+")
    x, y = tf.constant(task.x_train), tf.constant(task.y_train)
    nac, adam = NAC(1), keras.optimizers.Adam(0.05)
    nac.build((None, 2))

    def train_step():
        with tf.GradientTape() as tape:
            cost = tf.reduce_sum((nac(x) - y) ** 2)
        adam.apply(tape.gradient(cost, nac.trainable_variables), nac.trainable_variables)

    train_step()  # the first call makes Adam's variables
    eager, compiled = [], []
    for _ in range(rounds):
        eager.append(eager_epochs / _seconds(lambda: [train_step() for _ in range(eager_epochs)]))
        compiled.append(epochs / _seconds(lambda: fit(NAC(1), x.numpy(), y.numpy(), epochs=epochs, progress=False)))
    return eager, compiled


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m nalu_helpers.benchmark", description="Measure what the walkthrough claims.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("training", help="epochs a second of fit, beside the plain loop of notebook 03")
    command.add_argument("--epochs", type=int, default=22000, help="epochs of each fit (default 22000)")
    command.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    chosen = parser.parse_args(arguments)
    try:
        eager, compiled = training(chosen.epochs, rounds=chosen.rounds)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    print(f"NAC, addition, 2,000 rows, full batch; median of {chosen.rounds} rounds, lowest to highest in brackets")
    for name, rates in (("plain loop", eager), ("fit", compiled)):
        print(f"{name:>10}: {np.median(rates):10,.0f} epochs/s   ({min(rates):,.0f} to {max(rates):,.0f})")
    print(f"{'ratio':>10}: {np.median(compiled) / np.median(eager):10.0f} times")
    print(f"{chosen.epochs:,} epochs of fit take {chosen.epochs / np.median(compiled):.1f} s, compiling included")


if __name__ == "__main__":
    main()
