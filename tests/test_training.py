"""`fit` and `fit_seeds` against the loop written out by hand, what they teach, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nalu_helpers import NAC, NALU, TrainingDiverged, data, fit, fit_seeds, metrics
from nalu_helpers.training import EPOCHS_A_CALL

PLUS = data.article("+")
SMALL = data.uniform("+", train=(1, 10), test=(100, 1000), rows=64)


def quiet_fit(model, x=SMALL.x_train, y=SMALL.y_train, **settings):
    return fit(model, x, y, **{"epochs": 50, "progress": False, **settings})


def fresh(make, seed=0):
    keras.utils.set_random_seed(seed)
    return make()


@pytest.mark.parametrize("loss, reduce", [("sum", tf.reduce_sum), ("mean", tf.reduce_mean)])
@pytest.mark.parametrize("make", [lambda: NAC(1), lambda: NALU(1)], ids=["NAC", "NALU"])
def test_fit_is_the_loop_written_out(make, loss, reduce):
    by_hand, by_fit = fresh(make), fresh(make)
    by_hand.build((None, 2))
    adam, costs = keras.optimizers.Adam(0.05), []
    for _ in range(60):
        with tf.GradientTape() as tape:
            cost = reduce((by_hand(SMALL.x_train) - SMALL.y_train) ** 2)
        adam.apply(tape.gradient(cost, by_hand.trainable_variables), by_hand.trainable_variables)
        costs.append(float(cost))
    np.testing.assert_allclose(quiet_fit(by_fit, epochs=60, learning_rate=0.05, loss=loss), costs, rtol=1e-4)
    for mine, theirs in zip(by_fit.get_weights(), by_hand.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_nac_adds_far_outside_its_training_range():
    nac = fresh(lambda: NAC(1))
    cost = fit(nac, PLUS.x_train, PLUS.y_train, epochs=22000, learning_rate=0.05, progress=False)
    assert cost.shape == (22000,) and cost[-1] < 1e-6 * cost[0]
    assert nac([[1e6, 1e6]]).numpy().item() == pytest.approx(2e6, rel=0.01)
    assert metrics.test_error(nac, PLUS) < 0.001


def test_the_cost_has_one_entry_an_epoch_and_begins_before_the_first_step():
    nac = fresh(lambda: NAC(1))
    nac.build((None, 2))
    first = float(np.sum((nac(SMALL.x_train).numpy() - SMALL.y_train) ** 2))
    cost = quiet_fit(nac, epochs=EPOCHS_A_CALL + 3)
    assert cost.shape == (EPOCHS_A_CALL + 3,)
    assert cost[0] == pytest.approx(first, rel=1e-5)


def test_a_second_call_goes_on_where_the_first_ended():
    nac = fresh(lambda: NAC(1))
    first, second = quiet_fit(nac, epochs=200), quiet_fit(nac, epochs=10)
    assert second[0] < first[-1] * 1.01


def test_any_keras_model_can_be_trained():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    cost = quiet_fit(model, epochs=300, learning_rate=0.01, loss="mean")
    assert cost[-1] < 0.1 * cost[0]


def test_lists_integers_and_flat_answers_are_converted():
    x, y = [[1, 2], [3, 4], [5, 1]], [3, 7, 6]
    from_lists, from_arrays = fresh(lambda: NAC(1)), fresh(lambda: NAC(1))
    np.testing.assert_array_equal(
        quiet_fit(from_lists, x, y), quiet_fit(from_arrays, np.array(x, "float32"), np.array(y, "float32")[:, None])
    )


def test_float64_data_are_rounded_for_a_float32_model_and_kept_for_a_float64_one():
    x, y = SMALL.x_train.astype("float64"), SMALL.y_train.astype("float64")
    assert quiet_fit(NAC(1), x, y).dtype == np.float32
    assert quiet_fit(NAC(1, dtype="float64"), x, y).dtype == np.float64


def test_fit_seeds_teaches_each_seed_what_fit_would():
    models, cost = fit_seeds(lambda: NALU(1), SMALL.x_train, SMALL.y_train, seeds=[3, 5, 8], epochs=40, learning_rate=0.01, progress=False)
    assert cost.shape == (40, 3) and len(models) == 3
    for column, (seed, model) in enumerate(zip([3, 5, 8], models)):
        alone = fresh(lambda: NALU(1), seed)
        np.testing.assert_allclose(cost[:, column], quiet_fit(alone, epochs=40, learning_rate=0.01), rtol=1e-3)
        for mine, theirs in zip(model.get_weights(), alone.get_weights()):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_a_seeds_run_does_not_depend_on_which_others_run_beside_it():
    _, alone = fit_seeds(lambda: NAC(1), SMALL.x_train, SMALL.y_train, seeds=[4], epochs=30, progress=False)
    _, among = fit_seeds(lambda: NAC(1), SMALL.x_train, SMALL.y_train, seeds=range(6), epochs=30, progress=False)
    np.testing.assert_allclose(alone[:, 0], among[:, 4], rtol=1e-5)


def test_fit_seeds_takes_whole_networks():
    def network():
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.PReLU(), NALU(1)])

    models, cost = fit_seeds(network, SMALL.x_train, SMALL.y_train, seeds=range(2), epochs=20, progress=False)
    assert models[0](SMALL.x_test).shape == (64, 1) and np.isfinite(cost).all()


def test_a_nac_cannot_subtract_from_the_articles_line_but_can_from_independent_numbers():
    line, free = data.article("-"), data.uniform("-")
    solved = []
    for task in (line, free):
        models, _ = fit_seeds(lambda: NAC(1), task.x_train, task.y_train, seeds=range(4), epochs=3000, progress=False)
        solved.append(sum(metrics.test_error(model, task) < 0.02 for model in models))
    assert solved == [0, 4]


@pytest.mark.parametrize("rate", [1e30, 1e38])
def test_a_learning_rate_that_overflows_is_reported_with_its_epoch(rate):
    model = keras.layers.Dense(1)
    with pytest.raises(
        TrainingDiverged, match=r"the cost is (inf|nan) at epoch \d+, after .* at epoch \d+: try a learning rate below 1e\+"
    ) as caught:
        quiet_fit(model, learning_rate=rate)
    assert isinstance(caught.value, ValueError)
    assert np.isfinite(caught.value.cost[:-1]).all() and not np.isfinite(caught.value.cost[-1])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_data_too_large_to_square_are_reported_at_the_first_epoch():
    with pytest.raises(TrainingDiverged, match="the cost is inf at epoch 1: make the inputs smaller, or use dtype='float64'"):
        quiet_fit(NAC(1), [[1e30, 1e30]], [2e30])


def test_fit_seeds_names_the_seed_that_diverged():
    with pytest.raises(TrainingDiverged, match="the cost of seed 11 is (inf|nan) at epoch"):
        fit_seeds(
            lambda: keras.layers.Dense(1), SMALL.x_train, SMALL.y_train, seeds=[11, 12], epochs=20, learning_rate=1e30, progress=False
        )


def with_bad(place, value):
    x = SMALL.x_train.copy()
    x[place] = value
    return x


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(x=np.ones((64, 3))), ValueError, "x has 3 columns, expected 2"),
        (dict(x=np.ones((64,))), ValueError, r"x has shape \(64,\), expected \[rows, columns\]"),
        (dict(x=with_bad((7, 1), np.nan)), ValueError, "x, row 7, column 1 is nan, expected only finite"),
        (dict(x=with_bad((9, 0), -np.inf)), ValueError, "x, row 9, column 0 is -inf, expected only finite"),
        (dict(y=np.where(np.arange(64) < 5, 1, np.inf)), ValueError, "y, row 5, column 0 is inf, expected only finite"),
        (dict(x=np.empty((0, 2)), y=np.empty((0, 1))), ValueError, "x is empty"),
        (dict(x=[["a", "b"]], y=[1]), TypeError, "x holds text, expected numbers"),
        (dict(y=np.ones((63, 1))), ValueError, "x has 64 rows and y has 63"),
        (dict(y=np.ones((64, 2))), ValueError, "y has 2 columns and the model has 1 outputs"),
        (dict(epochs=0), ValueError, "epochs is 0, expected a whole number of at least 1"),
        (dict(epochs=-5), ValueError, "epochs is -5"),
        (dict(epochs=2.5), TypeError, "epochs is 2.5, expected a whole number"),
        (dict(learning_rate=0), ValueError, "learning_rate is 0, expected a finite number above 0"),
        (dict(learning_rate=-0.1), ValueError, "learning_rate is -0.1"),
        (dict(learning_rate=float("nan")), ValueError, "learning_rate is nan"),
        (dict(learning_rate="fast"), TypeError, "learning_rate is 'fast', expected a number such as 0.05"),
        (dict(loss="median"), ValueError, "loss is 'median', known are: 'sum', 'mean'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("train", ["fit", "fit_seeds"])
def test_bad_input_is_refused_in_one_sentence(train, change, error, words):
    settings = {"x": SMALL.x_train, "y": SMALL.y_train, "epochs": 5, "progress": False, **change}

    def built():
        nac = NAC(1)
        nac.build((None, 2))
        return nac

    with pytest.raises(error, match=words):
        if train == "fit":
            fit(built(), settings.pop("x"), settings.pop("y"), **settings)
        else:
            fit_seeds(built, settings.pop("x"), settings.pop("y"), seeds=[0], **settings)


@pytest.mark.parametrize(
    "seeds, error, words", [([], ValueError, "seeds is empty"), ([-1], ValueError, "a seed is -1"), (["x"], TypeError, "a seed is 'x'")]
)
def test_seeds_must_be_whole_numbers(seeds, error, words):
    with pytest.raises(error, match=words):
        fit_seeds(lambda: NAC(1), SMALL.x_train, SMALL.y_train, seeds=seeds, epochs=5, progress=False)


def test_many_short_trainings_leave_stderr_empty(capfd):
    for _ in range(12):
        quiet_fit(NAC(1), epochs=2)
    assert capfd.readouterr().err == ""


def test_progress_goes_to_a_terminal_and_leaves_no_duration(capsys):
    fit(NAC(1), SMALL.x_train, SMALL.y_train, epochs=EPOCHS_A_CALL + 10)
    first, *_, last = capsys.readouterr().err.strip().split("\r")
    assert first.strip() == "260 epochs"
    assert last.startswith("100%|")
    assert last.strip().endswith("| 260 epochs")
