"""The units as citizens of Keras: penalties in `model.fit` and every other loop, state that is saved, masks, empty batches, `inputs=`."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from on_any_backend import ON_TENSORFLOW, gradients
from quick import quick_first

from nalu_helpers import DMU, GNALU, INALU, MCFC, NAC, NALU, NAU, NMRU, NMU, NPU, NRU, SNMU, NACLog, RealNPU, RealNPUModified, layers

UNITS = [NAC, NALU, NACLog, GNALU, NAU, NMU, INALU, RealNPU, NPU, MCFC, SNMU, RealNPUModified, NRU, NMRU]
PENALISED = [unit for unit in UNITS if issubclass(unit, layers.Penalised)]


@keras.saving.register_keras_serializable("tests")
class DMU3(DMU):
    """For three inputs, as the other units here are made."""

    def __init__(self, units, signs=(1, -1, 1), **kwargs):
        super().__init__(units, signs, **kwargs)


UNITS.append(DMU3)
on_tensorflow = pytest.mark.skipif(not ON_TENSORFLOW, reason="of TensorFlow alone")
X = np.random.default_rng(0).uniform(0.5, 2, (32, 3)).astype("float32")
Y = X[:, :1] * 0.5


def trained(unit, wrap=lambda unit: keras.Sequential([unit]), epochs=20, **how):
    """W after `model.fit`, a batch an epoch."""
    keras.utils.set_random_seed(0)
    model = wrap(unit)
    model.compile(keras.optimizers.Adam(0.01), "mse", **how)
    model.fit(X, Y, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
    return np.asarray(unit.W)


def functional(unit):
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Rescaling(1.0)(unit(x)))


WRAPS = {
    "Sequential": lambda unit: keras.Sequential([unit]),
    "Sequential with Input": lambda unit: keras.Sequential([keras.Input((3,)), unit]),
    "functional": functional,
    "nested": lambda unit: keras.Sequential([keras.Sequential([keras.Input((3,)), unit])]),
}


@pytest.mark.parametrize(
    "make, wrap",
    quick_first([(NAU, "functional"), (NAU, "nested")], [*((NAU, wrap) for wrap in WRAPS), (NMU, "Sequential")]),
)
def test_the_size_of_a_penalty_matters_in_keras_own_fit(make, wrap):
    small, large = (trained(make(1, penalty_size=size, penalty_steps=(0, 1)), WRAPS[wrap]) for size in (1e-9, 1e3))
    assert np.abs(small - large).max() > 0.01


@pytest.fixture(scope="module")
def large():
    """W of a NAU whose penalty is large, after `model.fit`."""
    return trained(NAU(1, penalty_size=1e3, penalty_steps=(0, 1)))


@pytest.mark.parametrize("how", [{"run_eagerly": True}, {"jit_compile": True}], ids=str)
def test_it_matters_however_the_model_is_compiled(how, large):
    np.testing.assert_allclose(trained(NAU(1, penalty_size=1e3, penalty_steps=(0, 1)), **how), large, rtol=1e-5)


@pytest.mark.parametrize("make", quick_first([NAU, INALU, NPU], [make for make in PENALISED if make is not SNMU]))  # its noise differs
def test_keras_own_fit_gives_each_update_its_own_penalty(make):
    """Against a loop that adds `penalty(step, validation)` by hand."""
    unit = make(1) if make in (INALU, RealNPU, NPU) else make(1, penalty_size=1.0, penalty_steps=(2, 7))
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), unit])
    start = model.get_weights()
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(X, Y, batch_size=32, epochs=10, shuffle=False, verbose=0)
    after = model.get_weights()

    model.set_weights(start)
    weights = model.trainable_variables
    for step in range(10):
        slopes = gradients(lambda step=step: ops.mean((model(X, training=True) - Y) ** 2) + unit.penalty(step, 0.0), weights)
        for weight, slope in zip(weights, slopes, strict=True):
            moved = weight - 0.01 * slope
            weight.assign(weight.constraint(moved) if weight.constraint else moved)
    for said, truth in zip(after, model.get_weights(), strict=True):
        np.testing.assert_allclose(said, truth, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", PENALISED)
def test_a_penalty_is_one_of_the_losses_once_and_before_any_call(make):
    unit = make(2)
    model = keras.Sequential([keras.Input((3,)), unit])
    unit.updates.assign(30_000)
    expected = float(unit.penalty(30_000, 0.0))
    assert expected > 0
    for _ in range(3):
        model(X)
        assert [float(loss) for loss in model.losses] == [float(loss) for loss in unit.losses] == [pytest.approx(expected)]


def test_each_layer_of_a_model_adds_its_own_penalty():
    units = [NAU(2), NMU(1)]
    model = keras.Sequential([keras.Input((3,)), *units])
    for unit, step in zip(units, (30_000, 25_000), strict=True):
        unit.updates.assign(step)
    assert [float(loss) for loss in model.losses] == [
        pytest.approx(float(u.penalty(s, 0.0))) for u, s in zip(units, (30_000, 25_000), strict=True)
    ]


def test_a_frozen_unit_has_no_penalty_and_a_thawed_one_has_one():
    unit = RealNPU(1, trainable=False)
    unit.build((None, 3))
    assert unit.losses == []
    unit.trainable = True
    assert len(unit.losses) == 1


def test_an_update_is_counted_once_however_often_the_unit_is_called_and_whoever_counts():
    shared = NMU(3)
    x = keras.Input((3,))
    twice = keras.Model(x, keras.layers.Dense(1)(shared(shared(x))))
    twice.compile("sgd", "mse")
    twice.fit(X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X, Y))
    assert int(shared.updates) == 3 * 4
    twice.evaluate(X, Y, verbose=0)
    twice.predict(X, verbose=0)
    twice(X)
    assert int(shared.updates) == 12
    sum(twice.losses)
    assert int(shared.updates) == 12
    for count in (13, 14):
        twice(X, training=True)
        sum(twice.losses), sum(twice.losses)
        assert int(shared.updates) == count


@pytest.mark.parametrize("unroll", [False, True])
def test_a_unit_in_a_recurrent_cell_counts_updates_and_not_the_steps_of_a_sequence(unroll):
    class Cell(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.unit, self.state_size = NAU(1), 1

        def build(self, shape):
            self.unit.build((None, shape[-1]))

        def call(self, x, states, training=False):
            h = states[0] + self.unit(x, training=training)
            return h, [h]

    cell = Cell()
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.RNN(cell, unroll=unroll)])
    model.compile("sgd", "mse")
    model.fit(np.repeat(X[:, None], 5, axis=1), Y, batch_size=16, epochs=3, verbose=0)
    assert int(cell.unit.updates) == 6


@on_tensorflow
def test_a_hand_written_loop_that_adds_the_losses_counts_compiled_or_not():
    import tensorflow as tf

    def update(model, optimizer):
        with tf.GradientTape() as tape:
            cost = tf.reduce_mean((model(X, training=True) - Y) ** 2) + sum(model.losses)
        optimizer.apply(tape.gradient(cost, model.trainable_variables), model.trainable_variables)

    ends = []
    for compiled in (False, True):
        keras.utils.set_random_seed(0)
        unit = NAU(1, penalty_size=1e3, penalty_steps=(0, 1))
        model, optimizer = keras.Sequential([keras.Input((3,)), unit]), keras.optimizers.Adam(0.01)
        optimizer.build(model.trainable_variables)
        one = tf.function(update) if compiled else update
        for _ in range(20):
            one(model, optimizer)
        assert int(unit.updates) == 20
        ends.append(np.asarray(unit.W))
    np.testing.assert_allclose(*ends, rtol=1e-5)
    np.testing.assert_allclose(ends[0], trained(NAU(1, penalty_size=1e3, penalty_steps=(0, 1))), rtol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("training", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize("make", PENALISED)
def test_many_runs_side_by_side_compiled_each_with_its_own_weights_step_and_validation(make, training):
    """How a trainer asks: everything inside a StatelessScope that says what `updates` and `validation` are, vectorized and by XLA."""
    import tensorflow as tf

    unit, runs = make(2), 4
    model = keras.Sequential([keras.Input((3,)), unit])
    rng = np.random.default_rng(0)
    weights = [tf.constant(rng.uniform(0.1, 0.9, (runs, *weight.shape)), "float32") for weight in model.trainable_variables]
    validation = tf.constant([0.5, 2.0, 0.1, 3.0])

    def one_run(step, run):
        weights, validation = run
        state = [*zip(model.trainable_variables, weights, strict=True), (unit.updates, step), (unit.validation, validation)]
        with tf.GradientTape() as tape, keras.StatelessScope(state_mapping=state):
            tape.watch(weights)
            model(X, training=training)
            model(X, training=training)
            cost = sum(model.losses)
        return cost, [tf.convert_to_tensor(g) for g in tape.gradient(cost, weights, unconnected_gradients="zero")]

    @tf.function(jit_compile=True, autograph=False)
    def all_runs(step):
        return tf.vectorized_map(lambda run: one_run(step, run), (weights, validation))

    for step in (0, 10_001, 27_500, 40_000):
        costs, slopes = all_runs(tf.constant(step))
        for run in range(runs):
            unit.set_weights([w[run] for w in weights])
            with tf.GradientTape() as tape:
                cost = unit.penalty(step, validation[run])
            truth = tape.gradient(cost, [w.value for w in unit.trainable_variables], unconnected_gradients="zero")
            np.testing.assert_allclose(costs[run], cost, rtol=1e-5)
            for said, right in zip(slopes, truth, strict=True):
                np.testing.assert_allclose(said[run], right, rtol=1e-5)
    assert int(unit.updates) == 0


@pytest.mark.parametrize("make", PENALISED)
def test_updates_and_validation_are_state_and_no_weights(make):
    unit = make(2)
    model = keras.Sequential([keras.Input((3,)), unit])
    assert [w.name for w in unit.weights] == [w.name for w in model.weights] == [w.name for w in model.trainable_variables]
    for whole in (unit, model):
        assert [v.name for v in whole.non_trainable_variables if "seed" not in v.name] == ["updates", "validation"]
    assert unit.non_trainable_weights == model.non_trainable_weights == []
    model.set_weights(model.get_weights())
    assert len(model.get_weights()) == len(unit.trainable_variables)
    assert not hasattr(NAC(2), "updates")


@pytest.mark.parametrize("make", PENALISED)
def test_they_are_saved_and_loaded_with_the_model(make, tmp_path):
    model = keras.Sequential([keras.Input((3,)), make(2)])
    unit = model.layers[-1]
    unit.updates.assign(12_345), unit.validation.assign(0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.layers[-1].updates) == 12_345 and float(loaded.layers[-1].validation) == 0.25
    np.testing.assert_array_equal([float(loss) for loss in loaded.losses], [float(loss) for loss in model.losses])
    model.save_weights(tmp_path / "model.weights.h5")
    again = keras.Sequential([keras.Input((3,)), make(2)])
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(again(X), model(X))
    assert int(again.layers[-1].updates) == 12_345
    assert keras.models.clone_model(model).layers[-1].get_config() == unit.get_config()


def test_without_a_validation_the_penalty_of_an_inalu_begins_after_ten_thousand_updates():
    unit = INALU(1)
    unit.build((None, 3))
    unit.updates.assign(10_000)
    assert float(unit.losses[0]) == 0
    unit.updates.assign(10_001)
    assert float(unit.losses[0]) > 0
    unit.validation.assign(1.5)
    assert float(unit.losses[0]) == 0


@pytest.mark.parametrize("make, start", [(NAU, (-0.5, 0.5)), (NRU, (-0.5, 0.5)), (RealNPUModified, (-0.5, 0.5)), (NMU, (0.25, 0.75))])
def test_what_a_unit_starts_from_is_the_first_thing_that_it_draws(make, start):
    """So that the variables of a penalty change no start of a given seed."""
    keras.utils.set_random_seed(3)
    unit = make(1)
    unit.build((None, 4))
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(unit.get_weights()[0], keras.initializers.RandomUniform(*start)((4, 1)))


@pytest.mark.parametrize("make", UNITS)
def test_weights_stay_within_their_range_in_keras_own_fit(make):
    unit = make(1)
    model = keras.Sequential([keras.Input((3,)), unit])
    model.compile(keras.optimizers.SGD(1e3, clipvalue=1.0), "mse")
    model.fit(X, -Y, epochs=2, verbose=0)
    for weight in unit.weights:
        if isinstance(weight.constraint, layers.Clip):
            assert weight.constraint.low <= np.min(weight) and np.max(weight) <= weight.constraint.high
    clipped = issubclass(make, (NAU, RealNPUModified))
    assert any(isinstance(weight.constraint, layers.Clip) for weight in unit.weights) == clipped


# What Dense does, the units do.


@pytest.mark.parametrize("make", [keras.layers.Dense, *UNITS])
def test_masks_pass_through_as_through_dense(make):
    x = np.concatenate([np.ones((2, 3, 3)), np.zeros((2, 2, 3))], axis=1).astype("float32")
    unit = make(1)
    masked = keras.layers.Masking()(ops.convert_to_tensor(x))
    assert unit.supports_masking
    assert np.asarray(unit(masked)._keras_mask).tolist() == [[True] * 3 + [False] * 2] * 2
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Masking(), make(2), keras.layers.LSTM(1)])
    longer = np.concatenate([x, np.zeros((2, 4, 3), "float32")], axis=1)
    np.testing.assert_allclose(model(x), model(longer[:, :5]), rtol=1e-6)
    inputs = keras.Input((5, 3))
    assert unit(keras.layers.Masking()(inputs))._keras_mask.shape == (None, 5)


@pytest.mark.parametrize("make", [keras.layers.Dense, *UNITS])
def test_inputs_may_be_named_as_with_dense(make):
    unit = make(1)
    np.testing.assert_array_equal(unit(inputs=X), unit(X))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, unit(inputs=inputs))
    np.testing.assert_array_equal(model(X), unit(X))


@pytest.mark.parametrize("make", [keras.layers.Dense, *UNITS])
def test_empty_batches_give_empty_answers_as_with_dense(make):
    unit = make(2)
    for rows in (np.zeros((0, 3)), ops.zeros((0, 3)), np.zeros((4, 0, 3))):
        assert tuple(unit(rows).shape) == (*rows.shape[:-1], 2)
    assert tuple(unit(X).shape) == (32, 2)


@pytest.mark.parametrize("make", [keras.layers.Dense, *UNITS])
def test_symbolic_inputs_have_the_shape_of_dense(make):
    for shape in ((3,), (5, 3), (None, 3)):
        symbolic = make(2)(keras.Input(shape))
        assert symbolic.shape == (None, *shape[:-1], 2) and symbolic.dtype == "float32"


@pytest.mark.parametrize("make", [keras.layers.Dense, *UNITS])
def test_whole_numbers_are_converted_as_by_dense(make):
    unit = make(1)
    rows = np.array([[1, 2, 3], [4, 5, 6]])
    truth = np.asarray(unit(rows.astype("float32")))
    for same in (rows, ops.convert_to_tensor(rows, "int32")):
        said = unit(same)
        assert said.dtype == "float32"
        np.testing.assert_allclose(said, truth, rtol=1e-6)


@pytest.mark.parametrize("make", UNITS)
@pytest.mark.parametrize("rows", [np.zeros((3, 0)), [], ops.zeros((2, 0))])
def test_rows_without_columns_are_refused(make, rows):
    with pytest.raises(ValueError, match="x has no columns, its shape is .* expected"):
        make(1)(rows)


@pytest.mark.parametrize("make", UNITS)
def test_an_unknown_number_of_columns_is_refused(make):
    with pytest.raises(ValueError, match="x has an unknown number of columns, its shape is .* expected"):
        make(1)(keras.Input((None,)))


# Separate weights start from the same distribution, but not at the same numbers.


def plain(shape, dtype=None):
    return keras.random.uniform(shape, -1, 1, dtype=dtype, seed=plain.seeds)


@pytest.mark.parametrize(
    "make", [lambda: keras.random.SeedGenerator(1), lambda: 1, lambda: None], ids=["a SeedGenerator", "a seed", "no seed"]
)
def test_separate_weights_differ_whatever_the_seed_of_an_initializer_is(make):
    unit = NALU(2, W_hat_initializer=keras.initializers.RandomUniform(-1, 1, seed=make()), separate_weights=True)
    unit.build((None, 3))
    assert not np.array_equal(unit.W_hat, unit.W_m_hat)
    loaded = NALU.from_config(unit.get_config())
    loaded.build((None, 3))
    if make() is not None:
        np.testing.assert_array_equal(loaded.W_hat, unit.W_hat)


@pytest.mark.parametrize("M_seed", [1, 2, 3], ids=["the same", "the next", "another"])
def test_all_four_weights_of_both_paths_start_apart(M_seed):
    W_start, M_start = (keras.initializers.RandomUniform(-1, 1, seed=seed) for seed in (1, M_seed))
    unit = NALU(2, W_hat_initializer=W_start, M_hat_initializer=W_start if M_seed == 1 else M_start, separate_weights=True)
    unit.build((None, 3))
    starts = [np.ravel(weight).tolist() for weight in (unit.W_hat, unit.M_hat, unit.W_m_hat, unit.M_m_hat)]
    assert len({tuple(start) for start in starts}) == 4


def test_separate_weights_may_start_from_a_plain_function():
    plain.seeds = keras.random.SeedGenerator(0)
    unit = NALU(2, W_hat_initializer=plain, M_hat_initializer=lambda shape, dtype=None: ops.ones(shape, dtype), separate_weights=True)
    unit.build((None, 3))
    assert not np.array_equal(unit.W_hat, unit.W_m_hat)
    np.testing.assert_array_equal(unit.M_m_hat, 1)


def test_the_layers_need_no_tensorflow():
    pytest.importorskip("jax")
    program = """if True:
        import sys
        import numpy as np
        from nalu_helpers import NALU, layers
        assert NALU(1)(np.ones((2, 3))).shape == (2, 1)
        assert "tensorflow" not in sys.modules, "TensorFlow was imported"
        try:
            from nalu_helpers import fit
        except ImportError as error:
            print(error)
        """
    ran = subprocess.run([sys.executable, "-c", program], env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "nalu_helpers.fit needs Keras on TensorFlow, and Keras runs on jax: set the environment variable" in ran.stdout
