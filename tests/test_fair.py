"""The fair comparison: what its grid holds, what may choose a setting and what may not, and the door for a unit of one's own."""

import re
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nalu_helpers import benchmark, data, fair, field, layers, metrics
from nalu_helpers.fair import FIELD, PUBLISHED, Setting
from nalu_helpers.field import CLIPPING, Entry

RANGES = [data.BENCHMARK_RANGES[6], data.BENCHMARK_RANGES[0]]
RATES = [Setting(rate) for rate in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)]
BOTH = [Setting(rate, PUBLISHED, beta_2) for beta_2 in (0.999, 0.99) for rate in (0.001, 0.01, 0.03)]  # each β₂ is a loop of its own
PAIRS = [(unit, operation) for unit, entry in FIELD.items() for operation in entry.operations]


@pytest.mark.parametrize("unit, operation", PAIRS)
def test_the_grid_has_every_setting_once_and_the_published_one_among_them(unit, operation):
    entry = FIELD[unit]
    grid = fair.grid(entry, operation)
    assert len(set(grid)) == len(grid) and fair.published(entry) in grid
    starts = {setting.start for setting in grid}
    assert len(starts) == (3 if unit in ("NAC", "NACLog", "NALU", "GNALU") else 4 if unit == "INALU" else 1)
    assert len(grid) == len(starts) * 2 * 2 * (6 + (FIELD[unit].learning_rate not in fair.RATES))


def test_a_nalu_that_starts_otherwise_has_the_benchmarks_start_in_its_grid():
    grid = fair.grid(Entry("*", lambda operation: layers.NALU(1)), "*")
    assert {setting.start for setting in grid} == {PUBLISHED, *fair.STARTS}


@pytest.mark.parametrize("unit, operation", PAIRS)
def test_every_unit_can_be_made_in_every_start_of_its_grid(unit, operation):
    for start in {setting.start for setting in fair.grid(FIELD[unit], operation)}:
        layer = fair.made(FIELD[unit], operation, Setting(0.01, start))
        hats = [
            np.abs(weight.numpy()).max() for weight in layer.trainable_variables if weight.name[0] in "WM" and weight.name.endswith("_hat")
        ]
        assert not hats or max(hats) < {PUBLISHED: 10, "benchmark": 10, "U(±0.5)": 0.5, "U(±2)": 2}[start]
        assert layer([[1.0, 2.0]]).shape == (1, 1)


def test_two_weights_do_not_start_alike():
    layer = fair.made(FIELD["NALU"], "*", Setting(0.01, "U(±2)"))
    assert not np.allclose(layer.W_hat, layer.M_hat)


def test_without_its_penalty_a_unit_adds_nothing_to_the_cost():
    for penalty in (True, False):
        layer = fair.made(FIELD["NMU"], "*", Setting(0.01, penalty=penalty))
        layer.updates.assign(40_000)
        assert (float(sum(layer.losses)) > 0) == penalty


@pytest.mark.parametrize(
    "knobs, error, sentence",
    [
        (dict(learning_rate=-0.01), ValueError, "learning_rate is -0.01, expected a finite number above 0 such as 0.001"),
        (dict(learning_rate=0), ValueError, "learning_rate is 0, expected a finite number above 0"),
        (dict(learning_rate=np.nan), ValueError, "learning_rate is nan, expected a finite number above 0"),
        (dict(learning_rate=np.inf), ValueError, "learning_rate is inf, expected a finite number above 0"),
        (dict(learning_rate="0.01"), TypeError, "learning_rate is '0.01', expected a number such as 0.001"),
        (dict(learning_rate=True), TypeError, "learning_rate is True, expected a number such as 0.001"),
        (dict(beta_2=2), ValueError, "beta_2 is 2, expected a number between 0 and 1 such as 0.999"),
        (dict(beta_2=1.0), ValueError, "beta_2 is 1.0, expected a number between 0 and 1 such as 0.999"),
        (dict(beta_2=-0.1), ValueError, "beta_2 is -0.1, expected a finite number above 0 such as 0.999"),
        (dict(beta_2=np.nan), ValueError, "beta_2 is nan, expected a finite number above 0 such as 0.999"),
        (dict(beta_2="0.99"), TypeError, "beta_2 is '0.99', expected a number such as 0.999"),
        (dict(start="far out"), ValueError, "start is 'far out', known are: 'as published', 'benchmark'"),
        (dict(clipping="hard"), ValueError, "clipping is 'hard', known are: 'none', 'value 0.1', 'norm 1'"),
        (dict(clipping=None), ValueError, "clipping is None, known are: 'none'"),
        (dict(penalty="no"), TypeError, "penalty is 'no', expected True or False"),
    ],
    ids=str,
)
def test_a_knob_is_turned_only_to_what_it_has(knobs, error, sentence):
    with pytest.raises(error) as said:
        Setting(**{"learning_rate": 0.01, **knobs})
    assert sentence in str(said.value) and "\n" not in str(said.value)
    with pytest.raises(error):
        replace(Setting(0.01), **knobs)


def test_the_words_that_a_knob_knows_stand_in_its_docstring():
    assert all(f'"{start}"' in Setting.__doc__ for start in (PUBLISHED, *fair.STARTS))
    assert all(f'"{clipping}"' in Entry.__doc__ for clipping in CLIPPING)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: fair.made(FIELD["NMU"], "*", Setting(0.01, "U(±2)")), "a NMU has no weights W…_hat and M…_hat to start from U(±2)"),
        (lambda: fair.choose(FIELD["NMU"], "*", settings=[]), "there are no settings to choose from"),
        (lambda: fair.compare(FIELD["NMU"], "*", choose_with=range(5), judge_with=range(4, 9)), "seed 4 is to choose and to judge"),
        (lambda: fair.fair("nowhere", units=["XYZ"]), "unit is 'XYZ'"),
        (lambda: fair.fair("nowhere", units=["NMU"], operations=["add"]), "NMU does not enter add"),
        (lambda: fair.fair("nowhere", steps=0), "steps is 0"),
        (lambda: fair.fair("nowhere", judge_with=[], steps=1), "seeds is empty: give at least one"),
        (lambda: fair.compare(FIELD["NMU"], "*", judge_with=[], ranges=RANGES[:1], steps=1), "seeds is empty: give at least one"),
        (lambda: field.run_chunk("foo", "*", RANGES, [0]), "unit is 'foo', known are"),
        (lambda: field.run_chunk("NMU", "+", RANGES, [0], steps=1), "NMU does not enter add in this benchmark"),
        (
            lambda: field.single_module("nowhere.csv", units=["NAC"], operations=["+"], ranges=[((1, 2), (50, 60))], seeds=1, steps=1),
            "((1, 2), (50, 60)) is none of the benchmark's ranges: give some of data.BENCHMARK_RANGES",
        ),
        (
            lambda: field.single_module("nowhere.csv", ranges=[((2, 1), (2, 6))]),
            "train is (2, 1), expected its first end below its second: write (1, 2)",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(make, sentence):
    with pytest.raises(ValueError) as said:
        make()
    assert sentence in str(said.value)


@pytest.mark.parametrize(
    "asked, error, sentence",
    [
        (dict(operation="a*b"), ValueError, "operation is 'a*b', known are: '+', '-', '*', '/'"),
        (dict(ranges=[(1, 2)]), TypeError, "train is 1, expected two numbers (low, high)"),
        (dict(ranges=[((1, 2), (6, 2))]), ValueError, "test is (6, 2), expected its first end below its second"),
        (dict(steps=0), ValueError, "steps is 0, expected a whole number of at least 1"),
        (dict(seeds=3), TypeError, "seeds is 3, expected whole numbers such as range(3)"),
    ],
    ids=str,
)
@pytest.mark.parametrize("what", ["choose", "judge", "compare"])
def test_what_is_asked_is_looked_at_before_anything_is_trained(monkeypatch, what, asked, error, sentence):
    monkeypatch.setattr(fair, "fit_many", lambda *_, **__: pytest.fail("something was trained"))
    asked = {"operation": "*", **asked}
    if what == "judge":
        asked["settings"] = {"a": Setting(0.01)}
    if what == "compare" and "seeds" in asked:
        asked["judge_with"] = asked.pop("seeds")
    with pytest.raises(error) as said:
        getattr(fair, what)(FIELD["NMU"], **asked)
    assert sentence in str(said.value) and "\n" not in str(said.value)


def test_an_operation_may_be_spelled_and_ranges_be_lists():
    asked = {"settings": {"a": Setting(0.01)}, "seeds": [0], "steps": 4}
    lists, same = (
        fair.judge(FIELD["NMU"], operation, ranges=ranges, **asked)
        for operation, ranges in (("×", [[[1, 2], [2, 6]]]), ("*", [((1, 2), (2, 6))]))
    )
    pd.testing.assert_frame_equal(lists, same)


@pytest.mark.parametrize(
    "settings, ranges", [(RATES, RANGES[:1]), pytest.param(BOTH, RANGES, marks=pytest.mark.slow)], ids=["rates", "rates and β₂"]
)
def test_extrapolation_cannot_reach_the_choice(settings, ranges, monkeypatch):
    """Whatever the errors outside are, even if they are not there, the same setting is chosen with the same scores."""
    honest, scores = fair.fit_many, fair.scores
    asked = {"settings": settings, "seeds": range(2), "ranges": ranges, "steps": 60}
    choice = fair.choose(FIELD["NMU"], "*", **asked)

    def blind(*arguments, **named):
        runs = honest(*arguments, **named)
        return runs._replace(table=runs.table.drop(columns="extrapolation"))

    def watched(errors, *rest):
        assert set(errors) == {"learning_rate", "train", "seed", "step", "interpolation"}
        return scores(errors, *rest)

    monkeypatch.setattr(fair, "fit_many", blind)
    monkeypatch.setattr(fair, "scores", watched)
    pd.testing.assert_frame_equal(fair.choose(FIELD["NMU"], "*", **asked), choice)
    assert choice["chosen"].sum() == 1 and set(choice["steps"]) == {6, 60}


def test_a_score_is_of_the_lowest_error_of_each_run():
    level = fair._threshold("*", (1, 2))
    errors = pd.DataFrame(
        [
            (0.1, "[1, 2]", seed, step, error * level)
            for seed, path in enumerate([(9, 0.1, 5), (100, 10, np.nan)])
            for step, error in enumerate(path)
        ],
        columns=["learning_rate", "train", "seed", "step", "interpolation"],
    )
    (row,) = fair.scores(errors, "*", RANGES).to_dict("records")
    assert row == pytest.approx({"learning_rate": 0.1, "inside": 0.5, "error": 0})


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-3, 6)), min_size=1, max_size=40))
def test_where_a_setting_is_as_good_early_as_late_the_best_is_never_dropped(scored):
    settings = {Setting(0.001 * (1 + i)): {"inside": inside / 5, "error": error} for i, (inside, error) in enumerate(scored)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fair, "_scored", lambda entry, operation, alive, *_: [(setting, settings[setting]) for setting in alive])
        choice = fair.choose(FIELD["DMU"], "*", settings=list(settings))
    best = max(scored, key=lambda score: (score[0], -score[1]))
    chosen = choice[choice["chosen"]].iloc[0]
    assert (round(5 * chosen["inside"]), chosen["error"]) == best


@pytest.mark.slow
def test_dropping_settings_early_chooses_one_as_good_as_the_whole_grid_does():
    """On real runs: the NAC that subtracts, whose start and rate decide."""
    entry, asked = FIELD["NAC"], {"seeds": range(4), "ranges": [data.BENCHMARK_RANGES[6]], "steps": 2000}
    choice = fair.choose(entry, "-", **asked)
    best = choice[choice["chosen"]].iloc[0]
    scored = fair._scored(entry, "-", fair.grid(entry, "-"), **asked, progress=False)
    whole = fair.ranked(pd.DataFrame([score for _, score in scored]))
    assert best[["inside", "error"]].tolist() == whole.loc[0, ["inside", "error"]].tolist() == [1, whole["error"].min()]
    assert whole["inside"].min() == 0 and (choice["steps"] < 2000).sum() > 60  # some settings never arrive, and most are dropped early


@pytest.mark.parametrize("grid", ["two rates", pytest.param("whole", marks=pytest.mark.slow)])
def test_a_unit_of_ones_own_is_compared_and_its_rows_can_be_made_again(grid, monkeypatch):
    if grid == "two rates":  # each β₂, clipping and penalty is a loop of its own to compile
        monkeypatch.setattr(fair, "grid", lambda *_: [Setting(0.01), Setting(0.1)])
    mine = Entry("+", lambda operation: keras.layers.Dense(1), learning_rate=0.01)
    choice, runs = fair.compare(mine, "+", choose_with=[0], judge_with=[100], ranges=RANGES, steps=40)
    assert {"published", "best"} <= set(runs["setting"]) and (runs.groupby("setting").size() == 2).all() and choice["chosen"].sum() == 1
    best = runs[runs["setting"] == "best"].iloc[0]
    assert fair.setting_of(best) == fair.setting_of(choice[choice["chosen"]].iloc[0])
    again = fair.judge(mine, "+", {"best": fair.setting_of(best)}, seeds=[100, 101], ranges=RANGES[:1], steps=40)
    pd.testing.assert_series_equal(again.iloc[0], best, check_names=False, rtol=1e-6)
    total = fair.summary(runs)
    pd.testing.assert_frame_equal(fair.summary(runs.assign(unit="mine")).drop(columns="unit"), total)
    assert (total[["solved", "near", "falling", "never"]].sum(axis=1) == total["runs"]).all()


@pytest.mark.parametrize("grid", ["one setting", pytest.param("whole", marks=pytest.mark.slow)])
def test_the_tables_are_resumed_and_a_row_of_them_is_run_again(grid, tmp_path, monkeypatch, capsys):
    if grid == "one setting":
        monkeypatch.setattr(fair, "grid", lambda entry, operation: [fair.published(entry)])
    asked = {"units": ["DMU"], "operations": ["add"], "choose_with": [0, 1], "judge_with": [100, 101], "steps": 20}
    choice, runs = fair.fair(tmp_path, **asked)
    assert (
        list(runs)[: len(fair.KEY)] == fair.KEY and (runs.groupby("setting").size() == 9 * 2).all() and set(choice["operation"]) == {"add"}
    )
    row = runs.iloc[-1]
    again = fair.rerun(row, seeds=[100, 101], steps=20)
    assert again.iloc[-1][fair.KEY].tolist() == row[fair.KEY].tolist()
    assert again.iloc[-1]["extrapolation"] == pytest.approx(row["extrapolation"], rel=1e-5)
    monkeypatch.setattr(fair, "_pair", None)  # nothing is left to run
    for table, same in zip(fair.fair(tmp_path, **asked), (choice, runs), strict=True):
        assert len(table) == len(same)
    with pytest.raises(ValueError, match="was made by another version or with other settings"):
        fair.fair(tmp_path, **{**asked, "steps": 30})
    with pytest.raises(SystemExit):
        benchmark.main(["fair", "--unit", "XYZ", "--output", str(tmp_path)])
    assert "unit is 'XYZ'" in capsys.readouterr().err


def test_among_other_numbers_the_table_has_both_settings_and_is_resumed(tmp_path, monkeypatch, capsys):
    settings = {"published": fair.published(FIELD["NAU"]), "best": Setting(0.1)}
    row = {"unit": "NAU", "operation": "add", "train": "[1, 2]", "seed": 100}
    pd.DataFrame([{**row, "setting": name, **vars(setting)} for name, setting in settings.items()]).to_csv(tmp_path / "fair.csv")
    asked = {"inputs": 3, "seeds": [100, 101], "steps": 20}
    runs = fair.redundant(tmp_path, **asked)
    assert list(runs)[: len(fair.KEY)] == fair.KEY and set(runs["operation"]) == {"add"}  # − does not stand in that fair.csv
    assert runs.groupby("setting")["learning_rate"].unique().to_dict() == {"published": [0.001], "best": [0.1]}
    assert (runs.groupby("setting").size() == 9 * 2).all()
    monkeypatch.setattr(fair, "judge", lambda *_, **__: pytest.fail("there was something left to run"))
    assert len(fair.redundant(tmp_path, **asked)) == len(runs)
    with pytest.raises(ValueError, match="was made by another version or with other settings"):
        fair.redundant(tmp_path, **{**asked, "steps": 30})
    there = pd.read_csv(tmp_path / "fair.csv")
    there.assign(learning_rate=0.2).to_csv(tmp_path / "fair.csv")
    with pytest.raises(ValueError, match="fair_among_3.csv has NAU, add in other settings than fair.csv: move it away"):
        fair.redundant(tmp_path, **asked)
    there.iloc[:1].to_csv(tmp_path / "fair.csv")
    for units in (["NAU"], ["SNMU"], None):  # none of them has both settings there
        with pytest.raises(ValueError, match="fair.csv has no published and best setting of"):
            fair.redundant(tmp_path, units=units, **asked)
    with pytest.raises(ValueError, match="seeds is empty"):
        fair.redundant(tmp_path, seeds=[])
    (tmp_path / "fair.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="there is no table of `fair` in"):
            fair.redundant(folder)
    for words, sentence in (
        (["--inputs", "2"], "inputs is 2, expected a whole number of at least 3"),
        (["--unit", "DMU"], "unit is 'DMU'"),
    ):
        with pytest.raises(SystemExit):
            benchmark.main(["redundant", *words, "--output", str(tmp_path)])
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "unit, said_of", [("NAC", r"W \S+ \S+"), pytest.param("NALU", r"W \S+ \S+, G \S+ \S+", marks=pytest.mark.slow)], ids=["NAC", "NALU"]
)
def test_curves_are_of_the_runs_that_are_judged_and_are_resumed(unit, said_of, tmp_path, monkeypatch, capsys):
    settings = {"published": fair.published(FIELD[unit]), "best": Setting(0.1, "U(±2)")}
    row = {"unit": unit, "operation": "add", "train": "[1, 2]", "seed": 100}
    pd.DataFrame([{**row, "setting": name, **vars(setting)} for name, setting in settings.items()]).to_csv(tmp_path / "fair.csv")
    asked = {"seeds": [101, 100], "steps": 3_000}
    curves = fair.curves(tmp_path, **asked)
    judged = fair.judge(FIELD[unit], "+", settings, **asked).assign(unit=unit)
    both = judged.merge(curves, on=fair.KEY, validate="one_to_one")
    assert len(both) == len(judged) == len(curves) == 2 * 2 * 9
    assert [name for name in curves if "extrapolation" in name] == ["extrapolation_1000", "extrapolation_2000", "extrapolation_3000"]
    np.testing.assert_allclose(both["extrapolation_3000"], both["extrapolation_last"], rtol=1e-5)
    assert (both["extrapolation_1000"] != both["extrapolation_2000"]).all()
    models = fair.runs_of(FIELD[unit], "+", [settings["best"]], [100], [data.BENCHMARK_RANGES[6]], 3_000, False).models
    said = curves.set_index(fair.KEY).loc[(unit, "add", "best", "[1, 2]", 100), "weights"]
    assert said == fair.weights_of(models[0]) and re.fullmatch(said_of, said)
    monkeypatch.setattr(fair, "_ways", lambda *_, **__: pytest.fail("there was something left to run"))
    assert len(fair.curves(tmp_path, **asked)) == len(curves)
    for folder, words, sentence in (
        (tmp_path, ["--unit", "XYZ"], "unit is 'XYZ'"),
        (tmp_path, ["--unit", "NAU"], "fair.csv has no published and best setting of NAU, add"),
        (tmp_path / "nowhere", [], "there is no table of `fair` in"),
    ):
        with pytest.raises(SystemExit):
            benchmark.main(["curves", *words, "--output", str(folder)])
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "unit, operation, said",
    [
        ("NAC", "+", "W # #"),
        ("NACLog", "/", "W # #"),
        ("GNALU", "*", "W # #, G # #"),
        ("NMU", "*", "W # #"),
        ("INALU", "*", "W_a # #, W_m # #, g #"),
        ("NPU", "/", "W_real # #, W_imag # #, g # #"),
        ("RealNPUModified", "/", "W # #, g # #"),
        ("NMRU", "/", "W # # # #"),
        ("MCFC", "*", "R # #, v #, b #, c #"),
        ("DMU", "-", "σ(g) #, g #"),
    ],
)
def test_the_weights_of_every_unit_are_said_by_their_names(unit, operation, said):
    layer = fair.made(FIELD[unit], operation, fair.published(FIELD[unit]))
    text = fair.weights_of(layer)
    number = r"(?<=[^,] )[^ ,]+"
    assert re.sub(number, "#", text) == said
    numbers = [float(value) for value in re.findall(number, text)]
    matrices = np.concatenate([np.ravel(W) for W in layer.matrices()])
    np.testing.assert_allclose(numbers[: len(matrices)], matrices, rtol=1e-3, atol=1e-9)


def test_matrices_without_names_are_numbered():
    layer = layers.NALU(1, separate_weights=True)
    layer.build((None, 2))
    assert re.fullmatch(r"W_1 \S+ \S+, W_2 \S+ \S+, G \S+ \S+", fair.weights_of(layer))


class TwoMatrices(layers.Unit):
    """A unit as a reader writes one, with two matrices that have names of their own, and no W."""

    def build(self, input_shape):
        super().build(input_shape)
        self.W_1, self.V = self.weight("W_1", "glorot_uniform"), self.weight("V", "glorot_uniform")

    def call(self, x):
        return keras.ops.matmul(x, self.W_1) + keras.ops.matmul(x, self.V)


class ToldMatrices(TwoMatrices):
    def matrices(self):
        return [self.V, self.W_1]


class NPU(TwoMatrices):
    """One that is called as another is, and whose W is computed."""

    @property
    def W(self):
        return self.W_1 + self.V


@pytest.mark.parametrize(
    "make, said, tidy",
    [
        (lambda: TwoMatrices(1), "W_1 # #, V # #", False),
        (lambda: ToldMatrices(1), "V # #, W_1 # #", True),
        (lambda: NPU(1), "W # #, W_1 # #, V # #", True),
        (lambda: keras.layers.Dense(1), "kernel # #, bias #", False),
        (lambda: keras.Sequential([layers.NAU(2), layers.NMU(1)]), "W_1 # # # #, W_2 # #", True),
    ],
    ids=["no W", "two matrices", "another's name", "Keras", "two layers"],
)
def test_a_unit_of_ones_own_is_judged_and_its_weights_are_said_whatever_they_are_called(make, said, tidy, monkeypatch):
    monkeypatch.setattr(data, "BENCHMARK_RANGES", RANGES[:1])
    asked = Entry("+", lambda operation: make()), "+", {"published": Setting(0.01)}
    runs, ways = fair.judge(*asked, seeds=[0], ranges=RANGES[:1], steps=2), fair._ways(*asked, seeds=[0], steps=2, progress=False)
    assert re.sub(r"(?<=[^,] )[^ ,]+", "#", ways["weights"].item()) == said
    assert np.isfinite(runs["sparsity_error"].item()) == tidy


def test_among_ten_numbers_a_nac_starts_as_narrow_as_the_benchmark_wants_it():
    widths = {inputs: layers.benchmark_start(inputs, 1).maxval for inputs in (2, 10)}
    assert widths[10] < widths[2]
    for start in (PUBLISHED, "benchmark"):
        layer = fair.made(FIELD["NAC"], "+", Setting(0.01, start), inputs=10)
        assert layer.W_hat.shape == (10, 1) and 0.7 * widths[10] < np.abs(layer.W_hat.numpy()).max() <= widths[10]


def test_a_knob_is_put_back_alone():
    first, best = Setting(0.001), Setting(0.1, "U(±2)", 0.99)
    assert fair.between(first, best) == {
        "best, learning_rate as published": Setting(0.001, "U(±2)", 0.99),
        "best, start as published": Setting(0.1, beta_2=0.99),
        "best, beta_2 as published": Setting(0.1, "U(±2)"),
    }
    assert fair.between(first, first) == fair.between(first, Setting(0.1)) == {}


def test_the_nac_family_is_published_with_the_benchmarks_start():
    """So that the start is not tried twice, and the published setting is the benchmark's own."""
    for unit in ("NAC", "NACLog", "NALU", "GNALU"):
        layer = FIELD[unit].make("+")
        assert isinstance(layer, layers.NAC) and layer.W_hat_initializer.maxval == layers.benchmark_start(2, 1).maxval


@pytest.mark.parametrize(
    "published, best, verdict",
    [
        ((20, 2), (20, 2), "holds"),
        ((20, 2), (20, 20), "the setting's merit"),
        ((20, 2), (2, 20), "the setting's merit"),
        ((20, 20), (20, 2), "only at its best"),
        ((20, 20), (20, 18), "no lead seen"),
        ((20, 20), (2, 20), "the older is ahead"),
    ],
)
def test_a_claim_holds_when_the_newer_unit_is_ahead_in_both_settings(published, best, verdict):
    rows = [
        {"unit": unit, "operation": "mul", "setting": setting, "train": "[1, 2]", "seed": seed, "solved": seed < count}
        for setting, counts in (("published", published), ("best", best))
        for unit, count in zip(("NMU", "NACLog"), counts, strict=True)
        for seed in range(25)
    ]
    (row,) = fair.claims(pd.DataFrame(rows), [("NMU", "NACLog", "mul")]).to_dict("records")
    assert row["verdict"] == verdict and row["best"] == f"{best[0]} to {best[1]}"
    assert row["published, seeds"] == f"{max(published[0] - published[1], 0)} to {max(published[1] - published[0], 0)}"


def test_the_nine_ranges_of_a_seed_are_not_nine_trials():
    rows = [
        {"unit": unit, "operation": "mul", "setting": setting, "train": train, "seed": seed, "solved": unit == "NMU" or seed > 3}
        for unit in ("NMU", "NACLog")
        for setting in ("published", "best")
        for train in range(9)
        for seed in range(25)
    ]
    (row,) = fair.claims(pd.DataFrame(rows), [("NMU", "NACLog", "mul")]).to_dict("records")
    assert row["best"] == "225 to 189" and row["best, seeds"] == "4 to 0" and row["verdict"] == "no lead seen"


def test_two_ranges_to_test_on_are_judged_apart():
    two = [((1, 2), (2, 6)), ((1, 2), (50, 60))]
    asked = {"ranges": two, "seeds": [0], "steps": 20}
    for runs in (fair.judge(FIELD["NMU"], "*", {"best": Setting(0.01)}, **asked), field.run_chunk("NMU", "*", **asked)):
        assert runs["test"].tolist() == ["[2, 6]", "[50, 60]"]
        assert runs["threshold"].tolist() == pytest.approx([metrics.success_threshold("*", test) for _, test in two])
        assert runs["extrapolation"].nunique() == 2


def test_seeds_may_be_a_generator_and_a_setting_without_its_penalty_may_be_among_those_to_choose_from():
    setting = Setting(0.01)
    both = [setting, replace(setting, penalty=False)]
    ask = {"ranges": RANGES[:1], "steps": 20}
    choice = fair.choose(FIELD["NMU"], "*", seeds=(seed for seed in (0, 1)), settings=both, **ask)
    assert len(choice) == 2 and choice["penalty"].nunique() == 2
    runs = fair.judge(FIELD["NMU"], "*", dict(zip("ab", both, strict=True)), seeds=(seed for seed in (0, 1)), **ask)
    assert runs[["setting", "seed"]].to_numpy().tolist() == [["a", 0], ["a", 1], ["b", 0], ["b", 1]]


@pytest.mark.slow
def test_a_unit_of_your_own_is_added_to_a_folder_that_holds_others(tmp_path, monkeypatch):
    """A unit that is none of `entries` stays in the tables, behind those that are."""
    monkeypatch.setattr(fair, "grid", lambda entry, operation: [fair.published(entry)])
    asked = {"choose_with": [0], "judge_with": [100], "steps": 4}
    fair.fair(tmp_path, units=["NAC"], operations=["add"], **asked)
    choice, runs = fair.fair(tmp_path, entries={"mine": Entry("+", lambda operation: keras.layers.Dense(1))}, **asked)
    for table in (choice, runs, pd.read_csv(tmp_path / "fair.csv", comment="#")):
        assert list(dict.fromkeys(table["unit"])) == ["mine", "NAC"]


@pytest.mark.parametrize("claim", [("NALUU", "NAC", "add"), ("NAC", "NALUU", "add"), ("NAC", "NALU", "+")], ids=str)
def test_a_claim_about_what_was_not_run_is_refused(claim):
    runs = [
        {"unit": unit, "operation": "add", "setting": setting, "seed": seed, "solved": True}
        for unit in ("NAC", "NALU")
        for setting in ("published", "best")
        for seed in range(3)
    ]
    with pytest.raises(ValueError, match="no seed of both"):
        fair.claims(pd.DataFrame(runs), [claim])
    assert fair.claims(pd.DataFrame(runs[:-1]), [("NAC", "NALU", "add")])["best"].item() == "2 to 2"
