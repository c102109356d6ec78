"""`fit_many`: hundreds of runs side by side, each of which is the run that would have happened alone."""

import itertools
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from quick import quick_first

from nalu_helpers import (
    GNALU,
    INALU,
    NAC,
    NALU,
    NAU,
    NMU,
    NPU,
    NACLog,
    RealNPU,
    _tensorflow,
    data,
    expression,
    fit,
    fit_many,
    layers,
    many,
    training,
)
from nalu_helpers.many import StandingStill

ONE, TEN = ((1, 2), (2, 6)), ((10, 20), (20, 40))


def quiet(make=lambda: NALU(1), operation="*", **settings):
    given = {
        "seeds": range(3),
        "ranges": [ONE] if isinstance(operation, str) else None,
        "steps": 60,
        "every": 20,
        "progress": False,
        **settings,
    }
    return fit_many(make, operation, **given)


def table_of(*arguments, **settings):
    return quiet(*arguments, **settings).table


def of(table, **chosen):
    """The rows of `table` in which every column named is as given, numbered from 0."""
    for name, value in chosen.items():
        table = table[table[name] == value]
    return table.reset_index(drop=True)


@pytest.mark.parametrize("make", [lambda: NALU(1), lambda: NMU(1), lambda: keras.layers.Dense(1)], ids=["NALU", "NMU", "Dense"])
def test_each_run_is_the_loop_written_out_with_keras_own_adam(make):
    """One seed by hand: the same start, the same numbers, Keras' Adam with the paper's epsilon, Keras' own constraints."""
    table = table_of(make, seeds=[4], steps=50, every=50, learning_rate=[0.01], weights=True)
    keras.utils.set_random_seed(4)
    layer = make()
    layer.build((None, 2))
    adam, numbers = keras.optimizers.Adam(0.01), np.random.default_rng([4, 1])
    for _ in range(50):
        x = 1 + numbers.random((128, 2), dtype="float32")
        with tf.GradientTape() as tape:
            cost = tf.reduce_mean((layer(x) - x[:, :1] * x[:, 1:]) ** 2)
        adam.apply(tape.gradient(cost, layer.trainable_variables), layer.trainable_variables)
    ours = table.iloc[-1].filter(like="[").to_numpy(float)
    np.testing.assert_allclose(ours, np.concatenate([np.ravel(w) for w in layer.get_weights()]), rtol=1e-3, atol=1e-5)
    (x, y), _ = data.examination("*", *ONE)
    assert table["interpolation"].iloc[-1] == pytest.approx(np.mean((layer(x).numpy() - y) ** 2), rel=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: NMU(1), id="NMU"),
        pytest.param(lambda: NALU(1), id="NALU", marks=pytest.mark.slow),
        pytest.param(lambda: keras.layers.Dense(1), id="Dense", marks=pytest.mark.slow),
        pytest.param(lambda: INALU(1), id="INALU", marks=pytest.mark.slow),
        pytest.param(lambda: RealNPU(1), id="RealNPU", marks=pytest.mark.slow),
    ],
)
def test_a_run_ends_the_same_to_the_last_bit_whatever_runs_beside_it(make):
    alone = table_of(make, seeds=[7], ranges=[TEN], weights=True)
    among = table_of(make, seeds=range(40), ranges=[ONE, TEN], learning_rate=[0.1, 1e-3], weights=True)
    other_checks = table_of(make, seeds=[9, 7], ranges=[TEN], every=7, weights=True)
    pd.testing.assert_frame_equal(alone, of(among, seed=7, train="[10, 20]", learning_rate=1e-3), check_exact=True)
    pd.testing.assert_frame_equal(of(alone, step=60), of(other_checks, seed=7, step=60), check_exact=True)


# Eight runs' sums are as long as that; two runs' nearly so; two runs' as long.
@pytest.mark.parametrize("rows", [64, pytest.param(255, marks=pytest.mark.slow), 256])
def test_a_wide_layer_ends_the_same_to_the_last_bit_too(rows, monkeypatch):
    """Its bias learns from a sum over rows × 64 numbers for each run, which XLA adds in another order from 2**15 of all runs on."""
    monkeypatch.setattr(many, "CORES", 1)  # so that sixteen seeds make tiles of eight, where the sums allow it
    make = lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1)])  # noqa: E731
    x = np.random.default_rng(0).normal(size=(rows, 2)).astype("float32")
    settings = {"steps": 50, "every": 50, "cost": "mean"}
    task = x, x[:, :1] * x[:, 1:]
    alone, among = (quiet(make, task, seeds=seeds, **settings).models[-1] for seeds in ([15], range(16)))
    for mine, theirs in zip(alone.get_weights(), among.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_table_has_a_row_for_each_run_and_check():
    table = table_of(ranges=[ONE, TEN], learning_rate=[0.1, 0.01], steps=50, every=20)
    assert len(table) == 3 * 2 * 2 * 4
    assert sorted(table["step"].unique()) == [0, 20, 40, 50]
    assert not table.duplicated(["train", "learning_rate", "seed", "step"]).any()
    assert list(table.columns[:5]) == ["train", "test", "learning_rate", "seed", "step"]


@pytest.mark.parametrize("cores", [1, 3])
def test_rows_and_models_are_in_the_order_in_which_the_runs_were_asked_for(cores, monkeypatch):
    monkeypatch.setattr(many, "CORES", cores)  # tiles end elsewhere
    asked = {"learning_rate": [0.01, 0.1, 0.03], "seeds": [5, 1, 3], "ranges": [TEN, ONE]}
    table, models = quiet(**asked, steps=4, every=2, weights=True)
    runs = itertools.product(asked["learning_rate"], asked["seeds"], ["[10, 20]", "[1, 2]"], [0, 2, 4])
    assert list(table[["learning_rate", "seed", "train", "step"]].itertuples(index=False, name=None)) == list(runs)
    ends = of(table, step=4).filter(like="[").to_numpy(float)
    np.testing.assert_array_equal(ends, [np.concatenate([np.ravel(w) for w in model.get_weights()]) for model in models])


def test_seeds_differ_in_start_and_numbers_and_ranges_share_the_start():
    table = of(table_of(ranges=[ONE, TEN], weights=True), step=0)
    assert table["W_hat[0, 0]"].nunique() == 3
    assert (table.groupby("seed")["W_hat[0, 0]"].nunique() == 1).all()


def test_rows_have_as_many_inputs_as_they_have():
    for settings in (dict(inputs=3), dict(batch=7), dict(ranges=[ONE]), dict(ranges=np.ones((1, 2, 2)))):
        with pytest.raises(ValueError, match=f"{next(iter(settings))} is for a task that is text, which draws its numbers"):
            fit_many(lambda: NAC(1), (np.ones((2, 2)), np.ones((2, 1))), seeds=[0], steps=1, **settings)


def test_of_more_inputs_the_task_takes_the_first_two():
    runs = quiet(lambda: NAU(1), "-", inputs=5, steps=3_000, every=3_000, learning_rate=0.01)
    for model in runs.models:
        assert np.allclose(model.W.numpy().ravel(), [1, -1, 0, 0, 0], atol=0.02)
    (x, y), _ = data.examination("-", *ONE, inputs=5)
    assert x.shape == (10_000, 5) and np.allclose(y, x[:, :1] - x[:, 1:2], atol=1e-6)
    assert runs.table["interpolation"].iloc[-1] == pytest.approx(np.mean((runs.models[-1](x) - y) ** 2), rel=1e-3)


@pytest.mark.parametrize("count", [1, 200])
def test_watch_sees_every_row_of_the_table_as_it_is_made(count):
    seen = []
    table = table_of(lambda: NMU(1), seeds=range(count), weights=True, watch=seen.append)
    weights = [look.pop("weights") for look in seen]
    watched = pd.concat([pd.DataFrame(look) for look in seen]).sort_values(["seed", "step"], ignore_index=True)
    pd.testing.assert_frame_equal(watched, table[watched.columns], check_exact=True)
    assert all(part.shape == (len(look["seed"]), 2, 1) for look, parts in zip(seen, weights, strict=True) for part in parts)


def test_after_a_stop_no_more_runs_begin(monkeypatch):
    monkeypatch.setattr(many, "CORES", 1)
    monkeypatch.setattr(many, "TILES", (2,))
    begun, begin = [], many._Runs._begin
    monkeypatch.setattr(many._Runs, "_begin", lambda runs, tile: begun.append(tile) or begin(runs, tile))

    def interrupt(seen):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        table_of(seeds=range(40), watch=interrupt)
    assert len(begun) < 10  # of 20


def test_it_learns_what_it_is_asked_to():
    table = table_of(lambda: NAC(1), "+", learning_rate=[0.05], steps=1500, every=500)
    assert (of(table, step=1500)["extrapolation"] < 0.05).all()
    table = table_of(lambda: NMU(1), "a * b", learning_rate=[0.01], steps=1500, every=500)
    assert (of(table, step=1500)["extrapolation"] < 1e-6).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_numbers_are_numbers_in_an_expression(dtype):
    text = "sqrt(a) * sqrt(2) + a * sqrt(2) + exp(1) * sqrt(a) + log(2) + log(a) + abs(-2) * a + a / exp(1000)"
    assert np.isfinite(table_of(lambda: keras.layers.Dense(1, dtype=dtype), text, seeds=[0], steps=2)["cost"]).all()
    root = expression.parse("a * sqrt(2)")(tf.constant([3.0, 5.0], dtype), None)
    assert root.dtype == dtype and root.numpy() == pytest.approx(np.array([3, 5]) * 2**0.5, rel=1e-15 if dtype == "float64" else 1e-6)


def test_the_test_ranges_are_the_benchmarks():
    for (low, high), test in data.BENCHMARK_RANGES:
        (x_valid, y_valid), (x_test, y_test) = data.examination("-", (low, high), test)
        assert x_valid.shape == x_test.shape == (10_000, 2) and x_valid.dtype == np.float32
        assert low - 1e-5 <= x_valid.min() and x_valid.max() <= high + 1e-5
        np.testing.assert_allclose(y_test, x_test[:, :1] - x_test[:, 1:], atol=1e-5)
    assert np.abs(data.examination("+", (-2, 2), ((-6, -2), (2, 6)))[1][0]).min() >= 2
    signs = np.sign(data.examination("+", (-2, 2), ((-6, -2), (2, 6)))[1][0])
    assert abs(signs.mean()) < 0.05


class Broken(keras.layers.Layer):
    """0/0 when its only weight starts above a half, w·x₁ otherwise."""

    def build(self, shape):
        self.w = self.add_weight(shape=(1,), initializer=keras.initializers.RandomUniform(0, 1), name="w")

    def call(self, x):
        return tf.where(self.w > 0.5, np.nan, 1.0) * self.w * x[..., :1]


def test_a_run_that_diverges_is_reported_and_the_others_go_on():
    table = of(table_of(Broken, seeds=range(12), learning_rate=1e-9, weights=True), step=60)
    start = of(table_of(Broken, seeds=range(12), weights=True, steps=1, every=1), step=0)["w[0]"]
    assert 0 < (start > 0.5).sum() < 12
    assert (table["diverged_at"] == 0).tolist() == (start > 0.5).tolist()
    assert table["diverged_at"].isna().tolist() == (start <= 0.5).tolist()
    assert np.isfinite(table.loc[start <= 0.5, "interpolation"]).all()


def test_a_learning_rate_that_overflows_is_reported_with_its_step():
    table = of(table_of(lambda: keras.layers.Dense(1), learning_rate=[1e30]), step=60)
    assert (table["diverged_at"] == 1).all()


def test_a_penalty_is_felt():
    make = {size: lambda size=size: NAU(1, penalty_size=size, penalty_steps=(0, 1)) for size in (1e-9, 100.0)}
    errors = [of(table_of(make[size], "+", learning_rate=[0.01], steps=200, every=200), step=200)["sparsity_error"] for size in make]
    assert errors[1].max() < 0.1 < errors[0].min()


def test_gradients_can_be_clipped():
    def step(**settings):
        table = table_of(lambda: keras.layers.Dense(1, use_bias=False), steps=2, every=1, ranges=[TEN], weights=True, **settings)
        return table["kernel[0, 0]"].to_numpy()

    assert not np.array_equal(step(), step(optimizer=keras.optimizers.Adam(1e-3, clipvalue=1e-6)))


def test_a_run_that_stands_still_starts_anew_as_the_rule_says():
    """The rule of iNALU written out: a list of losses, looked at every 10 steps once it holds more than 5,000."""
    rng = np.random.default_rng(0)
    stuck = np.full(30, 41_146.0)
    validations = np.stack([rng.uniform(2, 3, 30), 100 * 0.5 ** np.arange(30), rng.uniform(0, 1, 30), rng.uniform(0, 9, 30), stuck], axis=1)
    rule = StandingStill()
    got = np.stack([rule.restart_at(row, 1000 * i, 1000 * (i + 1)) for i, row in enumerate(validations)])
    expected = np.full(got.shape, -1)
    for run in range(5):
        all_losses, begin = np.repeat(validations[:, run], 1000), 0
        for step in range(0, 30_000, 10):
            losses = all_losses[begin : step + 1]
            if len(losses) > 5000:
                first, second = losses[: len(losses) // 2], losses[len(losses) // 2 :]
                if np.mean(first) <= np.mean(second) + np.std(second) and np.mean(second) > 1:
                    expected[step // 1000, run] = step
                    begin = step + 1
    restarts = (expected >= 0).sum(axis=0)
    assert restarts[2] == 0 < restarts[0] and restarts[4] == 5
    np.testing.assert_array_equal(got, expected)


def test_a_restart_comes_after_its_step_and_gives_the_seeds_next_start(monkeypatch):
    monkeypatch.setattr(
        StandingStill,
        "restart_at",
        lambda self, validation, step, end: np.where(np.arange(len(validation)) + 20 == step, 25, -1),
    )
    table = table_of(lambda: INALU(1), seeds=range(2), restart=True, weights=True, learning_rate=1e-9)
    assert of(table, step=60)["restarts"].tolist() == [1, 0] and of(table, step=20)["restarts"].max() == 0
    before, after = of(table, seed=0)["W_a_hat[0, 0]"].iloc[[1, 2]]
    assert before == pytest.approx(of(table, seed=0)["W_a_hat[0, 0]"][0], abs=1e-6) and abs(before - after) > 1e-3
    pd.testing.assert_frame_equal(table, table_of(lambda: INALU(1), seeds=range(2), restart=True, weights=True, learning_rate=1e-9))


def test_the_rule_itself_restarts_a_run_that_does_not_move():
    table = table_of(lambda: INALU(1), seeds=[0], ranges=[TEN], steps=5_020, every=1_000, restart=True, weights=True, learning_rate=1e-9)
    assert table["restarts"].tolist() == [0] * 6 + [1] and table["interpolation"].min() > 1
    moved = np.abs(np.diff(table["W_a_hat[0, 0]"]))
    assert moved[-1] > 1e-3 > moved[:-1].max()


@pytest.mark.parametrize(
    "settings, error, words",
    [
        (dict(operation="modulo"), ValueError, "operation is 'modulo', known are"),
        (dict(operation="/", ranges=[((-1, 1), (2, 6))]), ValueError, "holds 0, by which nothing can be divided"),
        (dict(operation="/", ranges=[((1, 2), ((-6, -2), (-1, 6)))]), ValueError, "holds 0, by which nothing can be divided"),
        (dict(seeds=[]), ValueError, "seeds is empty"),
        (dict(seeds=[1, 1]), ValueError, "seeds holds the same one twice"),
        (dict(seeds=[-1]), ValueError, "a seed is -1"),
        (dict(seeds=5), TypeError, "seeds is 5, expected whole numbers such as range"),
        (dict(seeds=None), TypeError, "seeds is None, expected whole numbers"),
        (dict(seeds=[2**32]), ValueError, "a seed is 4,294,967,296, expected at most 4,294,967,295"),
        (dict(seeds=range(10**8)), ValueError, "seeds holds more than 1,000,000: train fewer at once"),
        (dict(steps=10**400), ValueError, "steps is about 10.400, expected at most 1,000,000,000"),
        (dict(batch=10**400), ValueError, "a batch of about 10.400 rows would take about 10.392 GB"),
        (dict(steps=0), ValueError, "steps is 0"),
        (dict(steps=1.5), TypeError, "steps is 1.5"),
        (dict(inputs=1), ValueError, "inputs is 1, expected a whole number of at least 2"),
        (dict(inputs=2.5), TypeError, "inputs is 2.5, expected a whole number"),
        (dict(inputs=10**7), ValueError, "would take"),
        (dict(batch=-3), ValueError, "batch is -3"),
        (dict(every=0), ValueError, "every is 0"),
        (dict(learning_rate=[0]), ValueError, "learning_rate is 0"),
        (dict(learning_rate=[float("nan")]), ValueError, "learning_rate is nan"),
        (dict(learning_rate=[]), ValueError, "learning_rate is empty"),
        (dict(learning_rate=[0.1, 0.1]), ValueError, "learning_rate holds the same one twice"),
        (dict(operation=5), TypeError, "the task is of type int, expected text such as"),
        (
            dict(operation=(np.ones((50, 2)),) * 3),
            TypeError,
            "^the task is of type tuple, 3 long, expected text such as .{0,60}$",
        ),
        (dict(operation="a * c"), ValueError, "'c' is not allowed here: use a, b, numbers, "),
        (dict(operation="a * 1e40"), ValueError, r"'1e.40' is not allowed here: use a, b, numbers below 1e30, "),
        (dict(operation="a + b" + 100 * "+ b"), ValueError, "the expression has 305 characters, expected 1 to 200"),
        (dict(operation="- b" + 300 * " " + "- a"), ValueError, "the expression has 306 characters, expected 1 to 200"),
        (dict(operation="1 / (a - a)"), ValueError, "divides by 0 or is too large whatever a and b are"),
        (dict(operation="(-1) ** 0.5 * a"), ValueError, "divides by 0 or is too large whatever a and b are"),
        (dict(operation="log(a - 9)"), ValueError, "the answer is not a finite number for 10,000 of 10,000 pairs"),
        (dict(ranges=[(1, 2)]), TypeError, "train is 1, expected two numbers"),
        (dict(ranges=7), TypeError, "ranges is 7, expected pairs"),
        (dict(ranges=[5]), TypeError, "a range is 5, expected a pair"),
        (dict(ranges=[((2, 1), (2, 6))]), ValueError, "first end below its second"),
        (dict(make=lambda: NALU(2)), ValueError, r"shape \(1, 2\), expected \(1, 1\): give it one unit"),
        (dict(make=lambda: keras.layers.BatchNormalization()), ValueError, r"expected \(1, 1\)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_bad_input_is_refused_in_one_sentence(settings, error, words):
    with pytest.raises(error, match=words):
        table_of(**settings)


def test_threads_move_the_bar_one_after_the_other(monkeypatch):
    monkeypatch.setattr(many, "CORES", 4)

    class Bar:
        """It counts as slowly as it can."""

        count = 0

        def update(self, count):
            before = self.count
            time.sleep(1e-3)
            self.count = before + count

    bar = Bar()
    table_of(seeds=range(16), steps=100, every=5, progress=bar)
    assert bar.count == 16 * 100


def test_progress_goes_to_a_terminal(capsys):
    table_of(progress=True)
    assert capsys.readouterr().err.strip().endswith("| 180 steps in all")


# Any model, any cost, examples that never end


def pairs(rng, count):
    return (rng.random((count, 16, 2), "float32"),)


def sum_error(model, x):
    return tf.reduce_mean((model(x) - x[:, :1] - x[:, 1:]) ** 2)


def built(layer):
    layer.build((None, 2))
    return layer


ONE_FOR_ALL, FALLING = built(NAC(1)), keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)


def stream(make=lambda: built(NAC(1)), draw=pairs, cost=sum_error, **settings):
    given = {"seeds": [0, 1], "steps": 30, "progress": False, "learning_rate": 0.05, **settings}
    return fit_many(make, draw, cost=cost, **given)


def last(table):
    return table[table["step"] == table["step"].max()]


def test_a_nac_learns_to_add_from_fresh_numbers():
    table, models = stream(steps=2000)
    assert (last(table)["cost"] < 1e-3).all()
    assert all(abs(float(model([[5.0, 7.0]])[0, 0]) - 12) < 0.2 for model in models)


def test_a_stream_is_learned_as_keras_adam_does_with_the_same_examples():
    table, (model,) = stream(seeds=[0], steps=7, every=1)
    keras.utils.set_random_seed(0)
    other, adam, rng = built(NAC(1)), keras.optimizers.Adam(0.05), np.random.default_rng([0, 1])
    batches = pairs(rng, 250)[0]
    for step in range(7):
        with tf.GradientTape() as tape:
            value = sum_error(other, tf.constant(batches[step]))
        assert float(value) == pytest.approx(table["cost"][step], rel=1e-4)
        adam.apply(tape.gradient(value, other.trainable_variables), other.trainable_variables)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def lstm_reader():
    parts = [keras.Input((4,), dtype="int32"), keras.layers.Embedding(4, 8), keras.layers.LSTM(8), keras.layers.Dense(1)]
    return keras.Sequential(parts)


def test_an_embedding_and_a_recurrence_learn_too():
    """The last of four tokens, told by an LSTM: gradients of an embedding come as slices, and are taken all the same."""
    draw = lambda rng, count: (rng.integers(0, 4, (count, 32, 4), "int32"),)  # noqa: E731
    cost = lambda model, x: tf.reduce_mean((model(x)[:, 0] - tf.cast(x[:, -1], "float32")) ** 2)  # noqa: E731
    table, _ = stream(lstm_reader, draw, cost, steps=200, learning_rate=0.02)
    measured = table["cost"].to_numpy().reshape(2, -1)
    assert (measured[:, -1] < 0.2 * measured[:, 0]).all()


class Frozen(keras.layers.Layer):
    """w·x₁ + a frozen number that each seed draws for itself."""

    def build(self, shape):
        self.w = self.add_weight(shape=(1,), initializer="ones", name="w")
        self.offset = self.add_weight(shape=(1,), initializer=keras.initializers.RandomUniform(0, 1), name="offset", trainable=False)

    def call(self, x):
        return self.w * x[..., :1] + self.offset


def test_every_seed_is_trained_with_its_own_frozen_weights():
    table, models = stream(lambda: built(Frozen()), seeds=[0, 1], steps=300, every=300)
    offsets = [float(model.offset[0]) for model in models]
    assert abs(offsets[0] - offsets[1]) > 1e-3
    x = np.random.default_rng(0).random((4000, 2), "float32")
    for cost, model in zip(last(table)["cost"], models, strict=True):
        assert float(sum_error(model, x)) == pytest.approx(cost, rel=0.6)
    keras.utils.set_random_seed(1)
    assert built(Frozen()).offset.numpy() == models[1].offset.numpy()


def test_what_is_drawn_for_a_run_does_not_depend_on_how_often_one_looks():
    alone, often = stream(seeds=[1], every=30), stream(seeds=[0, 1, 2], every=7)
    for mine, theirs in zip(alone.models[0].get_weights(), often.models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_stream_of_doubles_is_seen_by_a_float64_model_as_it_was_drawn():
    fine = lambda rng, count: (1 + 1e-12 * rng.random((count, 4, 2)),)  # noqa: E731
    beyond = lambda model, x: tf.reduce_mean(tf.cast(model(x), x.dtype) * 0 + (x - 1) * 1e12)  # noqa: E731
    double = stream(lambda: built(NAC(1, dtype="float64")), fine, beyond, steps=3, every=1)
    drawn = fine(np.random.default_rng([0, 1]), 250)[0]
    np.testing.assert_allclose(double.table["cost"][:3], (drawn[:3] - 1).mean(axis=(1, 2)) * 1e12, rtol=1e-12)
    assert double.table["cost"].dtype == np.float64
    assert (stream(draw=fine, cost=beyond, steps=3).table["cost"] == 0).all()  # float32 rounds them to 1


def test_a_task_that_draws_is_examined_on_the_rows_of_a_task():
    rows = data.uniform("*", train=(0, 1), test=(1, 2), rows=50)
    draw, cost = (lambda rng, count: (rng.random((count, 8, 2), "float32"),)), (lambda model, x: tf.reduce_mean(model(x) ** 2))
    table, models = fit_many(lambda: NAC(1), draw, cost=cost, examined=rows, seeds=[0, 1], steps=20, every=10, progress=False)
    for x, y, error in ((rows.x_train, rows.y_train, "interpolation"), (rows.x_test, rows.y_test, "extrapolation")):
        truth = [np.mean((model(x).numpy() - y) ** 2) for model in models]
        np.testing.assert_allclose(table.loc[table["step"] == 20, error], truth, rtol=1e-5)
    plain, _ = fit_many(lambda: built(NAC(1)), draw, cost=cost, seeds=[0, 1], steps=20, every=10, progress=False)
    np.testing.assert_array_equal(plain["cost"], table["cost"])  # to be looked at changes nothing
    for task, examined in (("*", rows), (rows, rows), (draw, (rows.x_train, rows.y_train))):
        with pytest.raises(TypeError, match="examined is for a task that is a function draw"):
            fit_many(lambda: NAC(1), task, cost=None if task is not draw else cost, examined=examined, seeds=[0], steps=5)


def test_weights_of_equal_names_have_columns_of_their_own():
    def network():
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])

    table, models = stream(network, weights=True, seeds=[3])
    columns = [name for name in table if "[" in name]
    assert len(columns) == 9 and "kernel[0, 0]" in columns and "kernel_1[1, 0]" in columns
    np.testing.assert_array_equal(last(table)[columns].to_numpy()[0], np.concatenate([np.ravel(w) for w in models[0].get_weights()]))


class Numbered(keras.layers.Layer):
    """x @ kernel_1, as some layers of several matrices call theirs."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 2), name="kernel_1")

    def call(self, x):
        return x @ self.w


@pytest.mark.parametrize(
    "layers_of, names",
    [
        (lambda: [NAC(2), NMU(1)], ["W_hat", "M_hat", "W"]),
        (lambda: [Numbered(), keras.layers.Dense(1, use_bias=False)], ["kernel_1", "kernel"]),
        (lambda: [keras.layers.Dense(2, use_bias=False), Numbered(), keras.layers.Dense(1)], ["kernel", "kernel_1", "kernel_2", "bias"]),
        (lambda: [keras.layers.Dense(2), keras.layers.Dense(2), NAC(1)], ["kernel", "bias", "kernel_1", "bias_1", "W_hat", "M_hat"]),
    ],
)
def test_every_weight_has_a_column_under_a_name_of_its_own(layers_of, names):
    table, models = stream(lambda: keras.Sequential([keras.Input((2,)), *layers_of()]), weights=True, seeds=[3], steps=2)
    columns = [name for name in table if "[" in name]
    assert list(dict.fromkeys(name.partition("[")[0] for name in columns)) == names
    np.testing.assert_array_equal(last(table)[columns].to_numpy()[0], np.concatenate([np.ravel(w) for w in models[0].get_weights()]))


def test_a_model_may_have_many_inputs_and_outputs_when_the_cost_knows_them():
    def two():
        a, b = keras.Input((1,)), keras.Input((1,))
        both = keras.layers.Concatenate()([a, b])
        return keras.Model([a, b], {"sum": keras.layers.Dense(1)(both), "difference": keras.layers.Dense(1)(both)})

    def cost(model, x):
        said = model([x[:, :1], x[:, 1:]])
        return tf.reduce_mean((said["sum"] - x[:, :1] - x[:, 1:]) ** 2 + (said["difference"] - x[:, :1] + x[:, 1:]) ** 2)

    table, _ = stream(two, cost=cost, steps=1500)
    assert (last(table)["cost"] < 1e-3).all()


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"draw": lambda rng, count: rng.random((count, 2))}, TypeError, "draw returned a ndarray, expected a tuple of arrays"),
        ({"draw": lambda rng, count: (rng.random((3, 2)),)}, ValueError, r"draw returned an array of shape \(3, 2\) for 1 steps"),
        ({"draw": lambda rng, count: (np.array(["a"] * count),)}, TypeError, "expected arrays of numbers"),
        (
            {"draw": lambda rng, count: ([[1.0], [1.0, 2.0]] * count,)},
            TypeError,
            "draw returned rows of different lengths",
        ),
        ({"draw": lambda rng: None}, TypeError, "draw is called with rng, count, and it cannot be: too many positional arguments"),
        ({"cost": lambda model: 0.0}, TypeError, r"cost is called with model, an array \[.*\], and it cannot be: too many positional"),
        ({"draw": lambda rng, count: next(iter(()))}, ValueError, "draw has come to its end"),
        ({"draw": lambda rng, count: (rng.random((count, count + 1, 2)),)}, ValueError, "they must stay the same"),
        ({"cost": None}, TypeError, r"needs a cost\(model, \*examples\)"),
        ({"make": lambda: NAC(1)}, ValueError, "the model has no weights yet: build it in make_model"),
        ({"make": 5}, TypeError, "make_model is 5, expected a function that makes a model"),
        ({"make": NAC}, TypeError, "make_model is <class .*NAC.>, expected a function that makes a model, such as lambda"),
        ({"make": ONE_FOR_ALL}, TypeError, "make_model is <NAC .*>, expected a function that makes a model"),
        ({"make": lambda: 5}, TypeError, "make_model returned 5, expected a Keras layer or model"),
        ({"make": lambda: ONE_FOR_ALL}, ValueError, "make_model gave a model that shares weights with one before"),
        (
            {"optimizer": keras.optimizers.Adam(FALLING)},
            ValueError,
            "one is a schedule: give the optimizer alone",
        ),
        ({"restart": True}, ValueError, "restart looks at the validation of drawn numbers"),
        ({"steps": 4 * 10**6, "every": 1}, ValueError, "a table of 8,000,002 rows, .* would take 2.6 GB, expected at most 2"),
        ({"steps": 10**9, "every": 1}, ValueError, r"a table of .* rows, .* would take .* GB, expected at most 2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_a_stream_that_cannot_be_used_is_refused_in_one_sentence(settings, error, words):
    if "optimizer" in settings:
        settings = {**settings, "learning_rate": [0.1, 0.2]}
    with pytest.raises(error, match=words):
        stream(**settings)


# However a run is trained it ends the same


UNITS = {
    **{kind.__name__: lambda kind=kind: kind(1) for kind in (NAC, NACLog, NALU, GNALU, INALU, RealNPU, NPU, layers.MCFC, layers.DMU)},
    **{
        kind.__name__: lambda kind=kind: kind(1, penalty_steps=(0, 1))
        for kind in (NAU, NMU, layers.SNMU, layers.RealNPUModified, layers.NRU, layers.NMRU)
    },
    "Dense": lambda: keras.layers.Dense(1),
    "two layers": lambda: keras.Sequential([keras.Input((2,)), NAC(2), NMU(1)]),
    "float64": lambda: NALU(1, dtype="float64"),
    # No bias before the batch normalization: it would have no gradient but rounding, of which Adam makes full steps.
    "a state": lambda: keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    ),
}
X = np.random.default_rng(1).uniform(1, 2, (50, 2)).astype("float32")
ROWS = X, 9 * X[:, :1] ** 2  # no unit whose weights are clipped can say it: they end at the wall
CLIPPED = "NAU", "NMU", "SNMU", "RealNPUModified", "NRU", "NMRU"


def built_once(model):
    return model if model.built else built(model)


SOME = "NAC", "NMU", "two layers"  # without a penalty, with one, and more than one unit


def same_weights(model, other):
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def taught(make, settings):
    """What `fit` makes of seed 7."""
    keras.utils.set_random_seed(7)
    model = make()
    fit(model, *ROWS, **settings)
    return model


@pytest.mark.parametrize("name", quick_first(SOME, [*UNITS]))
def test_fit_and_fit_many_teach_the_same_to_the_last_bit_alone_beside_others_and_in_threads(name):
    make, settings = UNITS[name], {"steps": 40, "learning_rate": 0.05, "progress": False}
    model = taught(make, settings)
    everywhere = [fit_many(make, ROWS, seeds=[7], **settings).models[0], fit_many(make, ROWS, seeds=range(20), **settings).models[7]]
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(fit_many, make, ROWS, seeds=[5, 7, seed], **settings) for seed in (20, 21, 22)]
        everywhere += [job.result().models[1] for job in jobs]
    if name in CLIPPED:
        assert any(np.isin(weight, [-1, 0, 1]).any() for weight in model.get_weights())
    for other in everywhere:
        same_weights(model, other)


@pytest.mark.parametrize("name", quick_first(["NMU"], [*UNITS]))
def test_the_same_rows_drawn_at_every_step_teach_the_same_to_the_last_bit(name):
    make, settings = UNITS[name], {"steps": 40, "learning_rate": 0.05, "progress": False}
    again = lambda rng, count: tuple(np.broadcast_to(part, (count, *part.shape)) for part in ROWS)  # noqa: E731
    error = lambda model, x, y: tf.reduce_sum((model(x, training=True) - y) ** 2)  # noqa: E731
    drawn = fit_many(lambda: built_once(make()), again, cost=error, seeds=[7], **settings).models[0]
    same_weights(taught(make, settings), drawn)


@pytest.mark.parametrize("name", quick_first(SOME, [*UNITS]))
def test_keras_own_fit_teaches_the_same_as_fit(name):
    """All rows in one batch and in order, the same Adam. Keras' update is compiled otherwise and rounds so: 40 steps carry that on."""
    ours = taught(UNITS[name], {"steps": 40, "learning_rate": 0.05, "progress": False})
    keras.utils.set_random_seed(7)
    theirs = UNITS[name]()
    model = keras.Sequential([theirs])
    model.compile(keras.optimizers.Adam(0.05), lambda y, said: tf.reduce_sum((said - y) ** 2))
    model.fit(*ROWS, batch_size=len(X), epochs=40, shuffle=False, verbose=0)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-4, atol=1e-5)


def test_a_thread_that_draws_random_numbers_meanwhile_changes_nothing():
    """Dask's and Jupyter's threads do: one cluster table in three had other starts."""
    import random

    def starts():
        table = quiet(lambda: NAU(1), "+", seeds=range(40), steps=1, every=1, weights=True).table
        return table[table["step"] == 0]["W[0, 0]"].tolist()

    alone, over = starts(), threading.Event()
    busy = threading.Thread(target=lambda: [random.random() for _ in iter(over.is_set, True)])
    busy.start()
    try:
        assert starts() == alone
    finally:
        over.set()
        busy.join()


@pytest.mark.slow
def test_dask_workers_with_several_threads_make_the_same_table():
    from distributed import Client, LocalCluster

    ask = {"operation": "*", "seeds": range(12), "steps": 30, "every": 10, "weights": True}
    here = quiet(**ask).table
    with LocalCluster(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        jobs = [client.submit(lambda i: quiet(**ask).table, i, pure=False) for i in range(4)]
        for job in jobs:
            pd.testing.assert_frame_equal(job.result(), here, check_exact=True)


@pytest.mark.parametrize("name", quick_first(["NMU"], [*UNITS]))
def test_a_second_training_of_the_same_shape_is_not_compiled_again(name, monkeypatch):
    monkeypatch.setattr(_tensorflow, "_COMPILED", OrderedDict())  # the other tests' may be as many as it keeps
    quiet(UNITS[name])
    before = {key: id(loop) for key, loop in _tensorflow._COMPILED.items()}
    quiet(UNITS[name], seeds=[8, 9, 10], learning_rate=0.3)
    assert {key: id(loop) for key, loop in _tensorflow._COMPILED.items()} == before


@pytest.mark.skipif(not _tensorflow.MAPS.exists(), reason="only Linux counts a process's pieces of memory")
def test_a_loop_is_compiled_once_wherever_in_its_block_a_check_falls():
    quiet(lambda: NAC(1), every=50, steps=100)  # from the block's beginning, and from its fiftieth step
    before = len(_tensorflow.MAPS.read_text(encoding="utf-8").splitlines())
    quiet(lambda: NAC(1), every=7, steps=100)
    assert len(_tensorflow.MAPS.read_text(encoding="utf-8").splitlines()) - before < 200  # a loop takes about 400


def test_where_no_loop_can_be_added_one_sentence_says_so_and_those_that_are_there_go_on(tmp_path, monkeypatch):
    make = lambda: NAC(1)  # noqa: E731
    quiet(make)
    for name, text in {"MAPS": "a line\n" * 95, "MOST_MAPS": "100\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(_tensorflow, name, tmp_path / name)
    assert len(quiet(make, seeds=range(8, 11)).table)  # compiled before
    with pytest.raises(_tensorflow.TooManyLoops, match="95 of its 100 pieces of memory are taken, and TensorFlow gives none back: restart"):
        quiet(make, "a * b + 0.123")
    for text in ("", "many"):  # where nothing is counted nothing is refused
        (tmp_path / "MOST_MAPS").write_text(text, encoding="utf-8")
        _tensorflow.refuse_another_loop()


@pytest.mark.slow
def test_another_computation_is_not_mistaken_for_one_that_was_compiled():
    ends = [quiet(operation=f"a * {factor}", steps=30).table["cost"].iloc[-1] for factor in (2, 3, 2)]
    assert ends[0] == ends[2] != ends[1]


def planned(make, task, seeds, inputs=2, batch=None):
    what = {"cost": None, "ranges": [ONE] if isinstance(task, str) else None, "inputs": inputs, "batch": batch, "examined": None}
    how = {"seeds": seeds, "learning_rate": None, "optimizer": None, "steps": 10, "every": 10}
    return many._Runs(make, task, **what, **how, restart=False, weights=False)


def test_memory_is_bounded_whatever_the_batch():
    runs = planned(lambda: NALU(1), "*", range(256), batch=100_000)
    step = 100_000 * 2 * 4
    assert runs.workers * (runs.streams * runs.block * step + runs.tile * runs.loop.bytes_a_run) < 2e9
    with pytest.raises(ValueError, match=r"would take .* GB, expected at most 2: ask for less at once"):
        quiet(batch=10**9)


PEAK = """
import resource
from nalu_helpers import NALU, fit_many
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def train(**settings):
    fit_many(lambda: NALU(1), "*", steps=2, every=1, progress=False, **settings)
train(seeds=range(2))
before = peak()
train(seeds=range(64), inputs=400)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says the peak in kilobytes")
def test_many_runs_of_many_inputs_are_measured_within_two_gigabytes():
    """Copied for every run of a tile their tables, of 32 MB each, took more than five."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2e9


def test_large_tables_are_measured_on_few_runs_at_a_time_with_the_same_numbers(monkeypatch):
    assert planned(lambda: NALU(1), "*", range(64), inputs=400).at_once == 2
    small = planned(lambda: NALU(1), "*", range(256))
    assert small.at_once == small.tile
    ask = {"make": lambda: NMU(1), "seeds": range(20), "ranges": [ONE, TEN], "steps": 20}
    together = table_of(**ask)
    monkeypatch.setattr(many, "TABLE_BYTES", 1)
    pd.testing.assert_frame_equal(table_of(**ask), together, check_exact=True)


def test_more_inputs_than_can_be_measured_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="the rows of 3,000 inputs to measure on would take 2.2 GB, expected at most 2"):
        quiet(inputs=3_000, batch=1, ranges=data.BENCHMARK_RANGES)
    monkeypatch.setattr(many, "MEASURING", 5_000)
    with pytest.raises(ValueError, match="measuring on so many rows and inputs would take 2.4 GB, expected at most 2"):
        quiet()  # 240 kB for each of two runs


def test_a_float64_model_is_measured_on_a_task_as_it_is_trained_on_it():
    task = data.uniform("+", train=(1, 10), test=(100, 1000), rows=64)
    runs = quiet(lambda: NAC(1, dtype="float64"), task)
    model, last = runs.models[0], runs.table[runs.table["seed"] == 0].iloc[-1]
    errors = [np.mean((model(x).numpy() - y) ** 2) for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test))]
    assert last[["interpolation", "extrapolation"]].tolist() == pytest.approx(errors, rel=1e-9)


@pytest.mark.parametrize("examined", [False, True])
def test_the_rows_of_a_task_are_looked_at_as_those_of_fit_are(examined):
    x, y = data.uniform("+", train=(1, 2), rows=20).x_train.astype("float64"), np.arange(20.0)

    def errors(**changed):
        rows = data.Task(**{"x_train": x, "y_train": y[:, None], "x_test": x[:5], "y_test": y[:5, None], **changed})
        if examined:
            draw, cost = (lambda rng, count: (rng.random((count, 8, 2), "float32"),)), (lambda model, x: tf.reduce_mean(model(x) ** 2))
            table = fit_many(lambda: NAC(1), draw, cost=cost, examined=rows, seeds=[0], steps=2, progress=False).table
        else:
            table = fit_many(lambda: NAC(1), rows, seeds=[0], steps=2, progress=False).table
        return table[["interpolation", "extrapolation"]].to_numpy()

    np.testing.assert_array_equal(errors(y_train=y, y_test=y[:5].tolist()), errors())
    for changed, words in (
        ({"y_test": [1, 2, np.nan, 4, 5]}, "y_test, row 2 is nan, expected only finite"),
        ({"y_test": y}, "x_test has 5 rows and y_test has 20: every row of x needs its own row of y"),
        ({"x_test": x[:5, :1]}, "x_train and y_train have 2 and 1 columns, x_test and y_test 1 and 1: they must have as many"),
        ({"y_train": np.ones((20, 3)), "y_test": np.ones((5, 3))}, r"y has 3 columns and the model turns one row into shape \(1, 1\)"),
    ):
        with pytest.raises(ValueError, match=words):
            errors(**changed)


def test_rows_may_be_sequences_and_their_answers_too():
    x = np.random.default_rng(0).uniform(0, 1, (30, 4, 2)).astype("float32")
    y = x.cumsum(axis=1).sum(axis=2, keepdims=True)
    make = lambda: keras.Sequential([keras.Input((4, 2)), keras.layers.SimpleRNN(3, None, return_sequences=True), NAC(1)])  # noqa: E731
    runs = fit_many(make, data.Task(x, y, 2 * x, 2 * y), seeds=[0], steps=100, learning_rate=0.03, every=100, progress=False)
    assert runs.table["cost"].iloc[-1] < runs.table["cost"].iloc[0] / 10 and np.isfinite(runs.table["extrapolation"]).all()
    keras.utils.set_random_seed(0)
    alone = make()
    fit(alone, x, y, steps=100, learning_rate=0.03, progress=False)
    for mine, theirs in zip(alone.get_weights(), runs.models[0].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_answers_of_another_shape_and_lists_of_inputs_are_refused_by_fit_and_fit_many():
    x, y, flat = np.ones((10, 4, 2)), np.ones((10, 4, 1)), [keras.Input((4, 2)), keras.layers.Flatten(), keras.layers.Dense(1)]
    for task, make, words in (
        ((x, y), lambda: keras.Sequential(flat), r"y has shape \(10, 4, 1\) and the model turns one row into shape \(1, 1\): it must have"),
        ((x, y[:, 0]), lambda: NAC(1), r"y has 1 columns and the model turns one row into shape \(1, 4, 1\): it must have as many outputs"),
        (([x[:, 0], x[:, 1]], y[:, 0]), two_inputs, "the model has 2 inputs, expected 1: use fit_many with draw and a cost that calls it"),
    ):
        with pytest.raises(ValueError, match=words):
            fit_many(make, task, seeds=[0], steps=2, progress=False)
        with pytest.raises(ValueError, match=words):
            fit(make(), *task, steps=2, progress=False)


def two_inputs():
    a, b = keras.Input((2,)), keras.Input((2,))
    return keras.Model([a, b], NAC(1)(keras.layers.concatenate([a, b])))


def wide(columns):
    return keras.Sequential([keras.Input((columns,)), keras.layers.Dense(columns), keras.layers.Dense(1)])


def test_fewer_large_models_are_trained_at_once_so_that_they_fit(monkeypatch):
    """Each of Dense 1000 × 1000 needs some 50 MB: its weights and Adam's memory of them, before, within and after an update."""
    rows = np.ones((8, 1000)), np.ones((8, 1))
    asked = lambda: planned(lambda: wide(1000), rows, range(4))  # noqa: E731
    assert asked().workers == training.CORES
    monkeypatch.setattr(many, "MOST_BYTES", 80 * 10**6)
    assert asked().workers == 1


def test_a_trained_run_keeps_its_weights_and_not_the_memory_of_its_optimizer():
    models = quiet(lambda: built(NAC(1)), steps=5, every=5).models
    assert [value.shape for value in models.values[0]] == [(2, 1), (2, 1)]


def test_weights_alone_are_no_reason_to_refuse_a_model():
    """Dense 5000 × 5000 is 100 MB, and the twenty values of that size in an update are not all there at once."""
    rows = [np.ones((8, 5000), "float32"), np.ones((8, 1), "float32")]
    loop = training.Loop(wide(5000), keras.optimizers.Adam(), training.squared_error("sum"), own=rows)
    assert loop.bytes_held + loop.bytes_a_run < 1.5e9


def test_weights_that_two_later_seeds_share_are_refused():
    kept = built(NAC(1))
    made = iter([built(NAC(1)), built(NAC(1)), kept, kept])
    with pytest.raises(ValueError, match="make_model gave a model that shares weights with one before"):
        stream(lambda: next(made), seeds=[0, 1, 2], steps=3)


def test_models_that_are_made_of_something_else_by_now_are_refused():
    trained, settings = {}, {"seeds": range(2), "learning_rate": [0.1, 0.01], "steps": 3, "progress": False}
    for unit in (NAC, NAU):
        trained[unit] = fit_many(lambda: unit(1), ROWS, **settings).models  # noqa: B023
    assert isinstance(trained[NAU][2], NAU)
    said = "another kind of model now than when it was trained: a variable that it uses has changed since"
    assert isinstance(trained[NAC][0], NAC)  # the one that this seed began with
    with pytest.raises(ValueError, match=said):
        trained[NAC][2]  # made anew
    activation = "tanh"
    bent = fit_many(lambda: keras.layers.Dense(1, activation=activation), ROWS, **settings).models
    activation = "relu"
    assert bent[0].activation is keras.activations.tanh
    with pytest.raises(ValueError, match=said):
        bent[2]
    for unit in (NAC, NAU):
        trained[unit] = fit_many(lambda unit=unit: unit(1), ROWS, **settings).models
    assert [type(models[1]) for models in trained.values()] == [NAC, NAU]


def test_models_whose_settings_change_in_a_list_are_refused():
    for signs in ((1, 1), (1, -1)):
        if signs == (1, 1):
            runs = quiet(lambda: layers.DMU(1, signs=signs), seeds=[0], learning_rate=[0.1, 0.01], steps=5)  # noqa: B023
    assert runs.models[0].signs == (1, 1)
    with pytest.raises(ValueError, match="another kind of model now than when it was trained"):
        runs.models[1]


def test_models_say_how_many_they_are_and_which_there_is_not():
    models = quiet(seeds=[0, 1], steps=3).models
    assert repr(models) == "<2 trained models>" and models[-1] is models[1]
    for place in (2, -3):
        with pytest.raises(IndexError, match=f"models has no number {place}, expected one from 0 to 1: there is a model for each run"):
            models[place]


def test_models_have_the_dtype_policy_of_the_thread_that_asked_for_them():
    policy = "float64"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        runs = quiet(lambda: NAC(1), seeds=[0, 1], learning_rate=[0.1, 0.01], steps=5)
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy(before)
    assert {model.dtype_policy.name for model in runs.models} == {policy}  # two of them are made only now
    assert keras.config.dtype_policy().name == before.name and np.isfinite(runs.table["cost"]).all()


def test_starts_that_tensorflow_draws_come_from_the_seed_too():
    def make():
        return keras.layers.Dense(1, kernel_initializer=lambda shape, dtype=None: tf.random.uniform(shape))

    first, again = (quiet(make, seeds=[3, 4], steps=1, weights=True).table["kernel[0, 0]"] for _ in range(2))
    assert first.tolist() == again.tolist() and first.iloc[0] != first.iloc[-1]


def test_models_that_differ_from_seed_to_seed_are_refused():
    made = itertools.chain([3] * 3, itertools.repeat(4))  # the first is made three times: as it is, for its rows, for its start

    def make():
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(next(made)), keras.layers.Dense(1)])

    with pytest.raises(ValueError, match="another kind of model for seed 1 than for the first: all are trained as one"):
        quiet(make, seeds=[0, 1], steps=3)


def test_a_layer_that_cannot_say_its_settings_loses_no_training():
    class Silent(NAC):
        def get_config(self):
            return {"size": self.nothing_of_the_kind}

    runs = quiet(lambda: Silent(1), seeds=[0], steps=3)
    assert np.isfinite(runs.models[0].W.numpy()).all()


def test_threads_that_ask_for_the_same_run_get_the_same_model():
    models = quiet(seeds=[0], steps=3).models
    with ThreadPoolExecutor(8) as pool:
        assert len({id(model) for model in pool.map(lambda _: models[0], range(8))}) == 1


def test_a_maker_of_whose_arguments_nothing_is_known_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match="expected a function that makes a model"):
        fit_many(dict, "*", seeds=[0], steps=3, progress=False)
