"""The static pages: complete without a kernel, in a real browser."""

import re
import sys

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')

from playwright.sync_api import sync_playwright

from . import lab

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
CONTRAST = """() => {
    const parts = color => (color.match(/[\\d.]+/g) || []).map(Number)
    const light = color => parts(color).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const behind = element => { const color = element ? getComputedStyle(element).backgroundColor : 'rgb(255, 255, 255)'
        return parts(color)[3] === 0 ? behind(element.parentElement) : color }
    const weak = {}
    for (const element of document.querySelectorAll('body *')) {
        const words = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join('')
        if (!words || !element.getClientRects().length || element.closest('mjx-container, script, style')) continue
        const style = getComputedStyle(element), [low, high] = [light(style.color), light(behind(element))].sort((a, b) => a - b)
        const ratio = (high + 0.05) / (low + 0.05)
        if (ratio < 4.5) weak[`${style.color} on ${behind(element)}: ${ratio.toFixed(2)}`] = words.slice(0, 40)
    }
    return weak }"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    sys.path.insert(0, str(lab.ROOT / "tools"))
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
    assert len(names) == 1 + len(list((lab.ROOT / "notebooks").glob("*.ipynb")))
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


def test_all_text_stands_out_from_its_background(pages):
    """At least 4.5 to 1, as the Web Content Accessibility Guidelines 2.2 ask for in 1.4.3."""
    out, page = pages
    for path in sorted(out.glob("*.html")):
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        assert page.evaluate(CONTRAST) == {}, path.name


def test_explorers_left_their_pictures_and_no_widget_is_missing(pages):
    out, _ = pages
    notebooks = [path for path in (lab.ROOT / "notebooks").glob("*.ipynb") if "explorers." in path.read_text(encoding="utf-8")]
    for path in (out / f"{notebook.stem}.html" for notebook in notebooks):
        text = path.read_text(encoding="utf-8")
        assert 'alt="Explorer: ' in text and "No description has been provided" not in text, path.name
        assert not re.search(r"widget-view|Click to show javascript error", text), path.name
