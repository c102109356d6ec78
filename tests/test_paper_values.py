"""Numbers as values: what a sentence is, what each model can say, what it is not shown, and what `run` promises."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nalu_helpers.paper import values

RIGHT = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
BLIND = [model for model, (sees, *_) in values.MODELS.items() if not sees]


@pytest.mark.parametrize("sign", values.SIGNS)
@given(seed=st.integers(0, 999), scale=st.sampled_from(values.SCALES))
def test_a_sentence_holds_two_numbers_a_sign_and_their_answer(sign, seed, scale):
    tokens, numbers, answers = values.drawn(np.random.default_rng(seed), 5, scale, sign)
    assert (np.sort(tokens, axis=1) == [0, 0, values.SIGNS.index(sign) + 1, values.EQUALS]).all()
    a, b = numbers[tokens == values.NUMBER].reshape(-1, 2).astype(float).T
    assert min(a.min(), b.min()) >= 0.0999 * scale and max(a.max(), b.max()) <= scale
    np.testing.assert_allclose(answers[:, 0], RIGHT[sign](a, b), rtol=1e-4, atol=1e-4 * scale)
    assert (numbers[tokens != values.NUMBER] == 1).all()


def test_all_orders_and_signs_are_drawn():
    tokens = values.drawn(np.random.default_rng(0), 900)[0]
    assert len(np.unique(tokens, axis=0)) == 9


def test_units_with_whole_weights_answer_exactly_when_they_are_told_which():
    """Pointers without an opinion both give the middle m of the two numbers, so that the answers are 2m, 0 and m²."""
    net = values.network("NAU, NMU, told which")
    layers = {type(layer).__name__: layer for layer in net.layers}
    layers["NAU"].W.assign([[1, 1], [1, -1]]), layers["NMU"].W.assign([[1], [1]])
    for weights in layers["Pointers"].trainable_variables:
        weights.assign(np.zeros(weights.shape))
    for sign, right in (("+", lambda m: 2 * m), ("-", lambda m: 0 * m), ("*", lambda m: m**2)):
        tokens, numbers, _ = values.drawn(np.random.default_rng(2), 7, 1, sign)
        middle = (numbers * (tokens == values.NUMBER)).sum(axis=1, keepdims=True) / 2
        np.testing.assert_allclose(net([tokens, numbers]), right(middle), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", BLIND)
def test_a_reader_that_sees_no_values_points_and_chooses_alike_for_numbers_of_any_size(model):
    net = values.network(model)
    made = [net.get_layer(name).output for name in ("pointed", "chosen") if name in {layer.name for layer in net.layers}]
    inside = keras.Model(net.inputs, made)
    tokens, numbers, _ = values.drawn(np.random.default_rng(0), 20)
    for one, other in zip(*(keras.tree.flatten(inside([tokens, scale * numbers])) for scale in (1, 1000)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_reader_that_sees_them_does_not():
    net = values.network("calculator")
    inside = keras.Model(net.inputs, net.get_layer("chosen").output)
    tokens, numbers, _ = values.drawn(np.random.default_rng(0), 20)
    assert np.abs(inside([tokens, numbers]) - inside([tokens, 1000 * numbers])).max() > 0.01


@pytest.mark.parametrize("model, second", [("NAU, NMU, started near + and ×", 1), ("NAU, NMU, started near all three", -1)])
def test_units_that_start_near_what_they_shall_become(model, second):
    nau, nmu = (next(layer for layer in values.network(model).layers if type(layer).__name__ == name) for name in ("NAU", "NMU"))
    near = nau.W.numpy() * [[1, 1], [1, second]]
    assert 0.5 <= min(near.min(), nmu.W.numpy().min()) and max(near.max(), nmu.W.numpy().max()) <= 1 and np.ptp(near) > 0


def test_pointers_never_point_at_a_sign():
    net = values.network("calculator")
    pointed = keras.Model(net.inputs, net.get_layer("pointed").output)
    tokens, numbers, _ = values.drawn(np.random.default_rng(0), 20)
    said = pointed([tokens, numbers]).numpy()
    assert said[np.repeat((tokens != values.NUMBER)[:, None], 2, axis=1)].max() == 0
    np.testing.assert_allclose(said.sum(axis=-1), 1, rtol=1e-5)


def test_a_sure_model_takes_one_and_can_be_made_unsure_again():
    net = values.network("calculator, reader sees no values")
    parts = keras.Model(net.inputs, [net.get_layer("pointed").output, net.get_layer("chosen").output])
    tokens, numbers, _ = values.drawn(np.random.default_rng(0), 20)
    before = [part.numpy() for part in parts([tokens, numbers])]
    values.make_sure(net)
    for soft, sure in zip(before, parts([tokens, numbers]), strict=True):
        np.testing.assert_allclose(np.max(sure, axis=-1), 1, atol=1e-6)
        np.testing.assert_array_equal(np.argmax(sure, axis=-1), np.argmax(soft, axis=-1))
    values.make_sure(net, 1)
    for soft, again in zip(before, parts([tokens, numbers]), strict=True):
        np.testing.assert_array_equal(soft, again)


@pytest.mark.parametrize("model", values.MODELS)
def test_every_model_answers_with_numbers_and_is_saved_and_loaded(model, tmp_path):
    net = values.network(model)
    net.save(tmp_path / "net.keras")
    tokens, numbers, answers = values.drawn(np.random.default_rng(0), 5)
    said = net([tokens, numbers])
    assert said.shape == answers.shape and np.isfinite(said).all()
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "net.keras")([tokens, numbers]), said, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_it_learns_is_the_answer():
    table = values.train("NAU, NMU, told which", 0.01, seeds=[0], steps=300).table
    assert table["cost"].iloc[-1] < 0.2 * table["cost"].iloc[0]


@pytest.mark.slow
def test_a_table_has_a_row_for_each_seed_choice_and_operation():
    """And each row belongs to its seed, in whatever order they were asked for."""
    table = values.run("calculator", 0.003, seeds=[3, 1], steps=3)
    assert list(table.groupby(["seed", "choice"]).size()) == [3] * 4
    net = values.train("calculator", 0.003, seeds=[3], steps=3).models[0]
    columns = [f"times_{scale}" for scale in values.SCALES]
    soft = table[(table.seed == 3) & (table.choice == "soft")]
    np.testing.assert_array_equal(soft[columns], values.errors(net)[columns])


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: values.network("Transformers"), "model is 'Transformers'"),
        (lambda: values.train("Transformers", seeds=[0]), "model is 'Transformers'"),
        (lambda: values.train("calculator", rate=-1, seeds=[0]), "rate is -1, expected a finite number above 0 such as 0.003"),
        (lambda: values.drawn(np.random.default_rng(0), 5, sign="/"), "sign is '/'"),
        (lambda: values.make_sure(values.network("calculator"), 0), "temperature"),
    ],
)
def test_what_is_unknown_is_said(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
