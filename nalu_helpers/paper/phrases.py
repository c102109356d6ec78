"""Section 4.3, language to number: "three hundred and thirty four" → 334, read word by word by an LSTM (notebook 10).

The words are embedded, an LSTM reads them, and a last layer, the head, turns its state into a number: linear, a NAC or a NALU. Since
the states of an LSTM lie between −1 and 1 and the answers go up to 999, three controls answer in thousands: the head's number, times 1,000.
"""

import difflib
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import ArrayLike

from .._inputs import as_seed, one_of, whole_number
from ..layers import NAC, NALU, benchmark_start
from ..many import fit_many

STATES, THEIRS, BATCH = 32, 10, 32  # states of the LSTM: ours, and the authors' as they remember them
SIZES = {STATES: 16, THEIRS: 256}  # in how many numbers a word is embedded, beside so many states
HEADS = {
    "linear": lambda states: keras.layers.Dense(1, name="head"),
    "NAC": lambda states: NAC(1, name="head", **_small_start(states)),
    "NALU": lambda states: NALU(1, name="head", **_small_start(states)),
}
# name: (head, what its number is multiplied by, learning rate). The rates are the better ones of a few that were tried with two seeds:
# a linear head without a scale is slow with less than 0.03, a NALU does not bear much more than 0.003.
MODELS = {
    "LSTM + linear": ("linear", 1.0, 0.03),
    "LSTM + NAC": ("NAC", 1.0, 0.03),
    "LSTM + NALU": ("NALU", 1.0, 0.003),
    "LSTM + linear, in thousands": ("linear", 1000.0, 0.01),
    "LSTM + NAC, in thousands": ("NAC", 1000.0, 0.01),
    "LSTM + NALU, in thousands": ("NALU", 1000.0, 0.01),
}
EXAMPLES = (169, 631)  # to learn from: the paper's number, and so many that 169 are left for the test; 200 are for validation
SPLITS, OF_THEIRS = 20, 10  # ways to draw the 169, with our states and with theirs; of the 631 there is only the first
KEY = ["model", "examples", "split", "states"]
CHUNKS = [(model, examples, 0, STATES) for examples in EXAMPLES for model in MODELS]
CHUNKS += [(model, EXAMPLES[0], number, STATES) for number in range(1, SPLITS) for model in MODELS]
CHUNKS += [(model, EXAMPLES[0], number, THEIRS) for number in range(OF_THEIRS) for model in MODELS]
SEEDS, STEPS = 6, 6000

_TOO_LARGE = ("thousand", "million", "billion", "trillion")


@functools.cache
def table() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The numbers from 0 to 999 in English words: tokens [1000, 5], values [1000] and the vocabulary, a tuple of 31 words.

    A row of tokens holds the places of its words in the vocabulary, filled up with 0, which stands for "no word" and is empty. The
    words are those of the library inflect, "three hundred and thirty-four", with a space for the hyphen.
    """
    import inflect

    engine: Any = inflect.engine()
    spoken = [engine.number_to_words(number).replace("-", " ").split() for number in range(1000)]
    vocabulary = ("", *sorted({word for words in spoken for word in words}))
    tokens = np.zeros((1000, max(map(len, spoken))), "int32")
    for row, words in zip(tokens, spoken, strict=True):
        row[: len(words)] = [vocabulary.index(word) for word in words]
    values = np.arange(1000, dtype="float32")
    tokens.flags.writeable = values.flags.writeable = False
    return tokens, values, vocabulary


def in_words(number: int) -> str:
    """A number from 0 to 999 in words, "three hundred and thirty four". Raises TypeError or ValueError for any other."""
    number = whole_number(number, "the number", at_least=0)
    if number > 999:
        raise ValueError(f"the number is {number:,}, expected at most 999: the phrases end there")
    tokens, _, vocabulary = table()
    return " ".join(vocabulary[token] for token in tokens[number] if token)


def parse(text: str) -> tuple[int, np.ndarray]:
    """The number that a phrase such as "three hundred and thirty four" means, an int, and its tokens [5], as in `table`.

    Capitals, hyphens and commas do not matter. Raises TypeError when it is no text, and ValueError, in a sentence that says how to
    mend it, when it is empty, holds a word that no number from 0 to 999 has, or puts such words together to what is no number.
    """
    if not isinstance(text, str):
        raise TypeError(f"the phrase is {text!r}, expected text such as 'three hundred and thirty four'")
    words = text.lower().replace(",", " ").split()
    if not words:
        raise ValueError("the phrase is empty: write a number in words, such as 'three hundred and thirty four'")
    if len(text) > 100:
        raise ValueError(f"the phrase has {len(text):,} characters, expected at most 100: write one number from zero to 999 in words")
    _refuse_digits_and_signs(text, words)
    words = " ".join(words).replace("-", " ").split()
    tokens, _, vocabulary = table()
    for word in words:
        if word in _TOO_LARGE:
            raise ValueError(f"{' '.join(words)!r} is beyond 999, where the phrases end: write a smaller number")
        if word not in vocabulary:
            near = difflib.get_close_matches(word, vocabulary, n=1)
            mend = f"did you mean {near[0]!r}?" if near else "write for example 'three hundred and thirty four'"
            raise ValueError(f"{word!r} is none of the 30 words that the numbers from 0 to 999 are made of: {mend}")
    spoken = _numbers()
    if " ".join(words) not in spoken:
        near = difflib.get_close_matches(" ".join(words), spoken, n=1, cutoff=0)
        raise ValueError(f"{' '.join(words)!r} has known words but is no number from 0 to 999: did you mean {near[0]!r}?")
    number = spoken[" ".join(words)]
    return number, tokens[number]


@functools.cache
def _numbers() -> dict[str, int]:
    """Which number each phrase means."""
    tokens, _, vocabulary = table()
    return {" ".join(vocabulary[token] for token in row if token): number for number, row in enumerate(tokens)}


def so_far(text: str) -> np.ndarray:
    """What the words of a phrase mean so far, after each of them: [words], NaN where they mean no number. Raises as `parse` does.

    "three hundred and four" is 3, 300, NaN, 304.
    """
    words = in_words(parse(text)[0]).split()
    tokens, values, vocabulary = table()
    meant = {tuple(row): value for row, value in zip(tokens.tolist(), values.tolist(), strict=True)}
    row = tuple(vocabulary.index(word) for word in words)
    return np.array([meant.get(row[:end] + (0,) * (tokens.shape[1] - end), np.nan) for end in range(1, len(row) + 1)])


def split(train: int = 169, validation: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers from 0 to 999 in three: to learn from, to choose by, to be tested on. Three sorted arrays that share no number.

    0 to 19 are always learned from, and so is every word at least once; the rest is drawn anew from `seed` until that holds. The
    paper's sizes, 169, 200 and 631, unless others are asked for. Raises TypeError or ValueError for sizes that cannot be, or a
    seed that is no whole number of at least 0.
    Source: Trask et al. 2018, section 4.3.
    """
    train, validation = whole_number(train, "train", at_least=40), whole_number(validation, "validation", at_least=0)
    if train + validation > 999:
        raise ValueError(f"train + validation is {train + validation:,}, expected at most 999: one number at least is left for the test")
    tokens, _, vocabulary = table()
    rng, seen = np.random.default_rng(as_seed(seed)), ()
    while len(seen) < len(vocabulary):
        rest = 20 + rng.permutation(980)
        learned = np.concatenate([np.arange(20), rest[: train - 20]])
        seen = np.unique(tokens[learned])
    rest = rest[train - 20 :]
    return np.sort(learned), np.sort(rest[:validation]), np.sort(rest[validation:])


def _refuse_digits_and_signs(text: str, words: list[str]) -> None:
    """Raise ValueError for "334", "-5", "1e3" and "minus five": numbers, but not as these models read them."""
    try:
        number = float(text.replace(",", ""))
        number = None if number != number else number
    except ValueError:
        number = None
    if words[0] == "minus" or words[0][0] in "-−" or (number is not None and number < 0):
        raise ValueError(f"{text.strip()!r} is below 0, where the phrases begin: write a number from zero to 999 in words")
    if number is not None and number > 999:
        raise ValueError(f"{text.strip()!r} is beyond 999, where the phrases end: write a smaller number, in words")
    if number is not None:
        mend = repr(in_words(int(number))) if number == int(number) else "'three hundred and thirty four'"
        raise ValueError(f"{text.strip()!r} is written in digits: write words, such as {mend}")


def reader(head: str, scale: float = 1.0, states: int = STATES) -> keras.Model:
    """A Keras model that reads tokens [rows, 5] and says a number after each word, [rows, 5, 1]; after the last word it stays as it is.

    `head` is one of HEADS; each word is embedded in as many numbers as SIZES has for the LSTM's `states`, 16 where it has none. Raises
    ValueError for another head, TypeError or ValueError when `states` is not a whole number of at least 1.
    """
    one_of(head, HEADS, "head")
    tokens = keras.Input((table()[0].shape[1],), dtype="int32")
    states = whole_number(states, "states")
    words = keras.layers.Embedding(len(table()[2]), SIZES.get(states, SIZES[STATES]))(tokens)
    lstm = keras.layers.LSTM(states, return_sequences=True, name="lstm")
    state = lstm(words, mask=keras.ops.not_equal(tokens, 0))
    return keras.Model(tokens, HEADS[head](states)(state) * scale)


def train(
    model: str, learned: ArrayLike, *, seeds: Iterable[int], steps: int = STEPS, states: int = STATES, progress: Any = False
) -> Sequence[keras.Model]:
    """One of MODELS, trained on the numbers `learned` once for each of `seeds`: a list of Keras models.

    Mean squared error, batches of 32, Adam; for the last quarter of the steps its learning rate is a tenth. Raises ValueError for an
    unknown model, and TypeError or ValueError when `learned` holds no number or one that is none from 0 to 999, and what `reader` raises.
    """
    head, scale, rate = MODELS[one_of(model, MODELS, "model")]
    last = whole_number(steps, "steps") // 4
    tokens, values = (tf.constant(part) for part in table()[:2])
    learned = [whole_number(number, "a number to learn", at_least=0, at_most=999) for number in np.ravel(learned).tolist()]
    if not learned:
        raise ValueError("there is no number to learn from: give at least one")

    def cost(model, rows):
        return tf.reduce_mean((model(tf.gather(tokens, rows))[:, -1, 0] - tf.gather(values, rows)) ** 2)

    falling = keras.optimizers.schedules.PiecewiseConstantDecay([steps - last - 1], [rate, rate / 10]) if last else rate
    how = dict(seeds=seeds, steps=steps, optimizer=keras.optimizers.Adam(falling, global_clipnorm=1.0))
    draw = lambda rng, count: (rng.choice(learned, (count, BATCH)),)  # noqa: E731
    return fit_many(lambda: reader(head, scale, states), draw, cost=cost, progress=progress, **how).models


def says(model: keras.Model, numbers: Sequence[int] = range(1000)) -> np.ndarray:
    """What a trained reader says after each word of `numbers`, [numbers, 5], as float64."""
    return np.asarray(model(table()[0][np.asarray(numbers)]), "float64")[..., 0]


def run(
    model: str, examples: int, drawn_from: int = 0, states: int = STATES, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = False
) -> pd.DataFrame:
    """Train one of MODELS on `examples` numbers; a row for each seed with its mean absolute error on the three parts of the split.

    `drawn_from` is the seed of that `split`. `test_without_hundreds` leaves 100, 200, … out of the test; `right` is the share of the test
    numbers whose answer, rounded, is right. Raises ValueError for an unknown model or number of examples, and what its parts raise.
    """
    one_of(model, MODELS, "model")
    if examples not in EXAMPLES:
        raise ValueError(f"examples is {examples!r}, known are: {', '.join(map(str, EXAMPLES))}")
    seeds = list(seeds)
    learned, validation, test = split(train=int(examples), seed=drawn_from)
    measured = {"train": learned, "validation": validation, "test": test, "test_without_hundreds": test[test % 100 > 0]}
    rows = []
    for seed, trained in zip(seeds, train(model, learned, seeds=seeds, steps=steps, states=states, progress=progress), strict=True):
        error = np.abs(says(trained)[:, -1] - table()[1])
        measures = {name: error[part].mean() for name, part in measured.items()}
        which = {"model": model, "examples": int(examples), "split": drawn_from, "states": states, "seed": seed}
        rows.append({**which, **measures, "right": np.mean(error[test] < 0.5)})
    return pd.DataFrame(rows)


def _small_start(states):
    """Ŵ and M̂ start small, as in the field's benchmark: with the article's U(−2, 2) a NALU's first answers are beyond 10¹¹."""
    return {name: benchmark_start(states, 1) for name in ("W_hat_initializer", "M_hat_initializer")}
