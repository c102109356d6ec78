"""The units that followed the NALU, and the NALU's repairs: each against its formula in NumPy, finite differences and arithmetic."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops
from on_any_backend import FLOAT, assert_close, assert_gradients_are_slopes

from nalu_helpers import GNALU, INALU, NALU, NAU, NMU, NPU, NACLog, RealNPU, layers

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


FORMULAS = {
    "NALU with separate weights": (lambda **k: NALU(3, separate_weights=True, **k), separate_nalu),
    "NALU with a gate of its own": (
        lambda **k: NALU(3, input_independent_gate=True, **k),
        lambda x, W_hat, M_hat, G: mix(sigmoid(G), x @ nac_W(W_hat, M_hat), log_path(x, nac_W(W_hat, M_hat))),
    ),
    "NACLog": (lambda **k: NACLog(3, **k), lambda x, W_hat, M_hat: log_path(x, nac_W(W_hat, M_hat))),
    "GNALU": (lambda **k: GNALU(3, **k), golden_nalu),
    "NAU": (lambda **k: NAU(3, **k), lambda x, W: x @ W),
    "NMU": (lambda **k: NMU(3, **k), lambda x, W: np.prod(W * x[:, :, None] + 1 - W, axis=1)),
    "INALU": (lambda **k: INALU(3, **k), inalu),
    "RealNPU": (lambda **k: RealNPU(3, **k), lambda x, W, g: npu(x, W, np.zeros_like(W), g)),
    "NPU": (lambda **k: NPU(3, **k), npu),
}
NAMES = {
    "NACLog": {"W_hat": (4, 3), "M_hat": (4, 3)},
    "GNALU": {"W_hat": (4, 3), "M_hat": (4, 3), "G": (4, 3)},
    "NAU": {"W": (4, 3)},
    "NMU": {"W": (4, 3)},
    "INALU": {"W_a_hat": (4, 3), "M_a_hat": (4, 3), "W_m_hat": (4, 3), "M_m_hat": (4, 3), "g": (3,)},
    "RealNPU": {"W": (4, 3), "g": (4,)},
    "NPU": {"W_real": (4, 3), "W_imag": (4, 3), "g": (4,)},
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
    for first, again in zip(*starts):
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


def test_matrices_are_the_weights_that_ought_to_be_whole():
    assert [np.shape(W) for W in built(FORMULAS["INALU"][0]).matrices()] == [(4, 3)] * 2
    assert len(built(FORMULAS["NPU"][0]).matrices()) == 2
    assert len(built(FORMULAS["NALU with separate weights"][0]).matrices()) == 2
    assert len(built(FORMULAS["GNALU"][0]).matrices()) == 1


@pytest.mark.parametrize("make", [NACLog, GNALU, NAU, NMU, INALU, RealNPU, NPU])
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
        (lambda: layers.Clip(1, 0), "the range to clip to is"),
    ],
)
def test_arguments_of_their_own_too(call, words):
    with pytest.raises(ValueError, match=words):
        call()
