"""The check that notebooks say the same on another machine (tools/another_machine.py) can fail, and passes what holds."""

import datetime
import itertools
import os
import re
import runpy
import shutil
import subprocess
import time
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest

from nalu_helpers import NALU
from nalu_helpers.paper import digits, functions, gridworld, phrases, programs, tokens, values

ROOT = Path(__file__).parent.parent
tool = runpy.run_path(ROOT / "tools" / "another_machine.py")


def notebook(folder):
    """A notebook of three cells: one makes a weight of 1, one says what holds of it anywhere, one what a millionth can turn."""
    make = "import nalu_helpers, keras\nlayer = keras.layers.Dense(1, kernel_initializer='ones')\nlayer.build((None, 1))"
    cells = [
        (make, []),
        ("w = float(layer.kernel[0, 0])\nprint(f'{w:.2f}')", [nbformat.v4.new_output("stream", text="1.00\n")]),
        ("print(w == 1)", [nbformat.v4.new_output("stream", text="True\n")]),
    ]
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(code, execution_count=n, outputs=says) for n, (code, says) in enumerate(cells, 1)]
    shutil.copy(ROOT / "conftest.py", folder)
    nbformat.write(book, folder / "tiny.ipynb")
    return str(folder / "tiny.ipynb")


@pytest.mark.slow
def test_a_conclusion_that_a_millionth_turns_does_not_pass_a_jitter(tmp_path, capfd):
    assert tool["main"](["jitter-1", notebook(tmp_path)]) == 1
    said = capfd.readouterr().out
    assert "as on another machine: jitter-1" in said and "tiny.ipynb::Cell 2" in said and "1 failed, 2 passed" in said


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux can bind a process to a core")
def test_without_a_jitter_it_passes(tmp_path):
    assert tool["main"](["one-core", notebook(tmp_path)]) == 0


MODELS = {
    "a layer": lambda: keras.Sequential([keras.Input((2,)), NALU(1)]),
    "06": lambda: functions.network("recurrent", "NALU"),
    "09": lambda: digits.make_reader("counting", "LSTM"),
    "10": lambda: phrases.reader("NALU"),
    "11": lambda: programs.make("NAC set by LSTM"),
    "11, an agent": lambda: gridworld.agent("LSTM + NAC counter"),
    "13, tokens": tokens.network,
    "13, values": lambda: values.network("calculator"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_jitter_meets_the_weights_of_every_kind_of_model(name, monkeypatch):
    """Also where Keras gives a weight its numbers later than it makes it: in a model whose layers are built when it is called."""
    monkeypatch.setattr(keras.layers.Layer, "add_weight", keras.layers.Layer.add_weight)  # put back when the test is over
    keras.utils.set_random_seed(1)
    before = MODELS[name]().get_weights()
    tool["jitter"](7)
    keras.utils.set_random_seed(1)
    for as_made, jittered in zip(before, MODELS[name]().get_weights(), strict=True):
        np.testing.assert_allclose(jittered, as_made, rtol=2e-6)
        assert len(np.unique(as_made)) < 3 or (jittered != as_made).any()


def test_a_day_has_a_jitter_of_its_own_and_the_notebooks_and_the_others_take_turns():
    days = [tool["of_day"](datetime.date(2024, 2, 27) + datetime.timedelta(n)) for n in range(28)]
    assert days[0][0][0] == "jitter-20240227" and len({jitter for (jitter, _), _ in days}) == 28
    assert [Path(path).name[:2] for path in tool["ALL"]] == [f"{n:02}" for n in range(14)]
    for week in (days[:7], days[3:10]):
        for kind in zip(*week, strict=True):
            assert sorted(notebook for _, notebooks in kind for notebook in notebooks) == tool["ALL"]
    met = [(other, notebook) for _, (other, notebooks) in days for notebook in notebooks]
    assert sorted(met) == sorted(itertools.product(("avx2", "sse", "no-onednn", "one-core"), tool["ALL"]))
    assert [notebooks for _, notebooks in tool["of_day"](datetime.date(2024, 2, 27), ["03"])] == [["03"], ["03"]]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has its time zone from elsewhere")
@pytest.mark.parametrize("zone", ["AHEAD-14", "BEHIND+12"])
def test_a_day_begins_everywhere_when_it_begins_in_utc(zone, monkeypatch, capsys):
    """In one of the two zones it is another day now."""
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        begun = time.gmtime()
        tool["main"](["today"])
        days = {time.strftime("jitter-%Y%m%d", day) for day in (begun, time.gmtime())}  # midnight may pass
    finally:
        monkeypatch.undo()
        time.tzset()
    assert re.search(r"jitter-\d+", capsys.readouterr().out)[0] in days


def test_what_ipython_runs_before_the_first_cell_is_python_whatever_the_number(monkeypatch):
    def no_notebooks(command, env, **_):
        (startup,) = Path(env["IPYTHONDIR"]).rglob("*.py")
        compile(startup.read_text(encoding="utf-8"), startup.name, "exec")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", no_notebooks)
    assert tool["main"](["jitter-007"]) == 0


@pytest.mark.parametrize("condition", ["jitter", "jitter-x", "avx", ""])
def test_an_unknown_condition_is_refused_with_those_that_are_known(condition, capsys):
    with pytest.raises(SystemExit) as stopped:
        tool["main"]([condition])
    assert stopped.value.code == 2
    assert "known are: jitter-1, jitter-2, …, avx2, sse, no-onednn, one-core, today" in capsys.readouterr().err
