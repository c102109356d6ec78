"""What is noted beside a table of results."""

import json

from nalu_helpers import results


def test_the_cores_that_are_noted_are_those_a_container_lets_us_use(tmp_path, monkeypatch):
    """joblib reads the limits of cgroups and affinity, and can be told of one by LOKY_MAX_CPU_COUNT."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    results.note_origin(tmp_path / "table.csv", "a command")
    assert json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["machine"].endswith(", 1 cores")
