"""Toy data: two numbers in, one number out, a range to train on and a range far outside it to test on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._inputs import as_floats, as_range, as_seed, in_digits, refuse_memory, whole_number
from .expression import OPERATIONS, as_function, known_operation

EXAMINED = 10_000  # rows of each table that a run is measured on
EXAMINED_SEEDS = (43953907, 8689336)  # of its validation and its test: the reference implementation's
Range = tuple[float, float]  # (low, high)
Ranges = Range | tuple[Range, Range]  # or two of them

#: The nine ranges of the field's benchmark: uniform to train on, and to be examined on. Source: Mistry, Farrahi & Hare 2022.
BENCHMARK_RANGES: tuple[tuple[Range, Ranges], ...] = (
    ((-20, -10), (-40, -20)),
    ((-2, -1), (-6, -2)),
    ((-1.2, -1.1), (-6.1, -1.2)),
    ((-0.2, -0.1), (-2, -0.2)),
    ((-2, 2), ((-6, -2), (2, 6))),
    ((0.1, 0.2), (0.2, 2)),
    ((1, 2), (2, 6)),
    ((1.1, 1.2), (1.2, 6)),
    ((10, 20), (20, 40)),
)


@dataclass(frozen=True)
class Task:
    """What to learn: `x_train` and `y_train`, a row each for every example, and the same for the test.

    The makers here give float32, x [rows, in] and y [rows, 1]; those of `paper` may give images or sequences, or whole numbers as y.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def article(operation: str) -> Task:
    """The article's own numbers, made with `np.arange`: 2,000 rows to train on, 125 to test on.

    `operation` is one of + - * / (− × ÷, add, sub, mul and div are understood too). Raises ValueError, listing them, for any other.
    Source: "Understanding Neural Arithmetic Logic Units", A. Hylton, 2018, and its companion code.
    """
    compute = OPERATIONS[known_operation(operation)]
    x_train = np.stack([np.arange(0, 10000, 5), np.arange(5, 10005, 5)], axis=1)
    x_test = np.stack([np.arange(1000, 2000, 8), np.arange(1000, 1500, 4)], axis=1)
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def uniform(operation: str, train: Range = (0, 10000), test: Range = (10000, 20000), rows: int = 2000, seed: int = 0) -> Task:
    """Two independent numbers, drawn uniformly from `train` to learn from and from `test` to be examined on.

    Raises TypeError or ValueError when the operation is unknown, a range is reversed or of no width, the rows are no whole number of at
    least 1, the seed none of at least 0, ÷ would meet a divisor of 0 because a range holds it, or float32 cannot hold a number.
    """
    operation = known_operation(operation)
    train, test = as_range(train, "train"), as_range(test, "test")
    _refuse_dividing_by_zero(operation, train=[train], test=[test])
    rows, rng, compute = _number_of_rows(rows), np.random.default_rng(as_seed(seed)), OPERATIONS[operation]
    x_train, x_test = rng.uniform(*train, (rows, 2)), rng.uniform(*test, (rows, 2))
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def identity(train: Range = (-5, 5), test: Range = (-20, 20), rows: int = 200, seed: int = 0) -> Task:
    """f(x) = x: `rows` numbers drawn uniformly from `train`, and as many evenly spaced over `test` (paper, section 1.1).

    Raises TypeError or ValueError when a range is reversed or of no width, the rows are no whole number of at least 1, the seed none of
    at least 0, or float32 cannot hold a number.
    """
    train, test, rows = as_range(train, "train"), as_range(test, "test"), _number_of_rows(rows)
    x_train = np.random.default_rng(as_seed(seed)).uniform(*train, (rows, 1))
    return _task(x_train, np.linspace(*test, rows)[:, None], lambda x: x)


def examination(
    operation: str | Callable, train: Range, test: Ranges, rows: int = EXAMINED, inputs: int = 2
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The benchmark's fixed tables: a validation drawn from the range `train`, a test drawn from `test`, each (x, y) of `rows` rows.

    `train` is (low, high); `test` is too, or two such ranges, of which every number comes from one by the toss of a coin. A row has
    `inputs` numbers, and the operation takes the first two. The same numbers every time. Raises TypeError or ValueError when a range is
    reversed or of no width, the operation is unknown, the rows or inputs are no whole number, below 1 row or 2 inputs, an answer is not
    finite or too large for float32, or ÷ would meet a divisor of 0 because a range holds it; the benchmark's own nine ranges are taken
    as they are, although one of them does.
    """
    compute, rows, inputs = as_function(operation), _number_of_rows(rows), whole_number(inputs, "inputs", at_least=2)
    refuse_memory(32 * rows * inputs, f"{in_digits(rows)} rows of {in_digits(inputs)} numbers")
    train, test = train_and_test((train, test))
    pieces = {"train": [train], "test": as_pieces(test, "test")}
    if (train, test) not in BENCHMARK_RANGES:
        _refuse_dividing_by_zero(operation, **pieces)
    tables = []
    for name, where, seed in zip(("train", "test"), (train, test), EXAMINED_SEEDS, strict=True):
        x = draw(np.random.RandomState(seed), pieces[name], rows, inputs)
        with np.errstate(all="ignore"):
            y = np.asarray(compute(x[:, :1], x[:, 1:2])) * np.ones((rows, 1))
        if not np.isfinite(y).all():
            wrong = int((~np.isfinite(y)).sum())
            raise ValueError(
                f"the answer is not a finite number for {wrong:,} of {rows:,} pairs from {name} {range_name(where)}: "
                "choose another range or operation"
            )
        tables.append((as_floats(x, f"x of {name}"), as_floats(y, f"y of {name}")))
    return tables


def draw(rng: np.random.RandomState, pieces: list[Range], rows: int, inputs: int = 2) -> np.ndarray:
    """[rows, inputs] numbers drawn by `rng` uniformly from one range, or from one of two by the toss of a coin, float64."""
    drawn = [rng.uniform(low, high, (rows, inputs)) for low, high in pieces]
    return drawn[0] if len(drawn) == 1 else np.where(rng.randint(2, size=(rows, inputs)), *drawn)


def as_pieces(where: Ranges, name: str) -> list[Range]:
    """A range (low, high), or two of them, as a list of ranges. Raises TypeError or ValueError when it is neither."""
    several = isinstance(where, (tuple, list)) and len(where) == 2 and all(isinstance(part, (tuple, list)) for part in where)
    return [as_range(part, name) for part in where] if several else [as_range(where, name)]


def train_and_test(pair: Any) -> tuple[Range, Ranges]:
    """A pair of ranges, to train on and to test on, as tuples of floats. Raises TypeError or ValueError when it is none."""
    try:
        train, test = pair
    except (TypeError, ValueError):
        raise TypeError(f"a range is {pair!r}, expected a pair (train, test) such as ((1, 2), (2, 6))") from None
    low_and_high, pieces = as_range(train, "train"), as_pieces(test, "test")
    return low_and_high, (pieces[0], pieces[1]) if len(pieces) > 1 else pieces[0]


def range_name(where: Ranges) -> str:
    """A range as text, as it stands in the tables: "[1, 2]", or "[-6, -2] or [2, 6]"."""
    return " or ".join(f"[{low:g}, {high:g}]" for low, high in as_pieces(where, "the range"))


def _refuse_dividing_by_zero(operation: str | Callable, **ranges: list[Range]) -> None:
    if as_function(operation) is not OPERATIONS["/"]:
        return
    for name, pieces in ranges.items():
        for low, high in pieces:
            if low <= 0 <= high:
                raise ValueError(
                    f"{name} is ({low:g}, {high:g}) and holds 0, by which nothing can be divided: choose a range on one side of 0"
                )


def _number_of_rows(rows: Any) -> int:
    """`rows` as an int, when tables of so many fit into memory; four columns of doubles at once, and their copies as float32."""
    rows = whole_number(rows, "rows")
    refuse_memory(64 * rows, f"{in_digits(rows)} rows")
    return rows


def _task(x_train: np.ndarray, x_test: np.ndarray, answer: Callable) -> Task:
    x_train, x_test = as_floats(x_train, "x_train"), as_floats(x_test, "x_test")
    with np.errstate(over="ignore"):
        return Task(x_train, as_floats(answer(x_train), "y_train"), x_test, as_floats(answer(x_test), "y_test"))
