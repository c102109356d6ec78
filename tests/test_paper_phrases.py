"""Numbers in words: the phrases and their split, what is said of bad input, the readers, and the explorer."""

import numpy as np
import pytest

from nalu_helpers import explorers, plots
from nalu_helpers.paper import phrases


def test_a_phrase_and_its_number_are_each_others_inverse():
    tokens, values, vocabulary = phrases.table()
    assert tokens.shape == (1000, 5) and len(vocabulary) == 31 and vocabulary[0] == ""
    assert len({tuple(row) for row in tokens.tolist()}) == 1000
    for number in range(1000):
        read, own = phrases.parse(phrases.in_words(number))
        assert read == number == values[number] and np.array_equal(own, tokens[number])


@pytest.mark.parametrize(
    "number, words",
    [(0, "zero"), (13, "thirteen"), (300, "three hundred"), (334, "three hundred and thirty four"), (909, "nine hundred and nine")],
)
def test_known_numbers_in_words(number, words):
    assert phrases.in_words(number) == words


def test_capitals_hyphens_and_commas_do_not_matter():
    assert phrases.parse("  Three Hundred, and thirty-four ")[0] == 334


def test_what_the_words_mean_so_far():
    np.testing.assert_array_equal(phrases.so_far("three hundred and thirty four"), [3, 300, np.nan, 330, 334])
    np.testing.assert_array_equal(phrases.so_far("zero"), [0])


@pytest.mark.parametrize(
    "text, error, words",
    [
        (334, TypeError, "the phrase is 334, expected text such as 'three hundred and thirty four'"),
        (None, TypeError, "the phrase is None, expected text"),
        ("", ValueError, "the phrase is empty: write a number in words"),
        (" , ", ValueError, "the phrase is empty"),
        ("banana hundred", ValueError, "'banana' is none of the 30 words that the numbers from 0 to 999 are made of: write"),
        ("fourty two", ValueError, "'fourty' is none of the 30 words .*: did you mean 'forty'?"),
        ("hundred hundred", ValueError, "'hundred hundred' has known words but is no number from 0 to 999: did you mean"),
        ("three hundred thirty four", ValueError, "no number from 0 to 999: did you mean 'three hundred and thirty four'?"),
        ("three hundred and", ValueError, "no number from 0 to 999: did you mean 'three hundred and two'?"),
        ("two thousand", ValueError, "'two thousand' is beyond 999, where the phrases end: write a smaller number"),
        ("1,000", ValueError, "'1,000' is beyond 999, .* in words"),
        ("1e400", ValueError, "'1e400' is beyond 999"),
        ("334", ValueError, "'334' is written in digits: write words, such as 'three hundred and thirty four'"),
        ("2.5", ValueError, "'2.5' is written in digits: write words"),
        ("-5", ValueError, "'-5' is below 0, where the phrases begin"),
        ("minus five", ValueError, "'minus five' is below 0"),
        (" -five", ValueError, "'-five' is below 0"),
        ("−five", ValueError, "'−five' is below 0"),
        ("nan", ValueError, "'nan' is none of the 30 words"),
        ("one " * 50_000, ValueError, "the phrase has 200,000 characters, expected at most 100"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_phrase_is_said_in_one_sentence(text, error, words):
    with pytest.raises(error, match=words.replace("?", r"\?")) as raised:
        phrases.parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "number, error, words",
    [
        (1000, ValueError, "the number is 1,000, expected at most 999"),
        (-1, ValueError, "the number is -1, expected a whole number of at least 0"),
        (2.5, TypeError, "the number is 2.5, expected a whole number"),
        ("three", TypeError, "the number is 'three', expected a whole number"),
    ],
)
def test_no_words_for_other_numbers(number, error, words):
    with pytest.raises(error, match=words):
        phrases.in_words(number)


@pytest.mark.parametrize("train, seed", [(169, 0), (169, 7), (631, 0), (60, 3)])
def test_the_split_shares_no_number_and_shows_every_word(train, seed):
    parts = phrases.split(train=train, seed=seed)
    assert [len(part) for part in parts] == [train, 200, 800 - train]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1000))
    assert set(range(20)) <= set(parts[0].tolist())
    tokens, _, vocabulary = phrases.table()
    assert set(tokens[parts[0]].ravel()) == set(range(len(vocabulary)))


def test_the_same_seed_splits_alike_and_another_does_not():
    for one, same, other in zip(phrases.split(), phrases.split(), phrases.split(seed=1), strict=True):
        assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    "sizes, words",
    [(dict(train=20), "at least 40"), (dict(train=800), "train \\+ validation is 1,000"), (dict(validation=-1), "at least 0")],
)
def test_sizes_of_the_split_that_cannot_be(sizes, words):
    with pytest.raises(ValueError, match=words):
        phrases.split(**sizes)


def test_the_phrases_need_no_arithmetic():
    """Whether a word is the last and which it is: a table of that, added up, reads every number once 46 have been seen."""
    tokens = phrases.table()[0]
    last = (tokens > 0) & (np.pad(tokens[:, 1:], ((0, 0), (0, 1))) == 0)
    counts = np.zeros((1000, 62))
    for row, column in np.argwhere(tokens > 0):
        counts[row, tokens[row, column] + 31 * last[row, column]] += 1
    assert np.linalg.matrix_rank(counts) == 46
    some = [*range(20), *range(20, 100, 10), *range(100, 1000, 100), 101, *range(21, 100, 10)]
    table = np.linalg.lstsq(counts[some], np.array(some, float), rcond=None)[0]
    np.testing.assert_allclose(counts @ table, np.arange(1000), atol=1e-6)


@pytest.mark.parametrize("head", phrases.HEADS)
def test_a_reader_says_a_number_after_each_word_and_does_not_look_ahead(head):
    model = phrases.reader(head, scale=10.0)
    said = phrases.says(model)
    assert said.shape == (1000, 5)
    np.testing.assert_allclose(said[334, :4], said[330, :4], rtol=1e-5)  # "three hundred and thirty (four)"
    np.testing.assert_allclose(said[300, 1:], said[300, 1], rtol=1e-5)  # it stays where it is after the last word
    np.testing.assert_allclose(said[334, 1], said[300, 1], rtol=1e-5)


def test_a_nac_cannot_say_more_than_it_has_states():
    model = phrases.reader("NAC", states=8)
    model.set_weights([np.full_like(weight, 50.0) for weight in model.get_weights()])
    assert np.abs(phrases.says(model)).max() <= 8


def test_unknown_readers_are_named():
    with pytest.raises(ValueError, match="head is 'NACK', known are: .* Did you mean 'NAC'?"):
        phrases.reader("NACK")
    with pytest.raises(ValueError, match="model is 'LSTM', known are: 'LSTM \\+ linear'"):
        phrases.run("LSTM", 169, seeds=[0], steps=2)
    with pytest.raises(ValueError, match="examples is 170, known are: 169, 631"):
        phrases.run("LSTM + NAC", 170, seeds=[0], steps=2)


@pytest.mark.parametrize(
    "learned, words",
    [
        ([3, 1000], "a number to learn is 1,000, expected at most 999"),
        ([-1], "a number to learn is -1, expected a whole number of at least 0"),
        ([2.5], "a number to learn is 2.5, expected a whole number"),
        ([], "there is no number to learn from: give at least one"),
    ],
)
def test_what_cannot_be_learned_is_said(learned, words):
    with pytest.raises((TypeError, ValueError), match=words):
        phrases.train("LSTM + NAC", learned, seeds=[0], steps=1)


@pytest.mark.slow
def test_a_run_is_a_row_a_seed_which_depends_on_no_other_seed():
    table = phrases.run("LSTM + linear", 169, seeds=[0, 3], steps=2)
    assert list(table) == [*phrases.KEY, "seed", "train", "validation", "test", "test_without_hundreds", "right"]
    assert table.seed.tolist() == [0, 3] and set(table.model) == {"LSTM + linear"} and set(table.examples) == {169}
    assert np.isfinite(table.select_dtypes("number")).all(axis=None) and table.right.between(0, 1).all()
    alone = phrases.run("LSTM + linear", 169, seeds=[3], steps=2)
    assert table.iloc[1:].reset_index(drop=True).equals(alone)
    other = phrases.run("LSTM + linear", 169, 1, seeds=[3], steps=2)
    assert table.split.tolist() == [0, 0] and other.split.tolist() == [1] and other.test[0] != alone.test[0]


@pytest.mark.slow
def test_an_error_is_the_mean_over_the_numbers_it_is_named_after(monkeypatch):
    values = phrases.table()[1]
    monkeypatch.setattr(phrases, "says", lambda model: values[:, None] + 3 * (values[:, None] % 100 == 0))
    row = phrases.run("LSTM + linear", 169, 1, seeds=[0], steps=1).iloc[0]
    learned, _, test = phrases.split(169, seed=1)
    assert row.train == pytest.approx(3 * np.mean(learned % 100 == 0)) and row.test == pytest.approx(3 * np.mean(test % 100 == 0))
    assert row.test > 0 == row.test_without_hundreds and row.right == pytest.approx(np.mean(test % 100 > 0))


def test_every_chunk_is_there_once():
    assert len(set(phrases.CHUNKS)) == len(phrases.CHUNKS) == len(phrases.MODELS) * (len(phrases.EXAMPLES) + phrases.SPLITS - 1 + 10)


@pytest.mark.parametrize("states, embedding", [(32, 16), (10, 256), (7, 16)])
def test_a_reader_has_the_size_that_is_asked_for(states, embedding):
    model = phrases.reader("linear", states=states)
    assert model.get_layer("lstm").weights[0].shape == (embedding, 4 * states)


@pytest.mark.parametrize("models", [{}, {"LSTM + NAC": []}])
def test_an_explorer_without_readers_says_so(models):
    with pytest.raises(ValueError, match="models holds no trained reader: pass for example"):
        explorers.phrases(models)


def test_the_figures_draw_what_they_are_given():
    words = "three hundred and four"
    said = {"LSTM + NALU": np.array([[3, 300, 320, 304], [2, 310, 5000, -900]]), "LSTM + NAC": np.zeros((1, 4))}
    first = {name: rows[:, :1] for name, rows in said.items()}
    figure = plots.reading({words: said, "four": first}, "Title", {words: phrases.so_far(words), "four": [4]})
    assert [len(ax.lines) for ax in figure.axes] == [4, 4] and figure.words == "Title"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == words.split()
    three = plots.reading({text: {"LSTM": np.zeros((1, 1))} for text in ("one", "two", "three")})
    assert [ax.get_visible() for ax in three.axes] == [True, True, True, False]
    error = np.where(np.arange(1000) % 2, 3.0, np.nan)
    assert plots.number_map({"LSTM + NAC": error}, "Map").axes[0].images[0].get_array().mask.sum() == 500
