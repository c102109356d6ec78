"""Figures say in words what they show and leave the reader's settings alone; exercises know right from wrong."""

import contextlib
import functools
import io
import itertools
import re
import struct
from pathlib import Path

import keras
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nalu_helpers import NAC, NALU, benchmark, checks, data, plots


def built(unit):
    unit.build((None, 2))
    return unit


def doubling(middle, w):
    """Two NACs in a row that make 2x of x when middle · w² is 2."""
    model = keras.Sequential([keras.Input((1,)), NAC(middle), NAC(1)])
    model.set_weights([np.full(weight.shape, np.arctanh(w) if i % 2 == 0 else 50) for i, weight in enumerate(model.weights)])
    return model


x = np.linspace(-10, 10, 50)
PAIRS = np.random.default_rng(0).uniform(1, 2, (50, 2))
SUMMARY = pd.read_csv(Path(__file__).parent.parent / "results" / "single_module_summary.csv")
SETTINGS = pd.DataFrame({"operation": "add", "unit": ["a", "a", "b", "b"], "setting": ["published", "best"] * 2})
SETTINGS[["success_rate", "success_low", "success_high"]] = [0.5, 0.4, 0.6]
NAMES = ["ReLU6", "linear", "NAC", "NAU", "NMU", "NALU", "NALU, own gate", "NALU, own weights", "NALU, repaired", "constant guess"]
ERRORS = pd.DataFrame(np.geomspace(0.01, 1e7, 60).reshape(6, 10), index=["a + b", "a − b", "a × b", "a / b", "a²", "√a"], columns=NAMES)
PROGRAM = "if 33 < 50 then 71 + 20 else 44 - 10 + 12 - 7".split()
PHRASE = "seven hundred and seventy seven"
SEEDS_TABLE = pd.DataFrame({"model": ["a", "a", "b", "b"], "seed": 0, "terms": [1, 9, 1, 9], "scaled": [1.0, 2.0, 9.0, 90.0]})
FIGURES = {
    "cost": lambda: plots.cost(np.logspace(5, 0, 30), title="Cost", marks={10: "here", None: "never"}),
    "cost of units": lambda: plots.cost({"NAC": np.logspace(5, 0, 30), "NAU": np.r_[np.ones(9), np.zeros(21)]}, "Cost", every=50),
    "memory": lambda: plots.memory(np.r_[0.0, np.logspace(9, 0, 29)], np.logspace(8, 7, 30), title="Memory"),
    "cost of seeds": lambda: plots.cost(np.ones((30, 4)), title="Cost", solved=[True, True, False, True]),
    "curves": lambda: plots.curves(x, {"one": x, "many": np.stack([x, x + 1])}, inside=(-5, 5), truth=x, title="Curves"),
    "log curves": lambda: plots.curves(np.logspace(0, 3, 9), {"one": np.arange(9)}, inside=(0, 20), log=True, title="Curves"),
    "errors": lambda: plots.errors({"a": [0.1, 0.2]}, {"a": [1.0, 0.0]}, title="Errors"),
    "matrices of a NAC": lambda: plots.matrices(built(NAC(1)), title="W"),
    "matrices of a NALU": lambda: plots.matrices(built(NALU(3)), title="W"),
    "weight surface": plots.weight_surface,
    "path on the surface": lambda: plots.weight_surface(path=np.linspace([[0, 0], [1, -1]], [[5, 5], [-7, 3]], 9), title="Path"),
    "histograms": lambda: plots.weight_histograms({"a": np.zeros((2, 2)), "b": np.ones(3), "c": np.full(3, 9)}, title="W"),
    "valley": lambda: plots.valley({"+": data.article("+")}, {"+": [[1, 1], [0, 0]]}, title="Valley"),
    "two valleys": lambda: plots.valley(dict.fromkeys("+-", data.article("+")), {"+": [[1, 1], [9, 9]], "-": [[1, 1]]}, "Valleys"),
    "log path": plots.log_path,
    "gates": lambda: plots.gates([1e-4, 1.0], [-700.0, 700.0], [1e-5, 1e-3], title="Gates"),
    "lines": lambda: plots.lines(x, {"one": x, "two": -x}, title="Lines"),
    "rates": lambda: plots.rates({"some": [True, False], "none": [False] * 9}, title="Rates"),
    "gate paths": lambda: plots.gate_paths([0, 5, 10], np.random.default_rng(0).uniform(-9, 9, (3, 4)), [True, False, True, True], "Gates"),
    "gate surface": lambda: plots.gate_surface(PAIRS, PAIRS.prod(axis=1, keepdims=True), [([0, 1], [1, 0], True)], title="Surface"),
    "success tables": lambda: plots.success_tables(SUMMARY),
    "benchmark": lambda: plots.benchmark(SUMMARY, "mul", title="Product"),
    "two settings": lambda: plots.two_settings(SETTINGS, title="Settings"),
    "scaled tables": lambda: plots.scaled_tables({"a table": ERRORS}, title="Tables"),
    "scaled tables side by side": lambda: plots.scaled_tables({"one": ERRORS[NAMES[:4]], "other": ERRORS[NAMES[3:]]}, title="Tables"),
    "images": lambda: plots.images(np.zeros((12, 8, 8, 1)), range(12), title="Images", wrong=[True] * 12),
    "growth": lambda: plots.growth([10, 100], {"one": {"a": np.ones((3, 2)), "b": [[1, 2]]}}, inside=(1, 10), title="Growth"),
    "growth of two": lambda: plots.growth([10, 100], dict.fromkeys("xy", {"a": np.ones((3, 2))}), inside=(1, 10), title="Growth"),
    "reading": lambda: plots.reading({f"{PHRASE} {i}": {"a": np.arange(6.0)} for i in range(3)}, title="Reading"),
    "number map": lambda: plots.number_map({"a": np.ones(1000), "b": np.arange(1000)}, title="Map"),
    "seed curves": lambda: plots.seed_curves(x, {f"LSTM + counter {i}": np.ones((2, 50)) for i in range(7)}, (1, 5), "Seeds", columns=4),
    "paths on a grid": lambda: plots.grid_paths(dict.fromkeys("abc", ([0, 0, 1, 4], 4)), size=3, title="Paths"),
    "heat": lambda: plots.heat(np.eye(10), title="Heat"),
    "clocks": lambda: plots.clocks({"one": np.eye(7), "two": np.random.default_rng(0).normal(size=(7, 3))}, title="Clocks"),
    "against truth": lambda: plots.against_truth(np.arange(10), {"a": np.arange(10), "b": np.ones((10, 1))}, title="Truth"),
    "medians": lambda: plots.medians(SEEDS_TABLE, "terms", "scaled", inside=(1, 5), title="Medians", level=(100, "a guess")),
    "registers": lambda: plots.registers(["7", "+", "2"], [[7, 0], [7, 0], [9, 1]], title="Registers"),
    "registers of a long program": lambda: plots.registers(PROGRAM, np.arange(2 * len(PROGRAM)).reshape(-1, 2), title="Registers"),
    "a long title": lambda: plots.heat(np.eye(10), title="What a model says of the digit on an image, in ten numbers from 0 to 1"),
    "NAC cell": plots.nac_cell,
    "NALU cell": plots.nalu_cell,
}


@functools.cache
def drawn(make):
    """A figure, drawn once for all tests that only look at it."""
    figure = make()
    figure.canvas.draw()
    return figure


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_no_figure_has_a_ground_of_its_own_that_would_glare_on_a_dark_page(make):
    figure = drawn(make)
    pixels = np.asarray(figure.canvas.buffer_rgba())
    glaring = (pixels[..., :3] > 235).all(axis=2) & (pixels[..., 3] > 128)
    assert pixels[0, 0, 3] == 0 and glaring.mean() < 0.02


def test_every_drawing_function_is_among_these_figures():
    drawing = [name for name, value in vars(plots).items() if hasattr(value, "__wrapped__")]
    text = Path(__file__).read_text(encoding="utf-8")
    assert drawing and not [name for name in drawing if not re.search(rf": plots\.{name}\b", text)]


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_every_figure_shows_itself_with_words_for_a_screen_reader(make):
    before = dict(mpl.rcParams)
    figure = make()
    shown, about = figure._repr_mimebundle_()
    width, height = struct.unpack(">II", shown["image/png"][16:24])
    assert shown["image/png"].startswith(b"\x89PNG") and 300 < width and 150 < height < 1700
    assert about["image/png"]["alt"].startswith(shown["text/plain"].removeprefix("Figure: "))
    assert about["image/png"]["width"] == round(0.75 * width)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_every_figure_fits_a_column_and_its_words_are_large_whole_and_apart(make):
    figure = drawn(make)
    assert figure.get_figwidth() <= 8
    words = [text for text in figure.findobj(mpl.text.Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in words) >= 10
    title = figure._suptitle.get_window_extent()
    assert figure.bbox.x0 <= title.x0 and title.x1 <= figure.bbox.x1 and title.y1 <= figure.bbox.y1
    for ax in figure.axes:
        for side, axis in enumerate((ax.xaxis, ax.yaxis) if ax.get_visible() and ax.axison else ()):
            low, high = sorted(axis.get_view_interval())
            labels = [label for label in axis.get_ticklabels() if low <= label.get_position()[side] <= high and label.get_text()]
            places = [label.get_window_extent() for label in labels if label.get_visible()]
            assert not any(one.overlaps(after) for one, after in itertools.pairwise(places)), axis
            assert not any(place.overlaps(title) for place in places), axis


def test_a_table_for_each_operation():
    figure = plots.success_tables(SUMMARY[SUMMARY["operation"] == "mul"])
    assert [ax.get_title() for ax in figure.axes] == ["x₁ · x₂"]


def test_a_long_program_goes_on_in_a_second_panel():
    values = np.arange(2 * len(PROGRAM)).reshape(-1, 2)
    first, second = plots.registers(PROGRAM, values).axes
    assert (first.get_xlim(), second.get_xlim()) == ((-0.5, 11.5), (11.5, 23.5)) and len(PROGRAM) == 16


def test_a_table_in_words_has_signs_in_their_order_commas_dashes_and_no_names_over_it():
    rows = pd.MultiIndex.from_tuples([("div", "NRU"), ("sub", "NAC"), ("add", "NAU"), ("sub", "DMU")], names=["operation", "unit"])
    numbers = pd.DataFrame({"solved_at": [1_422_500.0, np.nan, 61_000.0, 2.0], 50_000: [1_000, 2, 3, 4]}, index=rows)
    numbers["best, beta_2 as published"] = ["norm_1", "U(±2)", "11 to 3", "–"]
    said = plots.table(numbers.rename_axis(columns="what"))
    assert list(said.index) == [("+", "NAU"), ("−", "NAC"), ("−", "DMU"), ("÷", "NRU")]
    assert list(said) == ["solved at", "50,000", "best, β₂ as published"]
    assert said.to_numpy().T.tolist() == [["61,000", "–", "2", "1,422,500"], ["3", "2", "4", "1,000"], ["11 to 3", "U(±2)", "–", "norm_1"]]
    assert {*said.index.names, said.columns.name} == {None}


def test_a_table_in_words_keeps_rows_that_are_no_operations_and_takes_another_form_for_its_shares():
    shares = pd.DataFrame({("soft", "*"): [0.999, 0.5], ("soft", "-"): [0.0, 1.0]}, index=pd.Index(["linear", "add"], name="model"))
    said = plots.table(shares, "{:.1%}")
    assert list(said.index) == ["linear", "+"] and list(said) == [("soft", "×"), ("soft", "−")]
    assert said.to_numpy().tolist() == [["99.9%", "0.0%"], ["50.0%", "100.0%"]]


def test_a_picture_is_described_by_its_panels_axes_and_what_is_drawn():
    figure = plots.curves(np.array([1, 10, 100]), {"NAC": np.array([1, 2, 3])}, (1, 10), log=True, title="Title", xlabel="sum")
    words = figure.described()
    assert words.startswith("Title. across sum from ") and "logarithmic" in words and words.count("NAC") == 1
    assert plots.nalu_cell().described() == plots.nalu_cell().words  # a drawing without axes has its title


def test_a_table_that_is_one_wave_puts_its_numbers_on_the_circle_in_order():
    wave = 2 * np.pi * 3 * np.arange(11) / 11
    table = np.stack([np.cos(wave), np.sin(wave)], axis=1) @ np.random.default_rng(0).normal(size=(2, 5))
    (ax,) = plots.clocks({"wave": table}).axes
    at = np.array([text.get_position() for text in ax.texts])
    np.testing.assert_allclose(at, np.stack([np.cos(wave), np.sin(wave)], axis=1), atol=1e-9)
    assert "3 turns" in ax.get_title() and [text.get_text() for text in ax.texts] == [str(n) for n in range(11)]


def test_the_gate_surface_is_the_cost_of_a_nalu():
    """At (w, g) its value is the mean squared error of the mix g·w(x₁ + x₂) + (1 − g)(x₁x₂)^w, as a share of the highest."""
    y = PAIRS.prod(axis=1, keepdims=True)
    value, (low, high, _, top) = plots.gate_costs(PAIRS, y, span=1.5, size=31)
    w, g = np.linspace(low, high, 31), np.linspace(0, top, 31)
    said = g[:, None, None] * w[:, None] * PAIRS.sum(axis=1) + (1 - g[:, None, None]) * y.ravel() ** w[:, None]
    cost = ((said - y.ravel()) ** 2).mean(axis=-1)
    np.testing.assert_allclose(value, cost / cost.max(), rtol=1e-4, atol=1e-9)


def test_the_same_figure_is_the_same_picture():
    first, second = (plots.weight_surface()._repr_mimebundle_()[0]["image/png"] for _ in range(2))
    assert first == second


def luminance(color):
    channel = np.array(mpl.colors.to_rgb(color))
    linear = np.where(channel <= 0.03928, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", ["a", "m", "g", "ink"])
def test_lines_stand_out_from_the_paper_and_the_shading(name):
    veil = np.array(mpl.colors.to_rgba(plots.COLORS["inside"]))
    for page in ("white", "#111111"):
        shaded = veil[3] * veil[:3] + (1 - veil[3]) * np.array(mpl.colors.to_rgb(page))
        for ground, least in ((page, 3), (shaded, 2.5)):
            dark, light = sorted([luminance(ground), luminance(plots.COLORS[name])])
            assert (light + 0.05) / (dark + 0.05) > least, ground


@pytest.mark.parametrize(
    "exercise, right, wrong",
    [
        (checks.exercise_00_1, [[777777.0]], 123),
        (checks.exercise_00_2, [1, -1], [1, 1]),
        (checks.exercise_00_3, 9, 2),
        (checks.exercise_01_1, 15, 5),
        (checks.exercise_01_2, ["ReLU", "PReLU"], ["PReLU", "Tanh"]),
        (checks.exercise_01_3, 13.2, 1),
        (checks.exercise_02_1, ([10, 3, -10], [10, -10, 10]), ([1, 0, -1], [1, 1, 1])),
        (checks.exercise_02_2, [True, False], [True, True]),
        (checks.exercise_02_3, doubling(3, 0.8164966), doubling(2, 0.99)),
        (checks.exercise_03_1, [(-1, -1), (1, 1)], [(1, 1), (1, -1)]),
        (checks.exercise_03_3, 35_000, 22_000),
        (checks.exercise_04_1, [0.5, -1], [0.5, 1]),
        (checks.exercise_04_2, 1.9, 1.5),
        (checks.exercise_04_3, ([10, 10], [10, 10], [10, -10]), ([10, 10], [10, 10], [-10, 10])),
        (checks.exercise_05_1, [13_812, 1_375], [1_375, 13_812]),
        (checks.exercise_05_2, 13, 24),
        (checks.exercise_05_3, 0.99, 0.999),
        (checks.exercise_05_3, 0.99, 2),
        (checks.exercise_07_1, 0.7225, 1.0),
        (checks.exercise_07_2, 17, 5),
        (checks.exercise_07_3, 32, 10),
        (checks.exercise_08_1, 7.5, 12),
        (checks.exercise_08_2, 0, 2),
        (checks.exercise_08_3, "NACLog", "NMU"),
        (checks.exercise_09_1, 40, 20),
        (checks.exercise_09_2, 10, 6),
        (checks.exercise_09_3, 3, 0),
        (checks.exercise_11_1, [1, -1], [1, 1]),
        (checks.exercise_11_2, 68.3, 99),
        (checks.exercise_11_3, 18, 12),
        (checks.exercise_12_1, [0.5, 0.5], [1, 1]),
        (checks.exercise_12_2, "a * b + exp(4 * a - 16)", "a * b"),
        (checks.exercise_12_2, "sqrt(a) + exp(5 * b - 20)", "a * a"),
        (checks.exercise_12_2, "a / b + exp(4 * a - 16)", "a - b"),
        (checks.exercise_13_1, 20 / 998_000, 0.01),
        (checks.exercise_13_2, 6, 5),
        (checks.exercise_13_2, 25, 1),
        (checks.exercise_13_3, (54_321, 45_678), (54_321, 45_677)),
        (checks.exercise_13_3, (50_001, 49_999), (5, 99_994)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_exercise_knows_right_from_wrong(exercise, right, wrong, capsys):
    for answer, verdict in (
        (right, "Yes. "),
        (wrong, "Not yet: "),
        (..., "Not yet: put your answer in place"),
        ("nonsense", "Not yet: "),
        (None, "Not yet: "),
        ([], "Not yet: "),
    ):
        exercise(answer)
        said = capsys.readouterr().out
        assert said.startswith(verdict) and said.count("\n") == 1, answer


EXERCISES = [getattr(checks, name) for name in dir(checks) if name.startswith("exercise_")]
ODD_NUMBERS = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=5), st.complex_numbers(), st.binary(max_size=3)
)
ODD_ANSWERS = st.recursive(
    ODD_NUMBERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.sets(ODD_NUMBERS, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        arrays(st.sampled_from(["float64", "float32", "int64", "bool"]), array_shapes(max_dims=2, max_side=3)),
    ),
    max_leaves=4,
)


@given(ODD_ANSWERS)
@settings(deadline=None, max_examples=300)
@example(float("inf"))
@example([(float("inf"), 1), (float("nan"), 1)])
@example(([1e308] * 3, [-1e308] * 3))
@example(10**400)
@example([[0.0, -0.0]])
@example(itertools.count())
@example(np.full((2000, 2), np.nan))
@example("\ud800\n")
def test_no_exercise_raises_or_warns_whatever_it_is_given(answer):
    for exercise in EXERCISES:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exercise(answer)
        assert said.getvalue().startswith(("Yes. ", "Not yet: ")) and said.getvalue().count("\n") == 1, exercise.__name__


@pytest.mark.parametrize("answer", [[(1.9, 1.2), (-1.5, -1.5)], [(1, 1)], [(np.inf, 1), (-1, -1)], [(1, 1, 1), (-1, -1)]], ids=str)
def test_corners_that_are_not_quite_corners_are_not_taken_for_them(answer, capsys):
    checks.exercise_03_1(answer)
    assert capsys.readouterr().out.startswith("Not yet: ")


def test_errors_off_the_picture_are_drawn_on_its_edge_and_counted():
    figure = plots.errors({"a": [1e-9, 0.1]}, {"a": [np.inf, np.nan, 5e4, 3.0]}, ceiling=1e4)
    (ax,) = figure.axes
    assert ax.get_xlabel() == "mean absolute error\n(◂ 1 of them below 1e-06, ▸ 3 of them above 10,000, drawn there)"
    assert plots.errors({"a": [1e-9]}, {"a": [1]}).axes[0].get_xlabel() == "mean absolute error   (◂ 1 of them below 1e-06, drawn there)"
    drawn = {line.get_marker(): line.get_xdata() for line in ax.lines if line.get_color() == plots.COLORS["m"] and len(line.get_xdata())}
    assert drawn[">"].tolist() == [1e4, 1e4, 1e4] and drawn["D"].tolist() == [3.0]


def test_every_register_is_drawn_with_a_look_of_its_own():
    values = np.arange(18).reshape(3, 6)
    (ax,) = plots.registers(["7", "+", "2"], values).axes
    assert [line.get_ydata().tolist() for line in ax.lines] == values.T.tolist()
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 6
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == [f"register {i}" for i in range(1, 7)]
    assert len(plots.registers(["7"], np.ones((1, 20))).axes[0].lines) == 20


@pytest.mark.parametrize("shown", [dict(values=[[1], [2]]), dict(values=[1])], ids=str)
def test_registers_without_a_token_are_refused(shown):
    with pytest.raises(ValueError, match="a row for each token"):
        plots.registers(["7"], **shown)


@pytest.mark.parametrize(
    "how, truth, at_2",
    [
        ({}, "truth: x · 3", 6),
        ({"other": 5}, "truth: x · 5", 10),
        ({"other": -2.5}, "truth: x · −2.5", -5),
        ({"W": (1, -1), "other": 4}, "truth: x · 4^-1", 0.5),
        ({"W": (0.5, 1)}, "truth: x^0.5 · 3", 2**0.5 * 3),
    ],
)
def test_the_log_path_says_what_it_draws(how, truth, at_2):
    left, right = plots.log_path(**how).axes
    assert left.get_legend().get_texts()[0].get_text() == truth
    for ax in (left, right):
        dotted, path = ax.lines
        x = dotted.get_xdata()
        place = np.argmin(np.abs(x - 2)) if ax is left else -1
        scale = 1 if ax is left else (1 / 2) ** how.get("W", (1, 1))[0]
        assert dotted.get_ydata()[place] == pytest.approx(at_2 * scale)
        assert path.get_ydata()[place] == pytest.approx(abs(at_2) * scale, rel=1e-5)


def test_the_exercise_on_data_trains_a_nac_on_the_answer(capsys):
    line = data.article("+").x_train
    checks.exercise_03_2(np.stack([line[:, 0], line[::-1, 1]], axis=1))
    checks.exercise_03_2(line)
    checks.exercise_03_2(line[:10])
    yes, nearly_equal, too_few = capsys.readouterr().out.splitlines()
    assert yes.startswith("Yes. ") and "nearly a multiple" in nearly_equal and "2,000 rows" in too_few


def test_every_exercise_is_in_a_notebook_and_has_its_solution():
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.parent.glob("notebooks/*.ipynb"))
    for name in (name for name in dir(checks) if name.startswith("exercise_")):
        assert text.count(f"checks.{name}(") == 2, name


def test_the_benchmark_prints_both_rates_and_their_ratio(capsys):
    benchmark.main(["training", "--steps", "500", "--rounds", "1"])
    said = capsys.readouterr().out
    assert "plain loop:" in said and "fit:" in said and "times" in said


@pytest.mark.parametrize(
    "arguments, words",
    [(["training", "--steps", "0"], "steps is 0, expected a whole number"), (["train"], "invalid choice: 'train'"), ([], "required")],
)
def test_the_benchmark_refuses_what_it_cannot_do(arguments, words, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert words in capsys.readouterr().err
