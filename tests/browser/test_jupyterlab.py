"""The explorers as a reader meets them: in JupyterLab, in a real browser, by keyboard and by mouse.

They need Chromium and Playwright: apt-get install chromium, and pip install -c constraints.txt -e ".[test,browser]".
"""

import re
import shutil

import keras
import numpy as np
import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')

from playwright.sync_api import sync_playwright

from nalu_helpers import NALU, data, fit_seeds
from nalu_helpers.layers import NAC
from nalu_helpers.paper import phrases

from . import lab

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
STORED = sorted(path.name for path in (lab.ROOT / "notebooks").glob("*.ipynb") if "explorers." in path.read_text(encoding="utf-8"))
HANDLED = ["identity", "weight", "replay", "paths", "seeds"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for name in lab.EXPLORERS:
        lab.write_explorer(folder, name)
    for name in STORED:
        shutil.copy(lab.ROOT / "notebooks" / name, folder)
    shutil.copy(lab.ROOT / "notebooks" / "02_the_neural_accumulator.ipynb", folder / "to_run.ipynb")
    with lab.running(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(lab.PATIENCE)
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not [text for text in errors if "favicon" not in text and "404" not in text], errors


def press(page, handle, key, times=1):
    page.get_by_role("slider", name=handle, exact=True).focus()
    for _ in range(times):
        page.keyboard.press(key)


def shows(page, words):
    page.get_by_text(words).first.wait_for()


def numbers(page):
    text = page.locator(".widget-html-content", has_text=re.compile(r"\d")).first.inner_text().replace("−", "-")
    return [float(part.replace(",", "")) for part in re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?", text)]


def comes_to(page, expected, places=slice(None), **tolerance):
    """Wait until the numbers below the picture, those at `places`, are `expected`."""
    for _ in range(lab.PATIENCE // 100):
        if numbers(page)[places] == pytest.approx(expected, **tolerance):
            return
        page.wait_for_timeout(100)
    assert numbers(page)[places] == pytest.approx(expected, **tolerance)


@pytest.mark.parametrize("name", HANDLED)
def test_keys_and_mouse_move_the_picture_and_reset_brings_it_back(address, page, name):
    picture = lab.open_and_run(page, address, f"{name}.ipynb")
    first, before = numbers(page), picture.get_attribute("src")
    handle = page.locator(".noUi-handle").first
    handle.focus()
    page.keyboard.press("End" if handle.get_attribute("aria-valuenow") != handle.get_attribute("aria-valuemax") else "Home")
    before = lab.wait_for_another(page, picture, before)
    box = page.locator(".noUi-target").first.bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    lab.wait_for_another(page, picture, before)
    page.get_by_role("button", name="Reset").click()
    comes_to(page, first)


@pytest.mark.parametrize("name", [*HANDLED, "phrases", "playground"])
def test_a_screen_reader_is_told_what_each_part_is(address, page, name):
    picture = lab.open_and_run(page, address, f"{name}.ipynb")
    page.wait_for_function("image => image.alt.startsWith('Explorer: ')", arg=picture.element_handle())
    parts = page.locator(".widget-inline-hbox").locator("[role=slider], input, select, textarea").all()
    assert len(parts) >= (1 if name == "phrases" else 2)
    for part in parts:
        assert part.get_attribute("aria-label") and len(part.get_attribute("title")) > 5
    assert all(button.get_attribute("title") for button in page.locator(".widget-button").all())
    assert page.locator(".widget-html-content[aria-live=polite]").count() >= 1


def test_the_identity_is_the_best_fit_inside(address, page):
    lab.open_and_run(page, address, "identity.ipynb")
    rng, x = np.random.default_rng(0), np.linspace(-20, 20, 401)
    inner = x[:, None] * rng.normal(0, 0.5, 50) + rng.uniform(-3, 3, 50)
    press(page, "trained from −r to r, r =", "ArrowRight", 6)
    for activation, hidden in (("relu", np.maximum(inner, 0)), ("linear", inner), ("tanh", np.tanh(inner))):
        page.get_by_label("activation").select_option(activation)
        hidden, inside = np.column_stack([hidden, np.ones(401)]), np.abs(x) <= 8
        penalty = np.concatenate([hidden[inside], 1e-3 * np.eye(51)]), np.concatenate([x[inside], np.zeros(51)])
        off = np.abs(hidden @ np.linalg.lstsq(*penalty, rcond=None)[0] - x)
        comes_to(page, [off[inside].mean(), off[~inside].mean()], rel=0.02, abs=2e-3)


def test_a_weight_is_tanh_times_sigmoid_and_so_are_its_slopes(address, page):
    lab.open_and_run(page, address, "weight.ipynb")
    press(page, "Ŵ", "ArrowRight", 10)
    press(page, "M̂", "ArrowLeft", 15)
    tanh, sigma = np.tanh(2), 1 / (1 + np.exp(1.5))
    comes_to(page, [tanh, sigma, tanh * sigma, (1 - tanh**2) * sigma, tanh * sigma * (1 - sigma)], abs=6e-3)
    press(page, "Ŵ", "Home")
    press(page, "M̂", "End")
    comes_to(page, [-1, 1, np.tanh(-6) / (1 + np.exp(-6)), 0, -0.002], abs=6e-4)


def test_a_replay_is_adam_on_a_nac(address, page):
    lab.open_and_run(page, address, "replay.ipynb")
    keras.utils.set_random_seed(0)
    nac, task = NAC(1), data.article("+")
    nac.build((None, 2))
    x, y = (part.astype(float) for part in (task.x_train, task.y_train))
    weights = [np.array(variable, float) for variable in nac.get_weights()]
    m, v = np.zeros((2, *weights[0].shape)), np.zeros((2, *weights[0].shape))
    for step in range(400):
        tanh, sigma = np.tanh(weights[0]), 1 / (1 + np.exp(-weights[1]))
        slope = 2 * x.T @ (x @ (tanh * sigma) - y)
        gradient = np.array([slope * (1 - tanh**2) * sigma, slope * tanh * sigma * (1 - sigma)])
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        weights -= 0.05 * (m / (1 - 0.9 ** (step + 1))) / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-7)
    W = (np.tanh(weights[0]) / (1 + np.exp(-weights[1]))).ravel()
    press(page, "epoch", "End")
    comes_to(page, [400, *W], slice(3), abs=2e-3)
    *_, w1, w2, x1, x2, made = numbers(page)
    assert made == pytest.approx(w1 * x1 + w2 * x2, rel=1e-3)
    page.get_by_label("learning rate").select_option("0.2")
    shows(page, "epoch 400")
    page.wait_for_function("old => !document.body.innerText.includes(old)", arg=f"W = [{w1:.3f}, {w2:.3f}]")


def test_two_paths_and_a_gate(address, page):
    lab.open_and_run(page, address, "paths.ipynb")
    press(page, "x₁", "ArrowLeft", 12)
    press(page, "W₁", "ArrowLeft", 10)
    press(page, "gate g", "ArrowLeft", 5)
    a, m = -3 * 0.5 + 4, 3**0.5 * 4
    comes_to(page, [a, m, 0.25 * a + 0.75 * m], slice(3), rel=6e-3)
    shows(page, "a sign was lost: the log path saw |x|")
    press(page, "x₁", "ArrowRight", 6)
    m = 1e-7**0.5 * 4
    comes_to(page, [4, m, 0.25 * 4 + 0.75 * m], slice(3), rel=6e-3)
    shows(page, "log(0 + ε) is −16")


def test_a_seed_is_where_its_weights_are(address, page):
    lab.open_and_run(page, address, "seeds.ipynb")
    seen, task = [], data.article("*")
    fit_seeds(
        lambda: NALU(1),
        task.x_train,
        task.y_train,
        seeds=range(4),
        epochs=100,
        every=20,
        watch=lambda _, w: seen.append(w),
        progress=False,
    )
    press(page, "seed", "ArrowRight", 2)
    press(page, "epoch", "ArrowLeft", 2)
    W_hat, M_hat, G = (part[2, :, 0] for part in seen[3])
    gate = 1 / (1 + np.exp(-np.clip(task.x_train[::4] @ G, -50, 50)))
    comes_to(page, [2, 60, (np.tanh(W_hat) / (1 + np.exp(-M_hat))).mean(), gate.mean()], abs=2e-3)


def test_a_phrase_is_read_word_by_word(address, page):
    picture = lab.open_and_run(page, address, "phrases.ipynb")
    keras.utils.set_random_seed(0)
    said = np.array([phrases.says(phrases.reader("linear", scale=1000.0))[:, -1] for _ in range(3)])
    comes_to(page, [334, np.median(said[:, 334])], abs=0.06)
    seen = picture.get_attribute("src")
    fill(page, "a number in words", "nine hundred")
    seen = lab.wait_for_another(page, picture, seen)
    comes_to(page, [900, np.median(said[:, 900])], abs=0.06)
    for text, words in (
        ("two thousand", "is beyond 999"),
        ("fourty", "did you mean 'forty'?"),
        ("", "is empty: write"),
        ("3", "in digits"),
    ):
        fill(page, "a number in words", text)
        shows(page, words)
        assert picture.get_attribute("src") == seen
    fill(page, "a number in words", "seven")
    comes_to(page, [7, np.median(said[:, 7])], abs=0.06)


def test_a_notebook_of_the_walkthrough_runs_in_the_browser(address, page):
    lab.open_and_run(page, address, "to_run.ipynb")
    shows(page, "W = 0.76 · 0.50 = 0.381")
    press(page, "Ŵ", "ArrowRight", 10)
    shows(page, "W = 0.96 · 0.50 = 0.482")
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


@pytest.mark.parametrize("name", STORED)
def test_the_stored_picture_is_there_without_running(address, page, name):
    picture = lab.open_and_run(page, address, name, run=False)
    page.wait_for_function("image => image.naturalWidth > 500", arg=picture.element_handle())


def fill(page, label, value):
    field = page.get_by_label(label, exact=True)
    if field.evaluate("field => field.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(value)
        field.press("Enter")


def train(page, **fields):
    for label, value in fields.items():
        fill(page, label.replace("_", " "), value)
    page.get_by_role("button", name="Train").click()


BAD = [
    ("your own expression", "a**b**c", "'c' is not allowed here"),
    ("your own expression", "__import__('os')", "is not allowed here: use a, b, numbers"),
    ("your own expression", "1/0", "divides by 0"),
    ("your own expression", "a +", "is not a complete expression"),
    ("your own expression", " ", "has 0 characters"),
    ("your own expression", "a+" * 5000, "has 10000 characters"),
    ("range to train on", "2, 1", "write (1, 2)"),
    ("range to train on", "1, 1", "first end below its second"),
    ("range to train on", "low, high", "'low', expected a number"),
    ("range to test on", "-1e308, 1e308", "expected ends between"),
    ("seeds", "0", "seeds is 0, expected a whole number of at least 1"),
    ("seeds", "1e9", "seeds is 1,000,000,000, expected at most 256"),
    ("steps", "1e12", "steps is 1,000,000,000,000, expected at most 1,000,000"),
    ("learning rate", "0", "learning rate is 0, expected a finite number above 0"),
    ("learning rate", "-1", "learning rate is -1"),
    ("learning rate", "1e30", "learning rate is 1e+30, expected at most 1000"),
]


def test_the_playground_answers_bad_input_in_place_and_the_next_valid_input_works(address, page):
    picture = lab.open_and_run(page, address, "playground.ipynb")
    empty = picture.get_attribute("src")
    page.get_by_role("button", name="Stop").click()
    shows(page, "press Train first")
    fill(page, "operation", "your own")
    for label, value, words in BAD:
        good = page.get_by_label(label, exact=True).input_value()
        fill(page, label, value)
        page.get_by_role("button", name="Train").click()
        shows(page, words)
        assert picture.get_attribute("src") == empty and page.get_by_label(label, exact=True).input_value() == value
        fill(page, label, good)
    train(page, your_own_expression="a + b", unit="NAU", seeds="2", steps="3000")
    shows(page, re.compile(r"seed 0: W = \[1\.000, 1\.000\]\. Seeds: 2, steps: 3,000\."))


def test_the_playground_trains_stops_undoes_and_gives_its_code(address, page):
    picture = lab.open_and_run(page, address, "playground.ipynb")
    empty = picture.get_attribute("src")
    fill(page, "steps", "1000000")
    for _ in range(5):
        page.get_by_role("button", name="Train").click(force=True)
    lab.wait_for_another(page, picture, empty)
    shows(page, re.compile(r"step .* of 1,000,000"))
    page.get_by_role("button", name="Stop").click()
    stopped = re.compile(r"^Stopped\. median error inside")
    page.get_by_text(stopped).wait_for(timeout=5_000)
    train(page, steps="200")
    shows(page, "Seeds: 8, steps: 200.")
    page.get_by_role("button", name="Undo").click()
    shows(page, stopped)
    assert page.get_by_label("steps", exact=True).input_value() == "1000000"
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => [...document.querySelectorAll('input')].some(field => field.value === '5000')")
    shows(page, stopped)
    page.get_by_role("button", name="Copy as code").click()
    page.wait_for_function("() => [...document.querySelectorAll('textarea')].some(area => area.value.includes('fit_many('))")


def test_handles_follow_during_a_training_and_nothing_queues_up(address, page):
    lab.open_and_run(page, address, "together.ipynb")
    train(page, steps="1000000")
    shows(page, re.compile(r"step .* of 1,000,000"))
    press(page, "Ŵ", "ArrowRight", 50)
    page.get_by_text("W = 1.00 · 0.50 = 0.500").wait_for(timeout=10_000)
    press(page, "M̂", "End")
    page.get_by_text("W = 1.00 · 1.00 = 0.998").wait_for(timeout=5_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(re.compile(r"^Stopped\. ")).wait_for(timeout=5_000)


def test_a_kernel_that_is_restarted_in_a_training_leaves_the_page_awake(address, page):
    picture = lab.open_and_run(page, address, "playground.ipynb")
    train(page, steps="1000000")
    shows(page, re.compile(r"step .* of 1,000,000"))
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…", exact=True).click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_selector("img.widget-image.jupyter-widgets-disconnected")
    picture = lab.run_all(page)
    shows(page, "Press Train.")
    train(page, steps="200")
    shows(page, "Seeds: 8, steps: 200.")
    page.wait_for_function("image => image.naturalWidth > 500", arg=picture.element_handle())
