"""Explorers without a browser: what travels to the page, what is refused, and the playground's side that trains.

What the page computes is compared with Python in tests/browser/test_explorers.py.
"""

import base64
import functools
import json
import re
import threading
import zlib
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from quick import quick_first

from nalu_helpers import NALU, data, explorers, fair, fit, fit_many, metrics
from nalu_helpers.explorers import parts
from nalu_helpers.explorers.playground import UNITS, _as_message, _entries, _Training
from nalu_helpers.explorers.surface import _paths, costs
from nalu_helpers.layers import NAC
from nalu_helpers.paper import digits, functions, gridworld, phrases, programs


@pytest.fixture(scope="module")
def seen():
    looks, task = [], data.article("*")
    fit_many(lambda: NALU(1), task, seeds=range(4), steps=100, every=20, watch=looks.append, progress=False)
    return looks


@pytest.fixture(scope="module")
def readers():
    keras.utils.set_random_seed(0)
    return {"LSTM + linear": [phrases.reader("linear", 1000.0) for _ in range(3)], "LSTM + NALU": [phrases.reader("NALU")]}


@pytest.fixture(scope="module")
def makers(seen, readers):
    counter, runner = digits.make_reader("counting", "NAC"), programs.make("NAC set by LSTM")
    return {
        "identity": explorers.identity,
        "weight": explorers.weight,
        "paths": explorers.paths,
        "replay": lambda: explorers.replay(data.article("+"), steps=200),
        "seeds": lambda: explorers.seeds(data.article("*"), seen, 20),
        "phrases": lambda: explorers.phrases(readers),
        "field": lambda: explorers.field(RUNS, CURVES),
        "every_function": lambda: explorers.every_function(OF_FUNCTIONS),
        "surface": lambda: surface(),
        "guess": lambda: explorers.guess("How many of 24?", 21, low=0, high=24, step=1),
        "drawing": lambda: explorers.drawing(counter, digits.load()),
        "program": lambda: explorers.program(runner),
        "waiting": lambda: explorers.waiting(AGENTS),
        "playground": explorers.playground,
    }


@pytest.fixture(scope="module")
def made(makers):
    """An explorer of a name, made once for all tests that only look at it."""
    return functools.cache(lambda name: makers[name]())


NAMES = [
    "identity",
    "weight",
    "paths",
    "replay",
    "seeds",
    "phrases",
    "field",
    "every_function",
    "surface",
    "guess",
    "drawing",
    "program",
    "waiting",
    "playground",
]
AGENTS = {"LSTM": gridworld.agent("LSTM", 3), "counter": gridworld.agent("LSTM + NAC counter", 3)}
SETTING = {"learning_rate": 0.01, "start": "U(±2)", "beta_2": 0.99, "clipping": "none", "penalty": False}
RUNS = pd.DataFrame(
    [
        {
            "unit": "NMU",
            "operation": "mul",
            "setting": setting,
            "train": "[1, 2]",
            "seed": seed,
            "interpolation": inside,
            "extrapolation": outside,
            "solved": outside < 0.01,
        }
        | {"threshold": 0.01, **SETTING}
        for setting in ("published", "best")
        for seed, (inside, outside) in enumerate([(1e-6, 1e-4), (0.0, 1e-3), (1.0, np.inf), (np.nan, 0.1)])
    ]
)


OF_FUNCTIONS = pd.read_csv(Path(__file__).parent.parent / "results" / "paper_functions.csv", comment="#")
JUDGED = OF_FUNCTIONS[(OF_FUNCTIONS.seed < 100) & (OF_FUNCTIONS.step <= functions.STEPS)]


CURVES = RUNS[["unit", "operation", "setting", "train", "seed"]].assign(
    weights=["W 1 0.99984, g nan", "W 1 1, g 0.5", "W inf -1e-07, g 0", "W 0 0, g 0"] * 2,
    extrapolation_20=[1e-2, 1e6, np.nan, np.inf] * 2,
    extrapolation_100=[1e-9, 0.0, 1.0, 1e30] * 2,
)


def test_the_runs_of_the_field_travel_as_tenths_of_powers_of_ten():
    known = explorers.field(RUNS).data
    cell = known["runs"]["x₁ · x₂"]["NMU"]["at its best"]["[1, 2]"]
    errors = {"inside": [-60, -990, 0, None], "outside": [-20, -10, None, 10]}
    assert cell == {"solved": [1, 1, 0, 0], "weights": [""] * 4, **errors, "ways": [[]] * 4}
    assert known["settings"]["x₁ · x₂"]["NMU"]["as published"] == "rate 0.01, start U(±2), β₂ 0.99, clipping none, no penalty"
    assert known["seeds"] == [0, 1, 2, 3] and known["steps"] == []
    for wrong in (RUNS[RUNS.setting == "best"], RUNS[:0], pd.DataFrame({"unit": ["NMU"]})):
        with pytest.raises(ValueError, match="no units as published and at their best"):
            explorers.field(wrong)
    with pytest.raises(ValueError, match="runs holds 3 of 4 seeds somewhere"):
        explorers.field(RUNS[:-1])


def test_the_curves_of_the_field_travel_as_tenths_of_powers_of_ten_too():
    known = explorers.field(RUNS[::-1], CURVES).data  # in whatever order the rows come
    cell = known["runs"]["x₁ · x₂"]["NMU"]["at its best"]["[1, 2]"]
    assert known["steps"] == [20, 100] and cell["solved"] == [1, 1, 0, 0]
    assert cell["weights"] == ["W 1 0.99984, g nan", "W 1 1, g 0.5", "W inf -1e-07, g 0", "W 0 0, g 0"]
    assert cell["ways"] == [[0, -70], [80, -80], [120, 20], [120, 120]]  # as far as the picture goes
    for wrong, sentence in (
        (CURVES[:-1], "curves has no NMU, mul, seed 3: let `benchmark curves` end first"),
        (RUNS, "curves holds no curves: pass the table that fair.curves returns"),
    ):
        with pytest.raises(ValueError, match=sentence):
            explorers.field(RUNS, wrong)


def test_the_stored_curves_are_those_of_the_runs_that_were_judged():
    """But for what rounding on another machine makes of them: which of two answers a run ends with may be decided by a last digit."""
    runs, curves = (pd.read_csv(Path(__file__).parent.parent / "results" / f"{name}.csv", comment="#") for name in ("fair", "fair_curves"))
    runs = runs[runs.setting.isin(["published", "best"])]
    both = runs.merge(curves, on=fair.KEY, validate="one_to_one", suffixes=("", "_again"))
    assert len(both) == len(curves) == len(runs)
    assert all((both[knob] == both[f"{knob}_again"]).all() for knob in fair.KNOBS)
    same = np.isclose(both.extrapolation_50000, both.extrapolation_last, rtol=0.01, atol=1e-12, equal_nan=True)
    assert same.mean() > 0.9


def test_much_data_travels_packed():
    few = explorers.guess("How many of 24?", 21, low=0, high=24, step=1)
    assert json.loads(few.known) == few.data
    many = parts.Explorer("weight", "much", numbers=list(range(40_000)))
    assert len(many.known) < 120_000 < len(json.dumps(many.data)) and json.loads(zlib.decompress(base64.b64decode(many.known))) == many.data


@pytest.mark.parametrize("form, name", [("long", "static"), ("recurrent", "recurrent")])
def test_every_run_of_every_function_is_as_far_off_as_the_table_says(form, name):
    known = explorers.every_function(OF_FUNCTIONS).data
    last = JUDGED[JUDGED.form == form].groupby(["function", "model", "where"], sort=False)
    for (function, model, where), some in last:
        errors = some.pivot(index="seed", columns="step", values="relative")
        assert errors.columns[-1] == known["steps"][name] and errors.index.tolist() == known["seeds"] == list(range(10))
        shown = np.array(known["tasks"][name][function]["networks"][model][where], "float64")
        np.testing.assert_allclose(np.nan_to_num(shown, nan=np.inf), 100 * errors, rtol=5e-3)


@pytest.mark.parametrize("form, name", [("long", "static"), ("recurrent", "recurrent")])
def test_arriving_and_being_better_are_what_06_counts(form, name):
    tasks = explorers.every_function(OF_FUNCTIONS).data["tasks"][name]
    far = JUDGED[(JUDGED.form == form) & (JUDGED["where"] == "outside")]
    far = far[far.step == far.step.max()]
    for function, runs in far.groupby("function", sort=False):
        guess = functions.constant_error(form, function, "outside")
        others = [*runs[~runs.model.isin(functions.UNITS)].scaled, guess]
        for model, some in runs.groupby("model", sort=False):
            said = tasks[function]["networks"][model]
            assert sum(said["arrives"]) == (some.relative < 0.05).sum()
            if model in functions.UNITS:
                assert sum(said["better"]) == metrics.better_than_best(some.scaled, others)
            else:
                assert "better" not in said


def test_the_constant_guess_is_the_mean_of_the_answers_inside():
    known = explorers.every_function(OF_FUNCTIONS).data["tasks"]["static"]["a / b"]
    task = functions.examined("long", "a / b")
    for said, y in zip(known["guess"], (task.y_train, task.y_test), strict=True):
        assert said == pytest.approx(100 * np.sqrt(np.mean((task.y_train.mean() - y) ** 2)) / y.mean(), rel=0.02)
    assert (
        known["networks"]["NALU"]["setting"] == "Adam, rate 0.003, clipped" and known["networks"]["linear"]["setting"] == "Adam, rate 0.003"
    )


def test_an_error_beyond_all_numbers_is_none_and_a_form_that_was_not_run_is_not_offered():
    static = JUDGED[(JUDGED.form == "long") & (JUDGED.model == "NAC") & (JUDGED.function == "a + b")]
    lost = static.assign(relative=static.relative.mask(static.seed == 3, np.nan).mask(static.seed == 4, np.inf))
    explorer = explorers.every_function(lost)
    nac = explorer.data["tasks"]["static"]["a + b"]["networks"]["NAC"]
    assert nac["outside"][3] == nac["outside"][4] == [None] * 3 and sum(nac["arrives"]) == 8
    assert explorer.handles[2]["options"] == ["static"]


@pytest.mark.parametrize(
    "runs, words",
    [
        (
            OF_FUNCTIONS[OF_FUNCTIONS.seed >= 100],
            "runs holds no runs of the paper's functions: pass the table in results/paper_functions.csv",
        ),
        (RUNS, "runs holds no runs of the paper's functions"),
        (JUDGED[JUDGED.step > 50_000], "runs holds not all checks of ReLU6 on a + b, long: let the benchmark end first"),
        (JUDGED[JUDGED.form == "recurrent"].iloc[:-1], "runs holds not all checks of NALU, repaired on √a, recurrent"),
        (JUDGED.replace({"a + b": "a ** b"}), "function is 'a ** b', known are: 'a + b'"),
    ],
)
def test_a_table_without_all_runs_of_a_function_is_refused(runs, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        explorers.every_function(runs)


@pytest.mark.parametrize(
    "task, model", [("addition", "NAC"), ("counting", "LSTM"), ("counting", "NAC of all"), ("counting", "Transformer")]
)
def test_only_a_reader_that_counts_by_a_total_sees_drawings(task, model):
    with pytest.raises(ValueError, match="reader is none that counts 8 × 8 digits by a total: pass for example"):
        explorers.drawing(digits.make_reader(task, model), digits.load())


@pytest.mark.parametrize("reader", [None, "NAC", digits.make_reader("counting", "NAC", (28, 28, 1))])
def test_what_is_no_reader_of_small_digits_sees_no_drawings(reader):
    with pytest.raises(ValueError, match="reader is none that counts 8 × 8 digits"):
        explorers.drawing(reader, digits.load())


@pytest.mark.parametrize("model", [None, "NAC", programs.make("LSTM, then NAC"), NALU(1)])
def test_only_registers_set_by_an_lstm_can_be_stepped_through(model):
    with pytest.raises(ValueError, match="model has no registers that an LSTM sets: pass for example"):
        explorers.program(model)


def test_the_first_program_is_one():
    with pytest.raises(ValueError, match="'7 \\+' is not a program"):
        explorers.program(programs.make("NALU set by LSTM"), "7 +")


def test_a_program_that_the_picture_has_no_room_for_is_refused():
    with pytest.raises(ValueError, match="the program has 599 tokens, the picture has room for 20: make it shorter"):
        explorers.program(programs.make("NAC set by LSTM"), " + ".join(["1"] * 300))


def test_every_episode_is_the_one_that_is_played_alone():
    known = explorers.waiting(AGENTS, start=1, goal=6, longest=9).data
    assert known["first"] == 3 and list(known["played"]) == list(AGENTS)
    for name, agent in AGENTS.items():
        assert known["played"][name] == [gridworld.play(agent, 1, 6, T, size=3).tolist() for T in range(3, 10)]


@pytest.mark.parametrize(
    "ask, words",
    [
        (dict(agents={}), "agents is empty: pass for example"),
        (dict(goal=9), "goal is cell 9, expected one of 0 to 8"),
        (dict(start=8), "start and goal are both cell 8"),
        (dict(longest=3), "longest is 3, but the goal is 4 steps away"),
        (dict(longest=0), "longest is 0, expected a whole number of at least 1"),
        (dict(longest=10**6), "longest is 1,000,000, expected at most 200"),
    ],
)
def test_times_and_cells_that_are_not_there_are_refused(ask, words):
    with pytest.raises(ValueError, match=words):
        explorers.waiting(**{"agents": AGENTS, **ask})


def surface(unit="NMU", operation="*", train=(1, 2), **settings):
    return explorers.surface(unit, operation, train, **{"seeds": range(3), "steps": 200, "every": 50, "progress": False, **settings})


@pytest.mark.parametrize(
    "unit, operation",
    quick_first([("NAC", "-"), ("NMU", "*")], [("NAC", "-"), ("NMU", "*"), ("NACLog", "/"), ("NALU", "*"), ("INALU", "+"), ("NAU", "+")]),
)
def test_the_runs_on_the_surface_are_those_of_fit_many(unit, operation):
    explorer, entry = surface(unit, operation), fair.FIELD[unit]
    start = explorer.handles[0]["options"][-1]
    setting = fair.Setting(0.01, start, clipping=entry.clipping)
    adam = keras.optimizers.Adam(0.01, epsilon=1e-8, **fair.CLIPPING[entry.clipping])
    ranges = [pair for pair in data.BENCHMARK_RANGES if pair[0] == (1, 2)]
    settings = {"seeds": range(3), "ranges": ranges, "optimizer": adam, "steps": 200, "restart": entry.restart, "progress": False}
    models = fit_many(lambda: fair.made(entry, operation, setting), operation, **settings).models
    run = explorer.data["runs"][start][1]
    assert np.shape(run["W"]) == (3, 5, 2) and np.shape(run["solved"]) == (3, 5)
    for path, model in zip(run["W"], models, strict=True):
        W = model.matrices()[0 if operation in "+-" else -1]
        assert path[-1] == pytest.approx(np.ravel(W).tolist(), abs=1e-3)
    if unit in ("NALU", "INALU"):
        x = np.random.default_rng(0).uniform(1, 2, (2000, 2))
        gates = [float(np.mean(model.paths(x)[2])) if unit == "NALU" else 1 / (1 + np.exp(-model.g.numpy()[0])) for model in models]
        assert [gate[-1] for gate in run["gate"]] == pytest.approx(gates, abs=0.01)


def test_a_run_that_diverged_is_nowhere_on_the_surface():
    checks = pd.DataFrame({"seed": [0, 0], "W[0, 0]": [0.5, np.nan], "W[1, 0]": [0.25, np.inf], "extrapolation": [1e-9, np.nan]})
    assert _paths(checks, "*", 1e-6, np.ones((1, 2))) == {"W": [[[0.5, 0.25], [None, None]]], "solved": [[1, 0]]}


@pytest.mark.parametrize(
    "unit, operation, formula",
    [
        ("NAC", "-", lambda x, w: x @ w),
        ("NALU", "+", lambda x, w: x @ w),
        ("NAU", "-", lambda x, w: x @ w),
        ("NACLog", "/", lambda x, w: np.exp(np.log(np.abs(x) + 1e-7) @ w)),
        ("NALU", "*", lambda x, w: np.exp(np.log(np.abs(x) + 1e-7) @ w)),
        ("NMU", "*", lambda x, w: np.prod(x * w + 1 - w, axis=1)),
    ],
)
def test_the_surface_is_the_mean_squared_error(unit, operation, formula):
    x = np.random.default_rng(1).uniform(-2, -1, (50, 2))
    value, (low, high) = costs(unit, operation, x, size=7)
    y = {"+": x.sum(axis=1), "-": x[:, 0] - x[:, 1], "*": x.prod(axis=1), "/": x[:, 0] / x[:, 1]}[operation]
    w = np.linspace(low, high, 7)
    for row, column in ((0, 3), (2, 5), (6, 1)):
        expected = np.mean((formula(x, np.array([w[column], w[row]])) - y) ** 2)
        assert value[row, column] == pytest.approx(np.log10(expected), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_explorer_is_the_same_data_every_time(made, makers, name):
    """Notebooks that are run twice must be stored the same: no random ids, no dates."""
    states = [json.dumps(explorer.get_state(drop_defaults=True), sort_keys=True) for explorer in (made(name), makers[name]())]
    first, second = (re.sub(r"IPY_MODEL_\w+", "", state) for state in states)
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_its_text_is_one_line_that_gives_nothing_away(made, name):
    explorer = made(name)
    bundle = explorer._repr_mimebundle_()[0]
    assert bundle["text/plain"] == repr(explorer) and repr(explorer).startswith("Explorer: ") and "\n" not in repr(explorer)
    assert all(handle["label"] and handle["tip"] for handle in explorer.handles)
    assert name != "guess" or "21" not in repr(explorer)


def test_a_logarithmic_guess_moves_in_powers_of_ten():
    """A hundredth of the slider's length, which is 15 powers of ten here."""
    assert explorers.guess("How large?", 672, low=1e-3, high=1e12, log=True).data["step"] == pytest.approx(0.15)
    assert explorers.guess("How large?", 20, low=-20, high=30).data["step"] == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_nothing_comes_from_a_network(made, name):
    state = json.dumps(made(name).get_state())
    assert not set(re.findall(r"https?://[\w./]+", state)) - {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_a_handle_is_a_trait_that_can_be_read_moved_and_followed():
    explorer, heard = explorers.weight(), []
    explorer.observe(lambda change: heard.append(change["new"]), "W_hat")
    explorer.set_state({"W_hat": -3})  # as the page tells it
    explorer.M_hat = 2.0
    assert (explorer.W_hat, explorer.M_hat, heard) == (-3, 2, [-3])
    for name, value in (("W_hat", 7), ("M_hat", "high")):
        with pytest.raises(Exception, match=f"'{name}' trait"):
            setattr(explorer, name, value)
    assert explorer.W_hat == -3


def test_the_still_picture_says_where_its_axes_are_and_follows_the_page():
    still = explorers.paths().still
    (axes,) = still["axes"]
    left, top, width, height = axes["box"]
    first, upper, wide, high = still["view"]
    assert first < left < left + width <= first + wide and upper < top < top + height <= upper + high
    assert axes["x"] == [-150, 150, "symlog", 2] and axes["y"][2] == "linear"
    assert len(explorers.weight().still["axes"]) == 2  # and not the colour bar
    for color in ("#222222", "#000000", "white", "#ffffff"):
        assert color not in explorers.identity().still["svg"], color
    assert "<style" not in explorers.identity().still["svg"]  # a rule in it would hold for the whole page


def test_the_parts_of_a_picture_are_apart_hold_their_axes_and_are_named_in_the_drawing():
    for explorer, legends in ((explorers.weight(), 0), (explorers.field(RUNS, CURVES), 1)):
        still = explorer.still
        boxes = [[left, left + width, top, top + height] for left, top, width, height in still["parts"]]
        assert len(boxes) == len(still["axes"]) + legends == len(set(re.findall(r'class="(part\d+)"', still["svg"])))
        assert boxes[0][1] < boxes[1][0] + 2 * parts.MARGIN
        for axes, (left, right, top, bottom) in zip(still["axes"], boxes, strict=False):
            x, y, width, height = axes["box"]
            assert left < x - 20 and x + width < right and top < y and y + height + 20 < bottom  # with numbers at two sides
        first, upper, wide, high = still["view"]
        ends = np.transpose(boxes)
        whole = [ends[0].min(), ends[1].max(), ends[2].min(), ends[3].max()]
        assert [first, first + wide, upper, upper + high] == pytest.approx(whole, abs=0.03)  # each number is rounded to a hundredth
    assert explorers.weight().still["title"] == "W = tanh(Ŵ) · σ(M̂)"


@pytest.mark.parametrize("make, layouts", [(explorers.paths, 1), (explorers.weight, 0)])  # the axes of the second have their places
def test_a_still_picture_is_drawn_once_and_laid_out_at_most_once(make, layouts, monkeypatch):
    drawn, laid_out = [], []
    monkeypatch.setattr(Figure, "draw", lambda *given, draw=Figure.draw: drawn.append(1) or draw(*given))
    engine = ConstrainedLayoutEngine
    monkeypatch.setattr(engine, "execute", lambda *given, execute=engine.execute: laid_out.append(1) or execute(*given))
    make()
    assert len(drawn) == 1 and len(laid_out) == layouts


def test_a_module_is_its_parts_one_after_the_other():
    text = parts.module("weight")
    assert text.startswith("const CSS = ") and text.index("class Axes") < text.index("export default") and text.count("export default") == 1


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_replay_is_the_training(rate):
    task = data.article("+")
    run = next(run for run in explorers.replay(task, steps=200, rates=(0.05, 0.2)).data["runs"] if run["rate"] == rate)
    keras.utils.set_random_seed(0)
    nac = NAC(1)
    cost = fit(nac, task.x_train, task.y_train, steps=200, learning_rate=rate, progress=False)
    assert [path[-1] for path in run["W"]] == pytest.approx(np.ravel(nac.W).tolist(), abs=1e-5)
    np.testing.assert_allclose(run["cost"][:-1], cost[::20], rtol=1e-3)
    assert len(run["cost"]) == len(run["W"][0]) == 11


def test_the_seeds_are_where_their_weights_are(seen):
    explorer = explorers.seeds(data.article("*"), seen, 20)
    last = next(look for look in seen if look["step"][0] == 100 and 3 in look["seed"])
    W_hat, M_hat, _ = (part[last["seed"].tolist().index(3)] for part in last["weights"])
    assert explorer.data["w"][3][-1] == pytest.approx((np.tanh(W_hat) / (1 + np.exp(-M_hat))).mean(), abs=1e-5)
    assert np.shape(explorer.data["gate"]) == (4, 6) and explorer.step == 100


def test_a_seed_that_has_diverged_is_named_before_anything_is_shown(seen):
    lost = [{**look, "weights": [np.where(look["seed"][:, None, None] == 2, np.nan, part) for part in look["weights"]]} for look in seen]
    with pytest.raises(ValueError, match="seed 2 has diverged, and cannot be shown"):
        explorers.seeds(data.article("*"), lost, 20)


def test_the_readers_answers_to_all_numbers_and_prefixes_travel(readers):
    known = explorers.phrases(readers).data
    tokens, _, vocabulary = phrases.table()
    assert (
        known["parts"][:1000] == [phrases.in_words(number) for number in range(1000)] and len(known["parts"]) == len(known["said"]) == 1009
    )
    for words in ("three hundred and thirty four", "nine hundred and", "zero"):
        row = np.zeros((1, tokens.shape[1]), "int32")
        row[0, : len(words.split())] = [vocabulary.index(word) for word in words.split()]
        for name, said in zip(known["models"], known["said"][known["parts"].index(words)], strict=True):
            expected = [float(np.asarray(model(row))[0, len(words.split()) - 1, 0]) for model in readers[name]]
            assert said == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: explorers.seeds(data.article("*"), [], 20), "seen holds no weights of NALUs"),
        (lambda: parts.rounded([1.0, np.inf]), "what is to be shown holds numbers that are not finite"),
        (lambda: explorers.replay(data.article("+"), steps=0), "steps is 0, expected a whole number"),
        (lambda: explorers.replay(data.article("+"), every=1.5), "every is 1.5, expected a whole number"),
        (lambda: explorers.replay(data.article("+"), rates=()), "rates is empty"),
        (lambda: explorers.replay(data.article("+"), rates=(-1,)), "a learning rate is -1, expected a finite number above 0"),
        (lambda: surface("NPU"), "unit is 'NPU', known are: 'NAC', 'NACLog'"),
        (lambda: surface("NMU", 3), "operation is 3, known are"),
        (lambda: surface(seeds=3), "seeds is 3, expected whole numbers such as range(3)"),
        (lambda: surface("NMU", "/"), "operation is '/', expected one that NMU enters: *"),
        (lambda: surface(train=(1, 3)), "train is '[1, 3]', known are: '[-20, -10]'"),
        (lambda: surface(seeds=[]), "seeds is empty"),
        (lambda: surface(steps=0), "steps is 0, expected a whole number"),
        (lambda: explorers.phrases({}), "models holds no trained reader"),
        (lambda: explorers.phrases({"NAC": []}), "models holds no trained reader"),
        (lambda: explorers.waiting({"a": None}, start=100), "start is cell 100, expected one of 0 to 8"),
        (lambda: explorers.waiting({"a": None}, start=8), "start and goal are both cell 8"),
        (lambda: explorers.waiting({"a": None}, longest=3), "longest is 3, but the goal is 4 steps away: give at least as many"),
        (lambda: explorers.guess("", 1, low=0, high=2), "question is empty"),
        (lambda: explorers.guess(3, 1, low=0, high=2), "question is 3, expected text"),
        (lambda: explorers.guess("How many?", float("nan"), low=0, high=2), "answer is nan, expected a finite number"),
        (lambda: explorers.guess("How many?", "two", low=0, high=2), "answer is 'two', expected a finite number"),
        (lambda: explorers.guess("How many?", 3, low=0, high=2), "the answer is 3, expected a number between low, 0, and high, 2"),
        (lambda: explorers.guess("How many?", 1, low=2, high=0), "expected its first end below its second"),
        (lambda: explorers.guess("How many?", 1, low=0, high=2, log=True), "low is 0, expected a number above 0"),
        (lambda: explorers.guess("How many?", 1, low=0, high=2, step=0), "step is 0, expected a number above 0"),
        (
            lambda: explorers.guess("How many?", 2, low=1, high=1000, log=True, step=4),
            "step is 4, expected a number above 0 and at most 3,",
        ),
    ],
)
def test_bad_arguments_are_answered_in_a_sentence(make, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        make()


def trained(unit="NALU", operation="a * b", inside=(1, 2), outside=(2, 6), seeds=2, steps=100, rate=0.01, every=50):
    """What the playground sends for a training: its messages, and the playground."""
    playground, sent = explorers.playground(), []
    playground.send = sent.append
    settings = dict(unit=unit, operation=operation, inside=list(inside), outside=list(outside))
    playground.train({**settings, "seeds": seeds, "steps": steps, "rate": rate, "every": every}, number=7)
    playground.thread.join(120)
    assert not playground.thread.is_alive() and all(message["number"] == 7 for message in sent)
    return sent, playground


def checks_of(sent):
    return [check for message in sent for check in message.get("checks", [])]


@pytest.mark.parametrize(
    "asked", [dict(unit="NMU", seeds=3), dict(operation="a / b", unit="NAC", seeds=70, steps=60)], ids=["few", "tiles"]
)
def test_the_page_is_sent_every_check_of_every_seed(asked):
    from nalu_helpers import layers

    sent, _ = trained(**asked)
    steps, unit = asked.get("steps", 100), asked["unit"]
    runs = fit_many(
        lambda: getattr(layers, unit)(1),
        asked.get("operation", "a * b"),
        seeds=range(asked["seeds"]),
        learning_rate=0.01,
        steps=steps,
        every=50,
        progress=False,
    ).table
    for name, column in (("inside", "interpolation"), ("outside", "extrapolation")):
        got = {(check["step"], seed): value for check in checks_of(sent) for seed, value in zip(check["seeds"], check[name], strict=True)}
        assert got == pytest.approx({(row.step, row.seed): row[column] for _, row in runs.iterrows()})
    assert sent[-1]["end"] == "" and json.dumps(sent)


@pytest.mark.parametrize("unit", UNITS)
def test_w_and_gate_are_sent_as_the_unit_has_them(unit):
    training = _Training(dict(unit=unit), print)
    layer = training.make_layer()
    layer.build((None, 2))
    rows = {"step": [5], "seed": [0], "interpolation": [np.nan], "extrapolation": [1.0], "diverged_at": [np.nan]}
    rows["weights"] = [weight[None] for weight in layer.get_weights()]
    other = training.make_layer()
    other.build((None, 2))
    message = _as_message(rows, other, lambda: _entries(other, 1.5))
    assert message["W"] == [np.ravel(W).tolist() for W in layer.matrices()] and message["inside"] == message["lost"] == [None]
    assert len(message["gate"]) == {"NALU": 1, "GNALU": 1, "INALU": 1, "RealNPU": 2, "NPU": 2}.get(unit, 0)
    if unit in ("NALU", "GNALU"):
        assert message["gate"] == np.ravel(layer.paths([[1.5, 1.5]])[2]).tolist()


def test_stop_ends_a_training_and_the_next_one_follows():
    playground, sent = explorers.playground(), []
    playground.send = sent.append
    long = dict(unit="NAC", operation="a * b", inside=[1, 2], outside=[2, 6], seeds=2, steps=1_000_000, rate=0.01, every=1000)
    playground.train(long, 1)
    playground.train({**long, "steps": 20, "every": 10}, 2)  # it stops the one before, and waits for its thread
    playground.thread.join(120)
    assert [message["number"] for message in sent if "end" in message] == [1, 2]
    assert checks_of([message for message in sent if message["number"] == 2])[-1]["step"] == 20


def test_a_training_that_was_stopped_while_it_waited_does_not_begin(monkeypatch):
    playground, sent, asked = explorers.playground(), [], []
    playground.send = sent.append
    monkeypatch.setattr(_Training, "make_layer", lambda training: asked.append(training))
    playground.thread = threading.Thread(target=playground.stop)  # the one before, which ends when Stop has been pressed
    training = _Training(dict(unit="NAC"), sent.append)
    playground.training = training
    playground.thread.start()
    training.run(playground.thread)
    assert asked == [] and sent == [{"end": ""}]


def test_an_error_of_any_kind_is_sent_as_words_and_the_next_training_works():
    sent, playground = trained(operation="import os")
    assert "is not a complete expression" in sent[-1]["end"]
    playground.train(dict(unit="NAC", operation="a + b", inside=[1, 2], outside=[2, 6], seeds=1, steps=10, rate=0.01, every=10), 8)
    playground.thread.join(120)
    assert sent[-1] == {"number": 8, "end": ""}


def test_the_playground_answers_the_page():
    playground, sent = explorers.playground(), []
    playground.send = sent.append
    playground._hear(playground, {"ask": "hello"}, [])
    playground._hear(playground, {"ask": "stop", "number": 0}, [])
    assert sent == [{"kernel": True}]


def test_a_training_that_diverges_says_at_which_step():
    sent, _ = trained(unit="RealNPU", rate=900, inside=(900_000, 1_000_000), outside=(1, 2))
    assert any(step is not None for step in checks_of(sent)[-1]["lost"])
