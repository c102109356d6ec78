"""Toy data: two numbers in, one number out, a range to train on and a range far outside it to test on."""

from dataclasses import dataclass

import numpy as np

from ._inputs import as_range, one_of, whole_number

OPERATIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_SPELLINGS = {"−": "-", "×": "*", "÷": "/"}


@dataclass(frozen=True)
class Task:
    """What to learn: float32 rows `x_train` [rows, in], `y_train` [rows, 1], and the same for the test."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def article(operation):
    """The article's own numbers, made with `np.arange`: 2,000 rows to train on, 125 to test on.

    `operation` is one of + - * / (− × ÷ are understood too). Raises ValueError, listing them, for any other.
    Source: "Understanding Neural Arithmetic Logic Units", A. Hylton, 2018, and its companion code.
    """
    compute = OPERATIONS[_known(operation)]
    x_train = np.stack([np.arange(0, 10000, 5), np.arange(5, 10005, 5)], axis=1)
    x_test = np.stack([np.arange(1000, 2000, 8), np.arange(1000, 1500, 4)], axis=1)
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def uniform(operation, train=(0, 10000), test=(10000, 20000), rows=2000, seed=0):
    """Two independent numbers, drawn uniformly from `train` to learn from and from `test` to be examined on.

    Raises ValueError when the operation is unknown, a range is reversed or of no width, the rows are fewer than 1, or ÷ would
    meet a divisor of 0 because a range holds it.
    """
    operation = _known(operation)
    train, test = as_range(train, "train"), as_range(test, "test")
    for name, (low, high) in {"train": train, "test": test}.items():
        if operation == "/" and low <= 0 <= high:
            raise ValueError(f"{name} is ({low:g}, {high:g}) and holds 0, by which nothing can be divided: choose a range on one side of 0")
    rows, rng, compute = whole_number(rows, "rows"), np.random.default_rng(seed), OPERATIONS[operation]
    x_train, x_test = rng.uniform(*train, (rows, 2)), rng.uniform(*test, (rows, 2))
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def identity(train=(-5, 5), test=(-20, 20), rows=200, seed=0):
    """f(x) = x: `rows` numbers drawn uniformly from `train`, and as many evenly spaced over `test` (paper, section 1.1).

    Raises ValueError when a range is reversed or of no width, or the rows are fewer than 1.
    """
    train, test, rows = as_range(train, "train"), as_range(test, "test"), whole_number(rows, "rows")
    x_train = np.random.default_rng(seed).uniform(*train, (rows, 1))
    return _task(x_train, np.linspace(*test, rows)[:, None], lambda x: x)


def _known(operation):
    return one_of(_SPELLINGS.get(operation, operation) if isinstance(operation, str) else operation, OPERATIONS, "operation")


def _task(x_train, x_test, answer):
    x_train, x_test = x_train.astype("float32"), x_test.astype("float32")
    return Task(x_train, answer(x_train), x_test, answer(x_test))
