"""Numbers a token a digit: what a sentence is, where its tokens stand, what the Transformer may see, and what `run` promises."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nalu_helpers.paper import tokens, values

numbers = st.integers(0, 99_999)


def read(row, model):
    """A sentence as one writes it, from its tokens: the numbers from the left, without the empty slots."""
    text = "".join(tokens.SYMBOLS[token] for token in row if token != tokens.NOTHING)
    a, b, c = text.rstrip(";").replace("*", "+").replace("=", "+").split("+")
    turn = -1 if tokens.MODELS[model][0] else 1
    return [int(number[::turn]) for number in (a, b, c)]


@pytest.mark.parametrize("model", tokens.MODELS)
@pytest.mark.parametrize("operation", tokens.LONGEST)
@given(a=numbers, b=numbers)
def test_a_sentence_says_both_numbers_and_their_answer(model, operation, a, b):
    row, places, begin = tokens.write(a, b, operation, model)
    assert read(row[0], model) == [a, b, a + b if operation == "+" else a * b]
    assert row[0, begin - 1] == tokens.SYMBOLS.index("=") and np.sum(row == tokens.END) == 1
    assert (places[row == tokens.NOTHING] == 0).all() and row.shape == places.shape


@pytest.mark.parametrize("model", ["usual order", "Abacus"])
def test_the_longest_numbers_are_written_digit_by_digit(model):
    a, b = 99_999_999_999_999_999, 10_000_000_000_000_000
    assert read(tokens.write(a, b, "+", model)[0][0], model) == [a, b, a + b]
    assert read(tokens.write(999_999_999, 999_999_999, "*", model)[0][0], model)[2] == 999_999_999**2


def test_places_of_each_model():
    said = {model: tokens.write(57, 8, "+", model, start=3)[1][0] for model in tokens.MODELS}
    # usual order: 5 7 + 8, an empty slot, = 6 5 and the end, an empty slot
    np.testing.assert_array_equal(said["usual order"], [4, 5, 6, 7, 0, 8, 9, 10, 11, 0])
    np.testing.assert_array_equal(said["Abacus"], [4, 5, 0, 4, 0, 0, 4, 5, 0, 0])
    assert not said["reversed, no places"].any()


def test_digits_of_the_same_worth_have_the_same_place_in_an_abacus():
    row, places, begin = tokens.write([90_211], [345], "+", "Abacus", start=7)
    digits = row[0] < 10
    np.testing.assert_array_equal(places[0][:5], places[0][begin : begin + 5])
    assert (places[0][digits] >= 8).all() and not places[0][~digits].any()


@pytest.mark.parametrize("model", ["usual order", "Abacus"])
def test_a_transformer_sees_what_stands_before_and_no_empty_slot(model):
    net, (row, places, begin) = tokens.network(), tokens.write([57], [8], "+", model)
    said = net([row, places]).numpy()
    later = row.copy()
    later[:, begin:] = 0
    np.testing.assert_allclose(net([later, places]).numpy()[:, :begin], said[:, :begin], rtol=1e-5, atol=1e-5)
    wide, their_places, their_begin = tokens.write([57], [8], "+", model, digits=4)
    there, theirs = row[0] != tokens.NOTHING, wide[0] != tokens.NOTHING
    np.testing.assert_allclose(net([wide, their_places]).numpy()[0][theirs], said[0][there], rtol=1e-4, atol=1e-5)
    assert their_begin > begin


@pytest.mark.slow
@pytest.mark.parametrize("model", ["usual order", "Abacus"])
def test_what_it_says_by_itself_is_right_where_it_is_right_digit_by_digit(model):
    """`right` shows it the right digits, `say` its own: they must agree on which answers are wholly right."""
    net = tokens.train(model, "+", 1, seeds=[0], steps=250).models[0]
    a, b = tokens.drawn(np.random.default_rng(1), 40, 1)
    alone = [tokens.say(net, model, "+", int(i), int(j)) == str(i + j) for i, j in zip(a, b, strict=True)]
    np.testing.assert_array_equal(alone, tokens.right(net, model, "+", 1, rows=40))
    assert any(alone)


def test_numbers_have_the_digits_that_are_asked_for():
    a, b = tokens.drawn(np.random.default_rng(0), 3_000, (1, 4))
    counts = np.bincount([len(str(number)) for number in (*a, *b)])[1:]
    assert len(counts) == 4 and (counts > 1_300).all()
    assert all(len(str(number)) == 12 for number in np.concatenate(tokens.drawn(np.random.default_rng(0), 100, 12)))


def test_a_transformer_is_saved_and_loaded(tmp_path):
    net, (row, places, _) = tokens.network(), tokens.write([57], [8], "+", "Abacus")
    net.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(loaded([row, places]), net([row, places]), rtol=1e-5)


@pytest.mark.slow
def test_each_row_of_the_table_belongs_to_its_seed():
    table = tokens.run("+", "Abacus", 1, seeds=[3, 1], steps=3).set_index("seed")
    costs, nets = tokens.train("Abacus", "+", 1, seeds=[3], steps=3)
    assert list(table.index) == [3, 1]
    assert table.loc[3, "cost"] == costs["cost"].iloc[-1]
    assert table.loc[3, "right_1"] == tokens.right(nets[0], "Abacus", "+", 1).mean()


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: tokens.write(-1, 2, "+", "Abacus"), "begin at -1 and have up to 1 digits: expected 0 or more"),
        (lambda: tokens.write(10**17, 2, "+", "Abacus"), "answers of at most 18"),
        (lambda: tokens.write(1.5, 2, "+", "Abacus"), "the numbers are not all whole"),
        (lambda: tokens.write(1, 10**30, "+", "Abacus"), "or have more than 18 digits"),
        (lambda: tokens.write(1, 2, "-", "Abacus"), "operation is '-'"),
        (lambda: tokens.write(1, 2, "+", "abakus"), "model is 'abakus'"),
        (lambda: tokens.write(100, 2, "+", "Abacus", digits=2), "digits"),
        (lambda: tokens.train("abakus", seeds=[0]), "model is 'abakus'"),
        (lambda: tokens.right(None, "Abacus", "+", 0), "digits is 0"),
    ],
)
def test_what_cannot_be_written_is_said(call, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()


@pytest.mark.parametrize("network", [tokens.network, lambda: values.network("Transformer")], ids=["tokens", "values"])
def test_embeddings_of_tokens_and_of_places_start_apart(network):
    """One initializer object gives the same numbers every time it is asked."""
    token, place = (layer.embeddings.numpy() for layer in network().layers if isinstance(layer, keras.layers.Embedding))
    rows = min(len(token), len(place))
    assert not np.isin(token[:rows], place[:rows]).any()
