"""Which cases of a parametrised test run in `make test`, and which wait for `make slow`."""

import pytest


def quick_first(quick, cases):
    """All `cases` (or lists of arguments): those that are in `quick` as they are, the others marked slow.

    Raises ValueError when one of `quick` is none of the cases, so that a name that was changed does not lose its quick test.
    """
    if missing := [case for case in quick if case not in cases]:
        raise ValueError(f"{missing} are none of the cases {cases}: name cases that there are")
    return [
        case if case in quick else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow) for case in cases
    ]
