"""The paper's six functions of two hidden sums: what the examples are, what the networks could say, and what `run` promises."""

import keras
import numpy as np
import pandas as pd
import pytest

from nalu_helpers import NAC, NALU, fit_many
from nalu_helpers.paper import functions as six

RNG = lambda seed=0: np.random.default_rng(seed)  # noqa: E731
LARGE = 20.0  # tanh(20)·σ(20) is 1 to the last bit


@pytest.mark.parametrize("form, sizes", {"long": (27, 23), "short": (2, 3), "theirs": (10, 30), "recurrent": (3, 2)}.items())
def test_the_windows_lie_apart_one_in_each_half(form, sizes):
    a, b = six.WINDOWS[form]
    assert 0 <= a.start < a.stop <= six.INPUTS[form] // 2 <= b.start < b.stop <= six.INPUTS[form]
    assert (a.stop - a.start, b.stop - b.start) == sizes


@pytest.mark.parametrize(
    "function, answer", [("a + b", 50), ("a − b", -14), ("a × b", 576), ("a / b", 0.5625), ("a²", 324), ("√a", np.sqrt(18))]
)
def test_each_function_of_18_and_32(function, answer):
    assert six.FUNCTIONS[function](18, 32) == pytest.approx(answer)


@pytest.mark.parametrize("form", ["long", "short", "theirs"])
@pytest.mark.parametrize("function", six.FUNCTIONS)
def test_static_answers_are_the_function_of_two_sums_of_the_row(form, function):
    x, y = six.examples(RNG(), form, function, (3, 5))
    assert x.shape == (3, 5, 100) and y.shape == (3, 5, 1) and x.dtype == y.dtype == np.float32
    a, b = (x[..., window].sum(axis=-1, keepdims=True) for window in six.WINDOWS[form])
    np.testing.assert_allclose(y, six.FUNCTIONS[function](a, b), rtol=1e-6)


def test_recurrent_answers_are_sums_over_all_steps():
    x, y = six.examples(RNG(), "recurrent", "a − b", (4,))
    a, b = (x[..., window].sum(axis=(1, 2)) for window in six.WINDOWS["recurrent"])
    assert x.shape == (4, 10, 10)
    np.testing.assert_allclose(y.ravel(), a - b, rtol=1e-5, atol=1e-6)


def test_the_test_is_on_larger_numbers_or_on_more_steps():
    inside, outside = (six.examples(RNG(), "long", "a + b", (500,), where) for where in ("inside", "outside"))
    assert inside[0].max() < 0.5 < outside[0].max() < 2
    assert (outside[1] > inside[1].max()).mean() > 0.99
    x, y = six.examples(RNG(), "recurrent", "a + b", (5,), "outside")
    assert x.shape == (5, 1000, 10) and x.max() < 0.5
    assert y.min() > 20 * six.examples(RNG(), "recurrent", "a + b", (500,))[1].max()


def test_the_same_generator_draws_the_same_and_train_and_test_share_no_row():
    (one, _), (two, _), (test, _) = (six.examples(rng, "long", "a²", (400,)) for rng in (RNG(3), RNG(3), RNG(2018)))
    np.testing.assert_array_equal(one, two)
    assert not set(map(bytes, one)) & set(map(bytes, test))


def by_hand(window, rows, columns=2):
    """Ŵ of a layer that sums each window into a unit of its own, with what is 0 elsewhere."""
    W_hat = np.zeros((rows, columns))
    for unit, part in enumerate(window):
        W_hat[part, unit] = LARGE
    return W_hat


def test_two_nac_layers_can_subtract_the_sums():
    net = six.network("long", "NAC")
    net.set_weights([by_hand(six.WINDOWS["long"], 100), np.full((100, 2), LARGE), np.array([[LARGE], [-LARGE]]), np.full((2, 1), LARGE)])
    x, y = six.examples(RNG(), "long", "a − b", (50,), "outside")
    np.testing.assert_allclose(net(x), y, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("function, exponents", [("a × b", [1, 1]), ("a / b", [1, -1]), ("√a", [0.5, 0])], ids=["a × b", "a / b", "√a"])
def test_a_recurrent_nac_adds_up_1000_steps_and_a_nalu_can_read_it(function, exponents):
    net = six.network("recurrent", "NALU")
    W_hat = by_hand(six.WINDOWS["recurrent"], 12)
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


@pytest.mark.parametrize("model, own", {"": (0, 0), ", own gate": (0, 1), ", own weights": (1, 0), ", repaired": (1, 1)}.items())
def test_a_nalu_has_the_repairs_that_it_is_named_by(model, own):
    for layer in six.network("long", f"NALU{model}").layers:
        assert (layer.separate_weights, layer.input_independent_gate) == own


@pytest.mark.parametrize("model, kinds", [("NAC", "NAC NAC"), ("NAU", "NAU NAU"), ("NMU", "NAU NMU"), ("NALU", "NAC NALU")])
def test_what_reads_the_steps_and_what_answers(model, kinds):
    recurrent, last = six.network("recurrent", model).layers
    assert [type(recurrent.cell.unit).__name__, type(last).__name__] == kinds.split()


def test_a_recurrent_unit_is_the_unit_on_the_input_and_its_last_answer():
    nac = NAC(2)
    x, h = np.float32([[1, 2, 3]]), np.float32([[4, 5]])
    keras.layers.RNN(cell := six.Recurrent(nac)).build((None, None, 3))
    np.testing.assert_allclose(cell(x, [h])[0], np.hstack([x, h]) @ nac.W, atol=1e-5)
    again = six.Recurrent.from_config(six.Recurrent(NALU(3, epsilon=1e-5)).get_config())
    assert again.state_size == 3 and again.unit.epsilon == 1e-5


@pytest.mark.parametrize("form", six.MODELS)
def test_a_constant_guess_misses_the_spread_inside_and_the_shift_outside(form):
    for where in six.RANGES:
        _, y = six.examples(np.random.default_rng(7), form, "a × b", (1000,), where)
        _, inside = six.examples(np.random.default_rng(8), form, "a × b", (20_000,))
        expected = 100 * (y.var() + (y.mean() - inside.mean()) ** 2) / six.untrained_error(form, "a × b", where)
        assert six.constant_error(form, "a × b", where) == pytest.approx(expected, rel=0.4)  # it looks at 100 sequences


def test_an_untrained_network_scores_about_100_and_the_yardstick_stays():
    x, y = six.examples(RNG(1), "long", "a × b", (200,))
    keras.utils.set_random_seed(0)
    errors = [100 * np.mean((six.network("long", "linear")(x) - y) ** 2) / six.untrained_error("long", "a × b", "inside") for _ in range(9)]
    assert 60 < np.median(errors) < 160
    assert six.untrained_error.__wrapped__("long", "a × b", "inside") == six.untrained_error("long", "a × b", "inside")


@pytest.mark.slow
@pytest.mark.parametrize("form, model", [("long", "NALU, repaired"), ("short", "NMU"), ("recurrent", "NAC")])
def test_a_table_has_a_row_for_each_seed_check_and_place_and_a_seed_does_not_look_at_its_neighbours(form, model):
    table = six.learned(form, "a × b", model, seeds=[5, 2], steps=4, every=2)
    assert list(table.columns) == [*six.KEY, "seed", "where", "step", *six.TUNED, "scaled", "relative"]
    assert len(table) == 8 and not table.duplicated([*six.KEY, "seed", "where", "step"]).any()
    alone = six.learned(form, "a × b", model, seeds=[2], steps=4, every=2)
    beside = table[table["seed"] == 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), beside, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["long", "recurrent"])
def test_the_errors_are_those_of_the_network_that_was_trained(form):
    (row,) = six.learned(form, "a + b", "NAU", seeds=[3], steps=3).query("where == 'outside'").itertuples()
    draw = lambda rng, count: six.examples(rng, form, "a + b", (count, six.BATCH))  # noqa: E731
    adam = keras.optimizers.Adam(1e-2, global_clipnorm=1.0)
    cost = lambda net, x, y: keras.ops.mean((net(x, training=True) - y) ** 2)  # noqa: E731
    (net,) = fit_many(lambda: six.network(form, "NAU"), draw, cost=cost, seeds=[3], steps=3, optimizer=adam, progress=False).models
    task = six.examined(form, "a + b")
    error = np.mean((net(task.x_test) - task.y_test) ** 2)
    assert row.scaled == pytest.approx(100 * error / six.untrained_error(form, "a + b", "outside"), rel=1e-4)
    assert row.relative == pytest.approx(np.sqrt(error) / task.y_test.mean(), rel=1e-4)


@pytest.mark.slow
def test_a_run_is_a_choice_on_other_seeds_and_a_judgement_in_the_setting_chosen():
    table = six.run("long", "a + b", "NAC", seeds=[0, 1], steps=75)
    trial = table["seed"].isin(six.CHOOSE)
    assert set(table[trial]["where"]) == {"inside"} and set(table[trial]["step"]) == {10, 25}
    assert len(table[trial & (table["step"] == 10)]) == len(six.WAYS) * len(six.RATES) * len(six.CHOOSE)
    assert set(table[trial & (table["step"] == 25)]["rate"]) == set(six.RATES)
    assert set(table[~trial]["step"]) == {10, 25, 75} and set(table[~trial]["where"]) == {"inside", "outside"}
    ((optimizer, clipped, rate),) = set(table[~trial][six.TUNED].itertuples(index=False, name=None))
    assert (optimizer, clipped, rate) == six.best(table[trial])


def test_the_choice_does_not_see_what_lies_outside_and_only_those_that_were_trained_longest():
    rows = [("Adam", True, 0.001, 0, 1e-3), ("Adam", True, 0.003, 0, 1e-4), ("RMSprop", False, 0.001, 1, 5e-3)]
    table = pd.DataFrame([(*row, "inside") for row in rows], columns=[*six.TUNED, "step", "scaled", "where"])
    assert six.best(table) == ("RMSprop", False, 0.001)  # the only one at the last step
    outside = table.assign(where="outside", scaled=0.0, optimizer="Adam", step=1)
    assert six.best(pd.concat([table, outside])) == ("RMSprop", False, 0.001)


def test_the_choice_is_of_orders_of_magnitude_and_infinity_counts_as_much():
    errors = {0.001: [1e-6, 1e-6, 10.0], 0.003: [1e-2, 1e-2, 1e-2], 0.01: [1e-7, 1e-7, np.inf]}
    rows = [("Adam", True, rate, 1, error, "inside") for rate, some in errors.items() for error in some]
    assert six.best(pd.DataFrame(rows, columns=[*six.TUNED, "step", "scaled", "where"])) == ("Adam", True, 0.001)


@pytest.mark.parametrize(
    "form, share, model, late", [("long", 1, "linear", 1), ("recurrent", 20, "linear", 1), ("long", 1, "NALU", 20 / 3)]
)
def test_updates_are_those_that_a_run_makes(form, share, model, late, monkeypatch):
    made = []
    monkeypatch.setattr(six, "fit_many", lambda *a, seeds, steps, learning_rate, **b: made.append(len(seeds) * steps * len(learning_rate)))
    monkeypatch.setattr(six, "best", lambda table: (*six.WAYS[0], six.RATES[0]))
    true_learned = six.learned

    def learned(*which, rates=(1e-2,), **asked):
        """Counts what `fit_many` is asked for, and gives rows to choose from."""
        with pytest.raises(AttributeError):
            true_learned(*which, rates=rates, **asked)  # nothing comes back to make a table of
        return pd.DataFrame([(rate, "inside", 1, 0) for rate in rates], columns=["rate", "where", "step", "seed"])

    monkeypatch.setattr(six, "learned", learned)
    six.run(form, "a + b", model, seeds=[4, 5], steps=1_500)
    assert sum(made) == six.updates(form, "a + b", model, seeds=[4, 5], steps=1_500)
    assert six.checks_of(form, 1_500)[-1] == 1_500 // share and made[-1] == 2 * 1_500 // share * late


def test_a_linear_network_learns_to_add_and_extrapolates():
    table = six.learned("long", "a + b", "linear", seeds=[0], steps=3000)
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
    table = six.learned("long", "a²", "NAC", seeds=[0, 1], steps=2)
    assert np.isinf(table[table.seed == 1].scaled).all() and np.isfinite(table[table.seed == 0].scaled).all()


def test_chunks_are_every_function_and_model_once():
    assert len(set(six.CHUNKS)) == len(six.CHUNKS) == (6 + 1) * 9 + 4 + 6 * 8
    rows = [*six.PAPER.values(), *six.PAPER_INSIDE.values(), *(row for table in six.REIMPLEMENTATIONS.values() for row in table.values())]
    assert all(len(row) == len(six.FUNCTIONS) for row in rows)
    assert all(model in six.MODELS["long"] for table in six.REIMPLEMENTATIONS.values() for model in table)


@pytest.mark.parametrize(
    "wrong, words",
    [
        (("statik", "a + b", "NAC"), "form is 'statik', known are: 'long', 'short', 'theirs', 'recurrent'"),
        (("long", "a ^ b", "NAC"), "function is 'a ^ b', known are"),
        (("long", "a + b", "LSTM"), "model is 'LSTM', known are: 'ReLU6', 'linear', 'NAC'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(wrong, words):
    with pytest.raises(ValueError) as error:
        six.run(*wrong, seeds=[0], steps=2)
    assert str(error.value).startswith(words)


def test_an_unknown_place_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="where is 'beyond', known are: 'inside', 'outside'"):
        six.examples(RNG(), "long", "a + b", (2,), "beyond")
