"""What every public function does with the numbers it is given: convert what has one meaning, refuse the rest in one sentence."""

import difflib
import math
import numbers
from collections.abc import Collection
from typing import Any

import keras
import numpy as np

MOST_BYTES = 2 * 10**9  # what a call may hold beside the data and the weights


def as_floats(values: Any, name: str, dtype: str = "float32", empty: bool = False) -> np.ndarray:
    """Lists, integers, booleans and floats of any size as one array of `dtype`.

    Raises TypeError when `values` are not numbers in a rectangle, ValueError when one of them is NaN or infinite (it names the
    first such row) or too large for `dtype`, or when there are none, unless they may be `empty`.
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked entries: fill them, or leave their rows out")
    try:
        given = np.asarray(values)
    except ValueError:
        raise TypeError(f"{name} has rows of different lengths: give every row the same number of columns") from None
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {_kind(given)}, expected numbers: convert it first, for example with numpy.asarray(…, float)")
    if given.size == 0 and not empty:
        raise ValueError(f"{name} is empty, its shape is {given.shape}: give it at least one row")
    _refuse(~np.isfinite(given), given, name, "expected only finite numbers: leave that row out or mend it")
    with np.errstate(over="ignore"):
        converted = given.astype(dtype)
    _refuse(~np.isfinite(converted), given, name, f"which {dtype} cannot hold: use a model with dtype='float64', or smaller numbers")
    return converted


def as_rows(values: Any, name: str, dtype: str = "float32", sequences: bool = False, or_column: bool = False) -> np.ndarray:
    """`as_floats` for a table: shape [rows, columns], or [rows, …] where rows may be `sequences`. Raises ValueError for other axes.

    Where one axis may be a single column, `or_column`, it becomes [rows, 1].
    """
    table = as_floats(values, name, dtype)
    table = table[:, None] if or_column and table.ndim == 1 else table
    if table.ndim < 2:
        raise ValueError(f"{name} has shape {table.shape}, expected [rows, columns]: a single column is written {name}[:, None]")
    if table.ndim > 2 and not sequences:
        raise ValueError(f"{name} has shape {table.shape}, expected [rows, columns]: give each row its columns alone")
    return table


def is_tensor(values: Any) -> bool:
    """Whether `values` already belong to Keras or its backend, and so need no conversion."""
    return keras.ops.is_tensor(values) or isinstance(values, (keras.Variable, keras.KerasTensor))


def whole_number(value: Any, name: str, at_least: int = 1, at_most: int | None = None) -> int:
    """`value` as an int ≥ `at_least`. Raises TypeError when it is not a whole number, ValueError when it is too small or too large."""
    whole = isinstance(value, numbers.Integral) or (isinstance(value, numbers.Real) and float(value).is_integer())
    if not whole or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected a whole number such as 1")
    if value < at_least:
        raise ValueError(f"{name} is {value!r}, expected a whole number of at least {at_least}")
    if at_most is not None and value > at_most:
        raise ValueError(f"{name} is {in_digits(int(value))}, expected at most {at_most:,}")
    return int(value)


def in_digits(number: int) -> str:
    """A whole number as text, of a bearable length: "1,000", or "about 10^400"."""
    return f"{number:,}" if number < 10**15 else f"about 10^{math.log10(number):.0f}"


def refuse_memory(size: float, what: str) -> None:
    """Raise ValueError when `what` would take `size` bytes and that is more memory than a call may."""
    if size > MOST_BYTES:
        said = f"{size / 1e9:.1f}" if size < 10**15 else in_digits(int(size) // 10**9)
        raise ValueError(f"{what} would take {said} GB, expected at most {MOST_BYTES / 1e9:g}: ask for less at once")


def positive_number(value: Any, name: str, example: object, or_0: bool = False) -> float:
    """`value` as a float > 0, `or_0`. Raises TypeError when it is not a number, ValueError when it is NaN, infinite or too small."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected a number such as {example}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and (number > 0 or (or_0 and number == 0))):
        expected = "of at least 0" if or_0 else "above 0"
        raise ValueError(f"{name} is {value!r}, expected a finite number {expected} such as {example}")
    return number


def as_seed(seed: Any) -> int:
    """`seed` as an int ≥ 0. Raises TypeError or ValueError otherwise: None, too, since nothing here is drawn twice differently."""
    try:
        return whole_number(seed, "seed", at_least=0)
    except TypeError:
        raise TypeError(
            f"seed is {seed!r}, expected a whole number of at least 0 such as 0: the same seed draws the same numbers"
        ) from None


def as_range(ends: Any, name: str, or_equal: bool = False) -> tuple[float, float]:
    """The pair (low, high) as floats with low < high, or ≤ where they may be `or_equal`. Raises TypeError or ValueError otherwise."""
    try:
        low, high = (float(end) for end in ([] if isinstance(ends, str) else ends))
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {ends!r}, expected two numbers (low, high) such as (-5, 5)") from None
    except OverflowError:
        raise ValueError(f"{name} has an end that is too large for a float: choose ends less far apart") from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} is ({low:g}, {high:g}), expected finite ends")
    if not math.isfinite(high - low):
        raise ValueError(f"{name} is ({low:g}, {high:g}), and its width is too large for a float: choose ends less far apart")
    if low > high or (low == high and not or_equal):
        mend = f"write ({high:g}, {low:g})" if low > high else f"write for example ({low:g}, {low + 1:g})"
        raise ValueError(f"{name} is ({low:g}, {high:g}), expected its first end below its second: {mend}")
    return low, high


def one_of(value: Any, known: Collection[str], name: str) -> str:
    """`value` when it is among `known`. Raises ValueError listing what is known, and the nearest of it, otherwise."""
    if not isinstance(value, str) or value not in known:
        lower = {word.lower(): word for word in known}
        near = difflib.get_close_matches(str(value).lower(), lower, n=1)
        suggestion = f". Did you mean {lower[near[0]]!r}?" if near else ""
        raise ValueError(f"{name} is {value!r}, known are: {', '.join(map(repr, known))}{suggestion}")
    return value


def _kind(array: np.ndarray) -> str:
    return {"O": "objects or rows of different lengths", "U": "text", "S": "text", "c": "complex numbers", "M": "dates"}.get(
        array.dtype.kind, f"values of type {array.dtype}"
    )


def _refuse(bad: np.ndarray, given: np.ndarray, name: str, mend: str) -> None:
    if bad.any():
        place = np.argwhere(bad)[0]
        where = (
            "".join(f", {word} {i}" for word, i in zip(("row", "column")[: len(place)], place, strict=True))
            if len(place) <= 2
            else f", place {tuple(place.tolist())}"
        )
        raise ValueError(f"{name}{where} is {given[tuple(place)]!s}, {mend}")
