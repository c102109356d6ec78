"""The explorers as a reader meets them: in JupyterLab, in a real browser, by keyboard and by mouse.

They need Chromium and Playwright: apt-get install chromium, and pip install -c constraints.txt -e ".[test,browser]".
"""

import re
import shutil
import time
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')

from playwright.sync_api import sync_playwright

from . import lab

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
HANDLED = [name for name in lab.EXPLORERS if name != "playground"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for name in lab.EXPLORERS:
        lab.write_explorer(folder, name)
    shutil.copy(NOTEBOOKS / "02_the_neural_accumulator.ipynb", folder)
    with lab.running(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request, tmp_path_factory):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        page.screenshot(path=tmp_path_factory.getbasetemp() / f"{request.node.name}.png")
    page.close()
    assert not [text for text in said if "favicon" not in text and "404" not in text], said


def line(page):
    return page.locator(".widget-html-content").last.inner_text()


@pytest.mark.parametrize("name", HANDLED)
def test_keys_and_mouse_move_the_picture_and_reset_brings_it_back(address, page, name):
    picture = lab.open_and_run(page, address, f"{name}.ipynb")
    first, said = picture.get_attribute("src"), line(page)
    handle = page.locator(".noUi-handle").first
    handle.focus()
    key = "ArrowLeft" if float(handle.get_attribute("aria-valuenow")) == float(handle.get_attribute("aria-valuemax")) else "ArrowRight"
    page.keyboard.press(key)
    second = lab.wait_for_another(page, picture, first)
    page.wait_for_function("words => !document.body.innerText.includes(words)", arg=said.split("\n")[0], timeout=5000)
    track = page.locator(".noUi-target").first
    box = track.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    lab.wait_for_another(page, picture, second)
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("words => document.body.innerText.includes(words)", arg=said.split("\n")[0], timeout=5000)


def test_the_numbers_are_those_of_the_maths(address, page):
    picture = lab.open_and_run(page, address, "weight.ipynb")
    page.locator(".noUi-handle").first.focus()
    src = picture.get_attribute("src")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        src = lab.wait_for_another(page, picture, src)
    words = "W = 0.96 · 0.50 = 0.482"  # tanh(2)·σ(0)
    page.wait_for_function("words => document.body.innerText.includes(words)", arg=words, timeout=5000)


def test_a_notebook_of_the_walkthrough_runs_in_the_browser(address, page):
    lab.open_and_run(page, address, "02_the_neural_accumulator.ipynb")
    page.wait_for_function("() => document.querySelectorAll('.noUi-handle').length >= 2", timeout=60_000)
    page.wait_for_function("() => document.body.innerText.includes('W = 0.76 · 0.50 = 0.381')", timeout=60_000)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def test_the_stored_picture_is_there_without_running(address, page):
    picture = lab.open_and_run(page, address, "02_the_neural_accumulator.ipynb", run=False)
    assert picture.evaluate("image => image.naturalWidth") > 500


def type_into(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def test_the_playground_trains_stops_and_answers_bad_input(address, page):
    picture = lab.open_and_run(page, address, "playground.ipynb")
    empty = picture.get_attribute("src")
    type_into(page, "steps", "1e12")
    page.get_by_role("button", name="Train").click()
    page.get_by_text("steps is 1,000,000,000,000, expected at most 1,000,000").wait_for(timeout=5000)
    type_into(page, "steps", "1000000")
    for _ in range(5):
        page.get_by_role("button", name="Train").click(force=True)
    lab.wait_for_another(page, picture, empty, seconds=60)
    page.get_by_role("button", name="Stop").click()
    asked = time.monotonic()
    page.get_by_text(re.compile(r"^Stopped\. median error inside")).wait_for(timeout=5000)
    assert time.monotonic() - asked < 2
    type_into(page, "steps", "200")
    page.get_by_role("button", name="Train").click()
    page.get_by_text("8 seeds, 200 steps.").wait_for(timeout=60_000)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(re.compile(r"^Stopped\. median error inside")).wait_for(timeout=5000)
    page.get_by_role("button", name="Copy as code").click()
    page.wait_for_function("() => [...document.querySelectorAll('textarea')].some(t => t.value.includes('fit_many('))", timeout=5000)
