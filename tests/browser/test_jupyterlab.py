"""The explorers in JupyterLab: shown by a cell, heard by Python, trained by a kernel, and stored in a notebook that nobody has run yet.

What they draw and say is in test_explorers.py. These need Chromium and Playwright: apt-get install chromium, and
pip install -c constraints.txt -e ".[test,browser]".
"""

import json
import os
import re
import shutil
import signal

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from . import hands, lab, latency

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
expect.set_options(timeout=lab.PATIENCE)
STORED = "02_the_neural_accumulator.ipynb"
LINKING = "03_training_a_nac_to_add.ipynb"
SHOW = """import ipywidgets


def show(one):
    names = [handle["name"] for handle in one.handles]
    heard = ipywidgets.Label()  # what Python hears of the handles

    def hear(_=None):
        heard.value = " | ".join(str(getattr(one, name)) for name in names)

    one.observe(hear, names)
    hear()
    display(one, heard)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    lab.write_notebook(folder, "all.ipynb", SHOW, *(f"show({call})" for call in lab.EXPLORERS.values()))
    for name in (STORED, LINKING):
        shutil.copy(lab.ROOT / "notebooks" / name, folder)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with lab.running(folder) as address:
        yield address


def new_page(browser):
    """A page, and the list that its errors go to."""
    page, errors = browser.new_page(viewport={"width": 1300, "height": 1000}, has_touch=True), []
    page.set_default_timeout(lab.PATIENCE)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


def none(errors):
    """Whether there are no errors but of a file that JupyterLab asks for in vain."""
    return not [text for text in errors if "favicon" not in text and "404" not in text]


@pytest.fixture(scope="module")
def opened(address, browser):
    page, errors = new_page(browser)
    lab.open_notebook(page, address, "all.ipynb")
    lab.run_all(page, len(lab.EXPLORERS))
    yield page, errors
    page.close()


@pytest.fixture
def page(opened):
    """The notebook with every explorer, all its cells run."""
    page, errors = opened
    yield page
    assert none(errors), errors


def cell_of(page, name):
    """The cell of an explorer: two cells prepare, then there is one for each."""
    return page.locator(".jp-CodeCell").nth(2 + list(lab.EXPLORERS).index(name))


@pytest.mark.parametrize("name", [name for name in lab.EXPLORERS if name not in ("guess", "playground")])
def test_key_mouse_and_finger_move_it_and_python_hears_of_it(page, name):
    cell = cell_of(page, name)
    explorer, line, heard = (cell.locator(part) for part in (".explorer", ".line", ".widget-label"))
    said, known = line.inner_text(), heard.inner_text()
    for hand in hands.HANDS:
        for _ in hands.use(explorer, hand):
            stand = explorer.locator("select, input").evaluate_all("all => all.map(handle => handle.value)")
            expect(heard).to_have_text(re.compile("^" + r" \| ".join(rf"{re.escape(value)}(\.0)?" for value in stand) + "$"))
        assert line.inner_text() != said
        hands.press(cell.get_by_role("button", name="Reset"), hand)
        expect(line).to_have_text(said)
        expect(heard).to_have_text(known)


def test_enter_has_a_phrase_read(page):
    cell = cell_of(page, "phrases")
    lab.fill(cell, "a number in words", "six hundred and seven")
    expect(cell.locator(".line")).to_contain_text("607")
    expect(cell.locator(".widget-label")).to_have_text("six hundred and seven")
    expect(cell.get_by_label("a number in words", exact=True)).to_be_focused()


@pytest.mark.parametrize("name", ["phrases", "program", "guess"])
def test_a_field_keeps_the_menu_of_the_browser_which_pastes(page, name):
    explorer = cell_of(page, name).locator(".explorer")
    explorer.locator("input[type=text]").first.click(button="right")
    expect(page.locator(".lm-Menu")).to_have_count(0)
    explorer.click(button="right", position={"x": 2, "y": 2})
    expect(page.locator(".lm-Menu")).to_have_count(1)
    page.keyboard.press("Escape")


def test_a_guess_is_answered(page):
    cell = cell_of(page, "guess")
    cell.get_by_label("How many of 24?, your guess").press("ArrowRight")
    cell.get_by_role("button", name="Commit").click()
    assert cell.locator(".line").inner_text().startswith("You said 13; it is 21.")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_everyone_can_use_them(page, theme):
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.click()
    page.locator(".lm-Menu-itemLabel", has_text=theme).first.click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    expect(page.locator(".explorer svg[role=img][aria-label]")).to_have_count(len(lab.EXPLORERS))
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    violations = Axe().run(page, context=".explorer", options=rules).response["violations"]
    assert not violations, json.dumps(violations, indent=1)[:3000]


def test_the_playground_answers_bad_input_in_place(page):
    cell, wrong = cell_of(page, "playground"), {label: (value, sentence) for label, value, sentence in lab.WRONG}
    for label in ("range to train on", "seeds", "learning rate"):
        value, sentence = wrong[label]
        good = cell.get_by_label(label, exact=True).input_value()
        lab.train(cell, **{label: value})
        expect(cell.locator(".line")).to_contain_text(sentence)
        lab.fill(cell, label, good)


def test_the_playground_is_trained_by_the_kernel_and_stops(page):
    cell = cell_of(page, "playground")
    line = cell.locator(".line")
    lab.train(cell, operation="a + b", unit="NAU", seeds="2", steps="3000")  # the page alone cannot train a NAU
    expect(line).to_contain_text(re.compile(r"seed 0: W = \[1\.000, 1\.000\]\. Seeds: 2, steps: 3,000\."), timeout=lab.PATIENCE)
    lab.train(cell, steps="1000000")
    expect(line).to_contain_text(re.compile(r"^step .* of 1,000,000"), timeout=lab.PATIENCE)
    weight = cell_of(page, "weight")
    weight.get_by_role("slider").first.press("End")  # while the kernel trains
    expect(weight.locator(".widget-label")).to_have_text(re.compile(r"^6\.0 "), timeout=lab.PATIENCE)
    expect(line).to_contain_text("step ")
    cell.get_by_role("button", name="Stop").click()
    expect(line).to_contain_text(re.compile(r"^Stopped\. median error inside"))
    lab.train(cell, steps="200")  # the kernel has heard of it, too
    expect(line).to_contain_text("Seeds: 2, steps: 200.", timeout=lab.PATIENCE)


def test_a_stored_notebook_moves_before_it_is_run_and_stays_as_it_is(address, browser, folder):
    page, errors = new_page(browser)
    lab.open_notebook(page, address, STORED)
    explorers = sum("explorers." in cell["source"] and bool(cell["outputs"]) for cell in code_cells(folder / STORED))
    expect(page.locator(".explorer")).to_have_count(explorers, timeout=lab.PATIENCE)
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)  # to open it was not to change it
    weight = page.locator(".explorer", has=page.get_by_label("Ŵ", exact=True))
    said = weight.locator(".line").inner_text()
    weight.get_by_label("Ŵ", exact=True).click(position={"x": 10, "y": 8})
    assert weight.locator(".line").inner_text() != said
    assert (folder / STORED).read_bytes() == (lab.ROOT / "notebooks" / STORED).read_bytes()
    page.close()
    assert none(errors), errors


def test_a_link_leads_to_the_section_that_is_meant(address, browser):
    page, errors = new_page(browser)
    lab.open_notebook(page, address, LINKING)
    page.locator("a[href='#The-secret-of-the-long-slope']", has_text="below").first.click()
    expect(page.get_by_role("heading", name="The secret of the long slope")).to_be_in_viewport()
    for _ in range(2):  # JupyterLab shows the beginning of a notebook that it has just opened: the second click leads on
        page.get_by_role("tab", name=LINKING).click()
        page.get_by_role("link", name="surface of W", exact=True).click()
        expect(page.get_by_role("heading", name="02 · The neural accumulator")).to_have_count(1)
        page.wait_for_selector("text=| Idle", timeout=lab.PATIENCE)
    expect(page.get_by_role("heading", name="tanh times sigmoid")).to_be_in_viewport()
    page.close()
    assert none(errors), errors


def test_a_kernel_that_dies_under_explorers_does_not_stop_the_hand(address, browser, folder):
    page, errors = new_page(browser)
    cells = ("explorers.weight()", "explorers.playground()", "import os\n\nprint('process', os.getpid())")
    lab.open_notebook(page, address, lab.write_notebook(folder, "dies.ipynb", *cells))
    lab.run_all(page, 2)
    weight, playground = page.locator(".explorer").all()
    lab.train(playground, seeds="2", steps="1000000")
    expect(playground.locator(".line")).to_contain_text(re.compile(r"^step .* of 1,000,000"), timeout=lab.PATIENCE)
    process = page.locator(".jp-OutputArea-output", has_text=re.compile(r"process \d"))
    os.kill(int(process.inner_text().split()[1]), signal.SIGKILL)
    page.locator(".jp-Dialog button").last.click(timeout=lab.PATIENCE)  # JupyterLab says that it begins a new one
    said = weight.locator(".line").inner_text()
    weight.get_by_role("slider").first.press("ArrowRight")
    assert weight.locator(".line").inner_text() != said
    expect(playground.locator(".line")).to_contain_text("The kernel does not answer any more: run the cell again.", timeout=lab.PATIENCE)
    lab.train(playground, steps="200")  # now in the page
    expect(playground.locator(".line")).to_contain_text("Seeds: 2, steps: 200.", timeout=lab.PATIENCE)
    page.close()
    assert none(errors), errors


def test_the_first_picture_is_timed_without_the_training_before_it(browser, tmp_path):
    with lab.running(tmp_path) as address:
        first, trained = latency.opening(browser, tmp_path, address, "replay", lab.EXPLORERS["replay"], waited := [])
    assert 0 < first < lab.PATIENCE and trained > 10 and len(waited) >= 100


def code_cells(path):
    return [
        {**cell, "source": "".join(cell["source"])}
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
