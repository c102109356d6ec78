"""A guess before the answer, for the predictions of the notebooks."""

import math
import numbers
from typing import Any

from .._inputs import as_range
from .parts import Explorer


def guess(
    question: str,
    answer: float,
    *,
    low: float,
    high: float,
    step: float | None = None,
    log: bool = False,
    unit: str = "",
    because: str = "",
) -> Explorer:
    """A question whose answer shows only when the reader has committed to a number: then both stand side by side.

        >>> from nalu_helpers import explorers
        >>> solved = [True] * 11 + [False] * 13
        >>> explorers.guess("How many of 24 seeds learn ×?", answer=sum(solved), low=0, high=24, step=1, unit=" seeds")
        Explorer: How many of 24 seeds learn ×?
        >>> explorers.guess("How wrong is tanh at 100?", 99, low=0.001, high=1000, log=True, because="tanh never exceeds 1.")
        Explorer: How wrong is tanh at 100?

    `answer` is a number, as it came out of a cell; `low` and `high` are the ends of the slider, and the answer must lie between
    them; `step` is how finely it moves, a hundredth of its length unless given, and a guess nearer than half a step is right. With
    `log` the slider is logarithmic, its length and `step` are in powers of ten, the distance is told as a factor, and a guess is right
    when that is below 1.25, however long the slider is. `unit` is written behind numbers (with its space, as in " %"); `because` is a
    sentence that is shown with the answer. A guess is kept in the reader's own browser only, under its question, and works on a page
    without a kernel. Raises TypeError or ValueError for what it cannot use.
    """
    low, high = as_range((low, high), "(low, high)")
    for name, words in (("question", question), ("unit", unit), ("because", because)):
        if not isinstance(words, str):
            raise TypeError(f"{name} is {words!r}, expected text")
    if not question.strip():
        raise ValueError("question is empty, expected a question such as 'How many of 24 seeds learn ×?'")
    if log and low <= 0:
        raise ValueError(f"low is {low:g}, expected a number above 0 for a logarithmic slider: write log=False, or for example low=0.001")
    length = math.log10(high / low) if log else high - low
    step = length / 100 if step is None else step
    for name, number in (("answer", answer), ("step", step)):
        if not isinstance(number, numbers.Real) or isinstance(number, bool) or not math.isfinite(number):
            raise TypeError(f"{name} is {number!r}, expected a finite number such as 3")
    if not 0 < step <= length:
        raise ValueError(f"step is {step:g}, expected a number above 0 and at most {length:g}, the length of the slider")
    if not low <= answer <= high:
        raise ValueError(f"the answer is {answer:g}, expected a number between low, {low:g}, and high, {high:g}: move the ends")
    known: dict[str, Any] = dict(
        question=question, answer=float(answer), low=low, high=high, step=float(step), log=bool(log), unit=unit, because=because
    )
    return Explorer("guess", question, **known)
