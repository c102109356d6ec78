"""The command line: its tables, what happens when it is killed, loses a worker or a disk, and what it refuses."""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nalu_helpers import _tensorflow, benchmark, data, field, metrics, results, speed

ROOT = Path(__file__).parent.parent
PATIENCE = 1200  # seconds: a machine may be slow, or busy with other things
SMALL = ["--unit", "NAC", "NAU", "--operation", "add", "--range=1,2", "--seeds", "30", "--steps", "40"]


def main(*arguments, output):
    return benchmark.main(["single-module", *arguments, "--output", str(output)])


@contextlib.contextmanager
def in_a_process(*arguments, output):
    command = [sys.executable, "-m", "nalu_helpers.benchmark", "single-module", *arguments, "--output", str(output)]
    listens = None if sys.platform == "win32" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # also where the tests do not
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listens)
    try:
        yield process
    finally:  # a test that fails leaves no process behind, which would fail another test
        process.kill()
        process.communicate()


def wait_for(what, is_there):
    end = time.monotonic() + PATIENCE
    while not is_there():
        assert time.monotonic() < end, f"{what} did not appear"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed") / "table.csv"
    assert main(*SMALL, output=output) == 0
    return output


def test_the_table_has_a_row_for_every_run(undisturbed):
    table = pd.read_csv(undisturbed, comment="#")
    assert len(table) == 2 * 30 and not table.duplicated(field.KEY).any()
    assert set(table["operation"]) == {"add"} and set(table["train"]) == {"[1, 2]"} and set(table["test"]) == {"[2, 6]"}
    np.testing.assert_array_equal(table["solved"], table["extrapolation"] < table["threshold"])


def test_how_it_was_made_stands_beside_it(undisturbed):
    origin = json.loads(undisturbed.with_suffix(".json").read_text(encoding="utf-8"))
    assert origin["command"].startswith("python -m nalu_helpers.benchmark single-module --unit NAC NAU")
    assert set(origin["versions"]) >= {"python", "tensorflow", "keras", "numpy"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("name", [pytest.param("SIGKILL", marks=pytest.mark.slow), "SIGINT"])
def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bytes(undisturbed, tmp_path, name):
    output, how = tmp_path / "table.csv", getattr(signal, name)
    with in_a_process(*SMALL, output=output) as process:
        wait_for(output.name, output.exists)
        process.send_signal(how)
        said = process.communicate(timeout=PATIENCE)[1]
    before = output.read_bytes()
    assert process.returncode == (130 if how == signal.SIGINT else -how), said
    assert len(before) < len(undisturbed.read_bytes())
    if how == signal.SIGINT:
        assert "the same command goes on from there" in said and "Traceback" not in said
    assert main(*SMALL, output=output) == 0
    assert output.read_bytes() == undisturbed.read_bytes()
    assert before.count(b"\n") >= 26


def test_what_is_there_is_not_run_again_and_more_seeds_are_added(undisturbed, tmp_path, monkeypatch):
    output = tmp_path / "table.csv"
    output.write_bytes(undisturbed.read_bytes())
    done = []
    monkeypatch.setattr(field, "run_chunk", lambda unit, *rest, progress: done.append((unit, rest[2])) or RUN_CHUNK(unit, *rest))
    assert main(*SMALL, output=output) == 0 and done == []
    assert not output.with_suffix(".json").exists(), "who makes nothing is not its origin"
    more = [*SMALL[:-3], "51", *SMALL[-2:]]
    assert main(*more, output=output) == 0
    assert done == [(unit, seeds) for unit in ("NAC", "NAU") for seeds in (list(range(25, 50)), [50])]
    assert len(pd.read_csv(output, comment="#")) == 2 * 51
    assert "--seeds 51" in json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))["command"]


RUN_CHUNK = field.run_chunk


@pytest.mark.slow
def test_a_cluster_gives_the_same_table_and_a_killed_worker_costs_only_its_chunk(undisturbed, tmp_path):
    distributed = pytest.importorskip("distributed")
    output = tmp_path / "table.csv"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        with in_a_process(*SMALL, "--scheduler", cluster.scheduler_address, output=output) as process:
            victim = list(cluster.workers.values())[0]
            wait_for("a chunk on the cluster", lambda: cluster.scheduler.tasks)
            os.kill(victim.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert output.read_bytes() == undisturbed.read_bytes()


@pytest.mark.slow
def test_an_unreachable_scheduler_is_reported(tmp_path, capsys):
    pytest.importorskip("distributed")
    with pytest.raises(SystemExit) as stopped:
        main(*SMALL, "--scheduler", "tcp://127.0.0.1:9", output=tmp_path / "t.csv")
    assert stopped.value.code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_a_full_disk_loses_nothing(undisturbed, tmp_path, monkeypatch, capsys):
    output = tmp_path / "table.csv"
    lines = undisturbed.read_text(encoding="utf-8").splitlines(keepends=True)
    output.write_text("".join(lines[:28]), encoding="utf-8")
    before = output.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit) as stopped:
        main(*SMALL, output=output)
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and "could not be written (No space left on device)" in said and "is still there" in said
    assert output.read_bytes() == before and list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("text", ["", "unit,operation\n", "# nalu_helpers single-module 0: 40 steps\nunit\n1\n", "\x00\xff", None])
def test_another_or_a_damaged_file_is_left_alone(undisturbed, tmp_path, text, capsys):
    output = tmp_path / "table.csv"
    output.write_text(undisturbed.read_text(encoding="utf-8")[:-30] if text is None else text, encoding="latin-1")
    before = output.read_bytes()
    with pytest.raises(SystemExit) as stopped:
        main(*SMALL, output=output)
    assert stopped.value.code == 2 and output.read_bytes() == before
    assert "made by another version or with other settings, or is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--unit", "NMUU"], "unit is 'NMUU', known are: 'NAC', .* Did you mean 'NMU'"),
        (["--unit", "nalu"], "Did you mean 'NALU'"),
        (["--operation", "modulo"], r"operation is 'modulo', known are"),
        (["--unit", "NMU", "--operation", "add"], "NMU does not enter add in this benchmark, these do: NAC, NALU, GNALU, NAU, INALU"),
        (["--range=-1,1"], r"range -1,1 is unknown, known are: \[-20, -10\], "),
        (["--range=a,b"], "range a,b is unknown, known are:"),
        (["--seeds", "0"], "seeds is 0, expected a whole number"),
        (["--steps", "-5"], "steps is -5, expected a whole number"),
        (["--batch", "0"], "batch is 0, expected a whole number"),
        (["--learning-rate", "nan"], "learning_rate is nan"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, words, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(*arguments, output=tmp_path / "t.csv")
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and len(said.strip().splitlines()) == 1
    assert pd.Series([said]).str.contains(words)[0]
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("command", [[], ["training"], ["throughput"], ["single-module"], ["paper"]], ids=" ".join)
def test_help_has_only_characters_that_a_western_console_has(command, capsys):
    with pytest.raises(SystemExit):
        benchmark.main([*command, "--help"])
    assert capsys.readouterr().out.encode("cp1252").startswith(b"usage: python -m nalu_helpers.benchmark")


def test_help_is_printed_on_a_console_that_lacks_characters():
    command = [sys.executable, "-m", "nalu_helpers.benchmark", "throughput", "--help"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout
    assert said.startswith(b"usage: python -m nalu_helpers.benchmark") and b"runs ? steps" in said


def test_a_summary_is_made_of_any_table_of_runs():
    runs = pd.DataFrame(
        {"unit": "NAC", "operation": "add", "train": "[1, 2]", "solved": True, "solved_at": 1000.0, "sparsity_error": [0.1, 0.7]}
    )
    (row,) = field.summary(runs).to_dict("records")
    assert row["sparsity_error"] == pytest.approx(0.4) and np.isnan(row["sparsity_error_low"]) and row["success_rate"] == 1


@pytest.mark.slow
def test_training_is_measured_beside_the_plain_loop(capsys):
    assert benchmark.main(["training", "--steps", "500", "--rounds", "1"]) == 0
    assert "plain loop" in capsys.readouterr().out


def test_throughput_is_measured_beside_one_model_at_a_time(monkeypatch):
    monkeypatch.setattr(speed, "_one_at_a_time", functools.partial(speed._one_at_a_time, steps=20))
    table = speed.throughput(run_steps=32_000, counts=(1, 9))
    assert table["runs"].tolist() == ["one at a time", 1, 9] and (table["compiled"] > 0).all()


def test_two_layers_are_measured_beside_drawing_alone_and_one_at_a_time(monkeypatch):
    asked = {}

    def watched(make_model, draw, **settings):
        asked.update(settings, inputs=make_model().input_shape, drawn=draw(np.random.default_rng(0), 3)[0])
        return training_of_many(make_model, draw, **settings)

    training_of_many = speed.fit_many
    monkeypatch.setattr(speed, "fit_many", watched)
    monkeypatch.setattr(speed, "_one_at_a_time", functools.partial(speed._one_at_a_time, steps=20))
    for name, value in (("SECONDS", 0.1), ("SEEDS", 3), ("BATCH", 8), ("INPUTS", 4)):
        monkeypatch.setattr(speed, name, value)
    rates = speed.two_layers()
    assert rates.index.tolist() == ["drawing the numbers alone", "fit_many", "one at a time"]
    assert asked["drawn"].shape == (3, 8, 4) and asked["inputs"] == (None, 4) and list(asked["seeds"]) == [0, 1, 2]
    assert sum(steps for _, steps in asked["progress"].marks) == 3 * asked["steps"]  # every run-step is counted, and no other
    assert rates.loc["fit_many", "run-steps a second"] == asked["progress"].rate()
    each = rates["run-steps a second"]
    np.testing.assert_allclose(rates["times one at a time"], each / each["one at a time"])
    assert (each > 0).all()
    assert speed._of_two_sums(np.array([[1.0, 2, 3, 4]])).numpy().tolist() == [[21]]


@pytest.mark.parametrize(
    "operation, error",
    [("+", 8 * 1e-4), ("-", 8 * 1e-4), ("*", 16 * (1 - (1 - 1e-4) ** 2)), ("/", 1 - (1 - 1e-4) / (1 + 1e-4))],
)
def test_the_threshold_is_the_squared_error_of_an_almost_perfect_unit(operation, error):
    """On a range so narrow that x₁ = x₂ = 4: δ·8 for + and −, 16·(1 − (1 − δ)²) for ×, 1 − (1 − δ)/(1 + δ) for ÷."""
    assert metrics.success_threshold(operation, (3.9999, 4.0001)) == pytest.approx(error**2, rel=1e-3)


def test_thresholds_of_plus_and_minus_agree_and_the_one_of_division_is_analytic():
    assert metrics.success_threshold("+", (2, 6)) == pytest.approx(metrics.success_threshold("-", (2, 6)))
    mean_square = np.mean(np.linspace(2, 6, 10_001) ** 2)
    assert metrics.success_threshold("+", (2, 6)) == pytest.approx(1e-4**2 * (2 * mean_square + 2 * 4 * 4), rel=2e-3)  # δ²·E(x₁ + x₂)²
    shrink = (1 - 1e-4) / (1 + 1e-4) - 1
    mean_inverse_square = 1 / (2 * 6)
    assert metrics.success_threshold("/", (2, 6)) == pytest.approx(shrink**2 * mean_square * mean_inverse_square, rel=5e-3)


def test_the_gamma_interval_covers_the_mean_about_as_often_as_it_says():
    """95 of 100 for large samples, 94 for samples of 20: that is what profile likelihood promises. 200 samples tell that to within 4."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        _, low, high = metrics.mean_interval(rng.gamma(4, 500, 20), "gamma")
        hits.append(low <= 2000 <= high)
    assert 0.90 <= np.mean(hits) <= 0.98


def test_the_beta_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        _, low, high = metrics.mean_interval(rng.beta(2, 30, 25) / 2, "beta")
        hits.append(low <= 1 / 32 <= high)
    assert 0.90 <= np.mean(hits) <= 0.98


def test_the_mean_of_a_gamma_is_the_mean_and_few_or_equal_values_have_plain_answers():
    steps = np.array([1000.0, 3000, 2000, 5000])
    mean, low, high = metrics.mean_interval(steps, "gamma")
    assert mean == pytest.approx(steps.mean(), rel=1e-3) and low < mean < high
    assert metrics.mean_interval([7.0, 7.0], "gamma") == (7, 7, 7)
    assert metrics.mean_interval([7.0], "gamma")[0] == 7 and np.isnan(metrics.mean_interval([7.0], "gamma")[1])
    assert np.isnan(metrics.mean_interval([], "beta")).all()


@pytest.mark.parametrize("unit, operation", [("NMU", "*"), pytest.param("NAU", "+", marks=pytest.mark.slow)])
def test_a_sample_of_the_stored_table_comes_out_again(unit, operation):
    """A unit and two ranges, five seeds: what solves it in results/ does so here; another processor may turn one run in ten."""
    stored = pd.read_csv(ROOT / "results" / "single_module.csv", comment="#")
    pairs = [data.BENCHMARK_RANGES[i] for i in (5, 6)]
    again = field.run_chunk(unit, operation, pairs, range(5))
    rows = stored.merge(again, on=field.KEY, suffixes=("", "_again"))
    assert len(rows) == 10
    assert (rows["solved"] == rows["solved_again"]).mean() >= 0.9
    np.testing.assert_allclose(rows["threshold"], rows["threshold_again"], rtol=1e-6)
    np.testing.assert_allclose(rows["solved_at"], rows["solved_at_again"], rtol=0.2, atol=1001)


def test_the_stored_table_is_complete():
    stored = pd.read_csv(ROOT / "results" / "single_module.csv", comment="#")
    wanted = {(unit, field.WORDS[operation]) for unit, entry in field.UNITS.items() for operation in entry.operations}
    runs = stored.groupby(["unit", "operation", "train"]).size()
    assert set(runs.index.droplevel("train")) == wanted and len(runs) == 9 * len(wanted) and (runs == 25).all()
    origin = json.loads((ROOT / "results" / "single_module.json").read_text(encoding="utf-8"))
    assert origin["command"] == "python -m nalu_helpers.benchmark single-module --output results/single_module.csv"


@pytest.fixture
def toy(monkeypatch):
    """An experiment of two pieces that notes what it was asked to run, in the place of the paper's."""
    module = types.ModuleType("nalu_helpers.paper.toy")
    module.KEY, module.CHUNKS, module.SEEDS, module.STEPS, module.asked = ["task", "model"], [("b", "NAC"), ("a", "NALU")], 3, 10, []

    def run(task, model, *, seeds, steps, progress):
        module.asked.append((task, model, list(seeds)))
        progress.update(len(seeds) * steps)
        rows = [(task, model, seed, length, (seed + 1) * length / 3) for seed in seeds for length in (10, 100)]
        return pd.DataFrame(rows, columns=["task", "model", "seed", "length", "error"])

    module.run = run
    monkeypatch.setitem(sys.modules, "nalu_helpers.paper.toy", module)
    monkeypatch.setattr(benchmark, "EXPERIMENTS", ("toy",))
    return module


def test_the_papers_tables_go_on_where_they_were_and_end_with_the_same_bytes(toy, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert benchmark.main(["paper", "--output", str(whole)]) == 0
    assert toy.asked == [("b", "NAC", [0, 1, 2]), ("a", "NALU", [0, 1, 2])]
    table = pd.read_csv(whole / "paper_toy.csv", comment="#")
    assert table[["task", "seed", "length"]].head(3).values.tolist() == [["b", 0, 10], ["b", 0, 100], ["b", 1, 10]] and len(table) == 12
    origin = json.loads((whole / "paper_toy.json").read_text(encoding="utf-8"))
    assert origin["command"].startswith("python -m nalu_helpers.benchmark paper")

    toy.CHUNKS.reverse()
    benchmark.paper(parts, seeds=2)
    toy.CHUNKS.reverse()
    toy.asked.clear()
    benchmark.paper(parts)
    assert toy.asked == [("b", "NAC", [2]), ("a", "NALU", [2])]
    assert (parts / "paper_toy.csv").read_bytes() == (whole / "paper_toy.csv").read_bytes()
    benchmark.paper(parts)
    assert len(toy.asked) == 2


def almost_full(tmp_path, lines):
    """Two files like Linux' own: so many pieces of memory are in use, of 1,000."""
    (tmp_path / "maps").write_text("a line\n" * lines, encoding="utf-8")
    (tmp_path / "most").write_text("1000\n", encoding="utf-8")
    return tmp_path / "maps", tmp_path / "most"


@pytest.mark.slow
def test_a_command_goes_on_in_a_new_process_when_this_one_is_full(tmp_path):
    maps, most = almost_full(tmp_path, 950)
    asked = ["single-module", *SMALL[:1], "NAC", *SMALL[3:6], "--seeds", "2", "--steps", "10", "--output", str(tmp_path / "table.csv")]
    code = f"""
import runpy, sys
from pathlib import Path
from nalu_helpers import _tensorflow
_tensorflow.MAPS, _tensorflow.MOST_MAPS = Path({str(maps)!r}), Path({str(most)!r})  # of this process alone
sys.argv = ["benchmark", *{asked!r}]
runpy.run_module("nalu_helpers.benchmark", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-500:]
    assert len(pd.read_csv(tmp_path / "table.csv", comment="#")) == 2


def test_a_piece_of_a_papers_table_is_begun_only_where_there_is_room_for_it(toy, tmp_path, monkeypatch):
    for name, path in zip(("MAPS", "MOST_MAPS"), almost_full(tmp_path, 600), strict=True):
        monkeypatch.setattr(_tensorflow, name, path)
    with pytest.raises(_tensorflow.TooManyLoops, match="600 of its 1,000 pieces of memory are taken"):
        benchmark.paper(tmp_path, experiments=["toy"])


def test_the_papers_command_refuses_what_it_cannot_use(toy, tmp_path, capsys):
    (tmp_path / "paper_toy.csv").write_text("task,model\n", encoding="utf-8")
    for arguments, words in (
        (["--experiment", "toys"], "experiment is 'toys', known are: 'toy'. Did you mean 'toy'?"),
        (["--seeds", "0"], "seeds is 0"),
        (["--steps", "-1"], "steps is -1"),
        ([], "made by another version or with other settings, or is damaged"),
    ):
        with pytest.raises(SystemExit) as stopped:
            benchmark.main(["paper", *arguments, "--output", str(tmp_path)])
        assert stopped.value.code == 2 and words in capsys.readouterr().err
    assert toy.asked == []


@pytest.mark.parametrize("name", benchmark.EXPERIMENTS)
def test_the_papers_stored_tables_are_complete(name):
    module = importlib.import_module(f"nalu_helpers.paper.{name}")
    path = ROOT / "results" / f"paper_{name}.csv"
    assert path.read_text(encoding="utf-8").startswith(f"# nalu_helpers paper {name} 1: {module.STEPS} steps\n")
    there = set(map(tuple, pd.read_csv(path, comment="#")[[*module.KEY, "seed"]].to_numpy().tolist()))
    seeds = [*range(module.SEEDS), *getattr(module, "CHOOSE", ())]  # and those that chose a setting, where there are any
    assert there == {(*chunk, seed) for chunk in module.CHUNKS for seed in seeds}
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["command"].startswith("python -m nalu_helpers.benchmark paper")


def test_the_processor_time_of_all_pieces_of_a_table_is_noted_and_left_out_where_it_is_not_known(tmp_path):
    table, origin = tmp_path / "table.csv", tmp_path / "table.json"

    def a_piece(text, seconds):
        with results.noted([table], "command"):
            table.write_text(text, encoding="utf-8")
            begin = time.process_time()
            while time.process_time() < begin + seconds:
                sum(range(1000))
        return json.loads(origin.read_text(encoding="utf-8")).get("processor_seconds")

    assert a_piece("one", 0.6) == 1
    assert a_piece("two", 1.6) == 3
    origin.write_text(json.dumps({"command": "an older version, which noted none"}), encoding="utf-8")
    assert a_piece("three", 0.6) is None


def test_units_and_operations_are_taken_from_any_collection_each_once():
    once = [("NAU", "+"), ("NAC", "+")]
    for units in (["NAU", "NAC"], iter(["NAU", "NAC"]), np.array(["NAU", "NAC"]), ["NAU", "NAC", "NAU"]):
        assert field.pairs(units, iter(["+"])) == once
    for empty in ({"units": []}, {"operations": iter(())}):
        with pytest.raises(ValueError, match="is empty: name at least one, or leave it out for all"):
            field.pairs(**{"units": None, "operations": None, **empty})
    with pytest.raises(ValueError, match="NAU does not enter mul"):
        field.pairs(iter(["NAU"]), ["*"])


def test_a_chunk_takes_ranges_once_and_no_rate_below_0():
    assert len(field.run_chunk("NAU", "+", iter(data.BENCHMARK_RANGES[6:7]), range(2), steps=3)) == 2
    with pytest.raises(ValueError, match="learning_rate is -1"):
        field.run_chunk("NAU", "+", data.BENCHMARK_RANGES[6:7], range(1), steps=3, learning_rate=-1.0)


def test_a_place_where_nothing_can_be_written_is_refused_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(field, "run_chunk", None)  # nothing is run
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="cannot be written .*: choose another place for it, or make room"):
        field.single_module(tmp_path / "file" / "table.csv", units=["NAU"], operations=["+"], seeds=1, steps=3)
    with pytest.raises(OSError, match="could not be written"):
        results.write(tmp_path / "file" / "table.csv", "a")


def test_a_table_that_is_complete_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    asked = {"units": ["NAU"], "operations": ["+"], "ranges": data.BENCHMARK_RANGES[6:7], "seeds": 1, "steps": 3}
    made = field.single_module(tmp_path / "table.csv", **asked)
    monkeypatch.setattr(results, "refuse_unwritable", None)  # not asked
    assert len(field.single_module(tmp_path / "table.csv", **asked)) == len(made) == 1
