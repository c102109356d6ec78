"""`fit_many`: hundreds of runs side by side, each of which is the run that would have happened alone."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from nalu_helpers import INALU, NAC, NALU, NAU, NMU, RealNPU, data, fit_many
from nalu_helpers.training import _StandingStill

ONE, TEN = ((1, 2), (2, 6)), ((10, 20), (20, 40))


def quiet(make=lambda: NALU(1), operation="*", **settings):
    given = {"seeds": range(3), "ranges": [ONE], "steps": 60, "check_every": 20, "progress": False, **settings}
    return fit_many(make, operation, **given)


def of(table, **chosen):
    """The rows of `table` in which every column named is as given, numbered from 0."""
    for name, value in chosen.items():
        table = table[table[name] == value]
    return table.reset_index(drop=True)


@pytest.mark.parametrize("make", [lambda: NALU(1), lambda: NMU(1), lambda: keras.layers.Dense(1)], ids=["NALU", "NMU", "Dense"])
def test_each_run_is_the_loop_written_out_with_keras_own_adam(make):
    """One seed by hand: the same start, the same numbers, Keras' Adam with the paper's epsilon, Keras' own constraints."""
    table = quiet(make, seeds=[4], steps=50, check_every=50, learning_rates=[0.01], weights=True)
    keras.utils.set_random_seed(4)
    layer = make()
    layer.build((None, 2))
    adam, numbers = keras.optimizers.Adam(0.01, epsilon=1e-9), np.random.default_rng([4, 1])
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
    [lambda: NALU(1), lambda: NMU(1), lambda: INALU(1), lambda: RealNPU(1), lambda: keras.layers.Dense(1)],
    ids=["NALU", "NMU", "INALU", "RealNPU", "Dense"],
)
def test_a_run_ends_the_same_to_the_last_bit_whatever_runs_beside_it(make):
    alone = quiet(make, seeds=[7], ranges=[TEN], weights=True)
    among = quiet(make, seeds=range(40), ranges=[ONE, TEN], learning_rates=[0.1, 1e-3], weights=True)
    other_checks = quiet(make, seeds=[9, 7], ranges=[TEN], check_every=7, weights=True)
    pd.testing.assert_frame_equal(alone, of(among, seed=7, train="[10, 20]", learning_rate=1e-3), check_exact=True)
    pd.testing.assert_frame_equal(of(alone, step=60), of(other_checks, seed=7, step=60), check_exact=True)


def test_the_table_has_a_row_for_each_run_and_check():
    table = quiet(ranges=[ONE, TEN], learning_rates=[0.1, 0.01], steps=50, check_every=20)
    assert len(table) == 3 * 2 * 2 * 4
    assert sorted(table["step"].unique()) == [0, 20, 40, 50]
    assert not table.duplicated(["train", "learning_rate", "seed", "step"]).any()
    assert list(table.columns[:5]) == ["train", "test", "learning_rate", "seed", "step"]


def test_seeds_differ_in_start_and_numbers_and_ranges_share_the_start():
    table = of(quiet(ranges=[ONE, TEN], weights=True), step=0)
    assert table["W_hat[0, 0]"].nunique() == 3
    assert (table.groupby("seed")["W_hat[0, 0]"].nunique() == 1).all()


@pytest.mark.parametrize("count", [1, 200])
def test_watch_sees_every_row_of_the_table_as_it_is_made(count):
    seen = []
    table = quiet(seeds=range(count), weights=True, watch=seen.append)
    watched = pd.concat([pd.DataFrame(columns) for columns in seen]).sort_values(["seed", "step"], ignore_index=True)
    pd.testing.assert_frame_equal(watched, table, check_exact=True)


def test_it_learns_what_it_is_asked_to():
    table = quiet(lambda: NAC(1), "+", learning_rates=[0.05], steps=1500, check_every=500)
    assert (of(table, step=1500)["extrapolation"] < 0.05).all()
    table = quiet(lambda: NMU(1), lambda a, b: a * b, learning_rates=[0.01], steps=1500, check_every=500)
    assert (of(table, step=1500)["extrapolation"] < 1e-6).all()


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
    table = of(quiet(Broken, seeds=range(12), learning_rates=[1e-9], weights=True), step=60)
    start = of(quiet(Broken, seeds=range(12), weights=True, steps=1, check_every=1), step=0)["w[0]"]
    assert 0 < (start > 0.5).sum() < 12
    assert (table["diverged_at"] == 0).tolist() == (start > 0.5).tolist()
    assert table["diverged_at"].isna().tolist() == (start <= 0.5).tolist()
    assert np.isfinite(table.loc[start <= 0.5, "interpolation"]).all()


def test_a_learning_rate_that_overflows_is_reported_with_its_step():
    table = of(quiet(lambda: keras.layers.Dense(1), learning_rates=[1e30]), step=60)
    assert (table["diverged_at"] == 1).all()


def test_a_penalty_is_felt():
    make = {size: lambda size=size: NAU(1, penalty_size=size, penalty_steps=(0, 1)) for size in (1e-9, 100.0)}
    errors = [of(quiet(make[size], "+", learning_rates=[0.01], steps=200, check_every=200), step=200)["sparsity_error"] for size in make]
    assert errors[1].max() < 0.1 < errors[0].min()


def test_gradients_can_be_clipped():
    def step(**settings):
        table = quiet(lambda: keras.layers.Dense(1, use_bias=False), steps=2, check_every=1, ranges=[TEN], weights=True, **settings)
        return table["kernel[0, 0]"].to_numpy()

    assert not np.array_equal(step(), step(clip_gradients=1e-6))


def test_a_run_that_stands_still_starts_anew_as_the_rule_says():
    """The rule of iNALU written out: a list of losses, looked at every 10 steps once it holds more than 5,000."""
    rng = np.random.default_rng(0)
    validations = np.stack([rng.uniform(2, 3, 30), 100 * 0.5 ** np.arange(30), rng.uniform(0, 1, 30), rng.uniform(0, 9, 30)], axis=1)
    rule = _StandingStill()
    got = np.stack([rule.restart_at(row, 1000 * i, 1000 * (i + 1)) for i, row in enumerate(validations)])
    expected = np.full(got.shape, -1)
    for run in range(4):
        losses = []
        for step in range(30_000):
            losses.append(validations[step // 1000, run])
            if step > 0 and step % 10 == 0 and len(losses) > 5000:
                first, second = losses[: len(losses) // 2], losses[len(losses) // 2 :]
                if np.mean(first) <= np.mean(second) + np.std(second) and np.mean(second) > 1:
                    expected[step // 1000, run] = step
                    losses = []
    assert (expected >= 0).sum(axis=0).tolist()[2] == 0 < (expected[:, 0] >= 0).sum()
    np.testing.assert_array_equal(got, expected)


def test_a_restart_comes_after_its_step_and_gives_the_seeds_next_start(monkeypatch):
    monkeypatch.setattr(
        _StandingStill,
        "restart_at",
        lambda self, validation, step, end: np.where(np.arange(len(validation)) + 20 == step, 25, -1).astype("int32"),
    )
    table = quiet(lambda: INALU(1), restart=True, weights=True, learning_rates=[1e-9])
    assert of(table, step=60)["restarts"].tolist() == [1, 0, 0] and of(table, step=20)["restarts"].max() == 0
    before, after = of(table, seed=0)["W_a_hat[0, 0]"].iloc[[1, 2]]
    assert before == pytest.approx(of(table, seed=0)["W_a_hat[0, 0]"][0], abs=1e-6) and abs(before - after) > 1e-3
    pd.testing.assert_frame_equal(table, quiet(lambda: INALU(1), restart=True, weights=True, learning_rates=[1e-9]))


@pytest.mark.parametrize(
    "settings, error, words",
    [
        (dict(operation="modulo"), ValueError, "operation is 'modulo', known are"),
        (dict(operation="/", ranges=[((-1, 1), (2, 6))]), ValueError, "holds 0, by which nothing can be divided"),
        (dict(operation="/", ranges=[((1, 2), ((-6, -2), (-1, 6)))]), ValueError, "holds 0, by which nothing can be divided"),
        (dict(seeds=[]), ValueError, "seeds is empty"),
        (dict(seeds=[1, 1]), ValueError, "seeds holds the same one twice"),
        (dict(seeds=[-1]), ValueError, "a seed is -1"),
        (dict(steps=0), ValueError, "steps is 0"),
        (dict(steps=1.5), TypeError, "steps is 1.5"),
        (dict(batch=-3), ValueError, "batch is -3"),
        (dict(check_every=0), ValueError, "check_every is 0"),
        (dict(learning_rates=[0]), ValueError, "a learning rate is 0"),
        (dict(learning_rates=[float("nan")]), ValueError, "a learning rate is nan"),
        (dict(learning_rates=[]), ValueError, "learning_rates is empty"),
        (dict(clip_gradients=0), ValueError, "clip_gradients is 0"),
        (dict(ranges=[(1, 2)]), TypeError, "train is 1, expected two numbers"),
        (dict(ranges=[5]), TypeError, "a range is 5, expected a pair"),
        (dict(ranges=[((2, 1), (2, 6))]), ValueError, "first end below its second"),
        (dict(make=lambda: NALU(2)), ValueError, r"shape \(1, 2\), expected \(1, 1\): give it one unit"),
        (dict(make=lambda: keras.layers.BatchNormalization()), ValueError, r"expected \(1, 1\)"),
        (
            dict(make=lambda: keras.Sequential([keras.layers.BatchNormalization(), keras.layers.Dense(1)])),
            ValueError,
            "keeps a state .* use fit",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_bad_input_is_refused_in_one_sentence(settings, error, words):
    with pytest.raises(error, match=words):
        quiet(**settings)


def test_progress_goes_to_a_terminal(capsys):
    quiet(progress=True)
    assert capsys.readouterr().err.strip().endswith("| 180 steps in all")
