"""What is noted beside a table of results."""

import json
import shlex

import pandas as pd
import pytest

from nalu_helpers import benchmark, results


def test_the_cores_that_are_noted_are_those_a_container_lets_us_use(tmp_path, monkeypatch):
    """joblib reads the limits of cgroups and affinity, and can be told of one by LOKY_MAX_CPU_COUNT."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    results.note_origin(tmp_path / "table.csv", "a command")
    assert json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["machine"].endswith(", 1 cores")


@pytest.mark.parametrize("command", ["single-module --unit NAC --operation add --range=1,2 --seeds 1 --steps 1", "throughput"])
def test_a_table_is_not_written_where_its_origin_is_noted(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        benchmark.main([*command.split(), "--output", "runs.json"])
    assert "runs.json is where the origin of the table would be noted: choose another name, such as runs.csv" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_is_none_of_ours_costs_the_time_and_not_the_run(tmp_path):
    table, note = tmp_path / "table.csv", tmp_path / "table.json"
    table.write_text("old", encoding="utf-8")
    note.write_text("[]", encoding="utf-8")
    with results.noted([table], "a command"):
        table.write_text("new", encoding="utf-8")
    assert json.loads(note.read_text(encoding="utf-8"))["command"] == "a command"


def test_a_noted_command_can_be_run_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.speed, "throughput", lambda run_steps: pd.DataFrame({"runs": [1]}))
    monkeypatch.setattr(benchmark.speed, "two_layers", lambda: pd.DataFrame({"run-steps a second": {"fit_many": 2.0}}))
    given = ["throughput", "--output", str(tmp_path / "o ut.csv")]
    assert benchmark.main(given) == 0
    for name in ("o ut", "o ut_two_layers"):
        noted = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["command"]
        assert shlex.split(noted) == ["python", "-m", "nalu_helpers.benchmark", *given]
    assert pd.read_csv(tmp_path / "o ut_two_layers.csv")["what"].tolist() == ["fit_many"]
