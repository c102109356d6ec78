"""The README's "In your own code" and CONTRIBUTING's "A unit" run as they stand, and what they say is so."""

import functools
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from nalu_helpers import NALU, NMU, data, fair, fit, fit_many

ROOT = Path(__file__).parent.parent


def section(file, heading):
    """The section of that heading in the root's `file`, and its blocks of code."""
    text = (ROOT / file).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return text, re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


SECTION, BLOCKS = section("README.md", "In your own code")


def ran(block, **names):
    keras.utils.set_random_seed(0)
    exec(compile(block, "README.md", "exec"), names)
    return names


def test_the_first_example_learns_to_divide_far_outside_its_range(capsys):
    names = ran(BLOCKS[0])
    np.testing.assert_allclose(names["nalu"].W.numpy().ravel(), [1, -1], atol=0.01)
    said, right = names["nalu"](names["task"].x_test).numpy(), names["task"].y_test
    assert 0.005 < np.median(np.abs(said / right - 1)) < 0.015  # "about 1 %"
    assert "[" in capsys.readouterr().out


@pytest.mark.slow
def test_so_many_seeds_of_twenty_learn_it():
    task = data.uniform("/", train=(1, 10), test=(10, 100))
    table = fit_many(lambda: NALU(1), task, seeds=range(20), steps=5000, every=5000, progress=False).table
    solved = (table[table["step"] == 5000]["extrapolation"] < 0.01).sum()
    assert f"{solved} of the 20 seeds 0 … 19 end with a mean squared error below 0.01" in " ".join(SECTION.split())


def test_the_second_example_is_a_table_with_a_row_for_each_range(capsys):
    runs = ran(BLOCKS[1])["runs"]
    assert runs["train"].nunique() == 9 and runs["seed"].nunique() == 25
    assert "extrapolation" in capsys.readouterr().out


@pytest.mark.slow
def test_the_third_example_runs_with_a_unit_of_your_own(monkeypatch, capsys):
    small = {"choose_with": [0], "judge_with": [100], "ranges": data.BENCHMARK_RANGES[6:7], "steps": 40}
    monkeypatch.setattr(fair, "compare", functools.partial(fair.compare, **small))
    ran(BLOCKS[2], MyUnit=NMU)
    assert "setting" in capsys.readouterr().out


def test_all_examples_are_run():
    assert len(BLOCKS) == 3


def test_a_unit_of_your_own_is_written_as_shown_learns_and_is_saved(tmp_path):
    (block,) = section("CONTRIBUTING.md", "A unit")[1]
    task, unit = data.uniform("*", train=(1, 2), test=(2, 6)), ran(block)["MyUnit"](1)
    fit(unit, task.x_train, task.y_train, steps=2000, progress=False)
    np.testing.assert_allclose(unit(task.x_test), task.y_test, rtol=0.01)
    model = keras.Sequential([keras.Input((2,)), unit])
    model.save(tmp_path / "unit.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "unit.keras")(task.x_test), model(task.x_test))
