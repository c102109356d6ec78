"""Explorers without a browser: what their handles do to the numbers, what they say of bad input, and that the page stays awake."""

import io
import re
import threading
import time

import numpy as np
import pytest
from PIL import Image

from nalu_helpers import NALU, data, explorers, expression, fit, fit_seeds
from nalu_helpers.layers import NAC


@pytest.fixture(scope="module")
def seen():
    looks, task = [], data.article("*")
    fit_seeds(
        lambda: NALU(1),
        task.x_train,
        task.y_train,
        seeds=range(6),
        epochs=200,
        every=20,
        watch=lambda _, weights: looks.append(weights),
        progress=False,
    )
    return looks


@pytest.fixture(scope="module")
def made(seen):
    return {
        "identity": explorers.identity(),
        "weight": explorers.weight(),
        "replay": explorers.replay(data.article("+"), epochs=200),
        "paths": explorers.paths(),
        "seeds": explorers.seeds(data.article("*"), seen, 20),
    }


def numbers(explorer):
    text = re.sub(r"<[^>]*>|&nbsp;", " ", explorer.line.value).replace("−", "-").replace(",", " ")
    return [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", text)]


@pytest.mark.parametrize("name", ["identity", "weight", "replay", "paths", "seeds"])
def test_every_handle_moves_the_picture_and_reset_brings_it_back(made, name):
    explorer = made[name]
    first = explorer.picture.value
    assert Image.open(io.BytesIO(first)).size[0] > 500
    for handle in explorer.handles.values():
        before = explorer.picture.value
        others = [option for option in getattr(handle, "options", ())]
        handle.value = others[-1] if others else handle.max if handle.value < handle.max else handle.min
        assert explorer.picture.value != before, handle.description
    explorer.reset()
    assert explorer.picture.value == first
    assert all(handle.description and handle.tooltip for handle in explorer.handles.values())
    assert repr(explorer).startswith("Explorer: ") and "\n" not in repr(explorer)


def test_a_picture_is_the_drawing_pixel_for_pixel(made):
    sketch = made["paths"].sketch
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(sketch.png()))), np.asarray(sketch.canvas.buffer_rgba())[..., :3])


def test_reset_draws_once(made, monkeypatch):
    explorer, drawn = made["paths"], []
    for handle in explorer.handles.values():
        handle.value = handle.min
    move = explorer.move
    monkeypatch.setattr(explorer, "move", lambda **values: drawn.append(values) or move(**values))
    explorer.reset()
    assert drawn == [explorer.first]


def test_handles_that_move_at_the_same_time_leave_a_whole_picture(made):
    explorer, after = made["weight"], []
    for handle in explorer.handles.values():
        steps = np.linspace(handle.min, 2, 40)
        after.append(threading.Thread(target=lambda handle=handle, steps=steps: [setattr(handle, "value", value) for value in steps]))
    for thread in after:
        thread.start()
    for thread in after:
        thread.join()
    said, picture = explorer.line.value, explorer.picture.value
    explorer.redraw()
    assert (explorer.line.value, explorer.picture.value) == (said, picture)
    explorer.reset()


@pytest.mark.parametrize("W_hat, M_hat", [(1.0, 0.0), (-3.0, 2.0), (0.0, -4.0)])
def test_the_weight_explorer_says_what_the_layer_computes(made, W_hat, M_hat):
    explorer = made["weight"]
    explorer.handles["W_hat"].value, explorer.handles["M_hat"].value = W_hat, M_hat
    nac = NAC(1)
    nac.build((None, 1))
    nac.set_weights([np.array([[W_hat]]), np.array([[M_hat]])])
    assert numbers(explorer)[2] == pytest.approx(float(nac.W[0, 0]), abs=6e-4)
    step = 1e-5
    at = lambda w, m: np.tanh(w) / (1 + np.exp(-m))  # noqa: E731
    assert numbers(explorer)[-2] == pytest.approx((at(W_hat + step, M_hat) - at(W_hat, M_hat)) / step, abs=6e-4)
    assert numbers(explorer)[-1] == pytest.approx((at(W_hat, M_hat + step) - at(W_hat, M_hat)) / step, abs=6e-4)


def test_the_paths_explorer_loses_the_sign(made):
    explorer = made["paths"]
    explorer.handles["x1"].value, explorer.handles["x2"].value, explorer.handles["gate"].value = -3, 2, 0
    assert numbers(explorer)[:3] == pytest.approx([-1, 6, 6], abs=0.01)
    assert "a sign was lost" in explorer.line.value
    explorer.handles["x1"].value = 0
    assert "log(0 + ε)" in explorer.line.value
    explorer.reset()


def test_the_replay_is_the_training(made):
    explorer = made["replay"]
    explorer.handles["epoch"].value = 200
    import keras

    keras.utils.set_random_seed(0)
    nac, task = NAC(1), data.article("+")
    fit(nac, task.x_train, task.y_train, epochs=200, learning_rate=0.05, progress=False)
    assert numbers(explorer)[1:3] == pytest.approx(np.ravel(nac.W).tolist(), abs=2e-3)
    explorer.reset()


def test_the_identity_breaks_outside_its_range(made):
    explorer = made["identity"]
    inside, outside = numbers(explorer)
    assert inside < 0.1 < 1 < outside
    explorer.handles["activation"].value = "linear"
    assert numbers(explorer)[1] < 0.1
    explorer.reset()


def test_the_seeds_explorer_says_where_a_seed_is(made, seen):
    explorer = made["seeds"]
    explorer.handles["seed"].value = 3
    W_hat, M_hat, _ = (part[3] for part in seen[-1])
    assert numbers(explorer)[2] == pytest.approx((np.tanh(W_hat) / (1 + np.exp(-M_hat))).mean(), abs=6e-4)
    explorer.reset()
    with pytest.raises(ValueError, match="seen holds no weights of NALUs"):
        explorers.seeds(data.article("*"), [], 20)


def test_an_explorer_shows_an_error_in_place_and_goes_on():
    paths = explorers.paths()

    def move(x):
        if x > 1:
            raise ValueError("x is <too> large: take less")
        return f"x is {x}"

    explorer = explorers.Explorer("Test", paths.sketch, {"x": explorers._slider("x", 0, -5, 5)}, move)
    before = explorer.picture.value
    explorer.handles["x"].value = 3
    assert "x is &lt;too&gt; large: take less" in explorer.line.value and explorer.picture.value == before
    explorer.handles["x"].value = 0.5
    assert "x is 0.5" in explorer.line.value


def play(**fields):
    playground = explorers.playground()
    for name, value in fields.items():
        playground.fields[name].value = value
    return playground


def finish(playground, seconds=60):
    playground.thread.join(seconds)
    assert not playground.thread.is_alive()
    return playground.line.value


@pytest.mark.parametrize(
    "fields",
    [
        dict(steps="300", seeds="3", unit="NMU", rate="0.0123456789"),
        dict(steps="150", seeds="2", operation="your own", own="a * b + 1", train="-1, 0.5", test="0.5, 2"),
        dict(steps="150", seeds="70", unit="RealNPU", operation="a ÷ b"),  # more than one tile
    ],
    ids=lambda fields: fields.get("unit", "own"),
)
def test_the_code_that_is_copied_makes_the_same_runs(fields):
    playground, names = play(**fields), {}
    playground.train()
    line = finish(playground)
    playground.show_code()
    assert playground.code.layout.display == "flex"
    exec(playground.code.value.replace("weights=True", "weights=True, progress=False"), names)
    runs, live, steps = names["runs"], playground.live, int(fields["steps"])
    for column, errors in zip(("interpolation", "extrapolation"), live.errors):
        table = runs.pivot(index="step", columns="seed", values=column)
        np.testing.assert_array_equal(table.index, live.steps)
        np.testing.assert_array_equal(table, errors)
    inside, outside = (f"{runs[runs.step == steps][name].median():.2g}" for name in ("interpolation", "extrapolation"))
    assert f"median error inside {inside}, outside {outside}" in line and f"Seeds: {fields['seeds']}, steps: {steps}." in line
    assert playground.bar.value == 1 and playground.frames >= 1 and not playground.buttons["Train"].disabled


@pytest.mark.parametrize("unit", explorers.UNITS)
def test_the_playground_shows_w_and_gate_as_the_unit_has_them(unit):
    live = explorers._Live(play(unit=unit, steps="2", seeds="1").settings())
    shown, middle = explorers._entries(live.layer, 1.5), np.array([[1.5, 1.5]])
    matrices = np.ravel([np.asarray(W) for W in live.layer.matrices()])
    np.testing.assert_allclose(shown[: len(matrices)], matrices)
    gate = shown[len(matrices) :]
    if unit in ("NALU", "GNALU"):
        a, m, g = (np.asarray(part) for part in live.layer.paths(middle))
        np.testing.assert_allclose([gate], g)
        np.testing.assert_allclose(live.layer(middle), g * a + (1 - g) * m, rtol=1e-5)
    assert len(gate) == {"NALU": 1, "GNALU": 1, "INALU": 1, "RealNPU": 2, "NPU": 2}.get(unit, 0)
    words = explorers._said(live.layer, shown)
    assert words.count("[") == len(live.layer.matrices()) + (len(gate) == 2) and ("gate" in words) == bool(len(gate))


@pytest.mark.parametrize(
    "fields, words",
    [
        (dict(operation="your own", own="a**b**c"), "'c' is not allowed here"),
        (dict(operation="your own", own="__import__('os')"), "is not allowed here: use a, b, numbers"),
        (dict(operation="your own", own="1/0"), "divides by 0"),
        (dict(operation="your own", own="a +"), "is not a complete expression"),
        (dict(operation="your own", own=" "), "has 0 characters, expected 1 to 200"),
        (dict(operation="your own", own="a+" * 5000 + "a"), "has 10001 characters"),
        (dict(operation="your own", own="log(a - 9)"), "not a finite number for 10,000 of 10,000 pairs"),
        (dict(train="2, 1"), "first end below its second: write (1, 2)"),
        (dict(train="1, 1"), "first end below its second"),
        (dict(train="low, high"), "'low', expected a number"),
        (dict(train="6, 2"), "write (2, 6)"),
        (dict(train="-1e308, 1e308"), "expected ends between"),
        (dict(test="7"), "expected two numbers with a comma"),
        (dict(test="-1e308, 1e308"), "expected ends between"),
        (dict(seeds="0"), "seeds is 0, expected a whole number of at least 1"),
        (dict(seeds="1e9"), "seeds is 1,000,000,000, expected at most 256"),
        (dict(steps="1e12"), "expected at most 1,000,000"),
        (dict(steps="1e6", seeds="200"), "seeds × steps is 200,000,000, expected at most"),
        (dict(rate="0"), "learning rate is 0, expected a finite number above 0"),
        (dict(rate="-1"), "learning rate is -1"),
        (dict(rate="1e30"), "learning rate is 1e+30, expected at most 1000"),
        (dict(operation="a ÷ b", train="-1, 1"), "holds 0, by which nothing can be divided"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_bad_input_is_answered_in_place(fields, words):
    import html

    playground = play(**fields)
    playground.train()
    assert playground.thread is None and words in html.unescape(playground.line.value)
    playground.show_code()
    assert playground.code.value == "" and words in html.unescape(playground.line.value)
    for name, value in dict(operation="a × b", train="1, 2", test="2, 6", seeds="1", rate="0.01", steps="10").items():
        playground.fields[name].value = value
    assert playground.settings()["steps"] == 10


def test_five_presses_are_one_training_and_stop_answers_within_a_fifth_of_a_second():
    playground = play(steps="1000000", seeds="8")
    for _ in range(5):
        playground.train()
    thread, end = playground.thread, time.monotonic() + 120
    while playground.frames < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert playground.buttons["Train"].disabled and playground.thread is thread
    started = time.monotonic()
    playground.stop()
    assert time.monotonic() - started < 0.2
    assert playground.line.value.startswith("Stopped. median error inside") and not playground.buttons["Train"].disabled
    line, picture = finish(playground), playground.picture.value
    assert time.monotonic() - started < 5
    playground.stop()
    assert "press Train first" in playground.line.value
    assert line == playground.said and picture == playground.picture.value  # nothing is drawn after Stop


def test_stop_answers_while_it_compiles_and_the_next_training_waits_its_turn():
    playground = play(steps="200", seeds="2")
    playground.stop()
    assert "press Train first" in playground.line.value
    playground.train()
    started = time.monotonic()
    playground.stop()
    assert time.monotonic() - started < 0.2 and playground.line.value == "Stopped. It had not begun."
    playground.train()
    assert "Seeds: 2, steps: 200." in finish(playground)
    with_another = play(steps="200", seeds="2")
    with_another.train()
    assert finish(with_another) == playground.said


def test_what_is_typed_during_a_training_changes_the_next_one_only():
    playground = play(steps="200", seeds="2")
    playground.train()
    for steps in range(300, 340):
        playground.fields["steps"].value = str(steps)
    assert "Seeds: 2, steps: 200." in finish(playground)


def test_an_error_of_any_kind_in_a_training_is_said_and_the_next_one_works(monkeypatch):
    playground = play(steps="100", seeds="1")
    with monkeypatch.context() as broken:
        broken.setattr(explorers, "fit_many", lambda *_, **__: 1 / 0)
        playground.train()
        assert "division by zero" in finish(playground) and not playground.on
    playground.train()
    assert "Seeds: 1, steps: 100." in finish(playground)


def test_undo_brings_back_the_training_before():
    playground = play(steps="100", seeds="2")
    playground.undo()
    assert "no training before" in playground.line.value
    playground.train()
    first = finish(playground), playground.picture.value
    playground.fields["unit"].value = "NAC"
    playground.fields["rate"].value = "bad"
    playground.train()
    playground.fields["rate"].value = "0.1"
    playground.train()
    assert finish(playground) != first[0]
    playground.undo()
    assert (playground.line.value, playground.picture.value) == first
    assert playground.fields["unit"].value == "NALU" and playground.fields["rate"].value == "0.01"


def test_reset_puts_the_settings_back_and_keeps_the_picture():
    playground = play(steps="100", seeds="2")
    playground.train()
    words, picture = finish(playground), playground.picture.value
    playground.fields["unit"].value, playground.fields["rate"].value = "NAC", "bad"
    playground.train()
    assert "expected a number such as 10" in playground.line.value
    playground.buttons["Reset"].click()
    assert {name: field.value for name, field in playground.fields.items()} == {name: field.value for name, field in play().fields.items()}
    assert (playground.line.value, playground.picture.value) == (words, picture)


def test_a_training_that_diverges_says_at_which_step():
    playground = play(steps="100", seeds="2", unit="RealNPU", rate="900", train="900000, 1000000", test="1, 2")
    playground.train()
    assert re.search(r"diverged, the first at step \d+: try a smaller learning rate", finish(playground))


@pytest.mark.parametrize(
    "text, expected", [("a * b + sqrt(a)", 14), ("-a ** 2 / b", -16 / 3), ("abs(b - a) * 1.5", 1.5), ("exp(log(a))", 4)]
)
def test_an_expression_is_computed_as_it_is_written(text, expected):
    assert float(expression.parse(text)(np.float64(4), np.float64(3))) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["a.real", "[a]", "a if b else 1", "lambda: a", "a == b", "'a'", "True", "f(a)", "sqrt(a, b)", "a; b", "1e99", "a @ b"]
)
def test_an_expression_allows_nothing_else(text):
    with pytest.raises(ValueError, match="is not allowed here|is not a complete expression"):
        expression.parse(text)


def test_watch_sees_every_look():
    looks = []
    task = data.uniform("+", rows=50)
    nac = NAC(1)
    fit(nac, task.x_train, task.y_train, epochs=25, every=10, progress=False, watch=lambda epoch, weights: looks.append((epoch, weights)))
    assert [epoch for epoch, _ in looks] == [0, 10, 20, 25]
    np.testing.assert_array_equal(looks[-1][1][0], nac.W_hat.numpy())
