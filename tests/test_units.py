"""The units that followed the NALU, and the NALU's repairs: each against its formula in NumPy, finite differences and arithmetic."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops
from on_any_backend import FLOAT, assert_close, assert_gradients_are_slopes, gradients

from nalu_helpers import DMU, GNALU, INALU, MCFC, NALU, NAU, NMRU, NMU, NPU, NRU, SNMU, NACLog, RealNPU, RealNPUModified, layers

ROWS = np.random.default_rng(0).uniform(-3, 3, (7, 4))
PHI = (1 + np.sqrt(5)) / 2
EPS32 = np.finfo("float32").eps
quick = settings(max_examples=30, deadline=None)


def sigmoid(t, base=np.e):
    return 1 / (1 + base**-t)


def nac_W(W_hat, M_hat, base=np.e):
    return (base ** (2 * W_hat) - 1) / (base ** (2 * W_hat) + 1) * sigmoid(M_hat, base)


def log_path(x, W, epsilon=1e-7):
    return np.exp(np.log(np.abs(x) + epsilon) @ W)


def mix(g, a, m):
    return g * a + (1 - g) * m


def separate_nalu(x, W_hat, M_hat, G, W_m_hat, M_m_hat):
    return mix(sigmoid(x @ G), x @ nac_W(W_hat, M_hat), log_path(x, nac_W(W_m_hat, M_m_hat)))


def golden_nalu(x, W_hat, M_hat, G):
    W = nac_W(W_hat, M_hat, PHI)
    m = PHI ** (np.log(np.abs(x) + 1e-7) / np.log(PHI) @ W)
    return mix(sigmoid(x @ G, PHI), x @ W, m)


def inalu(x, W_a_hat, M_a_hat, W_m_hat, M_m_hat, g):
    W_a, W_m = nac_W(W_a_hat, M_a_hat), nac_W(W_m_hat, M_m_hat)
    m = np.exp(np.minimum(np.log(np.maximum(np.abs(x), 1e-7)) @ W_m, 20))
    sign = np.prod(np.sign(x)[:, :, None] * np.abs(W_m) + 1 - np.abs(W_m), axis=1)
    return mix(sigmoid(g), x @ W_a, m * sign)


def npu(x, W_real, W_imag, g):
    g = np.clip(g, 0, 1)
    r, k = g * (np.abs(x) + EPS32) + 1 - g, np.pi * g * (x < 0)
    return np.exp(np.log(r) @ W_real - k @ W_imag) * np.cos(np.log(r) @ W_imag + k @ W_real)


def nmu(x, W):
    return np.prod(W * x[:, :, None] + 1 - W, axis=1)


def nru(x, W, training=False):
    a = np.tanh(1000 * W) ** 2 if training else np.abs(W)
    x = x[:, :, None]
    return np.prod(np.sign(x) * np.abs(x) ** W * a + 1 - a, axis=1)


def nmru(x, W, training=False):
    z = np.concatenate([x, 1 / (x + EPS32 * training)], axis=1)
    return nmu(np.abs(z), W) * np.cos(np.pi * (z < 0) @ W)


def mcfc(x, R_hat, v, b, c=None):
    R, o = np.exp(R_hat) / np.exp(R_hat).sum(axis=1, keepdims=True), sigmoid(v + b)
    if c is None:
        return o * (x @ R)
    sign = np.prod(np.sign(x)[:, :, None] * R + 1 - R, axis=1)
    return np.exp(o * (np.log(np.abs(x)) @ R) + c) * sign


def dmu(x, g, signs=(1, -1, 0, 1)):
    o, g = np.array(signs), sigmoid(g)
    R, L = (x * o).sum(axis=1, keepdims=True), (np.log(np.abs(x)) * o).sum(axis=1, keepdims=True)
    flips = np.cos(np.pi * (np.abs(o) * (x < 0)).sum(axis=1, keepdims=True))
    return (g * np.tanh(R / 1e-4) + (1 - g) * flips) * (g * np.sqrt(R**2 + 1e-8) + (1 - g) * np.exp(L))


FORMULAS = {
    "NALU with separate weights": (lambda **k: NALU(3, separate_weights=True, **k), separate_nalu),
    "NALU with a gate of its own": (
        lambda **k: NALU(3, input_independent_gate=True, **k),
        lambda x, W_hat, M_hat, G: mix(sigmoid(G), x @ nac_W(W_hat, M_hat), log_path(x, nac_W(W_hat, M_hat))),
    ),
    "NACLog": (lambda **k: NACLog(3, **k), lambda x, W_hat, M_hat: log_path(x, nac_W(W_hat, M_hat))),
    "GNALU": (lambda **k: GNALU(3, **k), golden_nalu),
    "NAU": (lambda **k: NAU(3, **k), lambda x, W: x @ W),
    "NMU": (lambda **k: NMU(3, **k), nmu),
    "INALU": (lambda **k: INALU(3, **k), inalu),
    "RealNPU": (lambda **k: RealNPU(3, **k), lambda x, W, g: npu(x, W, np.zeros_like(W), g)),
    "NPU": (lambda **k: NPU(3, **k), npu),
    "MCFC": (lambda **k: MCFC(3, **k), mcfc),
    "MCFC that multiplies": (lambda **k: MCFC(3, multiply=True, **k), mcfc),
    "SNMU": (lambda **k: SNMU(3, seed=1, **k), nmu),
    "RealNPUModified": (lambda **k: RealNPUModified(3, **k), lambda x, W, g: npu(x, W, np.zeros_like(W), g)),
    "NRU": (lambda **k: NRU(3, **k), nru),
    "NMRU": (lambda **k: NMRU(3, **k), nmru),
    "DMU": (lambda **k: DMU(3, signs=(1, -1, 0, 1), **k), dmu),
}
NAMES = {
    "NACLog": {"W_hat": (4, 3), "M_hat": (4, 3)},
    "GNALU": {"W_hat": (4, 3), "M_hat": (4, 3), "G": (4, 3)},
    "NAU": {"W": (4, 3)},
    "NMU": {"W": (4, 3)},
    "INALU": {"W_a_hat": (4, 3), "M_a_hat": (4, 3), "W_m_hat": (4, 3), "M_m_hat": (4, 3), "g": (3,)},
    "RealNPU": {"W": (4, 3), "g": (4,)},
    "NPU": {"W_real": (4, 3), "W_imag": (4, 3), "g": (4,)},
    "MCFC": {"R_hat": (4, 3), "v": (3,), "b": (3,)},
    "MCFC that multiplies": {"R_hat": (4, 3), "v": (3,), "b": (3,), "c": (3,)},
    "SNMU": {"W": (4, 3)},
    "RealNPUModified": {"W": (4, 3), "g": (4,)},
    "NRU": {"W": (4, 3)},
    "NMRU": {"W": (8, 3)},
    "DMU": {"g": (3,)},
}
each_unit = pytest.mark.parametrize("name", FORMULAS)


def built(make, seed=0, columns=4, **kwargs):
    """A unit of float64 with random weights; gates of power units inside (0, 1), where their clipping has a slope."""
    unit = make(dtype=FLOAT, **kwargs)
    unit.build((None, columns))
    rng = np.random.default_rng(seed)
    bounded = isinstance(unit, RealNPU)
    for weight in unit.weights:
        weight.assign(rng.uniform(0.1, 0.9, weight.shape) if bounded and weight.name == "g" else rng.normal(0, 0.8, weight.shape))
    return unit


@each_unit
def test_the_unit_is_its_formula(name):
    make, formula = FORMULAS[name]
    unit = built(make)
    assert_close(unit(ROWS), formula(ROWS, *unit.get_weights()))


@each_unit
def test_gradients_agree_with_finite_differences(name):
    make, formula = FORMULAS[name]
    assert_gradients_are_slopes(built(make), ROWS, formula)


@each_unit
def test_a_saved_model_says_the_same_when_loaded(name, tmp_path):
    model = keras.Sequential([keras.Input((4,)), FORMULAS[name][0]()])
    model.save(tmp_path / "unit.keras")
    loaded = keras.saving.load_model(tmp_path / "unit.keras")
    np.testing.assert_array_equal(loaded(ROWS), model(ROWS))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


@pytest.mark.parametrize("name", NAMES)
def test_weights_have_the_names_and_shapes_of_their_papers(name):
    unit = FORMULAS[name][0]()
    unit.build((None, 4))
    assert {weight.name: tuple(weight.shape) for weight in unit.weights} == NAMES[name]
    assert all(getattr(unit, weight.name) is weight for weight in unit.weights)


@each_unit
def test_no_two_weights_start_the_same_and_the_same_seed_starts_them_again(name):
    starts = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        unit = FORMULAS[name][0]()
        unit.build((None, 4))
        starts.append(unit.get_weights())
    for first, again in zip(*starts, strict=True):
        np.testing.assert_array_equal(first, again)
    drawn = [tuple(weight.ravel()) for weight in starts[0] if np.ptp(weight) > 0]
    assert len(set(drawn)) == len(drawn) >= 1


def start_of(unit, columns=4):
    unit.build((None, columns))
    return {weight.name: weight.numpy() for weight in unit.weights}


def test_starts_are_those_of_the_papers():
    nau, nmu, inalu, npu = start_of(NAU(500)), start_of(NMU(500)), start_of(INALU(5000)), start_of(NPU(3))
    r = np.sqrt(6 / 504)
    assert r - 0.01 < nau["W"].max() <= r and -r <= nau["W"].min() < 0.01 - r
    assert np.abs(start_of(NAU(1), 1)["W"]).max() <= 0.5
    assert 0.25 <= nmu["W"].min() < 0.26 and 0.74 < nmu["W"].max() <= 0.75
    for name, mean in {"W_a_hat": 0.88, "M_a_hat": 0.5, "W_m_hat": 0.88, "M_m_hat": 0.5, "g": 0}.items():
        assert inalu[name].mean() == pytest.approx(mean, abs=0.02) and inalu[name].std() == pytest.approx(0.2, abs=0.02)
    assert (npu["g"] == 0.5).all() and (npu["W_imag"] == 0).all() and np.abs(npu["W_real"]).max() <= np.sqrt(6 / 7)


@pytest.mark.parametrize("unit", [layers.NAC, layers.NALU])
def test_one_initializer_for_both_starts_them_with_other_numbers_each(unit):
    start = keras.initializers.RandomUniform(-2, 2)
    both = start_of(unit(3, W_hat_initializer=start, M_hat_initializer=start))
    assert both["W_hat"].shape == both["M_hat"].shape and not (both["W_hat"] == both["M_hat"]).any()


def test_the_benchmarks_start_gives_W_the_variance_of_glorot():
    starts = [start_of(layers.NAC(4000, *(layers.benchmark_start(4, 8) for _ in "WM"))) for _ in range(2)]
    W = np.tanh(starts[0]["W_hat"]) * sigmoid(starts[0]["M_hat"])
    assert W.var() == pytest.approx(2 / (4 + 8), rel=0.05)


@quick
@given(arrays("float64", (5, 3), elements=st.integers(-1000, 1000)), st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3))
def test_an_nmu_of_zeros_and_ones_multiplies_whole_numbers_exactly(x, chosen):
    nmu = NMU(1, dtype=FLOAT)
    nmu.build((None, 3))
    nmu.W.assign(np.reshape(chosen, (3, 1)))
    assert_close(np.asarray(nmu(x)).ravel(), np.where(chosen, x, 1).prod(axis=1))


@quick
@given(
    arrays("float64", (5, 2), elements=st.floats(0.01, 100)),
    st.sampled_from([(1, 1), (1, -1), (2, 1), (-1, 0)]),
    st.sampled_from([1, -1]),
    st.booleans(),
)
def test_power_units_multiply_and_divide_with_signs(x, powers, sign, complex_weights):
    x[:, 0] *= sign
    unit = (NPU if complex_weights else RealNPU)(1, dtype=FLOAT)
    unit.build((None, 2))
    unit.weights[0].assign(np.reshape(powers, (2, 1)).astype("float64"))
    unit.g.assign(np.ones(2))
    assert_close(np.asarray(unit(x)).ravel(), (x ** np.array(powers)).prod(axis=1), rtol=1e-3)


def test_a_shut_gate_takes_an_input_out_of_a_power_unit():
    unit = built(lambda **k: RealNPU(2, **k))
    unit.g.assign([1.0, 0.0, 1.0, -3.0])
    other = ROWS * [1, 17, 1, -5]
    assert_close(unit(ROWS), unit(other))


@quick
@given(arrays("float64", (5, 2), elements=st.floats(0.1, 50)), st.sampled_from([(1, 1), (-1, 1), (1, -1), (-1, -1)]))
def test_an_inalu_multiplies_with_signs_and_adds(x, signs):
    x = x * signs
    unit = INALU(1, dtype=FLOAT)
    unit.build((None, 2))
    for gate, truth in ((-40.0, x.prod(axis=1)), (40.0, x.sum(axis=1))):
        unit.set_weights([np.full((2, 1), 40.0)] * 4 + [np.array([gate])])
        assert_close(np.asarray(unit(x)).ravel(), truth, rtol=1e-9)


def test_an_inalu_does_not_overflow():
    unit = built(lambda **k: INALU(1, **k), columns=2)
    unit.set_weights([np.full((2, 1), 40.0)] * 4 + [np.array([-40.0])])
    assert np.asarray(unit([[1e15, 1e15]])).item() == pytest.approx(np.exp(20))


def test_the_golden_ratio_flattens_every_curve():
    unit = built(lambda **k: GNALU(1, **k))
    plain = layers.NAC(1, dtype=FLOAT)
    plain.build((None, 4))
    plain.set_weights(unit.get_weights()[:2])
    assert (np.abs(unit.tanh(ROWS)) < np.abs(np.tanh(ROWS))).all()
    assert np.abs(np.asarray(unit.W)).sum() != pytest.approx(np.abs(np.asarray(plain.W)).sum())


@pytest.mark.parametrize("unit, size", [(NAU(2, dtype=FLOAT), 0.01), (NMU(2, dtype=FLOAT), 10)])
def test_the_penalty_of_nau_and_nmu_ramps_up(unit, size):
    unit.build((None, 3))
    unit.W.assign(np.full((3, 2), 0.3))
    for step, share in ((0, 0), (20_000, 0), (27_500, 0.5), (35_000, 1), (49_999, 1)):
        assert float(unit.penalty(step, 1.0)) == pytest.approx(size * share * 0.3)
    unit.W.assign(np.ones((3, 2)))
    assert float(unit.penalty(50_000, 1.0)) == 0


def test_a_nau_may_be_minus_one_without_a_penalty():
    nau = NAU(1, dtype=FLOAT)
    nau.build((None, 3))
    nau.W.assign([[-1.0], [0.0], [-0.8]])
    assert float(nau.penalty(40_000, 1.0)) == pytest.approx(0.01 * 0.2 / 3)


def test_the_penalty_of_power_units_grows_tenfold_every_ten_thousand_steps():
    unit = built(lambda **k: NPU(3, **k), penalty_sizes=(1e-9, 1e-7))
    size = sum(np.abs(weight).sum() for weight in unit.get_weights())
    for step, beta in ((0, 1e-9), (9_999, 1e-9), (10_000, 1e-8), (20_000, 1e-7), (49_999, 1e-7)):
        assert float(unit.penalty(step, 1.0)) == pytest.approx(beta * size)


def test_the_penalty_of_an_inalu_waits_for_a_good_validation():
    unit = built(lambda **k: INALU(3, **k))
    full = 0.05 * sum(np.maximum(20 - np.abs(weight), 0).mean() for weight in unit.get_weights())
    for step, validation, expected in ((10_000, 0.5, 0), (10_001, 1.5, 0), (10_001, 0.5, full), (10_001, np.nan, 0)):
        assert float(unit.penalty(step, ops.convert_to_tensor(validation))) == pytest.approx(expected)


def test_weights_are_clipped_after_every_update_by_keras_own_fit():
    for unit, low in ((NAU(1), -1), (NMU(1), 0)):
        model = keras.Sequential([keras.Input((4,)), unit])
        model.compile(keras.optimizers.SGD(1e3), "mse")
        model.fit(ROWS, np.ones((7, 1)), epochs=3, verbose=0)
        assert low <= unit.W.numpy().min() and unit.W.numpy().max() <= 1


def exactly(unit, **weights):
    """`unit` of float64 with the given weights, for two inputs."""
    unit.build((None, 2))
    for name, value in weights.items():
        getattr(unit, name).assign(np.reshape(value, getattr(unit, name).shape))
    return unit


two_numbers = arrays("float64", (6, 2), elements=st.floats(0.1, 50).flatmap(lambda size: st.sampled_from([size, -size])))


@quick
@given(two_numbers, st.sampled_from([(1, 1), (1, -1), (-1, 1), (0, 1), (-1, -1)]), st.booleans())
def test_an_nru_multiplies_and_divides_with_signs(x, powers, training):
    unit = exactly(NRU(1, dtype=FLOAT), W=powers)
    assert_close(np.asarray(unit(x, training=training)).ravel(), (x ** np.array(powers)).prod(axis=1))


@quick
@given(two_numbers, st.sampled_from([(1, 1), (1, -1), (-1, 1), (0, 1), (-1, -1)]))
def test_an_nmru_multiplies_and_divides_with_signs(x, powers):
    powers = np.array(powers)
    unit = exactly(NMRU(1, dtype=FLOAT), W=[*(powers > 0), *(powers < 0)])
    truth = (x**powers).prod(axis=1)
    assert_close(np.asarray(unit(x)).ravel(), truth)
    assert_close(np.asarray(unit(x, training=True)).ravel(), truth, rtol=1e-4)


@quick
@given(two_numbers, st.booleans())
def test_a_dmu_adds_and_multiplies_or_subtracts_and_divides(x, subtract):
    sign = -1 if subtract else 1
    for gate, truth in ((40.0, x[:, 0] + sign * x[:, 1]), (-40.0, x[:, 0] * x[:, 1] ** sign)):
        unit = exactly(DMU(1, signs=(1, sign), dtype=FLOAT), g=gate)
        np.testing.assert_allclose(np.asarray(unit(x)).ravel(), truth, rtol=1e-4, atol=2e-4)


@quick
@given(two_numbers)
def test_an_mcfc_of_one_output_adds_or_multiplies_whatever_it_has_learned(x):
    for multiply, truth in ((False, x.sum(axis=1)), (True, x.prod(axis=1))):
        unit = exactly(MCFC(1, multiply=multiply, dtype=FLOAT), R_hat=[3, -5], v=[20], b=[20])
        assert_close(np.asarray(unit(x)).ravel(), truth, rtol=1e-9)
        np.testing.assert_array_equal(unit.R, 1)


def test_an_mcfc_shares_every_input_out_and_loses_nothing_but_at_its_gate():
    unit = built(lambda **k: MCFC(3, **k))
    assert_close(np.sum(unit.R, axis=1), np.ones(4))
    gate = sigmoid(np.asarray(unit.v) + np.asarray(unit.b))
    assert_close(np.sum(unit(ROWS) / gate, axis=1), ROWS.sum(axis=1))


def test_the_start_of_an_mcfc_is_orthogonal_and_the_identity_when_it_is_square():
    start, square, single = start_of(MCFC(2)), start_of(MCFC(4)), start_of(MCFC(1, multiply=True))
    np.testing.assert_allclose(start["R_hat"].T @ start["R_hat"], np.eye(2), atol=1e-6)
    np.testing.assert_array_equal(square["R_hat"], np.eye(4))
    assert np.abs(single["v"]) == pytest.approx(1) and np.linalg.norm(start["v"]) == pytest.approx(1)
    assert (start["b"] == 0).all() and (single["c"] == 0).all()


def test_the_starts_of_the_units_of_2022_and_later():
    r, wide = np.sqrt(6 / 504), start_of(NRU(500))["W"]
    assert r - 0.01 < wide.max() <= r and -r <= wide.min() < 0.01 - r
    modified = start_of(RealNPUModified(500))
    assert r - 0.01 < modified["W"].max() <= r and (modified["g"] == 0.5).all()
    for make in (SNMU, NMRU):
        W = start_of(make(500))["W"]
        assert 0.25 <= W.min() < 0.26 and 0.74 < W.max() <= 0.75
    g = start_of(DMU(500, signs=(1, 1, 1, 1)))["g"]
    assert -0.1 <= g.min() < -0.09 and 0.09 < g.max() <= 0.1


@pytest.mark.parametrize("make, formula", [(NRU, nru), (NMRU, nmru)])
def test_what_the_unit_says_in_training_is_its_formula_too(make, formula):
    unit = built(lambda **k: make(3, **k))
    unit.W.assign(np.random.default_rng(3).normal(0, 1e-3 if make is NRU else 0.5, unit.W.shape))
    W = unit.get_weights()[0]
    assert_close(unit(ROWS, training=True), formula(ROWS, W, training=True), rtol=1e-11)
    assert np.abs(unit(ROWS, training=True) - unit(ROWS)).max() > (1e-3 if make is NRU else 1e-9)


def test_the_noise_of_an_snmu_comes_in_training_only_and_cancels_where_weights_are_whole():
    unit = built(lambda **k: SNMU(3, seed=4, **k))
    unit.W.assign(np.random.default_rng(0).uniform(0.1, 0.9, (4, 3)))
    first, second = np.asarray(unit(ROWS, training=True)), np.asarray(unit(ROWS, training=True))
    assert np.abs(first - second).max() > 0.01
    assert_close(unit(ROWS), nmu(ROWS, *unit.get_weights()))
    unit.W.assign(np.random.default_rng(0).integers(0, 2, (4, 3)).astype(float))
    assert_close(unit(ROWS, training=True), nmu(ROWS, *unit.get_weights()), rtol=1e-11)


def test_what_an_snmu_says_in_training_is_its_formula_with_the_noise_of_its_seed():
    unit = built(lambda **k: SNMU(3, noise=(2, 3), seed=4, **k))
    n = np.asarray(keras.random.uniform(ROWS.shape, 2, 3, dtype=FLOAT, seed=keras.random.SeedGenerator(4)))
    assert 2 <= n.min() < 2.2 and 2.7 < n.max() <= 3
    W = unit.get_weights()[0]
    assert_close(unit(ROWS, training=True), nmu(n * ROWS, W) / nmu(n, W), rtol=1e-11)


@pytest.mark.parametrize("make", [NRU, NMRU, MCFC, lambda units: MCFC(units, multiply=True), DMU])
def test_an_input_of_zero_gives_no_nan_and_no_such_gradient(make):
    unit, x = make(2), np.array([[0.0, 2.0], [2.0, 0.0], [0.0, 0.0]])
    unit(x)
    for training in (False, True):
        assert np.isfinite(unit(x, training=training)).all()
        for gradient in gradients(lambda training=training: ops.sum(unit(x, training=training)), unit.trainable_variables):
            assert np.isfinite(gradient).all()


def test_dividing_by_zero_is_dividing_by_an_epsilon_and_multiplying_by_zero_is_zero():
    for unit, W in ((NRU(1), [-1, 1]), (NMRU(1), [0, 1, 1, 0])):
        assert np.asarray(exactly(unit, W=W)([[0.0, 3.0]])).item() == pytest.approx(3 * 2**23)
        assert np.asarray(unit([[3.0, 0.0]])).item() == 0


def test_nru_has_gradients_where_an_input_is_zero():
    unit, x = exactly(NRU(1), W=[0.5, 0.3]), keras.Variable([[0.0, 2.0]], dtype=FLOAT)
    (gradient,) = gradients(lambda: ops.sum(unit(ops.convert_to_tensor(x))), [x])
    a, power = 1 - 0.5, 2**0.3 * 0.3 + 0.7
    assert np.asarray(unit(x)).item() == pytest.approx(a * power)
    np.testing.assert_allclose(gradient, [[0, a * 0.3 * 0.3 * 2**-0.7]], rtol=1e-5)
    assert np.asarray(exactly(NRU(1), W=[0, 1])([[0.0, 3.0]])).item() == 3


def test_a_penalty_may_be_none_and_no_step_is_too_late_for_it():
    assert NAU(1, penalty_size=0).penalty_size == 0
    for sizes, last in (((0, 1e-5), 0), ((0, 0), 0), ((1e-5, 1e-5), 1e-5), ((1e-7, 1e-5), 1e-5)):
        unit = exactly(RealNPU(1, penalty_sizes=sizes), W=[1, 1])
        assert float(unit.penalty(400_000, 1.0)) == pytest.approx(last * 3)


def test_the_modified_real_npu_is_pushed_to_whole_weights_at_the_end():
    unit = built(lambda **k: RealNPUModified(3, **k))
    unit.W.assign(np.full((4, 3), -0.75))
    unit.g.assign([1.0, 0.0, 0.75, 1.0])
    l1 = 12 * 0.75 + 2.75
    for step, beta, share in ((0, 1e-9, 0), (40_000, 1e-7, 0), (45_000, 1e-7, 0.5), (50_000, 1e-7, 1)):
        assert float(unit.penalty(step, 1.0)) == pytest.approx(beta * l1 + share * (0.25 + 0.25 / 4))


def test_nru_and_nmru_are_penalised_as_nau_and_nmu_are():
    nru, nmru = built(lambda **k: NRU(2, **k)), built(lambda **k: NMRU(2, **k))
    nru.W.assign(np.full((4, 2), -0.8)), nmru.W.assign(np.full((8, 2), 0.3))
    for unit, mean in ((nru, 0.2), (nmru, 0.3)):
        for step, share in ((20_000, 0), (27_500, 0.5), (35_000, 1)):
            assert float(unit.penalty(step, 1.0)) == pytest.approx(10 * share * mean)


def test_matrices_are_the_weights_that_ought_to_be_whole():
    assert [np.shape(W) for W in built(FORMULAS["INALU"][0]).matrices()] == [(4, 3)] * 2
    assert len(built(FORMULAS["NPU"][0]).matrices()) == 2
    assert len(built(FORMULAS["NALU with separate weights"][0]).matrices()) == 2
    assert len(built(FORMULAS["GNALU"][0]).matrices()) == 1
    assert [np.shape(W) for W in built(FORMULAS["MCFC"][0]).matrices()] == [(4, 3)]
    assert [np.shape(W) for W in built(FORMULAS["NMRU"][0]).matrices()] == [(8, 3)]
    assert [np.shape(W) for W in built(FORMULAS["DMU"][0]).matrices()] == [(1, 3)]


@pytest.mark.parametrize("make", [NACLog, GNALU, NAU, NMU, INALU, RealNPU, NPU, MCFC, SNMU, RealNPUModified, NRU, NMRU, DMU])
def test_bad_arguments_are_refused_in_one_sentence(make):
    with pytest.raises(ValueError, match="units is 0, expected a whole number"):
        make(0)
    unit = make(1)
    unit.build((None, 2))
    with pytest.raises(ValueError, match="x has 3 columns, expected 2"):
        unit([[1, 2, 3]])
    with pytest.raises(ValueError, match="x, row 0, column 1 is nan"):
        unit([[1, float("nan")]])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: NACLog(1, epsilon=0), "epsilon is 0"),
        (lambda: INALU(1, omega=-1), "omega is -1"),
        (lambda: NAU(1, penalty_steps=(5, 5)), "penalty_steps is"),
        (lambda: RealNPU(1, penalty_sizes=(1e-5, 1e-7)), "penalty_sizes is"),
        (lambda: NAU(1)(np.array([[[1, np.nan]]])), r"^x, place \(0, 0, 1\) is nan, expected"),
        (lambda: RealNPU(1, penalty_sizes=(-1, 1)), r"penalty_sizes is \(-1.0, 1.0\), expected both ends of at least 0"),
        (lambda: NAU(1, penalty_size=float("nan")), "penalty_size is nan, expected a finite number of at least 0 such as 0.01"),
        (lambda: NMU(1, penalty_size=-5), "penalty_size is -5, expected a finite number of at least 0 such as 0.01"),
        (lambda: RealNPUModified(1, penalty_size=float("inf")), "penalty_size is inf, expected a finite number of at least 0"),
        (lambda: layers.Clip(1, 0), "the range to clip to is"),
        (lambda: MCFC(1, epsilon=-1), "epsilon is -1"),
        (lambda: SNMU(1, noise=(5, 1)), "noise is"),
        (lambda: SNMU(1, noise=(-1, 1)), "noise is .* expected both ends above 0"),
        (lambda: RealNPUModified(1, penalty_steps=(5, 5)), "penalty_steps is"),
        (lambda: DMU(1, signs=(1, 2)), "signs is .* expected -1, 0 or 1"),
        (lambda: DMU(1, signs=(1, 0.5)), "signs is .* expected -1, 0 or 1"),
        (lambda: DMU(1, signs=()), "signs is empty"),
        (lambda: DMU(1)([[1.0, 2.0, 3.0]]), "x has 3 columns and signs is .*: give a sign for each column"),
    ],
)
def test_arguments_of_their_own_too(call, words):
    with pytest.raises(ValueError, match=words):
        call()
