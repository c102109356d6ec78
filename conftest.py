"""How `pytest --nbval` compares what a cell says with what is stored: the words exactly, the numbers with a tolerance.

Training is not bit-identical on all machines, so two runs say the same when

- they have the same lines, and in each line the same words (how many blanks stand between them does not matter);
- a number without decimal point or exponent is a count and is equal, unless "≈" stands directly before it;
- any other number differs by one unit of its last digit at most, or by the share that the cell states in a comment: "# tolerance: 5 %".

NaN, inf, True and False are words. HTML is compared in the same way.
"""

import re
from decimal import Decimal

from nbval.plugin import IPyNbCell

LARGEST = 50  # percent that a cell may state: with more, hardly anything could fail
NUMBER = re.compile(
    r"""(?<![\w.])            # not inside of a word (x1) or of another number
        [-+−]?
        (?:\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<decimals>\d*))?
        (?P<exponent>e[-+]?\d{1,3})?
        (?!\.?\w)             # nor the beginning of one (3rd, 2.21.0)""",
    re.VERBOSE | re.IGNORECASE,
)


def pytest_itemcollected(item):
    """Let each cell of a notebook compare with the tolerance. nbval passes every text through `sanitize` before it compares."""
    if isinstance(item, IPyNbCell):
        sanitize = item.sanitize
        item.sanitize = lambda text: Shown(sanitize(text), item.cell.source) if isinstance(text, str) else sanitize(text)


class Shown(str):
    """A text that a cell with this source shows. The stored one, left of `!=`, equals a new one that says the same."""

    def __new__(cls, text, source):
        shown = super().__new__(cls, text)
        shown.tolerance = stated_tolerance(source)
        return shown

    def __eq__(self, new):
        return says_the_same(self, new, self.tolerance)

    def __ne__(self, new):
        return not self == new

    __hash__ = str.__hash__


def stated_tolerance(source):
    """The share, from 0 to 0.5, that a cell with this source states in a comment such as "# tolerance: 5 %"; 0 when it states none.

    Raises ValueError when the comment names no number of percent from 0 to 50, or when there are two of them.
    """
    stated = re.findall(r"#\s*tolerance:(.*)", source)
    if not stated:
        return Decimal(0)
    percent = re.fullmatch(r"\s*(\d+(?:\.\d+)?) ?%.*", stated[0])
    if len(stated) > 1 or not percent or Decimal(percent[1]) > LARGEST:
        raise ValueError(
            f"the cell states the tolerance '{' and '.join(stated).strip()}': write once '# tolerance: 5 %', at most {LARGEST} %"
        )
    return Decimal(percent[1]) / 100


def says_the_same(stored, new, tolerance=0):
    """Whether the text `new` says what `stored` does, its numbers within `tolerance` (a share) or one unit of the last digit."""
    stored, new = str(stored).split("\n"), str(new).split("\n")
    return len(stored) == len(new) and all(_same_line(*lines, tolerance) for lines in zip(stored, new, strict=True))


def _same_line(stored, new, tolerance):
    stored, new = (NUMBER.sub(r" \g<0> ", line).split() for line in (stored, new))
    if len(stored) != len(new):
        return False
    before = ["", *stored]
    return all(a == b or _near(a, b, tolerance, about=word.endswith("≈")) for word, a, b in zip(before, stored, new, strict=False))


def _near(stored, new, tolerance, about):
    """Whether two words are numbers of the same kind, and near enough; `about` says that "≈" stands before them."""
    matches = [NUMBER.fullmatch(word) for word in (stored, new)]
    if not all(matches):
        return False
    a, b = (Decimal(match[0].replace(",", "").replace("−", "-")) for match in matches)
    if not about and not any(match["decimals"] or match["exponent"] for match in matches):
        return a == b  # counts; and numpy's "1.", or a count that ends a sentence
    if len({match["decimals"] is None and match["exponent"] is None for match in matches}) == 2:
        return False  # "1" is a count, and "0.9" is none
    unit = Decimal(1).scaleb(min(a.as_tuple().exponent, b.as_tuple().exponent))
    return abs(a - b) <= max(unit, tolerance * abs(a))
