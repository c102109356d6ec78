"""How `pytest --nbval` compares numbers (conftest.py at the root): what it forgives, and above all what it does not."""

import os
import runpy
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
PATIENCE = 1200  # seconds: a machine may be slow, or busy with other things
rule = runpy.run_path(ROOT / "conftest.py")
says_the_same, stated_tolerance = rule["says_the_same"], rule["stated_tolerance"]

SAME = [
    ("wrong by 0.07 %", "wrong by 0.08 %"),
    ("cost 3e+11", "cost 4e+11"),
    ("cost 1e-03", "cost 9e-04"),
    ("W ≈ [ 0.1 -0.1]", "W ≈ [0.1 0. ]"),
    ("W ≈ [1. 1.]", "W ≈ [0.9 1. ]"),
    ("≈ 1,998,612 for 2,000,000", "≈ 1,998,613 for 2,000,000"),
    ("−0.01 and 2.0", "0.00 and 2.0"),
    ("   train  test\n1   0.2  22.8", "  train test\n1  0.2  22.7"),
    ("<tr><th>a + b</th>\n<td>0.12</td></tr>", "<tr><th>a + b</th>\n<td>0.13</td></tr>"),
    ("a nan here", "a nan here"),
]
DIFFERENT = [
    ("wrong by 0.07 %", "wrong by 0.09 %"),  # two units of the last digit
    ("wrong by 0.07 %", "wrong by 0.07"),  # a lost word
    ("wrong by 0.07 %", "right by 0.07 %"),  # a changed word
    ("a\n0.5\n", "a\n"),  # a lost line
    ("a\n", "a\n\n"),  # an added one
    ("a 0.5", "a\n0.5"),  # a line break is no blank
    ("24 of 24 seeds", "23 of 24 seeds"),  # a count
    ("it took 24.", "it took 25."),  # a count at the end of a sentence
    ("1,000 rows", "1,001 rows"),
    ("share 1", "share 0.9"),  # a count is no share
    ("W = [1. 1.]", "W = [0. 1.]"),  # numpy's 1. has no last digit that could be one off
    ("cost 3e+11", "cost 3e+12"),
    ("learned: True", "learned: False"),
    ("error 0.5", "error nan"),
    ("error inf", "error 9.9"),
    ("W_hat1 is x2", "W_hat1 is x1"),  # digits in a word
    ("version 2.21.0", "version 2.21.1"),
    ("seeds 3rd", "seeds 4th"),
    ("no table", "notable"),
    ("<td>0.12</td>", "<td>0.14</td>"),
    ('<th rowspan="2">a</th>', '<th rowspan="3">a</th>'),
    ("<td>6</td>", "<td>5</td>"),
]
decimals = st.decimals(-(10**6), 10**6, places=2, allow_nan=False)


@pytest.mark.parametrize("stored, new", SAME)
def test_forgives_the_last_digit_and_shifted_columns(stored, new):
    assert says_the_same(stored, new) and says_the_same(new, stored)


@pytest.mark.parametrize("stored, new", DIFFERENT)
def test_forgives_nothing_else(stored, new):
    assert not says_the_same(stored, new) and not says_the_same(new, stored)


@pytest.mark.parametrize("stored, new", [(a, b) for a, b in DIFFERENT if not any(c in a for c in ("0.07", "0.12", "e+", "share"))])
def test_a_stated_tolerance_is_for_measured_numbers_alone(stored, new):
    assert not says_the_same(stored, new, Decimal("0.5"))


@given(decimals, decimals)
def test_two_numbers_say_the_same_when_they_are_one_hundredth_apart_or_less(a, b):
    assert says_the_same(f"error {a:.2f} %", f"error {b:.2f} %") == (abs(a - b) <= Decimal("0.01"))


@given(decimals, decimals, st.integers(0, 50))
def test_a_stated_tolerance_is_a_share_of_the_stored_number(a, b, percent):
    near = abs(a - b) <= max(Decimal("0.01"), abs(a) * percent / 100)
    assert says_the_same(f"{a:,.2f}", f"{b:,.2f}", stated_tolerance(f"f()  # tolerance: {percent} %")) == near


@given(st.integers(), st.integers(), st.integers(0, 50))
def test_counts_that_differ_never_say_the_same(a, b, percent):
    assume(a != b)
    assert not says_the_same(f"{a} of them", f"{b} of them", Decimal(percent) / 100)


@given(st.text(), st.text())
def test_every_text_says_what_it_says_and_a_line_more_is_another_text(text, more):
    assert says_the_same(text, text)
    assert not says_the_same(text, f"{text}\n{more}")


def test_a_cell_states_its_tolerance_in_a_comment():
    assert stated_tolerance("print(cost)") == 0
    assert stated_tolerance("# tolerance: 5 %\nprint(cost)") == Decimal("0.05")
    assert stated_tolerance("print(cost)  # tolerance: 12.5 %, since seeds differ") == Decimal("0.125")


@pytest.mark.parametrize("comment", ["51 %", "5", "lots", "-5 %", "nan %", "", "5 %\n# tolerance: 10 %"])
def test_a_tolerance_that_says_nothing_or_too_much_is_refused(comment):
    with pytest.raises(ValueError, match="write once '# tolerance: 5 %', at most 50 %"):
        stated_tolerance(f"# tolerance: {comment}")


def nbval(folder, cells, *options):
    """What strict `pytest --nbval` says of a notebook of `cells`, each (source, stored text), under the root's conftest.py."""
    notebook = nbformat.v4.new_notebook()
    for number, (source, stored) in enumerate(cells, 1):
        output = nbformat.v4.new_output("stream", name="stdout", text=stored)
        notebook.cells.append(nbformat.v4.new_code_cell(source, execution_count=number, outputs=[output]))
    nbformat.write(notebook, folder / "tiny.ipynb")
    shutil.copy(ROOT / "conftest.py", folder)
    strict = ["--nbval", "--nbval-current-env", "-q", "-rA", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *strict, *options, "tiny.ipynb"]
    plain = os.environ | {"PYTEST_ADDOPTS": ""}  # whatever the run around it was asked for
    return subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, timeout=PATIENCE).stdout


@pytest.mark.parametrize("options", [pytest.param((), id="alone"), pytest.param(("-n", "1"), id="xdist", marks=pytest.mark.slow)])
def test_nbval_passes_a_last_digit_and_fails_a_changed_number(tmp_path, options):
    said = nbval(
        tmp_path,
        [
            ("print(f'cost {0.124:.2f}, 24 of 24')", "cost 0.13, 24 of 24\n"),
            ("print('cost 0.12')", "cost 0.14\n"),
            ("print('cost 0.12')  # tolerance: 20 %", "cost 0.14\n"),
            ("print('23 of 24')  # tolerance: 20 %", "24 of 24\n"),
            ("print('cost nan')", "cost 0.12\n"),
            ("print('cost 0.12')  # tolerance: 80 %", "cost 0.14\n"),
        ],
        *options,
    )
    verdicts = {cell: word for word, cell in (line.split(" - ")[0].split(" ", 1) for line in said.splitlines() if "::Cell " in line[:45])}
    words = [word for _, word in sorted(verdicts.items())]
    assert words == ["PASSED", "FAILED", "PASSED", "FAILED", "FAILED", "FAILED"], said
    assert "at most 50 %" in said
