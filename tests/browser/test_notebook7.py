"""A stored notebook of ours in Jupyter Notebook 7: it moves before anything is run, and after; it trains, and keeps its answers folded.

What the explorers draw and say is in test_explorers.py; JupyterLab is in test_jupyterlab.py. These need Chromium and Playwright, as there.
"""

import re
import shutil

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')
pytest.importorskip("notebook", reason='needs Notebook 7: pip install -c constraints.txt -e ".[test,browser]"')

from playwright.sync_api import expect

from . import lab
from .test_jupyterlab import STORED, code_cells, new_page, none

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
CODE = [cell["source"] for cell in code_cells(lab.ROOT / "notebooks" / STORED)]
GUESS = next(i for i, source in enumerate(CODE) if "explorers.guess(" in source)
TRAINS = next(i for i, source in enumerate(CODE) if "\nfit(" in source)
ITS_OWN = "Cannot read properties of undefined (reading 'schema')"  # an error of Notebook 7's page, with an empty notebook, too
WEIGHT = CODE.index("explorers.weight()")


@pytest.fixture(scope="module")
def page(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("notebook7")
    shutil.copy(lab.ROOT / "notebooks" / STORED, folder)
    with lab.running(folder, "notebook") as address:
        page, errors = new_page(browser)
        lab.open_notebook(page, address, STORED)
        yield page
        page.close()
    assert none([text for text in errors if text != ITS_OWN]), errors


def move(cell):
    """Move the explorer of a `cell` by a key, and see that its words and its picture follow."""
    handle, line, picture = cell.get_by_label("Ŵ", exact=True), cell.locator(".line"), cell.locator("svg[role=img]")
    was, said, drawn = float(handle.input_value()), line.inner_text(), picture.inner_html()
    handle.press("ArrowRight")
    assert float(handle.input_value()) > was
    assert line.inner_text() != said and picture.inner_html() != drawn


def run(page, number):
    """Run the code cell `number`, and wait until it is done."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\*\]:"))
    expect(cell.locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=3 * lab.PATIENCE)
    return cell


def test_a_stored_explorer_moves_before_anything_is_run(page):
    expect(page.locator(".explorer")).to_have_count(sum("explorers." in source for source in CODE), timeout=lab.PATIENCE)
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)  # to open it was not to change it
    move(page.locator(".jp-CodeCell").nth(WEIGHT))


def test_a_guess_is_taken_and_its_answer_stays_folded_until_it_is_asked_for(page):
    guess, answer = (page.locator(".jp-CodeCell").nth(GUESS + i) for i in (0, 1))
    expect(answer.locator(".jp-Placeholder")).to_be_visible()
    expect(answer.locator(".jp-OutputArea img")).to_be_hidden()
    guess.get_by_role("slider").press("ArrowRight")
    guess.get_by_role("button", name="Commit").click()
    assert guess.locator(".line").inner_text().startswith("You said ")
    answer.locator(".jp-Placeholder").click()
    expect(answer.locator(".jp-OutputArea img")).to_be_visible()


def test_a_training_shows_its_progress_and_an_explorer_that_was_run_moves(page):
    run(page, 0)
    trained = run(page, TRAINS)
    expect(trained.locator(".jupyter-widgets", has_text=re.compile(r"1000\s+steps")).first).to_be_visible()
    expect(trained.locator(".progress-bar")).to_be_visible()
    expect(trained.locator("pre", has_text="W =")).to_be_visible()
    move(run(page, WEIGHT))
