"""The toy data: known rows, ranges that are kept, and the same numbers for the same seed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nalu_helpers import data, metrics
from nalu_helpers._inputs import positive_number, whole_number
from nalu_helpers.paper import digits, functions, gridworld, phrases, programs, values


def test_the_articles_data_are_the_articles():
    task = data.article("+")
    assert task.x_train.shape == (2000, 2) and task.x_test.shape == (125, 2)
    np.testing.assert_array_equal(task.x_train[[0, 1, -1]], [[0, 5], [5, 10], [9995, 10000]])
    np.testing.assert_array_equal(task.x_test[[0, -1]], [[1000, 1000], [1992, 1496]])
    np.testing.assert_array_equal(task.x_train[:, 1] - task.x_train[:, 0], 5)


@pytest.mark.parametrize("operation, first", [("+", 2000), ("-", 0), ("*", 1e6), ("/", 1)])
def test_every_operation_gives_its_answer(operation, first):
    task = data.article(operation)
    assert task.y_test[0, 0] == first
    a, b = task.x_train.T
    np.testing.assert_allclose(task.y_train.ravel(), {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[operation], rtol=1e-6)


@pytest.mark.parametrize("spelled, means", [("−", "-"), ("×", "*"), ("÷", "/")])
def test_operations_may_be_spelled_as_in_the_text(spelled, means):
    np.testing.assert_array_equal(data.article(spelled).y_train, data.article(means).y_train)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.1, 1e4), st.integers(1, 50), st.integers(0, 10**6))
def test_uniform_numbers_stay_in_their_ranges(low, width, rows, seed):
    task = data.uniform("*", train=(low, low + width), test=(low + width, low + 2 * width), rows=rows, seed=seed)
    slack = 1e-3 * (1 + abs(low) + width)
    assert task.x_train.shape == task.x_test.shape == (rows, 2) and task.y_train.shape == (rows, 1)
    assert low - slack <= task.x_train.min() and task.x_train.max() <= low + width + slack
    assert low + width - slack <= task.x_test.min() and task.x_test.max() <= low + 2 * width + slack


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, again, other = (data.uniform("+", seed=seed).x_train for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_uniform_columns_are_independent():
    task = data.uniform("-", rows=20000)
    assert abs(np.corrcoef(task.x_train.T)[0, 1]) < 0.03


def test_the_identity_gives_back_what_it_was_given():
    task = data.identity(train=(-5, 5), test=(-20, 20), rows=100)
    np.testing.assert_array_equal(task.x_train, task.y_train)
    np.testing.assert_array_equal(task.x_test, task.y_test)
    assert task.x_train.min() >= -5 and task.x_train.max() <= 5
    assert task.x_test[0, 0] == -20 and task.x_test[-1, 0] == 20


def test_everything_is_float32():
    for task in (data.article("/"), data.uniform("+"), data.identity()):
        assert {part.dtype.name for part in (task.x_train, task.y_train, task.x_test, task.y_test)} == {"float32"}


@pytest.mark.parametrize("make", [data.article, data.uniform])
@pytest.mark.parametrize("operation", ["modulo", "", None, 3])
def test_an_unknown_operation_lists_the_known(make, operation):
    with pytest.raises(ValueError, match=r"operation is .*, known are: '\+', '-', '\*', '/'"):
        make(operation)


@pytest.mark.parametrize(
    "make", [lambda ends: data.uniform("+", train=ends), lambda ends: data.uniform("+", test=ends), lambda ends: data.identity(train=ends)]
)
@pytest.mark.parametrize(
    "ends, error, words",
    [
        ((5, -5), ValueError, r"first end below its second: write \(-5, 5\)"),
        ((3, 3), ValueError, r"first end below its second: write for example \(3, 4\)"),
        ((0, float("inf")), ValueError, "expected finite ends"),
        ((float("nan"), 1), ValueError, "expected finite ends"),
        (5, TypeError, r"expected two numbers \(low, high\)"),
        ((1, 2, 3), TypeError, r"expected two numbers \(low, high\)"),
        ("12", TypeError, r"expected two numbers \(low, high\)"),
        ((0, 10**400), ValueError, "has an end that is too large for a float"),
        (("a", "b"), TypeError, r"expected two numbers \(low, high\)"),
    ],
)
def test_a_range_that_is_none_says_how_to_mend_it(make, ends, error, words):
    with pytest.raises(error, match=words):
        make(ends)


@pytest.mark.parametrize("ranges", [dict(train=(-5, 5), test=(5, 10)), dict(train=(0, 5), test=(5, 10)), dict(train=(1, 2), test=(-1, 1))])
def test_division_refuses_a_range_that_holds_zero(ranges):
    with pytest.raises(ValueError, match="holds 0, by which nothing can be divided: choose a range on one side of 0"):
        data.uniform("/", **ranges)


@pytest.mark.parametrize("operation", ["/", "÷", "a / b", "a/b", " a ÷ b "])
def test_an_examination_in_division_is_refused_however_it_is_written(operation):
    with pytest.raises(ValueError, match="holds 0, by which nothing can be divided"):
        data.examination(operation, (-1, 1), (1, 2), rows=100)
    (x, y), _ = data.examination(operation, (1, 2), (2, 6), rows=3)
    np.testing.assert_allclose(y, x[:, :1] / x[:, 1:], rtol=1e-6)


@pytest.mark.parametrize("rows, error", [(0, ValueError), (-1, ValueError), (2.5, TypeError)])
def test_rows_must_be_a_whole_number_of_at_least_one(rows, error):
    with pytest.raises(error, match="rows is .* expected a whole number"):
        data.uniform("+", rows=rows)


NO_SEED = ["a", None, 1.5, -1, np.nan, True, [1, 2]]


@pytest.mark.parametrize("seed", NO_SEED, ids=str)
@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: data.uniform("+", seed=seed),
        lambda seed: data.identity(seed=seed),
        lambda seed: phrases.split(seed=seed),
        lambda seed: programs.examples(3, seed=seed),
    ],
    ids=["uniform", "identity", "phrases.split", "programs.examples"],
)
def test_a_seed_that_is_no_whole_number_is_refused(draw, seed):
    with pytest.raises((TypeError, ValueError), match="^seed is .*, expected a whole number of at least 0"):
        draw(seed)


@pytest.mark.parametrize("rows", ["many", None, 2.5, 0, -3, np.inf], ids=str)
def test_rows_of_an_examination_that_are_no_number_are_refused(rows):
    with pytest.raises((TypeError, ValueError), match="^rows is .*, expected a whole number"):
        data.examination("+", (1, 2), (2, 6), rows=rows)


def test_ranges_of_an_examination_may_be_arrays():
    for train, test in (((1, 2), (2, 6)), data.BENCHMARK_RANGES[4]):
        lists = data.examination("/", np.array(train), [list(part) for part in test] if train == (-2, 2) else np.array(test), rows=5)
        for part, same in zip(lists[1], data.examination("/", train, test, rows=5)[1], strict=True):
            np.testing.assert_array_equal(part, same)


def test_numbers_beyond_float32_are_refused_and_not_made_infinite():
    for make in (
        lambda: data.uniform("+", train=(0, 1e39)),
        lambda: data.uniform("*", train=(1e25, 1e26)),
        lambda: data.identity(test=(0, 1e39)),
        lambda: data.examination("*", (1, 2), (1e25, 1e26)),
    ):
        with pytest.raises(ValueError, match="float32 cannot hold|expected only finite numbers"):
            make()
    with pytest.raises(ValueError, match="its width is too large for a float"):
        data.identity(train=(-1e308, 1e308))


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.float16(3), np.int32(3), np.uint8(3), Fraction(6, 2)], ids=repr)
def test_a_whole_number_is_taken_in_any_type_that_holds_it(number):
    assert whole_number(number, "n") == 3 and type(whole_number(number, "n")) is int
    assert whole_number(10**400, "n") == 10**400


@pytest.mark.parametrize("value", [True, np.bool_(True), 2.5, np.float32(2.5), "3", None, np.inf, np.nan, 3j], ids=repr)
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match="^n is .*, expected a whole number such as 1$"):
        whole_number(value, "n")


@pytest.mark.parametrize(
    "value", [0, -1.0, np.inf, np.nan, 10**400], ids=lambda value: f"{value:.3}"[:9] if isinstance(value, float) else "int"
)
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ValueError, match="^n is .*, expected a finite number above 0 such as 0.1$"):
        positive_number(value, "n", 0.1)


@pytest.mark.parametrize("rows, said", [(10**12, "1,000,000,000,000 rows would take 64000.0"), (10**30, "about 10.30 rows would take")])
@pytest.mark.parametrize(
    "draw",
    [
        lambda rows: data.uniform("*", rows=rows),
        lambda rows: data.identity(rows=rows),
        lambda rows: data.examination("*", (1, 2), (2, 6), rows=rows),
    ],
    ids=["uniform", "identity", "examination"],
)
def test_more_rows_than_memory_holds_are_refused_in_one_sentence(draw, rows, said):
    with pytest.raises(ValueError, match=f"{said}.* GB, expected at most 2: ask for less at once"):
        draw(rows)


TOO_MUCH = {
    "programs": lambda: programs.examples(10**9),
    "terms": lambda: programs.examples(10, "sum", terms=(1, 10**9)),
    "threshold": lambda: metrics.success_threshold("+", (1, 2), samples=10**10),
    "moves": lambda: gridworld.moves(10**6),
    "episodes": lambda: gridworld.episodes(np.random.default_rng(0), np.array([3]), size=10**4),
    "sequences": lambda: digits.some_sequences(data.uniform("+"), 10**9),
    "sentences": lambda: values.drawn(np.random.default_rng(0), 10**10),
    "functions": lambda: functions.examples(np.random.default_rng(0), "long", "a + b", (10**9,)),
}


@pytest.mark.parametrize("ask", TOO_MUCH.values(), ids=TOO_MUCH)
def test_examples_that_need_more_memory_than_a_call_may_take_are_refused(ask):
    with pytest.raises(ValueError, match=r"would take [\d.,]+ GB, expected at most 2: ask for less at once"):
        ask()
