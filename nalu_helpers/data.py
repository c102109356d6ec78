"""Toy data: two numbers in, one number out, a range to train on and a range far outside it to test on."""

import ast
import difflib
import functools
import operator
import re
from dataclasses import dataclass

import numpy as np
from keras import ops

from ._inputs import as_range, one_of, whole_number

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_SPELLINGS = {"−": "-", "×": "*", "÷": "/", "add": "+", "sub": "-", "mul": "*", "div": "/"}

# The nine ranges of the field's benchmark: uniform to train on, and to be examined on. Source: Mistry, Farrahi & Hare 2022.
BENCHMARK_RANGES = (
    ((-20, -10), (-40, -20)),
    ((-2, -1), (-6, -2)),
    ((-1.2, -1.1), (-6.1, -1.2)),
    ((-0.2, -0.1), (-2, -0.2)),
    ((-2, 2), ((-6, -2), (2, 6))),
    ((0.1, 0.2), (0.2, 2)),
    ((1, 2), (2, 6)),
    ((1.1, 1.2), (1.2, 6)),
    ((10, 20), (20, 40)),
)


@dataclass(frozen=True)
class Task:
    """What to learn: float32 rows `x_train` [rows, in], `y_train` [rows, 1], and the same for the test."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def article(operation):
    """The article's own numbers, made with `np.arange`: 2,000 rows to train on, 125 to test on.

    `operation` is one of + - * / (− × ÷, add, sub, mul and div are understood too). Raises ValueError, listing them, for any other.
    Source: "Understanding Neural Arithmetic Logic Units", A. Hylton, 2018, and its companion code.
    """
    compute = OPERATIONS[known_operation(operation)]
    x_train = np.stack([np.arange(0, 10000, 5), np.arange(5, 10005, 5)], axis=1)
    x_test = np.stack([np.arange(1000, 2000, 8), np.arange(1000, 1500, 4)], axis=1)
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def uniform(operation, train=(0, 10000), test=(10000, 20000), rows=2000, seed=0):
    """Two independent numbers, drawn uniformly from `train` to learn from and from `test` to be examined on.

    Raises ValueError when the operation is unknown, a range is reversed or of no width, the rows are fewer than 1, or ÷ would
    meet a divisor of 0 because a range holds it.
    """
    operation = known_operation(operation)
    train, test = as_range(train, "train"), as_range(test, "test")
    _refuse_dividing_by_zero(operation, train=[train], test=[test])
    rows, rng, compute = whole_number(rows, "rows"), np.random.default_rng(seed), OPERATIONS[operation]
    x_train, x_test = rng.uniform(*train, (rows, 2)), rng.uniform(*test, (rows, 2))
    return _task(x_train, x_test, lambda x: compute(x[:, :1], x[:, 1:]))


def identity(train=(-5, 5), test=(-20, 20), rows=200, seed=0):
    """f(x) = x: `rows` numbers drawn uniformly from `train`, and as many evenly spaced over `test` (paper, section 1.1).

    Raises ValueError when a range is reversed or of no width, or the rows are fewer than 1.
    """
    train, test, rows = as_range(train, "train"), as_range(test, "test"), whole_number(rows, "rows")
    x_train = np.random.default_rng(seed).uniform(*train, (rows, 1))
    return _task(x_train, np.linspace(*test, rows)[:, None], lambda x: x)


def examination(operation, train, test, rows=10_000):
    """The benchmark's fixed tables: a validation drawn from the range `train`, a test drawn from `test`, each (x, y) of `rows` rows.

    `train` is (low, high); `test` is too, or two such ranges, of which every number comes from one by the toss of a coin. The
    same numbers every time. Raises ValueError when a range is reversed or of no width, the operation is unknown, or ÷ would meet
    a divisor of 0 because a range holds it; the benchmark's own nine ranges are taken as they are, although one of them does.
    """
    compute = as_function(operation)
    pieces = {"train": as_pieces(train, "train"), "test": as_pieces(test, "test")}
    if (train, test) not in BENCHMARK_RANGES:
        _refuse_dividing_by_zero(operation, **pieces)
    tables = []
    for name, where, seed in (("train", train, 43953907), ("test", test, 8689336)):  # the reference implementation's seeds
        x = draw(np.random.RandomState(seed), pieces[name], rows)
        with np.errstate(all="ignore"):
            y = np.asarray(compute(x[:, :1], x[:, 1:])) * np.ones((rows, 1))
        if not np.isfinite(y).all():
            wrong = int((~np.isfinite(y)).sum())
            raise ValueError(
                f"the answer is not a finite number for {wrong:,} of {rows:,} pairs from {name} {range_name(where)}: "
                "choose another range or operation"
            )
        tables.append((x.astype("float32"), y.astype("float32")))
    return tables


def draw(rng, pieces, rows):
    """[rows, 2] numbers drawn by `rng` uniformly from one range, or from one of two by the toss of a coin, float64."""
    drawn = [rng.uniform(low, high, (rows, 2)) for low, high in pieces]
    return drawn[0] if len(drawn) == 1 else np.where(rng.randint(2, size=(rows, 2)), *drawn)


def as_pieces(where, name):
    """A range (low, high), or two of them, as a list of ranges. Raises TypeError or ValueError when it is neither."""
    several = isinstance(where, (tuple, list)) and len(where) == 2 and all(isinstance(part, (tuple, list)) for part in where)
    return [as_range(part, name) for part in where] if several else [as_range(where, name)]


def range_name(where):
    """A range as text, as it stands in the tables: "[1, 2]", or "[-6, -2] or [2, 6]"."""
    return " or ".join(f"[{low:g}, {high:g}]" for low, high in as_pieces(where, "the range"))


def known_operation(operation):
    """`operation` as one of + - * /. Raises ValueError, listing them, for any other."""
    return one_of(_SPELLINGS.get(operation, operation) if isinstance(operation, str) else operation, OPERATIONS, "operation")


def as_function(operation):
    """`operation` as a function of two columns: what + - * / stand for, or itself when it is a function already."""
    return operation if callable(operation) else OPERATIONS[known_operation(operation)]


def expression(text):
    """`text` such as "a * b + sqrt(a)" as a function of two columns, for `fit_many`.

    It may name a, b, numbers, + − * / ** ( ) and sqrt, abs, log, exp, nothing else; it is parsed, never run as Python. Raises
    TypeError when it is no text, ValueError, saying what is allowed, for anything else, for more than 200 characters, and when it
    holds no number that a computer can hold.
    """
    if not isinstance(text, str):
        raise TypeError(f"the expression is {text!r}, expected text such as 'a * b + 1'")
    if not text.strip() or len(text) > 200:
        raise ValueError(f"the expression has {len(text.strip())} characters, expected 1 to 200, such as 'a * b + 1'")
    try:
        tree = ast.parse(text.strip().replace("−", "-").replace("×", "*").replace("÷", "/"), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"{text.strip()!r} is not a complete expression: write for example 'a * b + 1'") from None
    compute = _compiled(tree)
    with np.errstate(all="ignore"):
        try:
            compute(np.float64(2), np.float64(3))
        except (ZeroDivisionError, OverflowError):
            raise ValueError(f"{text.strip()!r} divides by 0 or is too large whatever a and b are: write for example 'a * b + 1'") from None
    return compute


_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}
_FUNCTIONS = {"sqrt": ops.sqrt, "abs": ops.abs, "log": ops.log, "exp": ops.exp}


def _compiled(node):
    """The function of (a, b) that a part of a parsed expression stands for."""
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        join, left, right = _BINARY[type(node.op)], _compiled(node.left), _compiled(node.right)
        return lambda a, b: join(left(a, b), right(a, b))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign, inner = (-1.0 if isinstance(node.op, ast.USub) else 1.0), _compiled(node.operand)
        return lambda a, b: sign * inner(a, b)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if len(node.args) == 1 and not node.keywords:
            function, inner = _FUNCTIONS[node.func.id], _compiled(node.args[0])
            return lambda a, b: function(inner(a, b))
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and abs(node.value) < 1e30:
        value = float(node.value)
        return lambda a, b: value
    if isinstance(node, ast.Name) and node.id in ("a", "b"):
        return (lambda a, b: a) if node.id == "a" else (lambda a, b: b)
    raise ValueError(f"{ast.unparse(node)!r} is not allowed here: use a, b, numbers, + - * / ** ( ) and sqrt, abs, log, exp")


def _refuse_dividing_by_zero(operation, **ranges):
    for name, pieces in ranges.items():
        for low, high in pieces:
            if not callable(operation) and known_operation(operation) == "/" and low <= 0 <= high:
                raise ValueError(
                    f"{name} is ({low:g}, {high:g}) and holds 0, by which nothing can be divided: choose a range on one side of 0"
                )


def _task(x_train, x_test, answer):
    x_train, x_test = x_train.astype("float32"), x_test.astype("float32")
    return Task(x_train, answer(x_train), x_test, answer(x_test))


# Handwritten digits, for notebook 09
DIGITS = ("sklearn", "mnist")


def digits(source="sklearn", test_share=0.25):
    """Images of handwritten digits as a Task: x [images, height, width, 1] float32 from 0 to 1, and their labels, 0 to 9, as y [images].

    "sklearn": the 1,797 images of 8 × 8 that come with scikit-learn; `test_share` of each digit is kept for the test, always the same
    images, and none of them is in the training part. "mnist": the 60,000 and 10,000 images of 28 × 28 of MNIST, in its own split, which
    Keras downloads once. Raises ValueError for another source and for a cached download that is broken, OSError without a network.
    """
    if one_of(source, DIGITS, "source") == "mnist":
        (x_train, y_train), (x_test, y_test) = _mnist()
        return _images(x_train / 255, y_train, x_test / 255, y_test)
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if not (isinstance(test_share, float) and 0.01 <= test_share <= 0.9):
        raise ValueError(f"test_share is {test_share!r}, expected a share of the images between 0.01 and 0.9, such as 0.25")
    images, labels = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=test_share, stratify=labels, random_state=0)
    return _images(x_train.reshape(-1, 8, 8) / 16, y_train, x_test.reshape(-1, 8, 8) / 16, y_test)


def _images(x_train, y_train, x_test, y_test):
    x_train, x_test = (images[..., None].astype("float32") for images in (x_train, x_test))
    return Task(x_train, y_train.astype("int32"), x_test, y_test.astype("int32"))


def _mnist():
    """What Keras' own loader returns. It raises whatever its parts raise; here that becomes one sentence."""
    from keras.datasets import mnist

    instead = "or take source='sklearn', whose images are on this machine already"
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
        if x_train.shape[1:] != (28, 28) or x_test.shape[1:] != (28, 28):
            raise ValueError(f"images of {x_train.shape[1:]}")
        return (x_train, y_train), (x_test, y_test)
    except Exception as error:
        said = " ".join(str(error).split())[:200].rstrip(".")
        if "URL fetch failure" in said or isinstance(error, (ConnectionError, TimeoutError)):
            raise OSError(f"MNIST is not on this machine and could not be downloaded ({said}): connect to a network, {instead}") from None
        raise ValueError(
            f"the downloaded copy of MNIST is broken ({said}): delete datasets/mnist.npz from Keras' folder (~/.keras unless KERAS_HOME "
            f"names another) and try again, {instead}"
        ) from None


# Numbers in words, for notebook 10 (paper, section 4.3)

_TOO_LARGE = ("thousand", "million", "billion", "trillion")


@functools.cache
def phrases():
    """The numbers from 0 to 999 in English words: tokens [1000, 5], values [1000] and the vocabulary, a tuple of 31 words.

    A row of tokens holds the places of its words in the vocabulary, filled up with 0, which stands for "no word" and is empty. The
    words are those of the library inflect, "three hundred and thirty-four", with a space for the hyphen.
    """
    import inflect

    spoken = [inflect.engine().number_to_words(number).replace("-", " ").split() for number in range(1000)]
    vocabulary = ("", *sorted({word for words in spoken for word in words}))
    tokens = np.zeros((1000, max(map(len, spoken))), "int32")
    for row, words in zip(tokens, spoken):
        row[: len(words)] = [vocabulary.index(word) for word in words]
    values = np.arange(1000, dtype="float32")
    tokens.flags.writeable = values.flags.writeable = False
    return tokens, values, vocabulary


def in_words(number):
    """A number from 0 to 999 in words, "three hundred and thirty four". Raises TypeError or ValueError for any other."""
    number = whole_number(number, "the number", at_least=0)
    if number > 999:
        raise ValueError(f"the number is {number:,}, expected at most 999: the phrases end there")
    tokens, _, vocabulary = phrases()
    return " ".join(vocabulary[token] for token in tokens[number] if token)


def read_phrase(text):
    """The number that a phrase such as "three hundred and thirty four" means, an int, and its tokens [5], as in `phrases`.

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
    tokens, _, vocabulary = phrases()
    for word in words:
        if word in _TOO_LARGE:
            raise ValueError(f"{' '.join(words)!r} is beyond 999, where the phrases end: write a smaller number")
        if word not in vocabulary:
            near = difflib.get_close_matches(word, vocabulary, n=1)
            mend = f"did you mean {near[0]!r}?" if near else "write for example 'three hundred and thirty four'"
            raise ValueError(f"{word!r} is none of the 30 words that the numbers from 0 to 999 are made of: {mend}")
    spoken = [" ".join(vocabulary[token] for token in row if token) for row in tokens]
    if " ".join(words) not in spoken:
        near = difflib.get_close_matches(" ".join(words), spoken, n=1, cutoff=0)
        raise ValueError(f"{' '.join(words)!r} has known words but is no number from 0 to 999: did you mean {near[0]!r}?")
    number = spoken.index(" ".join(words))
    return number, tokens[number]


def prefix_values(text):
    """What the words of a phrase mean so far, after each of them: [words], NaN where they mean no number. Raises as `read_phrase` does.

    "three hundred and four" is 3, 300, NaN, 304.
    """
    words = in_words(read_phrase(text)[0]).split()
    tokens, values, vocabulary = phrases()
    meant = {tuple(row): value for row, value in zip(tokens.tolist(), values.tolist())}
    row = tuple(vocabulary.index(word) for word in words)
    return np.array([meant.get(row[:end] + (0,) * (tokens.shape[1] - end), np.nan) for end in range(1, len(row) + 1)])


def phrase_split(train=169, validation=200, seed=0):
    """The numbers from 0 to 999 in three: to learn from, to choose by, to be tested on. Three sorted arrays that share no number.

    0 to 19 are always learned from, and so is every word at least once; the rest is drawn anew from `seed` until that holds. The
    paper's sizes, 169, 200 and 631, unless others are asked for. Raises TypeError or ValueError for sizes that cannot be.
    Source: Trask et al. 2018, section 4.3.
    """
    train, validation = whole_number(train, "train", at_least=40), whole_number(validation, "validation", at_least=0)
    if train + validation > 999:
        raise ValueError(f"train + validation is {train + validation:,}, expected at most 999: one number at least is left for the test")
    tokens, _, vocabulary = phrases()
    rng, seen = np.random.default_rng(seed), ()
    while len(seen) < len(vocabulary):
        rest = 20 + rng.permutation(980)
        learned = np.concatenate([np.arange(20), rest[: train - 20]])
        seen = np.unique(tokens[learned])
    rest = rest[train - 20 :]
    return np.sort(learned), np.sort(rest[:validation]), np.sort(rest[validation:])


def _refuse_digits_and_signs(text, words):
    """Raise ValueError for "334", "-5", "1e3" and "minus five": numbers, but not as these models read them."""
    try:
        number = float(text.replace(",", ""))
        number = None if number != number else number
    except ValueError:
        number = None
    if words[0] == "minus" or (number is not None and number < 0):
        raise ValueError(f"{text.strip()!r} is below 0, where the phrases begin: write a number from zero to 999 in words")
    if number is not None and number > 999:
        raise ValueError(f"{text.strip()!r} is beyond 999, where the phrases end: write a smaller number, in words")
    if number is not None:
        mend = repr(in_words(int(number))) if number == int(number) else "'three hundred and thirty four'"
        raise ValueError(f"{text.strip()!r} is written in digits: write words, such as {mend}")


# Small programs (11): sums, and a choice between two sums, such as "if 3 < 5 then 7 + 2 else 4 - 1".

PROGRAM_TOKENS = ("number", "+", "-", "<", ">", "if", "then", "else")
PROGRAM_KINDS = ("sum", "if")
_PROGRAM_DIGITS = 7  # float32 holds every whole number of so many digits exactly


def programs(count, kind="if", terms=(1, 5), constants=100, seed=0):
    """`count` random programs as a list of texts, and their values, whole numbers [count].

    "sum" is numbers joined by +, such as "17 + 4 + 80"; "if" compares two numbers and goes on with one of two sums that hold + and −,
    such as "if 3 < 5 then 7 + 2 else 4 - 1". Every sum has from terms[0] to terms[1] numbers, every number is below `constants`. The
    same seed makes the same programs. Raises TypeError or ValueError for an unknown kind, or when the count, the terms or the constants
    are no whole numbers or are below 1.
    """
    x, y = program_rows(np.random.default_rng(seed), whole_number(count, "count"), kind, terms, constants)
    return [_program_text(rows) for rows in x], y.ravel().astype(int)


def program_value(text):
    """The value of a program such as "7 + 2" or "if 3 < 5 then 7 + 2 else 4 - 1", a whole number: the truth that a network is to learn.

    Raises TypeError when it is no text, ValueError, naming the token, when it is empty, holds an unknown token or is no program.
    """
    tokens, place = program_tokens(text), 0

    def take(*expected):
        nonlocal place
        token = tokens[place] if place < len(tokens) else "its end"
        found = "number" if token.isdigit() else token
        if found not in expected:
            wanted = " or ".join(expected)
            raise ValueError(f"{text.strip()!r} is not a program: expected {wanted} at token {place + 1}, met {token}; try '7 + 2'")
        place += 1
        return token

    def total():
        value = int(take("number"))
        while place < len(tokens) and tokens[place] in "+-":
            value += int(take("number")) if take("+", "-") == "+" else -int(take("number"))
        return value

    if tokens[0] == "if":
        left, sign, right = take("if") and int(take("number")), take("<", ">"), int(take("number"))
        then, otherwise = take("then") and total(), take("else") and total()
        value = then if (left < right if sign == "<" else left > right) else otherwise
    else:
        value = total()
    return value if place == len(tokens) else take("+", "-", "its end")


def program_tokens(text):
    """The tokens of a program as a list of words. Raises TypeError or ValueError when it is no text, empty, or holds an unknown token."""
    if not isinstance(text, str):
        raise TypeError(f"the program is {text!r}, expected text such as '7 + 2'")
    tokens = text.replace("−", "-").split()
    if not tokens:
        raise ValueError("the program is empty, it has no token: write for example '7 + 2'")
    for place, token in enumerate(tokens, start=1):
        if re.fullmatch("[0-9]+", token):
            if len(token) > _PROGRAM_DIGITS:
                raise ValueError(f"token {place} is a number of {len(token)} digits, expected at most {_PROGRAM_DIGITS}: make it smaller")
        elif token not in PROGRAM_TOKENS[1:]:
            known = " ".join(PROGRAM_TOKENS[1:])
            raise ValueError(f"token {place} is {token!r}, known are whole numbers and {known}: put a space between two tokens")
    return tokens


def encode_programs(texts):
    """Programs as a network reads them, float32 [programs, tokens, 9]: a row a token, and rows of 0 after the end of the shorter ones.

    The first eight columns say which of `PROGRAM_TOKENS` it is, a 1 among 0s; the last is the number, 0 for any other token. Raises
    ValueError when there is no program, and what `program_value` raises.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("there is no program: give at least one, such as ['7 + 2']")
    for text in texts:
        program_value(text)
    split = [program_tokens(text) for text in texts]
    x = np.zeros((len(split), max(map(len, split)), len(PROGRAM_TOKENS) + 1), "float32")
    for row, tokens in zip(x, split):
        for place, token in zip(row, tokens):
            if token.isdigit():
                place[0], place[-1] = 1, int(token)
            else:
                place[PROGRAM_TOKENS.index(token)] = 1
    return x


def program_rows(rng, count, kind, terms, constants):
    """`programs`, made fast with the generator `rng` and already encoded: x [count, tokens, 9] and the values y [count, 1], float32."""
    one_of(kind, PROGRAM_KINDS, "kind")
    try:
        low, high = (whole_number(end, "terms") for end in terms)
    except (TypeError, ValueError) as error:
        raise type(error)(f"terms is {terms!r}, expected two whole numbers (low, high) of at least 1, such as (1, 5)") from None
    if low > high:
        raise ValueError(f"terms is ({low}, {high}), expected its first end not above its second: write ({high}, {low})")
    if whole_number(constants, "constants") > 10**_PROGRAM_DIGITS:
        raise ValueError(f"constants is {constants}, expected at most {10**_PROGRAM_DIGITS:,}, what float32 holds exactly")
    token = {name: np.full(count, place) for place, name in enumerate(PROGRAM_TOKENS)}
    nothing, always = np.zeros(count, int), np.ones(count, bool)

    def word(name):
        return [(token[name], nothing, always)]

    def number():
        values = rng.integers(constants, size=count)
        return [(token["number"], values, always)], values

    def total():
        values = rng.integers(constants, size=(high, count))
        minus = rng.integers(2, size=(high, count)) * (kind == "if")
        minus[0], there = 0, np.arange(high)[:, None] < rng.integers(low, high + 1, size=count)
        pairs = [[(token["+"] + minus[j], nothing, there[j]), (token["number"], values[j], there[j])] for j in range(high)]
        return sum(pairs, [])[1:], np.sum(values * (1 - 2 * minus) * there, axis=0)

    if kind == "sum":
        columns, y = total()
    else:
        (left, a), (right, b), greater = number(), number(), rng.integers(2, size=count)
        (then, if_true), (otherwise, if_false) = total(), total()
        sign = [(token["<"] + greater, nothing, always)]
        columns = word("if") + left + sign + right + word("then") + then + word("else") + otherwise
        y = np.where(np.where(greater, a > b, a < b), if_true, if_false)
    tokens, numbers, there = (np.stack(part, axis=1) for part in zip(*columns))
    order = np.argsort(~there, axis=1, kind="stable")  # what is there to the front
    tokens, numbers, there = (np.take_along_axis(part, order, axis=1) for part in (tokens, numbers, there))
    x = np.zeros((*tokens.shape, len(PROGRAM_TOKENS) + 1), "float32")
    x[..., :-1] = np.eye(len(PROGRAM_TOKENS), dtype="float32")[tokens] * there[..., None]
    x[..., -1] = numbers * there
    return x, y[:, None].astype("float32")


def _program_text(rows):
    """The text of an encoded program [tokens, 9]."""
    there = rows[rows[:, :-1].any(axis=1)]
    return " ".join(str(int(row[-1])) if row[0] else PROGRAM_TOKENS[int(np.argmax(row[:-1]))] for row in there)
