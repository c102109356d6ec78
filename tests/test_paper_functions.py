"""The paper's six functions of two hidden sums: what the examples are, what the networks could say, and what `run` promises."""

import keras
import numpy as np
import pandas as pd
import pytest

from nalu_helpers import NAC, NALU
from nalu_helpers.paper import functions as six

RNG = lambda seed=0: np.random.default_rng(seed)  # noqa: E731
LARGE = 20.0  # tanh(20)·σ(20) is 1 to the last bit


def test_the_windows_are_contiguous_apart_and_the_same_every_time():
    for inputs in six.INPUTS.values():
        (a, b), again = six.windows(inputs), six.windows(inputs)
        assert (a, b) == tuple(again)
        assert 0 <= a.start < a.stop <= inputs // 2 <= b.start < b.stop <= inputs
        assert all(inputs // 10 <= window.stop - window.start <= 3 * inputs // 10 for window in (a, b))


@pytest.mark.parametrize(
    "function, answer", [("a + b", 50), ("a − b", -14), ("a × b", 576), ("a / b", 0.5625), ("a²", 324), ("√a", np.sqrt(18))]
)
def test_each_function_of_18_and_32(function, answer):
    assert six.FUNCTIONS[function](18, 32) == pytest.approx(answer)


@pytest.mark.parametrize("function", six.FUNCTIONS)
def test_static_answers_are_the_function_of_two_sums_of_the_row(function):
    x, y = six.examples(RNG(), "static", function, (3, 5))
    assert x.shape == (3, 5, 100) and y.shape == (3, 5, 1) and x.dtype == y.dtype == np.float32
    a, b = (x[..., window].sum(axis=-1, keepdims=True) for window in six.windows(100))
    np.testing.assert_allclose(y, six.FUNCTIONS[function](a, b), rtol=1e-6)


def test_recurrent_answers_are_sums_over_all_steps():
    x, y = six.examples(RNG(), "recurrent", "a − b", (4,))
    a, b = (x[..., window].sum(axis=(1, 2)) for window in six.windows(10))
    assert x.shape == (4, 10, 10)
    np.testing.assert_allclose(y.ravel(), a - b, rtol=1e-5, atol=1e-6)


def test_the_test_is_on_larger_numbers_or_on_more_steps():
    inside, outside = (six.examples(RNG(), "static", "a + b", (500,), where) for where in ("inside", "outside"))
    assert inside[0].max() < 0.5 < outside[0].max() < 2
    assert (outside[1] > inside[1].max()).mean() > 0.99
    x, y = six.examples(RNG(), "recurrent", "a + b", (5,), "outside")
    assert x.shape == (5, 1000, 10) and x.max() < 0.5
    assert y.min() > 20 * six.examples(RNG(), "recurrent", "a + b", (500,))[1].max()


def test_the_same_generator_draws_the_same_and_train_and_test_share_no_row():
    (one, _), (two, _), (test, _) = (six.examples(rng, "static", "a²", (400,)) for rng in (RNG(3), RNG(3), RNG(2018)))
    np.testing.assert_array_equal(one, two)
    assert not set(map(bytes, one)) & set(map(bytes, test))


def by_hand(window, rows, columns=2):
    """Ŵ of a layer that sums each window into a unit of its own, with what is 0 elsewhere."""
    W_hat = np.zeros((rows, columns))
    for unit, part in enumerate(window):
        W_hat[part, unit] = LARGE
    return W_hat


def test_two_nac_layers_can_subtract_the_sums():
    net = six.network("static", "NAC")
    net.set_weights([by_hand(six.windows(100), 100), np.full((100, 2), LARGE), np.array([[LARGE], [-LARGE]]), np.full((2, 1), LARGE)])
    x, y = six.examples(RNG(), "static", "a − b", (50,), "outside")
    np.testing.assert_allclose(net(x), y, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("function, exponents", [("a × b", [1, 1]), ("a / b", [1, -1]), ("√a", [0.5, 0])], ids=["a × b", "a / b", "√a"])
def test_a_recurrent_nac_adds_up_1000_steps_and_a_nalu_can_read_it(function, exponents):
    net = six.network("recurrent", "NALU")
    W_hat = by_hand(six.windows(10), 12)
    W_hat[10:] = np.eye(2) * LARGE  # what was is kept
    read = np.arctanh(np.clip(exponents, -1 + 1e-15, 1 - 1e-15))[:, None]
    net.set_weights([W_hat, np.full((12, 2), LARGE), read, np.full((2, 1), LARGE), np.full((2, 1), -LARGE)])
    x, y = six.examples(RNG(), "recurrent", function, (5,), "outside")
    np.testing.assert_allclose(net(x), y, rtol=1e-3)


@pytest.mark.parametrize("form", six.MODELS)
def test_networks_take_a_batch_and_answer_with_one_number_a_row(form):
    x, y = six.examples(RNG(), form, "a + b", (3,))
    for model in six.MODELS[form]:
        assert six.network(form, model)(x).shape == y.shape


def test_the_repaired_nalu_has_both_repairs_and_the_other_none():
    for model, repaired in (("NALU", False), ("NALU, repaired", True)):
        for layer in six.network("static", model).layers:
            assert (layer.separate_weights, layer.input_independent_gate) == (repaired, repaired)


def test_a_recurrent_unit_is_the_unit_on_the_input_and_its_last_answer():
    nac = NAC(2)
    x, h = np.float32([[1, 2, 3]]), np.float32([[4, 5]])
    keras.layers.RNN(cell := six.Recurrent(nac)).build((None, None, 3))
    np.testing.assert_allclose(cell(x, [h])[0], np.hstack([x, h]) @ nac.W, atol=1e-5)
    again = six.Recurrent.from_config(six.Recurrent(NALU(3, epsilon=1e-5)).get_config())
    assert again.state_size == 3 and again.unit.epsilon == 1e-5


@pytest.mark.parametrize("form", six.MODELS)
def test_a_constant_guess_misses_the_spread_inside_and_the_shift_outside(form):
    for where in six.LENGTHS:
        _, y = six.examples(np.random.default_rng(7), form, "a × b", (1000,), where)
        _, inside = six.examples(np.random.default_rng(8), form, "a × b", (20_000,))
        expected = 100 * (y.var() + (y.mean() - inside.mean()) ** 2) / six.untrained_error(form, "a × b", where)
        assert six.constant_error(form, "a × b", where) == pytest.approx(expected, rel=0.4)  # it looks at 100 sequences


def test_an_untrained_network_scores_about_100_and_the_yardstick_stays():
    x, y = six.examples(RNG(1), "static", "a × b", (200,))
    keras.utils.set_random_seed(0)
    errors = [
        100 * np.mean((six.network("static", "linear")(x) - y) ** 2) / six.untrained_error("static", "a × b", "inside") for _ in range(9)
    ]
    assert 60 < np.median(errors) < 160
    assert six.untrained_error.__wrapped__("static", "a × b", "inside") == six.untrained_error("static", "a × b", "inside")


@pytest.mark.parametrize("form, model", [("static", "NALU, repaired"), ("recurrent", "NAC")])
def test_run_gives_a_row_for_each_seed_and_place_and_a_seed_does_not_look_at_its_neighbours(form, model):
    table = six.run(form, "a × b", model, seeds=[5, 2], steps=2)
    assert list(table.columns) == [*six.KEY, "seed", "where", "scaled", "relative"]
    assert len(table) == 4 and not table.duplicated([*six.KEY, "seed", "where"]).any()
    alone = six.run(form, "a × b", model, seeds=[2], steps=2)
    pd.testing.assert_frame_equal(alone, table[table.seed == 2].reset_index(drop=True), rtol=1e-5)


def test_a_linear_network_learns_to_add_and_extrapolates():
    table = six.run("static", "a + b", "linear", seeds=[0], steps=3000)
    assert (table.scaled < 0.5).all()


def test_a_seed_that_diverges_counts_as_infinitely_wrong_and_leaves_the_others_alone(monkeypatch):
    true_network = six.network

    def network(form, model):
        """The NAC's; that of the second seed begins with what is no number."""
        net = true_network(form, model)
        if np.random.get_state()[1][0] == 1:  # NumPy's state begins with its seed
            net.layers[0].W_hat.assign(np.full((100, 2), np.nan))
        return net

    monkeypatch.setattr(six, "network", network)
    table = six.run("static", "a²", "NAC", seeds=[0, 1], steps=2)
    assert np.isinf(table[table.seed == 1].scaled).all() and np.isfinite(table[table.seed == 0].scaled).all()


def test_chunks_are_every_function_and_model_once():
    assert len(set(six.CHUNKS)) == len(six.CHUNKS) == 6 * 5 + 6 * 6
    assert all(len(row) == len(six.FUNCTIONS) for row in (*six.PAPER.values(), *six.PAPER_INSIDE.values(), *six.REIMPLEMENTATION.values()))


@pytest.mark.parametrize(
    "wrong, words",
    [
        (("statik", "a + b", "NAC"), "form is 'statik', known are: 'static', 'recurrent'. Did you mean 'static'?"),
        (("static", "a ^ b", "NAC"), "function is 'a ^ b', known are"),
        (("static", "a + b", "LSTM"), "model is 'LSTM', known are: 'ReLU6', 'linear', 'NAC'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(wrong, words):
    with pytest.raises(ValueError) as error:
        six.run(*wrong, seeds=[0], steps=2)
    assert str(error.value).startswith(words)


def test_an_unknown_place_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="where is 'beyond', known are: 'inside', 'outside'"):
        six.examples(RNG(), "static", "a + b", (2,), "beyond")
