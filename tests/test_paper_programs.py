"""Small programs: what they are worth, how they are made and read, and what the experiment hands back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nalu_helpers.paper import programs

SMALL = dict(seeds=[3], steps=2)


def by_python(text):
    """The value of a program by Python's own arithmetic."""
    if text.startswith("if "):
        condition, rest = text[3:].split(" then ")
        then, otherwise = rest.split(" else ")
        text = f"({then}) if ({condition}) else ({otherwise})"
    return eval(text, {"__builtins__": {}})


@pytest.mark.parametrize("kind", programs.KINDS)
@pytest.mark.parametrize("constants", [3, 100, 10_000])
def test_programs_are_worth_what_python_says(kind, constants):
    texts, values = programs.examples(200, kind, terms=(1, 7), constants=constants, seed=1)
    assert [by_python(text) for text in texts] == values.tolist() == [programs.value_of(text) for text in texts]


@given(st.lists(st.integers(0, 9_999_999), min_size=4, max_size=4), st.sampled_from("<>"), st.sampled_from("+-"))
def test_any_choice_is_worth_what_python_says(numbers, sign, operation):
    a, b, c, d = numbers
    text = f"if {a} {sign} {b} then {c} {operation} {d} else {d}"
    assert programs.value_of(text) == by_python(text)


def test_known_programs():
    assert programs.value_of("if 3 < 5 then 7 + 2 else 4 - 1") == 9
    assert programs.value_of("if 5 < 5 then 7 + 2 else 4 − 10") == -6
    assert programs.value_of("0") == 0


def test_all_lengths_and_both_branches_occur():
    texts, _ = programs.examples(500, "if", terms=(1, 5))
    sums = [part.split(" then ")[1] for text in texts for part in [text.split(" else ")[0]]]
    assert {len(part.split()[::2]) for part in sums} == {1, 2, 3, 4, 5}
    taken = [by_python(text.split(" then ")[0][3:]) for text in texts]
    assert 0.4 < np.mean(taken) < 0.6


def test_the_same_seed_makes_the_same_programs():
    assert programs.examples(5, seed=7)[0] == programs.examples(5, seed=7)[0] != programs.examples(5, seed=8)[0]
    assert programs.examples(1, "if", seed=0)[0] == ["if 85 > 63 then 26 - 30 - 4 - 7 else 97 + 72"]


def test_reading_a_program_is_the_inverse_of_writing_it():
    x, y = programs.draw_encoded(np.random.default_rng(0), 50, "if", (1, 5), 100)
    texts, values = programs.examples(50, "if", seed=0)
    np.testing.assert_array_equal(programs.encode(texts), x)
    np.testing.assert_array_equal(values, y.ravel())


@pytest.mark.parametrize("kind", programs.KINDS)
def test_values_are_exact_however_large_the_sums(kind):
    """Sums of five numbers below 10⁷ go beyond 2²⁴, where float32 leaves out every second whole number."""
    texts, values = programs.examples(2000, kind, (5, 5), 10**7)
    assert values.dtype == np.int64 and np.abs(values).max() > 2**24
    assert values.tolist() == [by_python(text) for text in texts]
    _, y = programs.draw_encoded(np.random.default_rng(0), 2000, kind, (5, 5), 10**7)
    assert y.ravel().tolist() == values.tolist()


def test_a_token_is_a_kind_and_a_number():
    x = programs.encode("17 + 4")
    assert x.shape == (1, 3, 9) and x[0, :, -1].tolist() == [17, 0, 4]
    assert [programs.TOKENS[i] for i in x[0, :, :-1].argmax(axis=1)] == ["number", "+", "number"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "the program is empty"),
        ("   ", "the program is empty"),
        ("7 + banana", "token 3 is 'banana', known are whole numbers and"),
        ("7+2", "put a space between two tokens"),
        ("7 + ² ", "token 3 is '²'"),
        ("12345678", "number of 8 digits, expected at most 7"),
        ("7 + + 2", "is not a program: expected number at token 3, met [+]"),
        ("7 2", "expected [+] or - or its end at token 2, met 2"),
        ("3 < 5", "expected [+] or - or its end at token 2, met <"),
        ("if 3 < 5 then 7", "expected else at token 7, met its end"),
        ("if 3 + 5 then 7 else 8", "expected < or > at token 3, met [+]"),
    ],
)
def test_what_is_no_program_is_refused_in_one_sentence(text, says):
    for read in (programs.value_of, programs.encode):
        with pytest.raises(ValueError, match=says):
            read(text)


def test_bad_requests_are_refused():
    with pytest.raises(TypeError, match="the program is 7, expected text"):
        programs.value_of(7)
    with pytest.raises(ValueError, match="there is no program: give at least one"):
        programs.encode([])
    with pytest.raises(ValueError, match="kind is 'loop', known are: 'sum', 'if'"):
        programs.examples(3, "loop")
    with pytest.raises(ValueError, match="count is 0"):
        programs.examples(0)
    with pytest.raises(ValueError, match=r"terms is \(0, 5\), expected two whole numbers"):
        programs.examples(3, terms=(0, 5))
    with pytest.raises(ValueError, match=r"terms is \(5, 1\).*write \(1, 5\)"):
        programs.examples(3, terms=(5, 1))
    with pytest.raises(TypeError, match="terms is 3, expected two whole numbers"):
        programs.examples(3, terms=3)
    with pytest.raises(ValueError, match="constants is 0"):
        programs.examples(3, constants=0)
    with pytest.raises(ValueError, match="expected at most 10,000,000"):
        programs.examples(3, constants=10**8)
    with pytest.raises(ValueError, match="model is 'GRU', known are: 'LSTM'"):
        programs.run("if", "GRU", **SMALL)
    with pytest.raises(ValueError, match="kind is 'loop'"):
        programs.run("loop", "LSTM", **SMALL)
    with pytest.raises(ValueError, match="the program has 599 tokens, expected at most 200: make it shorter"):
        programs.evaluate(programs.make("LSTM"), ["7 + 2", " + ".join(["1"] * 300)])


def set_by_hand(cell, W):
    """Let the LSTM set the same weights W, given as −1, 0 or 1, at every token."""
    bias = np.zeros(cell.set.bias.shape, "float32")
    size = np.size(W)
    bias[:size], bias[size : 2 * size] = 20 * np.ravel(W), 20
    bias[2 * size :] = 20  # the gate of a NALU: add
    cell.set.kernel.assign(np.zeros(cell.set.kernel.shape))
    cell.set.bias.assign(bias)


@pytest.mark.parametrize("model", ["NAC set by LSTM", "NALU set by LSTM"])
def test_weights_of_one_in_the_recurrence_add_exactly_however_long_and_large(model):
    network = programs.make(model)
    set_by_hand(network.get_layer("registers").cell, [[1, 0], [0, 1], [1, 0]])
    texts, values = programs.examples(20, "sum", terms=(1, 60), constants=10_000)
    np.testing.assert_allclose(programs.evaluate(network, texts), values, rtol=1e-5)


@pytest.mark.parametrize("model", programs.MODELS)
def test_what_follows_the_end_of_a_program_changes_nothing(model):
    network = programs.make(model)
    alone = programs.evaluate(network, "7 + 2")
    beside = programs.evaluate(network, ["7 + 2", "1 + 2 + 3 + 4"])
    np.testing.assert_allclose(alone[0], beside[0], rtol=1e-5)


@pytest.mark.slow
def test_a_run_is_a_row_for_each_seed_and_test(monkeypatch):
    monkeypatch.setattr(programs, "TESTS", programs.TESTS[::6])
    table = programs.run("sum", "NAC set by LSTM", seeds=[0, 1], steps=2)
    assert list(table.columns) == ["kind", "model", "seed", "terms", "constants", "error", "scaled", "right"]
    assert len(table) == 2 * len(programs.TESTS)
    assert not table.duplicated([*programs.KEY, "seed", "terms", "constants"]).any()
    assert np.isfinite(table[["error", "scaled", "right"]]).all().all()
    again = programs.run("sum", "NAC set by LSTM", seeds=[1], steps=2)
    np.testing.assert_allclose(again["error"], table[table.seed == 1]["error"], rtol=1e-6)


def test_every_chunk_is_a_kind_and_a_model_and_tests_leave_the_training_range():
    assert {kind for kind, _ in programs.CHUNKS} == set(programs.KINDS) and {model for _, model in programs.CHUNKS} == set(programs.MODELS)
    terms, constants = zip(*programs.TESTS, strict=True)
    assert max(terms) > programs.TERMS[1] and max(constants) > programs.CONSTANTS


def test_registers_hold_what_was_read_so_far():
    network = programs.make("NAC set by LSTM")
    set_by_hand(network.get_layer("registers").cell, [[1, 0], [0, 1], [1, -1]])
    kept = programs.registers(network, "7 + 2 + 300")
    np.testing.assert_allclose(kept, [[7, -7], [7, -7], [9, -9], [9, -9], [309, -309]], rtol=1e-5)
    assert programs.evaluate(network, "7 + 2 + 300")[0] == pytest.approx(309, rel=1e-5)
