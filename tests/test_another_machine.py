"""The check that notebooks say the same on another machine (tools/another_machine.py) can fail, and passes what holds."""

import datetime
import runpy
import shutil
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
tool = runpy.run_path(ROOT / "tools" / "another_machine.py")


def notebook(folder, expression, says):
    cells = [
        ("import nalu_helpers, keras\nlayer = keras.layers.Dense(1, kernel_initializer='ones')\nlayer.build((None, 1))", ""),
        (f"w = float(layer.kernel[0, 0])\nprint({expression})", f"{says}\n"),
    ]
    book = nbformat.v4.new_notebook()
    for number, (source, stored) in enumerate(cells, 1):
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)] if stored else []
        book.cells.append(nbformat.v4.new_code_cell(source, execution_count=number, outputs=outputs))
    shutil.copy(ROOT / "conftest.py", folder)
    path = folder / "tiny.ipynb"
    nbformat.write(book, path)
    return str(path)


@pytest.mark.parametrize("says, right", [("True", 1), ("False", 0)])
def test_a_conclusion_that_a_millionth_turns_does_not_pass_a_jitter(tmp_path, says, right):
    assert tool["main"](["jitter-1", notebook(tmp_path, "w == 1", says)]) == right


@pytest.mark.parametrize("condition", ["jitter-2", "avx2", "sse", "no-onednn", "one-core"])
def test_what_holds_passes(tmp_path, condition):
    assert tool["main"]([condition, notebook(tmp_path, "f'{w:.2f}'", "1.00")]) == 0


def test_a_day_has_a_jitter_of_its_own_and_the_others_take_turns():
    days = [tool["of_day"](datetime.date(2024, 2, 27) + datetime.timedelta(n)) for n in range(8)]
    assert days[0][0] == "jitter-20240227" and len({jitter for jitter, _ in days}) == 8
    assert {other for _, other in days[:4]} == {other for _, other in days[4:]} == {"avx2", "sse", "no-onednn", "one-core"}


@pytest.mark.parametrize("condition", ["jitter", "jitter-x", "avx", ""])
def test_an_unknown_condition_is_refused_with_those_that_are_known(condition, capsys):
    with pytest.raises(SystemExit) as stopped:
        tool["main"]([condition])
    assert stopped.value.code == 2
    assert "known are: jitter-1, jitter-2, …, avx2, sse, no-onednn, one-core, today" in capsys.readouterr().err
