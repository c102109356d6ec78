"""Two sums out of a hundred numbers: what the task is, what its networks could say, and what `run` promises."""

import numpy as np
import pandas as pd
import pytest

from nalu_helpers import layers
from nalu_helpers.paper import hundred

LARGE = 20.0  # tanh(20)·σ(20) is 1 to the last bit


@pytest.mark.parametrize("operation, truth", [("add", 30 + 42), ("sub", 30 - 42), ("mul", 30 * 42)])
def test_the_answer_is_of_two_windows_of_25_that_share_12(operation, truth):
    x = np.zeros(100)
    x[:13], x[13:25], x[25:38], x[38:] = 1, 17 / 12, 25 / 13, 99  # 13 + 17 = 30, 17 + 25 = 42
    assert hundred.answer(operation, x) == pytest.approx([truth])
    assert [len(range(100)[window]) for window in hundred.WINDOWS] == [25, 25]


def test_where_the_windows_lie_does_not_matter():
    """Columns of x may change places if the rows of the first matrix do: as likely a start, the same answers ever after."""
    x, order = np.random.default_rng(0).uniform(1, 2, (5, 100)), np.random.default_rng(1).permutation(100)
    for model in ("NAC", "NALU", "NAU"):
        one, other = hundred.network("add", model), hundred.network("add", model)
        weights = one.get_weights()
        other.set_weights([weight[order] if len(weight) == 100 else weight for weight in weights])
        np.testing.assert_allclose(other(x[:, order]), one(x), rtol=1e-5, atol=1e-5)  # float32 adds in another order


@pytest.mark.parametrize("operation", hundred.MODELS)
def test_the_rows_to_examine_on_are_the_task_inside_and_outside(operation):
    rows = hundred.examined(operation)
    for x, y, (low, high) in ((rows.x_train, rows.y_train, (1, 2)), (rows.x_test, rows.y_test, (2, 6))):
        assert x.shape == (10_000, 100) and low <= x.min() and x.max() <= high
        np.testing.assert_allclose(y, hundred.answer(operation, x.astype("float64")), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("operation", hundred.MODELS)
def test_the_threshold_is_the_error_of_weights_that_are_off(operation):
    off, x = 1e-5, np.random.default_rng(5).uniform(2, 6, (20_000, 100))
    W = np.full((100, 2), off)
    for column, window in enumerate(hundred.WINDOWS):
        W[window, column] = 1 - off
    a, b = (x @ W).T[:, :, None]
    said = {"add": a + b, "sub": a - b, "mul": a * b}[operation]
    assert hundred.threshold(operation) == pytest.approx(np.mean((said - hundred.answer(operation, x)) ** 2), rel=0.02)
    assert hundred.threshold(operation, off=1e-4) > 50 * hundred.threshold(operation)


@pytest.mark.parametrize("operation, model", [(operation, model) for operation in hundred.MODELS for model in hundred.MODELS[operation]])
def test_every_network_but_one_can_say_the_answer(operation, model):
    net = hundred.network(operation, model)
    first = np.zeros((100, 2))
    for column, window in enumerate(hundred.WINDOWS):
        first[window, column] = 1
    second = np.array([[1.0], [-1.0 if operation == "sub" else 1.0]])
    for layer, W in zip(net.layers, (first, second), strict=True):
        if hasattr(layer, "W_hat"):
            layer.W_hat.assign(LARGE * W), layer.M_hat.assign(np.full(W.shape, LARGE))
        else:
            layer.weights[0].assign(W)
        if isinstance(layer, layers.NALU):  # every x is positive, so a gate is open for ever, or shut
            adds = layer is net.layers[0] or operation != "mul"
            layer.G.assign(np.full(W.shape, LARGE if adds and layer is net.layers[0] else 0))
    x = hundred.examined(operation).x_test[:50]
    said, truth = net(x).numpy(), hundred.answer(operation, x.astype("float64"))
    if model == "NALU":  # its second gate would have to know the answer: here it is half open
        a, b = (x[:, window].sum(axis=1, keepdims=True) for window in hundred.WINDOWS)
        truth = (a + b + a * b) / 2 if operation != "sub" else (a - b + a / b) / 2
    np.testing.assert_allclose(said, truth, rtol=2e-3 if operation == "sub" else 1e-4, atol=2e-3)


@pytest.mark.parametrize("operation, model", [(operation, model) for operation in hundred.MODELS for model in hundred.MODELS[operation]])
def test_no_two_weights_begin_alike(operation, model):
    drawn = [weight.numpy() for weight in hundred.network(operation, model).trainable_variables]
    drawn = [tuple(weight.ravel()) for weight in drawn if np.ptp(weight) > 0]
    assert len(set(drawn)) == len(drawn) >= 2


def test_the_penalty_of_the_nmu_comes_when_it_does_in_the_source_and_before_the_end():
    for layer in hundred.network("mul", "NMU").layers:
        assert layer.penalty_size == 10 and layer.penalty_steps == (1_000_000, 2_000_000)
    assert hundred.STEPS * hundred.LONGER["mul"] > 2_000_000


@pytest.mark.parametrize("operation, steps", [("add", 50), ("mul", 50 * hundred.LONGER["mul"])])
def test_a_product_is_trained_longer(operation, steps, monkeypatch):
    class Enough(Exception):
        """What it was called with is known."""

    def asked(*_, **how):
        raise Enough(how["steps"])

    monkeypatch.setattr(hundred, "fit_many", asked)
    with pytest.raises(Enough) as said:
        hundred.run(operation, "NALU", 2, seeds=[0], steps=50)
    assert said.value.args == (steps,)


@pytest.mark.slow
@pytest.mark.parametrize("operation", hundred.MODELS)
def test_every_operation_of_a_nalu_is_trained_and_judged(operation):
    row = hundred.run(operation, "NALU", 2, seeds=[0], steps=50).iloc[0]
    assert np.isfinite(row[["interpolation", "extrapolation"]].astype(float)).all()
    assert row["solved"] == (row["extrapolation"] < row["threshold"])


def test_a_run_says_the_same_alone_and_beside_others_and_is_judged_as_in_the_benchmark():
    both, alone = (hundred.run("add", "NAU", 2, seeds=seeds, steps=60) for seeds in ([3, 4], [4]))
    pd.testing.assert_frame_equal(both[both["seed"] == 4].reset_index(drop=True), alone)
    row = alone.iloc[0]
    assert row["solved"] == (row["extrapolation"] < row["threshold"]) and row["threshold"] == hundred.threshold("add")
    assert {*hundred.KEY, "seed", *hundred.SHARES} <= {*both.columns}


@pytest.mark.slow
def test_a_linear_network_learns_to_add_inside():
    row = hundred.run("add", "linear", 2, seeds=[0], steps=20_000).iloc[0]
    assert row["interpolation"] < 0.1


@pytest.mark.parametrize(
    "ask, error, words",
    [
        (lambda: hundred.network("div", "NMU"), ValueError, "operation is 'div', known are: 'add', 'sub', 'mul'"),
        (lambda: hundred.network("add", "NMU"), ValueError, "model is 'NMU', known are: 'linear', 'NAC', 'NALU', 'NAU'"),
        (lambda: hundred.network("add", "NAC", hidden=0), ValueError, "hidden is 0, expected a whole number of at least 1"),
        (lambda: hundred.run("mul", "NAC", 2, seeds=[0]), ValueError, "model is 'NAC', known are"),
        (lambda: hundred.run("mul", "NMU", 2, seeds=[0], steps=0), ValueError, "steps is 0"),
        (lambda: hundred.run("mul", "NMU", 2, seeds=[]), ValueError, "seeds is empty"),
    ],
)
def test_what_cannot_be_run_is_said(ask, error, words):
    with pytest.raises(error, match=words):
        ask()
