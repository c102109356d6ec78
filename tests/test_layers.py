"""The units against the formulas of the paper, written out in NumPy, and against what arithmetic demands of them."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops
from on_any_backend import FLOAT, ON_TENSORFLOW, assert_close, assert_gradients_are_slopes

from nalu_helpers import INALU, MCFC, NAC, NALU, NAU

ROWS = np.random.default_rng(0).uniform(-3, 3, (7, 4))
moderate = st.floats(-4, 4)
quick = settings(max_examples=30, deadline=None)


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def nac_in_numpy(x, W_hat, M_hat):
    return x @ (np.tanh(W_hat) * sigmoid(M_hat))


def nalu_in_numpy(x, W_hat, M_hat, G, epsilon):
    W = np.tanh(W_hat) * sigmoid(M_hat)
    g = sigmoid(x @ G)
    return g * (x @ W) + (1 - g) * np.exp(np.log(np.abs(x) + epsilon) @ W)


def random_weights(unit, columns, seed=0):
    """Build `unit` and give it random weights of a moderate size."""
    unit.build((None, columns))
    rng = np.random.default_rng(seed)
    unit.set_weights([rng.normal(0, 1.5, weight.shape) for weight in unit.weights])
    return unit


def a_nac_that(W, units=1, **kwargs):
    """A NAC whose saturated weights are the given −1, 0 and 1."""
    W = np.reshape(W, (-1, units))
    nac = NAC(units, dtype=FLOAT, **kwargs)
    nac.build((None, len(W)))
    nac.set_weights([40.0 * W, np.full(W.shape, 40.0)])
    return nac


def test_nac_is_the_formula():
    nac = random_weights(NAC(3, dtype=FLOAT), 4)
    assert_close(nac(ROWS), nac_in_numpy(ROWS, *nac.get_weights()))


def test_nalu_is_the_formula():
    nalu = random_weights(NALU(3, epsilon=1e-5, dtype=FLOAT), 4)
    assert_close(nalu(ROWS), nalu_in_numpy(ROWS, *nalu.get_weights(), epsilon=1e-5))


def test_paths_are_what_the_nalu_mixes():
    nalu = random_weights(NALU(2, dtype=FLOAT), 4)
    a, m, g = (np.asarray(part) for part in nalu.paths(ROWS))
    assert_close(nalu(ROWS), g * a + (1 - g) * m)
    assert_close(a, nac_in_numpy(ROWS, *nalu.get_weights()[:2]))


def test_W_is_tanh_times_sigmoid():
    nac = random_weights(NAC(3, dtype=FLOAT), 4)
    assert_close(nac.W, np.tanh(nac.W_hat) * sigmoid(np.asarray(nac.M_hat)), rtol=1e-14)


def test_weights_have_the_names_and_shapes_of_the_paper():
    nalu = random_weights(NALU(3), 4)
    assert {weight.name: tuple(weight.shape) for weight in nalu.weights} == {"W_hat": (4, 3), "M_hat": (4, 3), "G": (4, 3)}
    assert nalu.weights == [nalu.W_hat, nalu.M_hat, nalu.G]


def test_gradients_agree_with_finite_differences():
    assert_gradients_are_slopes(random_weights(NAC(2, dtype=FLOAT), 4), ROWS, nac_in_numpy)
    nalu_formula = functools.partial(nalu_in_numpy, epsilon=1e-7)
    assert_gradients_are_slopes(random_weights(NALU(2, dtype=FLOAT), 4), ROWS, nalu_formula)


@quick
@given(arrays("float64", (5, 3), elements=st.floats(-1e6, 1e6)), st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=3, max_size=3))
def test_a_saturated_nac_adds_and_subtracts_exactly(x, signs):
    said, truth = np.asarray(a_nac_that(signs)(x)), (x * signs).sum(axis=1, keepdims=True)
    assert_close(said, truth, rtol=1e-9)


@quick
@given(st.floats(-1e3, 1e3), st.integers(0, 99))
def test_scaling_the_inputs_scales_a_nac(scale, seed):
    nac = random_weights(NAC(2, dtype=FLOAT), 4, seed)
    assert_close(nac(scale * ROWS), scale * np.asarray(nac(ROWS)), rtol=1e-9)


@quick
@given(st.permutations(range(4)), st.integers(0, 99))
def test_permuting_inputs_and_weights_together_changes_nothing(order, seed):
    nalu = random_weights(NALU(2, dtype=FLOAT), 4, seed)
    before = np.asarray(nalu(ROWS))
    nalu.set_weights([weight[list(order)] for weight in nalu.get_weights()])
    assert_close(nalu(ROWS[:, list(order)]), before, rtol=1e-9)


@quick
@given(arrays("float64", (3, 2), elements=st.floats(-15, 15)), arrays("float64", (3, 2), elements=st.floats(-15, 15)))
def test_W_stays_between_minus_one_and_one(W_hat, M_hat):
    nac = NAC(2, dtype=FLOAT)
    nac.build((None, 3))
    nac.set_weights([W_hat, M_hat])
    assert np.abs(nac.W).max() < 1


@quick
@given(arrays("float64", (6, 2), elements=st.floats(0.01, 1e3)), st.sampled_from([(1, 1), (1, -1), (-1, 1), (1, 0)]))
def test_a_shut_gate_multiplies_and_divides(x, exponents):
    nalu = NALU(1, dtype=FLOAT)
    nalu.build((None, 2))
    nalu.set_weights([40.0 * np.reshape(exponents, (2, 1)), np.full((2, 1), 40.0), np.full((2, 1), -1e5)])
    assert_close(np.asarray(nalu(x)).ravel(), (x**exponents).prod(axis=1), rtol=1e-4)


@quick
@given(arrays("float64", (6, 2), elements=st.floats(0.01, 1e3)))
def test_an_open_gate_adds(x):
    nalu = NALU(1, dtype=FLOAT)
    nalu.build((None, 2))
    nalu.set_weights([np.full((2, 1), 40.0), np.full((2, 1), 40.0), np.full((2, 1), 1e5)])
    assert_close(np.asarray(nalu(x)).ravel(), x.sum(axis=1), rtol=1e-9)


def test_the_multiplying_path_loses_the_sign():
    nalu = random_weights(NALU(2, dtype=FLOAT), 4)
    assert_close(nalu.paths(ROWS)[1], nalu.paths(-ROWS)[1])


@pytest.mark.parametrize("make", [lambda: NAC(3), lambda: NALU(3, epsilon=1e-4), lambda: NALU(2, dtype=FLOAT)])
def test_a_saved_model_says_the_same_when_loaded(make, tmp_path):
    model = keras.Sequential([keras.Input((4,)), make()])
    model.save(tmp_path / "unit.keras")
    loaded = keras.saving.load_model(tmp_path / "unit.keras")
    np.testing.assert_array_equal(loaded(ROWS), model(ROWS))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


def test_units_work_in_the_functional_api_and_on_any_number_of_axes():
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, NALU(2)(NAC(3)(inputs)))
    assert model.output_shape == (None, 5, 2)
    assert model(np.ones((2, 5, 4), "float32")).shape == (2, 5, 2)
    assert NAC(3)([1.0, 2.0]).shape == (3,)


def test_units_can_be_trained_by_keras_own_fit():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), NAC(1)])
    model.compile(keras.optimizers.Adam(0.3), "mse")
    costs = model.fit(ROWS, ROWS.sum(axis=1, keepdims=True), epochs=40, verbose=0).history["loss"]
    assert costs[-1] < 0.1 * costs[0]


def test_the_start_is_that_of_the_article_and_W_hat_differs_from_M_hat():
    keras.utils.set_random_seed(0)
    nac = NAC(500)
    nac.build((None, 4))
    for weight in (nac.W_hat, nac.M_hat):
        assert -2 <= np.min(weight) < -1.9 and 1.9 < np.max(weight) <= 2
    assert not np.array_equal(nac.W_hat, nac.M_hat)


def test_the_same_seed_gives_the_same_start():
    starts = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        nalu = NALU(2)
        nalu.build((None, 3))
        starts.append(np.concatenate([np.ravel(weight) for weight in nalu.get_weights()]))
    np.testing.assert_array_equal(*starts)


def test_initializers_can_be_chosen():
    nalu = NALU(1, W_hat_initializer="ones", M_hat_initializer=keras.initializers.Constant(3.0), G_initializer="zeros")
    nalu.build((None, 2))
    assert [float(np.mean(weight)) for weight in nalu.get_weights()] == [1, 3, 0]


@pytest.mark.parametrize("rows", [[[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]], "float16"), ((1.0, 2), (3, 4))])
def test_lists_integers_and_other_floats_are_converted(rows):
    nac = NAC(1)
    assert nac(rows).dtype == "float32"
    assert_close(nac(rows), nac(np.array([[1, 2], [3, 4]], "float32")))


@pytest.mark.skipif(not ON_TENSORFLOW, reason="Keras on JAX has no float64")
def test_float64_into_a_float32_unit_is_rounded_to_float32():
    nalu = NALU(1)
    for rows in (np.full((1, 2), 1 / 3), ops.full((1, 2), 1 / 3, "float64")):
        assert nalu(rows).dtype == "float32"
        assert nalu.paths(rows)[0].dtype == "float32"


@pytest.mark.parametrize("make", [NAC, NALU])
@pytest.mark.parametrize(
    "units, error", [(0, ValueError), (-3, ValueError), (1.5, TypeError), ("2", TypeError), (None, TypeError), (True, TypeError)]
)
def test_units_must_be_a_whole_number_of_at_least_one(make, units, error):
    with pytest.raises(error, match="units is .* expected a whole number"):
        make(units)


@pytest.mark.parametrize(
    "epsilon, error", [(0, ValueError), (-1e-7, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), ("small", TypeError)]
)
def test_epsilon_must_be_above_zero(epsilon, error):
    with pytest.raises(error, match="epsilon is .* expected a .*number.* such as 1e-7"):
        NALU(1, epsilon=epsilon)


@pytest.mark.parametrize("make", [NAC, NALU])
@pytest.mark.parametrize("rows", [np.ones((5, 3)), ops.ones((5, 3)), [[1, 2, 3]]])
def test_a_wrong_number_of_columns_says_how_many_are_expected(make, rows):
    unit = make(1)
    unit.build((None, 2))
    with pytest.raises(ValueError, match="x has 3 columns, expected 2: this .* was built for 2 inputs"):
        unit(rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_place(bad):
    with pytest.raises(ValueError, match=f"x, row 1, column 0 is {bad}, expected only finite numbers"):
        NAC(1)([[1, 2], [bad, 4]])


def test_numbers_too_large_for_the_unit_are_refused():
    with pytest.raises(ValueError, match="float32 cannot hold: use a model with dtype='float64'"):
        NAC(1)([[1e300, 2]])
    if ON_TENSORFLOW:
        assert NAC(1, dtype="float64")([[1e300, 2]]).dtype == "float64"


@pytest.mark.parametrize(
    "rows, error, words",
    [
        ("ab", TypeError, "holds text"),
        ([[1, 2], [3]], TypeError, "different lengths"),
        (3.0, ValueError, "single number"),
        ([], ValueError, "no columns"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(rows, error, words):
    with pytest.raises(error, match=words):
        NAC(1)(rows)


@pytest.mark.parametrize("ask", [lambda: NAC(1).W, lambda: NALU(1).G, lambda: NAU(1).W, lambda: MCFC(1).R, lambda: INALU(1).matrices()])
def test_weights_before_the_first_call_say_what_to_do(ask):
    with pytest.raises(AttributeError, match="nor weights yet: call it on data first, or .build"):
        ask()
    unit = NAU(1)
    unit.build((None, 2))
    with pytest.raises(AttributeError, match="^'NAU' object has no attribute 'foo'$"):
        _ = unit.foo
