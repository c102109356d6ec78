"""`fit` against the loop written out by hand, what it teaches, and what it refuses."""

import itertools
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from nalu_helpers import NAC, NALU, NAU, NMU, TrainingDiverged, data, fit, fit_many, metrics, training
from nalu_helpers.training import STEPS_A_CALL

PLUS = data.article("+")
SMALL = data.uniform("+", train=(1, 10), test=(100, 1000), rows=64)
FALLING = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)


def quiet_fit(model, x=SMALL.x_train, y=SMALL.y_train, **settings):
    return fit(model, x, y, **{"steps": 50, "progress": False, **settings})


def fresh(make, seed=0):
    keras.utils.set_random_seed(seed)
    return make()


@pytest.mark.parametrize(
    "make, cost, reduce",
    [
        pytest.param(lambda: NAC(1), "mean", tf.reduce_mean, id="NAC-mean"),
        pytest.param(lambda: NALU(1), "sum", tf.reduce_sum, id="NALU-sum"),
        pytest.param(lambda: NAC(1), "sum", tf.reduce_sum, id="NAC-sum", marks=pytest.mark.slow),
        pytest.param(lambda: NALU(1), "mean", tf.reduce_mean, id="NALU-mean", marks=pytest.mark.slow),
    ],
)
def test_fit_is_the_loop_written_out(make, cost, reduce):
    by_hand, by_fit = fresh(make), fresh(make)
    by_hand.build((None, 2))
    adam, costs = keras.optimizers.Adam(0.05), []
    for _ in range(60):
        with tf.GradientTape() as tape:
            value = reduce((by_hand(SMALL.x_train) - SMALL.y_train) ** 2)
        adam.apply(tape.gradient(value, by_hand.trainable_variables), by_hand.trainable_variables)
        costs.append(float(value))
    np.testing.assert_allclose(quiet_fit(by_fit, steps=60, learning_rate=0.05, cost=cost), costs, rtol=1e-4)
    for mine, theirs in zip(by_fit.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_nac_adds_far_outside_its_training_range():
    nac = fresh(lambda: NAC(1))
    cost = fit(nac, PLUS.x_train, PLUS.y_train, steps=22000, learning_rate=0.05, progress=False)
    assert cost.shape == (22000,) and cost[-1] < 1e-6 * cost[0]
    assert nac([[1e6, 1e6]]).numpy().item() == pytest.approx(2e6, rel=0.01)
    assert metrics.test_error(nac, PLUS) < 0.001


def test_the_cost_has_one_entry_a_step_and_begins_before_the_first_step():
    nac = fresh(lambda: NAC(1))
    nac.build((None, 2))
    first = float(np.sum((nac(SMALL.x_train).numpy() - SMALL.y_train) ** 2))
    cost = quiet_fit(nac, steps=STEPS_A_CALL + 3)
    assert cost.shape == (STEPS_A_CALL + 3,)
    assert cost[0] == pytest.approx(first, rel=1e-5)


def test_a_second_call_goes_on_where_the_first_ended():
    nac = fresh(lambda: NAC(1))
    first, second = quiet_fit(nac, steps=200), quiet_fit(nac, steps=10)
    assert second[0] < first[-1] * 1.01


def test_any_keras_model_can_be_trained():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    cost = quiet_fit(model, steps=300, learning_rate=0.01, cost="mean")
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


def test_a_nac_cannot_subtract_from_the_articles_line_but_can_from_independent_numbers():
    line, free = data.article("-"), data.uniform("-")
    solved = []
    for task in (line, free):
        models = fit_many(lambda: NAC(1), task, seeds=range(4), steps=3000, progress=False).models
        solved.append(sum(metrics.test_error(model, task) < 0.02 for model in models))
    assert solved == [0, 4]


@pytest.mark.parametrize("rate", [1e30, 1e38])
def test_a_learning_rate_that_overflows_is_reported_with_its_step(rate):
    model = keras.layers.Dense(1)
    with pytest.raises(
        TrainingDiverged, match=r"the cost is (inf|nan) at step \d+, after .* at step \d+: try a learning rate below 1e\+"
    ) as caught:
        quiet_fit(model, learning_rate=rate)
    assert isinstance(caught.value, ValueError)
    assert np.isfinite(caught.value.cost[:-1]).all() and not np.isfinite(caught.value.cost[-1])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_data_too_large_to_square_are_reported_at_the_first_step():
    with pytest.raises(TrainingDiverged, match="the cost is inf at step 1: make the inputs smaller, or use dtype='float64'"):
        quiet_fit(NAC(1), [[1e30, 1e30]], [2e30])


def with_bad(place, value):
    x = SMALL.x_train.copy()
    x[place] = value
    return x


def test_columns_that_a_model_does_not_take_are_refused_in_one_sentence():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    for train in (lambda x, y: fit(model, x, y, steps=1), lambda x, y: fit_many(lambda: model, (x, y), seeds=[0], steps=1)):
        with pytest.raises(ValueError, match="^x has 2 columns and the model takes 3: it must have as many inputs$"):
            train(np.ones((4, 2)), np.ones((4, 1)))


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(x=np.ones((64, 3))), ValueError, "x has 3 columns, expected 2"),
        (dict(x=np.ones((64,))), ValueError, r"x has shape \(64,\), expected \[rows, columns\]"),
        (dict(x=with_bad((7, 1), np.nan)), ValueError, "x, row 7, column 1 is nan, expected only finite"),
        (dict(x=with_bad((9, 0), -np.inf)), ValueError, "x, row 9, column 0 is -inf, expected only finite"),
        (dict(y=np.where(np.arange(64) < 5, 1, np.inf)), ValueError, "y, row 5 is inf, expected only finite"),
        (dict(y=[[1.0], [1.0, 2.0]] * 32), TypeError, "y has rows of different lengths"),
        (dict(x=np.empty((0, 2)), y=np.empty((0, 1))), ValueError, "x is empty"),
        (dict(x=[["a", "b"]], y=[1]), TypeError, "x holds text, expected numbers"),
        (dict(y=np.ones((63, 1))), ValueError, "x has 64 rows and y has 63"),
        (dict(y=np.ones((64, 2))), ValueError, "y has 2 columns and the model turns one row into shape"),
        (dict(steps=1e30), ValueError, "steps is about 10.30, expected at most 1,000,000,000"),
        (dict(steps=0), ValueError, "steps is 0, expected a whole number of at least 1"),
        (dict(steps=-5), ValueError, "steps is -5"),
        (dict(steps=2.5), TypeError, "steps is 2.5, expected a whole number"),
        (dict(learning_rate=0), ValueError, "learning.rate is 0, expected a finite number above 0"),
        (dict(learning_rate=-0.1), ValueError, "learning.rate is -0.1"),
        (dict(learning_rate=float("nan")), ValueError, "learning.rate is nan"),
        (dict(learning_rate="fast"), TypeError, "learning.rate is 'fast', expected a number such as"),
        (dict(optimizer="adam"), TypeError, "optimizer is 'adam', expected one of Keras"),
        (dict(optimizer=keras.optimizers.Adam(gradient_accumulation_steps=2)), ValueError, "optimizer scales the cost or accumulates"),
        (dict(optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())), ValueError, "optimizer scales the cost or"),
        (dict(optimizer=keras.optimizers.SGD(0.01, loss_scale_factor=1024.0)), ValueError, "give it without loss_scale_factor"),
        (dict(optimizer=keras.optimizers.MultiOptimizer([(keras.optimizers.Adam(), ".*")])), ValueError, "optimizer is a MultiOptimizer"),
        (dict(optimizer=keras.optimizers.ScheduleFreeAdamW(0.01)), ValueError, "ScheduleFreeAdamW begins with a copy of the weights"),
        (dict(progress="yes"), TypeError, "progress is 'yes', expected True, False or a bar"),
        (dict(cost=lambda model, x, y: model(x) - y), ValueError, r"the cost has shape \(64, 1\), expected one number"),
        (dict(cost=lambda model, x, y: {"cost": 1.0}), TypeError, "the cost is a dict, expected one number"),
        (dict(cost=lambda model, x, y: "a"), TypeError, "the cost is a str, expected one number"),
        (dict(cost=lambda model, x, y: tf.constant("a")), TypeError, "the cost is a string, expected one number"),
        (dict(cost=lambda model, x, y: model(x).numpy().mean()), TypeError, "the cost asks for a tensor's numbers"),
        (dict(cost=lambda model, x, y: np.mean(model(x))), TypeError, "the cost asks for a tensor's numbers"),
        (dict(cost=lambda model, x, y: tf.reduce_sum((model(x) - tf.random.normal((64, 1))) ** 2)), ValueError, "draws random numbers"),
        (dict(cost=lambda model, x, y: tf.reduce_sum((model(x) - keras.random.normal((64, 1))) ** 2)), ValueError, "draws random numbers"),
        (dict(cost=lambda model, x, y: float(tf.reduce_sum(model(x)))), TypeError, "the cost asks for a tensor's numbers"),
        (dict(cost=lambda model, x, y: 0.0 if tf.reduce_sum(x) > 0 else 1.0), TypeError, "or a Python `if` .tf.where and tf.cond choose"),
        (dict(cost=lambda model, x: 0.0), TypeError, "cost is called with model, x, y, and it cannot be: too many positional arguments"),
        (dict(cost=keras.losses.MeanSquaredError()), TypeError, "cost is a MeanSquaredError, which knows no model: write it as a function"),
        (dict(learning_rate=lambda: 0.1), TypeError, "the learning rate is <function .*>, which would be called once for all steps"),
        (dict(optimizer=keras.optimizers.Adam(lambda: 0.1)), TypeError, "the learning rate is <function .*>, which would be called once"),
        (dict(watch=5), TypeError, "watch is 5, expected a function of what is seen"),
        (dict(steps=10**400), ValueError, "steps is about 10.400, expected at most 1,000,000,000"),
        (dict(learning_rate=0.1, optimizer=keras.optimizers.Adam(FALLING)), ValueError, "one is a schedule: give the optimizer alone"),
        (dict(learning_rate=FALLING, optimizer=keras.optimizers.Adam()), ValueError, "one is a schedule: give the optimizer alone"),
        (dict(cost="median"), ValueError, "cost is 'median', known are: 'sum', 'mean'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("train", ["fit", "fit_many"])
def test_bad_input_is_refused_in_one_sentence(train, change, error, words):
    settings = {"x": SMALL.x_train, "y": SMALL.y_train, "steps": 5, "progress": False, **change}

    def built():
        nac = NAC(1)
        nac.build((None, 2))
        return nac

    with pytest.raises(error, match=words):
        if train == "fit":
            fit(built(), settings.pop("x"), settings.pop("y"), **settings)
        else:
            fit_many(built, (settings.pop("x"), settings.pop("y")), seeds=[0], **settings)


@pytest.mark.parametrize("train", ["fit", "fit_many"])
def test_a_cost_that_remembers_a_tensor_of_the_step_before_is_refused(train):
    before = {}

    def cost(model, x, y):
        now = tf.reduce_sum((model(x) - y) ** 2)
        total, before["cost"] = now + before.get("cost", 0.0), now
        return total

    with pytest.raises(ValueError, match="the cost uses a tensor that a Python variable remembers"):
        if train == "fit":
            quiet_fit(NAC(1), cost=cost)
        else:
            fit_many(lambda: NAC(1), SMALL, seeds=[0], steps=5, cost=cost, progress=False)


CALLS = itertools.count()


@pytest.mark.parametrize(
    "factor", [lambda: next(CALLS), lambda: 1 + np.random.rand()], ids=["a counter in Python", "NumPy's random numbers"]
)
@pytest.mark.parametrize("train", ["fit", "fit_many"])
def test_a_cost_that_is_another_one_each_time_is_refused(train, factor):
    """It would be compiled with one number for all steps, and with another when the same seed is trained again."""

    def cost(model, x, y):
        return factor() * tf.reduce_sum((model(x) - y) ** 2)

    with pytest.raises(ValueError, match="the cost computes something else when it is called again with the same numbers"):
        if train == "fit":
            quiet_fit(NAC(1), cost=cost)
        else:
            fit_many(lambda: NAC(1), SMALL, seeds=[0], steps=5, cost=cost, progress=False)


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="the model is 5, expected a Keras layer or model such as NALU"):
        quiet_fit(5)


def test_the_learning_rate_that_is_given_holds_and_not_the_optimizers_own():
    adam = lambda rate: keras.optimizers.Adam(rate, beta_2=0.9)  # noqa: E731
    for settings, rate in (({"learning_rate": 0.5}, 0.5), ({}, 0.01)):
        many = fit_many(lambda: NAC(1), SMALL, seeds=[0], steps=5, optimizer=adam(0.01), progress=False, **settings).models[0]
        one, expected = fresh(lambda: NAC(1)), fresh(lambda: NAC(1))
        quiet_fit(one, steps=5, optimizer=adam(0.01), **settings)
        quiet_fit(expected, steps=5, optimizer=adam(rate))
        for weights in zip(many.get_weights(), one.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(weights[0], weights[2])
            np.testing.assert_array_equal(weights[1], weights[2])


def test_a_divergence_in_the_very_last_update_is_noticed():
    model, far = fresh(lambda: keras.layers.Dense(1)), keras.optimizers.SGD(1e38)
    model.build((None, 2))
    start = model.get_weights()
    with pytest.raises(TrainingDiverged, match="the cost is inf at step 2, after .* at step 1: try a learning rate below") as said:
        quiet_fit(model, steps=1, optimizer=far)
    assert said.value.cost.shape == (2,)
    for weight, begun in zip(model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(weight, begun)
    many = fit_many(lambda: keras.layers.Dense(1), SMALL, seeds=[0], steps=1, optimizer=far, progress=False).table
    assert many["diverged_at"].tolist() == [pytest.approx(np.nan, nan_ok=True), 1]


OPTIMIZERS = [kind for kind in vars(keras.optimizers).values() if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)]
REFUSED = ("Optimizer", "LossScaleOptimizer", "ScheduleFreeAdamW", "MultiOptimizer")


@pytest.mark.parametrize("kind", [kind for kind in OPTIMIZERS if kind.__name__ not in REFUSED], ids=lambda kind: kind.__name__)
def test_every_optimizer_of_keras_learns_as_in_keras_own_loop(kind):
    how = {"learning_rate": 0.01, "weight_decay": 0.1, **({"adam_weight_decay": 10.0} if kind is keras.optimizers.Muon else {})}
    make, rows = lambda: keras.layers.Dense(2), (SMALL.x_train / 10, np.tile(SMALL.y_train / 10, 2))
    by_hand, by_fit, optimizer = fresh(make), fresh(make), kind(**how)
    by_hand.build((None, 2))
    for _ in range(12):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((by_hand(rows[0]) - rows[1]) ** 2)
        optimizer.apply(tape.gradient(value, by_hand.trainable_variables), by_hand.trainable_variables)
    begin = fresh(make)
    begin.build((None, 2))
    quiet_fit(by_fit, *rows, steps=12, cost="mean", optimizer=kind(**how))
    for mine, theirs, begun in zip(by_fit.get_weights(), by_hand.get_weights(), begin.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
        assert not np.allclose(mine, begun, atol=1e-4)


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    """A reader's own, which is not registered with Keras and cannot say its settings."""

    def __call__(self, step):
        return 0.1 * 0.5 ** tf.cast(step, "float32")


def test_a_schedule_of_ones_own_is_asked_at_every_step():
    model, w = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False)]), []
    how = {"cost": lambda model, x, y: tf.reduce_sum(model(x)), "watch": lambda seen: w.append(seen["weights"][0].item()), "every": 1}
    quiet_fit(model, [[1.0]], [[0.0]], steps=6, optimizer=keras.optimizers.SGD(Halving()), **how)
    np.testing.assert_allclose(np.diff(w), [-0.1 * 0.5**step for step in range(6)], rtol=1e-5)
    by_rate, by_adam = fresh(lambda: NAC(1)), fresh(lambda: NAC(1))
    quiet_fit(by_rate, steps=3, learning_rate=Halving())
    quiet_fit(by_adam, steps=3, optimizer=keras.optimizers.Adam(Halving()))
    np.testing.assert_array_equal(by_rate.get_weights(), by_adam.get_weights())


def test_a_functional_model_is_given_numbers_of_its_own_type():
    inputs = keras.Input((2,), dtype="float64")
    cost = quiet_fit(keras.Model(inputs, NAC(1, dtype="float64")(inputs)), steps=20)
    assert cost[-1] < cost[0] and cost.dtype == "float64"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_refused(policy):
    inputs = keras.Input((2,))
    for model in (NAC(1, dtype=policy), keras.Model(inputs, NAC(1, dtype=policy)(inputs))):
        with pytest.raises(ValueError, match=f"the model computes in {policy[6:]}, expected float32 or float64: make its layers with"):
            quiet_fit(model)
    with pytest.raises(ValueError, match=f"the model computes in {policy[6:]}, expected float32 or float64: make its layers with"):
        fit_many(lambda: NAC(1, dtype=policy), "*", seeds=[0], steps=5, progress=False)


def test_a_watch_that_stops_the_training_loses_none_of_it():
    class Enough(Exception):
        pass

    def watch(seen):
        if seen["step"] == 20:
            weights.extend(seen["weights"])
            raise Enough

    nac, weights = fresh(lambda: NAC(1)), []
    with pytest.raises(Enough):
        quiet_fit(nac, every=10, watch=watch)
    for mine, seen in zip(nac.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, seen[0])


def test_a_frozen_unit_counts_no_updates():
    units = [NAU(2), NAU(1)]
    model = keras.Sequential([keras.Input((2,)), *units])
    units[0].trainable = False
    before = units[0].W.numpy()
    quiet_fit(model, steps=30)
    assert [int(unit.updates) for unit in units] == [0, 30]
    np.testing.assert_array_equal(units[0].W.numpy(), before)


@pytest.mark.parametrize("rate", [None, 0.1])
def test_what_is_excluded_from_weight_decay_stays_so(rate):
    decays = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    decays.exclude_from_weight_decay(var_names=["bias"])
    make = lambda: keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones")  # noqa: E731
    settings = {"optimizer": decays, "learning_rate": rate, "steps": 10, "progress": False}
    settings["cost"] = lambda model, x, y: tf.reduce_sum(0 * model(x))
    model = make()
    fit(model, SMALL.x_train, SMALL.y_train, **settings)
    for trained in (model, fit_many(make, (SMALL.x_train, SMALL.y_train), seeds=[0], **settings).models[0]):
        assert np.ravel(trained.kernel) == pytest.approx([0.95**10] * 2, rel=1e-4) and float(trained.bias[0]) == 1


def test_a_cost_with_a_choice_of_functions_computes_the_same_when_it_is_called_again():
    def cost(model, x, y):
        return tf.switch_case(tf.constant(1), [lambda: tf.reduce_sum(model(x)), lambda: tf.reduce_sum((model(x) - y) ** 2)])

    np.testing.assert_allclose(quiet_fit(fresh(lambda: NAC(1)), cost=cost), quiet_fit(fresh(lambda: NAC(1))), rtol=1e-5)


def test_the_updates_before_a_divergence_are_counted():
    nau = NAU(1)
    explodes = keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay([STEPS_A_CALL + 50], [1e-5, 1e30]))
    with pytest.raises(TrainingDiverged):
        quiet_fit(keras.Sequential([keras.Input((2,)), nau, keras.layers.Dense(1)]), steps=1000, optimizer=explodes)
    assert int(nau.updates) == STEPS_A_CALL


def test_many_short_trainings_leave_stderr_empty(capfd):
    for _ in range(12):
        quiet_fit(NAC(1), steps=2)
    assert capfd.readouterr().err == ""


def test_progress_goes_to_a_terminal_and_leaves_no_duration(capsys):
    fit(NAC(1), SMALL.x_train, SMALL.y_train, steps=STEPS_A_CALL + 10)
    first, *_, last = capsys.readouterr().err.strip().split("\r")
    assert first.strip() == "260 steps"
    assert last.startswith("100%|")
    assert last.strip().endswith("| 260 steps")


def test_more_memory_than_there_is_sense_in_is_refused():
    with pytest.raises(ValueError, match="the costs of 999,999,999 steps would take 4.0 GB, expected at most 2: ask for less"):
        quiet_fit(NAC(1), steps=999_999_999)


def test_penalties_regularizers_and_constraints_count():
    def ends(make):
        model = fresh(make)
        quiet_fit(model, steps=60, learning_rate=0.01)
        return model.get_weights()[0]

    light, heavy = (lambda size=size: NAU(1, penalty_size=size, penalty_steps=(0, 1)) for size in (1e-9, 1e6))
    inside = [lambda make=make: keras.Sequential([keras.Input((2,)), make()]) for make in (light, heavy)]
    alone = [ends(make) for make in (light, heavy)]
    assert not np.array_equal(*alone)
    np.testing.assert_array_equal([ends(make) for make in inside], alone)
    plain, shrunk = (lambda l2=l2: keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(l2)) for l2 in (1e-9, 1e6))
    assert np.abs(ends(shrunk)).max() < np.abs(ends(plain)).max()
    nmu = fresh(lambda: NMU(1))
    quiet_fit(nmu, SMALL.x_train, 3 * SMALL.x_train[:, 0] ** 2, steps=300)
    assert 0 <= nmu.W.numpy().min() and nmu.W.numpy().max() == 1


def test_the_optimizer_is_kerass_own():
    """Clipping, momentum and schedules are what Keras does with them, step by step."""
    falling = keras.optimizers.schedules.PiecewiseConstantDecay([4], [0.1, 0.001])
    for optimizer in (
        keras.optimizers.Adam(0.05, beta_2=0.9, epsilon=1e-3, clipvalue=0.1),
        keras.optimizers.RMSprop(falling, global_clipnorm=1.0),
        keras.optimizers.SGD(1e-6, momentum=0.9),
    ):
        ours, theirs = fresh(lambda: NALU(1)), fresh(lambda: NALU(1))
        quiet_fit(ours, steps=12, optimizer=optimizer)
        theirs.build((None, 2))
        again = type(optimizer).from_config(optimizer.get_config())
        for _ in range(12):
            with tf.GradientTape() as tape:
                value = tf.reduce_sum((theirs(SMALL.x_train) - SMALL.y_train) ** 2)
            again.apply(tape.gradient(value, theirs.trainable_variables), theirs.trainable_variables)
        for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("where", ["of the error", "within", "of an example"])
def test_a_cost_with_a_condition_is_learned_as_without_and_nothing_is_printed(where, caplog):
    """TensorFlow computes no such runs side by side that XLA could compile, and would print two pages about it."""

    def cost(model, x, y, decide):
        error = tf.reduce_mean((model(x) - y) ** 2)
        if where == "within":
            return decide(error > 1, lambda: tf.reduce_mean(tf.abs(model(x) - y)), lambda: error)
        return decide(error > 1 if where == "of the error" else x[0, 0] > 1, lambda: 2 * error, lambda: error)

    conditions = (tf.cond, lambda true, one, other: tf.where(true, one(), other()))
    costs = [quiet_fit(fresh(lambda: NAC(1)), steps=20, cost=lambda *given, way=way: cost(*given, way)) for way in conditions]
    np.testing.assert_allclose(*costs, rtol=1e-5)
    tf.get_logger().error("still heard")
    assert [record.getMessage() for record in caplog.records] == ["still heard"]


def test_watch_sees_the_first_weights_and_every_so_many():
    seen = []
    cost = quiet_fit(fresh(lambda: NAC(1)), steps=25, every=10, watch=seen.append)
    assert [look["step"].tolist() for look in seen] == [[0], [10], [20], [25]]
    assert [look["cost"][0] for look in seen[:3]] == cost[[0, 10, 20]].tolist()
    assert all(weight.shape == (1, 2, 1) for look in seen for weight in look["weights"])


def test_how_often_one_looks_changes_nothing():
    costs = [quiet_fit(fresh(lambda: NALU(1)), steps=40, every=every) for every in (40, 7, 1)]
    np.testing.assert_array_equal(costs[0], costs[1])
    np.testing.assert_array_equal(costs[0], costs[2])


def test_training_leaves_the_readers_random_states_as_they_were():
    import random

    def drawn():
        return random.random(), np.random.rand(), float(keras.random.uniform(())), float(tf.random.uniform(()))

    keras.utils.set_random_seed(5)
    expected = drawn()
    keras.utils.set_random_seed(5)
    fit_many(lambda: NAC(1), "+", seeds=range(2), steps=5, progress=False)
    assert drawn() == expected


def test_a_variable_that_runs_would_share_is_refused():
    shared = tf.Variable(1.0, name="shared")
    with pytest.raises(ValueError, match="the cost uses the variable 'shared:0', which is none of the model's"):
        quiet_fit(NAC(1), cost=lambda model, x, y: tf.reduce_sum((model(x) * shared - y) ** 2))


class TwoArguments(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, a, b):
        return self.dense(a) + b


def two_inputs():
    a, b = keras.Input((1,)), keras.Input((1,))
    return keras.Model([a, b], keras.layers.Add()([keras.layers.Dense(1)(a), b]))


def a_dictionary():
    x = keras.Input((2,))
    return keras.Model(x, {"sum": keras.layers.Dense(1)(x)})


def a_list():
    x = keras.Input((2,))
    return keras.Model(x, [keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)])


@pytest.mark.parametrize("task", ["fit", "text", "rows"])
@pytest.mark.parametrize(
    "make, error, words",
    [
        (two_inputs, ValueError, "the model has 2 inputs, expected 1: use fit_many"),
        (TwoArguments, ValueError, "the model has 2 inputs, expected 1: use fit_many"),
        (a_dictionary, TypeError, "the model says a dict, expected one tensor"),
        (a_list, TypeError, "the model says a list, expected one tensor"),
    ],
)
def test_a_model_with_two_inputs_or_several_outputs_is_refused(task, make, error, words):
    with pytest.raises(error, match=words):
        if task == "fit":
            quiet_fit(make())
        else:
            fit_many(make, "*" if task == "text" else (SMALL.x_train, SMALL.y_train), seeds=[0], steps=5, progress=False)


@pytest.mark.parametrize("train", ["fit", "fit_many"])
def test_a_cost_of_your_own_may_pick_one_of_several_outputs_and_split_the_inputs(train):
    picks = {
        a_dictionary: lambda model, x, y: tf.reduce_mean((model(x)["sum"] - y) ** 2),
        two_inputs: lambda model, x, y: tf.reduce_mean((model([x[:, :1], x[:, 1:]]) - y) ** 2),
    }
    for make, cost in picks.items():
        if train == "fit":
            costs = quiet_fit(make(), steps=100, cost=cost)
        else:
            costs = fit_many(make, (SMALL.x_train, SMALL.y_train), seeds=[0], steps=100, cost=cost, progress=False).table["cost"].to_numpy()
        assert costs[-1] < costs[0]


def test_a_frozen_model_is_refused():
    frozen = NAC(1)
    frozen.trainable = False
    with pytest.raises(ValueError, match="the NAC has no trainable weights: there is nothing to learn"):
        quiet_fit(frozen)


def one_weight(value):
    """A model that says w x, with w at `value`."""
    start = keras.initializers.Constant(value)
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer=start)])


@pytest.mark.parametrize("every", [1, 250])
def test_a_model_that_diverges_keeps_weights_whose_cost_was_finite(every):
    model, infinitely_steep = one_weight(3.0), lambda model, x, y: tf.reduce_sum(tf.sqrt(tf.abs(model(x) - y)))
    with pytest.raises(TrainingDiverged):
        fit(model, [[1.0], [2.0]], [[3.0], [6.0]], steps=10, every=every, cost=infinitely_steep, progress=False)
    assert np.isfinite(model.get_weights()[0]).all()


def test_what_says_that_a_training_diverged_can_come_from_another_process():
    said = pickle.loads(pickle.dumps(TrainingDiverged("the cost is nan", np.array([1.0, np.nan]))))
    assert str(said) == "the cost is nan" and len(said.cost) == 2


def test_a_training_that_is_stopped_by_ctrl_c_keeps_what_was_learned():
    def stop(seen):
        if seen["step"][0] == 100:
            raise KeyboardInterrupt

    model, longer = one_weight(0.5), one_weight(0.5)
    rows = [[1.0], [2.0]], [[3.0], [6.0]]
    with pytest.raises(KeyboardInterrupt):
        fit(model, *rows, steps=1000, every=50, watch=stop, progress=False)
    fit(longer, *rows, steps=50, progress=False)
    learned = model.get_weights()[0]
    assert learned != 0.5 and abs(learned - 3) <= abs(longer.get_weights()[0] - 3)


def test_averages_of_weights_that_nobody_takes_are_refused():
    with pytest.raises(ValueError, match="use_ema, and no averages are taken here"):
        fit(one_weight(1.0), [[1.0]], [[2.0]], steps=3, optimizer=keras.optimizers.Adam(0.01, use_ema=True), progress=False)


def test_a_cost_without_a_gradient_is_refused():
    rounded = lambda model, x, y: tf.reduce_sum((tf.round(model(x)) - y) ** 2)  # noqa: E731
    with pytest.raises(ValueError, match="no gradient along any weight, so that nothing can be learned"):
        fit(one_weight(1.0), [[1.0]], [[2.0]], steps=3, cost=rounded, progress=False)


def test_a_sequential_of_float64_layers_is_trained_in_float64():
    model = keras.Sequential([keras.Input((2,), dtype="float64"), NALU(1, dtype="float64")])
    x = np.array([[1e40, 2e40], [3e40, 1e40]])
    assert np.isfinite(fit(model, x / 1e40, x.sum(axis=1) / 1e40, steps=3, progress=False)).all()
    assert training.dtype_of(model) == training.dtype_of(keras.Sequential([NALU(1, dtype="float64")])) == "float64"


def test_masked_numbers_are_refused():
    with pytest.raises(ValueError, match="x has masked entries: fill them, or leave their rows out"):
        fit(one_weight(1.0), np.ma.masked_equal([[1.0], [2.0]], 2.0), [[1.0], [2.0]], steps=3, progress=False)
