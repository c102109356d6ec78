"""The static pages: complete without a kernel, in a real browser."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')

from playwright.sync_api import sync_playwright

from . import lab

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    sys.path.insert(0, str(ROOT / "tools"))
    import make_html

    out = tmp_path_factory.mktemp("pages") / "html"
    make_html.main(out)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
        yield out, browser.new_page(viewport={"width": 1200, "height": 900})
        browser.close()


def test_every_page_has_its_pictures_links_and_headings(pages):
    out, page = pages
    names = sorted(path.name for path in out.glob("*.html"))
    assert len(names) == 1 + len(list((ROOT / "notebooks").glob("*.ipynb")))
    for name in names:
        page.goto((out / name).as_uri(), wait_until="domcontentloaded")
        sizes = page.eval_on_selector_all("img", "images => images.map(image => [image.complete && image.naturalWidth, image.alt])")
        assert all(width and alt for width, alt in sizes), name
        assert name == "index.html" or sizes, name
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            target = link.split("#")[0]
            assert not target or target.startswith("https://") or (out / target).exists(), (name, link)
        levels = page.eval_on_selector_all("h1, h2, h3, h4", "headings => headings.map(heading => +heading.tagName[1])")
        assert levels[0] == 1 and all(after <= before + 1 for before, after in zip(levels, levels[1:])), name


def test_explorers_left_their_pictures_and_no_widget_is_missing(pages):
    out, _ = pages
    for path in out.glob("0[1-5]*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'alt="Explorer: ' in text and "No description has been provided" not in text, path.name
        assert not re.search(r"widget-view|Click to show javascript error", text), path.name
