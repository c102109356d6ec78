"""The site in a real browser, from a local server and as files, with every other address refused."""

import contextlib
import io
import json
import re
import runpy
import subprocess
import sys

import pytest

pytest.importorskip("playwright", reason='needs Playwright: pip install -c constraints.txt -e ".[test,browser]"')
pytest.importorskip("myst_nb", reason='needs Sphinx: pip install -c constraints.txt -e ".[test,docs]"')

from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageStat

from nalu_helpers import expression, plots

from . import hands, lab, mounted, python_says

pytestmark = pytest.mark.skipif(lab.BROWSER is None, reason="needs Chromium: apt-get install chromium")
WIDE = {"width": 1300, "height": 900}
ENLARGED = {"width": WIDE["width"] // 2, "height": WIDE["height"] // 2}  # what a page has where the browser shows it at 200 %
SMALLEST_LETTERS = 10 / 72 * plots.STYLE["figure.dpi"]  # in the figures, in their own pixels: no letters there are below 10 points
SMALLEST_IN_FIGURES = """smallest => [...document.querySelectorAll('.bd-article figure img, .bd-article img.picture')]
    .map(image => smallest * image.getBoundingClientRect().width / image.naturalWidth)
    .reduce((least, size) => Math.min(least, size), Infinity)"""
PARTS_SHOWN = """() => [...document.querySelectorAll('.bd-article div.cell_output figure img')]
    .map(image => image.getBoundingClientRect().width / image.naturalWidth)"""
AXE = Axe().axe_script
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FOUND = """async ([where, what]) => {
    const { violations, incomplete } = await axe.run(where || document, what)
    return { violations, incomplete } }"""
LEFT = "net::ERR_ABORTED"  # a request that a page left behind when the next was opened: no failure
RAW_FORMULAS = r"""() => {
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), raw = []
    while (words.nextNode()) {
        if (words.currentNode.parentElement.closest('script, style, code, pre')) continue
        raw.push(...(words.currentNode.data.match(/\\\(|\\\[|\$\$|\$[^$\s][^$]*\$|\\frac|\\hat/g) || []))
    }
    return raw }"""


def stored_explorers():
    """What the notebooks store of the explorers with a script of their own: page → the state of each."""
    views, states = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
    held = {}
    for path in sorted((lab.ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        models = notebook["metadata"].get("widgets", {}).get(states, {}).get("state", {})
        outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
        shown = [models[output["data"][views]["model_id"]]["state"] for output in outputs if views in output.get("data", {})]
        held[f"notebooks/{path.stem}.html"] = [state for state in shown if "_esm" in state]
    return held


STORED = stored_explorers()
IDENTITY = "notebooks/01_why_networks_cannot_count.html", 1
STORED["index.html"] = [STORED[IDENTITY[0]][IDENTITY[1]]]  # the front page shows it, too
EVERY = [(name, number) for name, states in STORED.items() for number in range(len(states))]
SOME = [IDENTITY, ("notebooks/12_playground.html", 0), ("index.html", 0)]
EVERYWHERE = [("served", *each) for each in EVERY] + [("as files", *each) for each in SOME]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "html"
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-d", out.parent / "doctrees", lab.ROOT / "docs", out], check=True, cwd=lab.ROOT)
    return out


@pytest.fixture(scope="module")
def names(site):
    return [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


@pytest.fixture(scope="module")
def served(site):
    with lab.served(site) as address:
        yield address


@contextlib.contextmanager
def reading(browser, **options):
    """A page of the browser, and a list of what goes wrong on it: errors, warnings, requests that fail or leave this machine."""
    context = browser.new_context(viewport=WIDE, **options)
    context.set_default_timeout(lab.PATIENCE)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: request.failure == LEFT or wrong.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda response: response.status >= 400 and wrong.append(f"{response.url}: {response.status}"))
    context.route(re.compile(r"^(?!file:|data:|blob:|http://127\.0\.0\.1:)"), lambda route: route.abort())
    yield page, wrong
    context.close()


@pytest.fixture(scope="module", params=["served", "as files"])
def address(request, site, served):
    return served if request.param == "served" else site.as_uri() + "/"


@pytest.fixture(scope="module")
def found(browser, site, names, address):
    """What is found on each page, opened once: wide, light and dark, and as narrow as a phone."""
    with reading(browser) as (page, wrong):
        got = set()
        page.on("response", lambda response: got.add(response.url.removeprefix(address)))
        return {name: visit(page, address, name, wrong, got, site) for name in names}


SHARED = ("_static/", "searchindex.js")  # by all pages


def visit(page, address, name, wrong, got, site):
    wrong.clear()
    got.clear()
    page.goto(address + name)
    page.wait_for_function("() => !document.querySelector('.stored-explorer > script')")  # it goes when the explorer moves, or says why not
    seen = {
        "pictures": page.eval_on_selector_all("img", "images => images.map(image => [image.complete && image.naturalWidth, image.alt])"),
        "raw formulas": page.evaluate(RAW_FORMULAS),
        "headings": page.locator("h1:visible").count(),
        "parts of figures": page.evaluate(PARTS_SHOWN),
        "moving": page.locator(".stored-explorer.moves").count(),
        "bytes": sum((site / path).stat().st_size for path in got if (site / path).is_file() and not path.startswith(SHARED)),
        "violations": violations(page, name) if address.startswith("http") else [],
    }
    page.set_viewport_size({"width": 390, "height": 800})
    seen["width on a phone"] = page.evaluate("document.scrollingElement.scrollWidth")
    seen["smallest on a phone"] = page.evaluate(mounted.SMALLEST)  # infinite where there is no picture
    seen["parts of figures on a phone"] = page.evaluate(PARTS_SHOWN)
    page.set_viewport_size(ENLARGED)
    seen["width at 200 %"] = page.evaluate("document.scrollingElement.scrollWidth")
    seen["smallest at 200 %"] = min(page.evaluate(mounted.SMALLEST), page.evaluate(SMALLEST_IN_FIGURES, SMALLEST_LETTERS))
    seen["crowded at 200 %"] = page.evaluate(mounted.CROWDED)
    page.set_viewport_size(WIDE)
    return {**seen, "wrong": [*wrong]}


def violations(page, name):
    """What axe finds against WCAG 2.2 AA, light and dark; in the dark only colours differ.

    Words in the very colour of their ground axe does not call a violation but incomplete: they might be hidden on purpose. Here none are.
    """
    page.add_style_tag(content="* { transition: none !important }")  # no colour is caught half way from light to dark
    page.evaluate(AXE)
    seen = None if "digits" in name or "/03_" in name else {"exclude": [[".highlight"]]}  # code has the same colours on all other pages
    found = []
    for scheme, rules in (("light", WCAG), ("dark", ["color-contrast"])):
        page.evaluate("scheme => { document.documentElement.dataset.theme = scheme }", scheme)
        asked = [seen, {"runOnly": rules, "resultTypes": ["violations", "incomplete"], "preload": False}]
        result = page.evaluate(FOUND, asked)
        for violation in [*result["violations"], *filter(None, map(unseen, result["incomplete"]))]:
            nodes = [node["html"][:300] + node["failureSummary"] for node in violation["nodes"][:3]]
            found.append((violation["id"], scheme, nodes))
    return found


def unseen(result):
    """The part of an incomplete result of axe that says that words have the colour of their ground; None when there is none."""
    if result["id"] != "color-contrast":
        return None
    nodes = [node for node in result["nodes"] if any(check["data"] and check["data"].get("contrastRatio") == 1 for check in node["any"])]
    return {**result, "nodes": nodes} if nodes else None


SERVED = pytest.mark.parametrize("address", ["served"], indirect=True)  # as files the pages look the same


def test_every_page_is_complete_and_nothing_goes_wrong(found):
    for name, page in found.items():
        assert all(width and alt for width, alt in page["pictures"]), name
        assert page["raw formulas"] == [] and page["headings"] == 1 and page["wrong"] == [], (name, page)


@SERVED
def test_everyone_can_read_every_page(found):
    """No violation of WCAG 2.2 AA that axe can find, light or dark."""
    violated = {name: page["violations"] for name, page in found.items() if page["violations"]}
    assert not violated, json.dumps(violated, indent=1)


@SERVED
def test_no_page_weighs_more_than_one_and_a_half_megabytes(found):
    """Beside what all pages share, which a browser loads once."""
    assert {name: page["bytes"] for name, page in found.items() if not 0 < page["bytes"] < 1_500_000} == {}


def test_every_page_fits_on_a_phone(found):
    assert {name: page["width on a phone"] for name, page in found.items() if page["width on a phone"] > 390} == {}


@SERVED
def test_what_is_written_in_an_explorer_can_be_read_on_a_phone(found):
    assert {name: size for name, page in found.items() if (size := page["smallest on a phone"]) < mounted.ENOUGH} == {}


@SERVED
def test_letters_are_as_large_in_one_figure_as_in_another(found):
    shown = {name: page["parts of figures"] for name, page in found.items() if page["parts of figures"]}
    assert shown and {name: parts for name, parts in shown.items() if max(abs(part - plots.SHOWN) for part in parts) > 0.005} == {}


@SERVED
def test_what_is_written_in_a_figure_can_be_read_on_a_phone(found):
    shown = {name: page["parts of figures on a phone"] for name, page in found.items() if page["parts of figures on a phone"]}
    assert shown and {name: parts for name, parts in shown.items() if SMALLEST_LETTERS * min(parts) < mounted.ENOUGH} == {}


@SERVED
def test_every_page_can_be_read_when_it_is_enlarged_to_200_percent(found):
    """WCAG 1.4.4 and 1.4.10: no page scrolls sideways; what is written in its pictures is large enough, whole, and not on other words."""
    assert {name: page["width at 200 %"] for name, page in found.items() if page["width at 200 %"] > ENLARGED["width"]} == {}
    assert {name: size for name, page in found.items() if (size := page["smallest at 200 %"]) < mounted.ENOUGH} == {}
    assert {name: words for name, page in found.items() if (words := page["crowded at 200 %"])} == {}


def test_a_figure_that_is_wider_than_the_page_scrolls_by_key(browser, served):
    with reading(browser) as (page, wrong):
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(served + "notebooks/06_every_operation.html")
        widest = page.locator(".bd-article figure[tabindex]").first
        widest.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("figure => figure.scrollLeft > 0", arg=widest.element_handle())
        page.set_viewport_size({**WIDE, "width": 2000})
        page.wait_for_function("() => !document.querySelector('.bd-article figure[tabindex]')")  # nothing to scroll, no stop for the keys
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(served + "notebooks/02_the_neural_accumulator.html")
        page.locator("summary", has_text="By hand").first.click()
        page.wait_for_function("() => document.querySelector('div.math > math[tabindex]')")  # and so does a formula
        assert not wrong


AT_REST = "() => { const [before] = [window.y, window.y = scrollY]; return before === scrollY }"


def test_a_long_page_opens_where_its_address_says_and_again_where_it_was_left(browser, served):
    """What is far below is laid out only when all has been read, which must move nothing that a reader looks at."""
    with reading(browser) as (page, wrong):
        page.goto(served + "notebooks/08_the_units_that_followed.html#Takeaways")
        page.wait_for_load_state("networkidle")
        heading = page.locator("h2", has_text="Takeaways")
        assert 0 <= heading.bounding_box()["y"] < 200 and not page.locator("html.arriving").count()
        page.mouse.wheel(0, -700)
        page.wait_for_function(AT_REST, polling=200)
        left = heading.bounding_box()["y"]
        page.goto(served + "index.html")
        page.go_back(wait_until="networkidle")
        page.wait_for_function(AT_REST, polling=200)
        assert abs(heading.bounding_box()["y"] - left) < 100
        assert not wrong


def test_every_stored_explorer_moves(found):
    assert {name: found[name]["moving"] for name in STORED} == {name: len(states) for name, states in STORED.items()}


def test_the_page_is_dark_where_the_reader_likes_it_dark(browser, served):
    with reading(browser, color_scheme="dark") as (page, _):
        page.goto(served)
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.get_by_role("button", name="Color mode").click()
        page.get_by_role("button", name="Light").click()
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.goto(served + "glossary.html")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_phone_does_not_take_the_front_page_for_a_wide_one(browser, served):
    with reading(browser, is_mobile=True, has_touch=True) as (page, _):
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(served)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_search_finds_words_and_names(browser, address):
    with reading(browser) as (page, wrong):
        for words, wanted in (("extrapolation", "01 · Why networks cannot count"), ("sparsity_error", "metrics")):
            page.goto(f"{address}search.html?q={words}")
            page.wait_for_function("words => document.querySelector('#search-results')?.innerText.includes(words)", arg=wanted)
        page.goto(f"{address}search.html?q=sparsity")
        if not address.startswith("file:"):  # the lines around what was found, also where Sphinx's stem of a word is none
            page.wait_for_function("() => /sparsity error/.test(document.querySelector('#search-results .context')?.innerText)")
            assert not any(line.startswith("....") for line in page.locator("#search-results .context").all_inner_texts())
        assert not wrong


def test_without_javascript_the_text_the_formulas_and_the_pictures_stand_there(browser, site, names, address):
    with reading(browser, java_script_enabled=False) as (page, _):
        page.goto(address + "index.html")
        assert page.get_by_role("link", name="00 · Start here").first.is_visible()
        for name in names:
            if "stored-explorer" not in (site / name).read_text(encoding="utf-8"):
                continue
            page.goto(address + name)
            assert page.evaluate(RAW_FORMULAS) == [], name
            for place in page.locator(".stored-explorer").all():
                shown = place.locator("svg, img")
                assert place.locator("noscript").is_visible(), name
                if shown.count():  # a picture worth looking at
                    assert min(shown.bounding_box()[side] for side in ("width", "height")) > 100, name
                else:  # or a question, with its answer behind a fold that needs no script
                    assert re.search(r"\?$", place.locator("noscript").inner_text(), re.MULTILINE), name  # a line that ends as a question
                    assert not (answer := place.locator("details > p")).is_visible()
                    place.locator("summary").press("Enter")  # a click would wait for a frame, and no script tells of one
                    assert answer.is_visible() and answer.inner_text().startswith("It is ")


REFUSED = """for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() { throw new DOMException("refused", "SecurityError") }, configurable: true })
}"""


def test_a_browser_that_keeps_nothing_reads_everything(browser, served):
    with reading(browser) as (page, wrong):
        page.add_init_script(REFUSED)
        for name in ("index.html", "notebooks/02_the_neural_accumulator.html"):
            page.set_viewport_size(WIDE)
            page.goto(served + name)
            page.get_by_role("button", name="Color mode").click()
            page.get_by_role("button", name="Dark").click()
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            page.keyboard.press("Control+k")
            assert page.get_by_role("searchbox").first.is_visible()
            assert page.evaluate("document.activeElement.name") == "q"
            page.keyboard.press("Escape")
            page.set_viewport_size({"width": 390, "height": 800})
            page.locator("button.primary-toggle").first.click()
            assert page.get_by_role("dialog").get_by_role("link", name="00 · Start here").is_visible()
        assert not wrong


def test_paper_is_light_and_the_page_dark_again_when_it_is_printed(browser, served):
    with reading(browser, color_scheme="dark") as (page, _):
        page.goto(served + "notebooks/02_the_neural_accumulator.html")
        page.wait_for_function("() => !document.querySelector('.stored-explorer > script')")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print", color_scheme="dark")
        ink = page.evaluate(
            "[...document.querySelectorAll('.bd-article p, .bd-article h1, .explorer')].map(part => getComputedStyle(part).color)"
        )
        assert max(sum(map(float, re.findall(r"[\d.]+", color)[:3])) for color in ink) < 3 * 128, ink
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_nothing_moves_by_itself_for_a_reader_who_asked_for_rest(browser, served):
    moving = """() => [...document.querySelectorAll('*')].filter(part => ['', '::before', '::after'].some(pseudo => {
        const style = getComputedStyle(part, pseudo || null)
        return [style.transitionDuration, style.animationDuration].some(times => times.split(', ').some(time => parseFloat(time) > 0)) &&
            (style.transitionProperty !== 'none' || style.animationName !== 'none') || style.scrollBehavior === 'smooth'
    })).length"""
    for motion in ("no-preference", "reduce"):
        with reading(browser, reduced_motion=motion) as (page, _):
            page.goto(served + "notebooks/02_the_neural_accumulator.html")
            assert (page.evaluate(moving) > 0) == (motion == "no-preference")


def test_the_picture_of_the_front_page_is_dark_in_the_dark(browser, served):
    with reading(browser, color_scheme="dark") as (page, _):
        page.goto(served)
        picture = page.locator("img.picture")
        picture.scroll_into_view_if_needed()
        pixels = Image.open(io.BytesIO(picture.screenshot())).convert("L")
        assert ImageStat.Stat(pixels).median[0] < 64


def test_solutions_wait_until_they_are_asked_for_and_are_printed(browser, served):
    with reading(browser) as (page, _):
        page.goto(served + "notebooks/03_training_a_nac_to_add.html")
        solution = page.locator("details.solutions p").first
        assert not solution.is_visible()
        page.get_by_text("Show the solutions").click()
        assert solution.is_visible()
        page.reload()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        assert solution.is_visible() and not page.locator(".bd-sidebar-primary").is_visible()
        moves = "part => getComputedStyle(part).animationName !== 'none'"  # what fades in is not there yet when it is printed
        assert page.evaluate(f"[...document.querySelectorAll('details > *')].filter({moves}).length") == 0


def test_a_cell_is_copied_without_its_output(browser, served):
    with reading(browser, permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        page.goto(served + "notebooks/03_training_a_nac_to_add.html")
        cell = page.locator("div.cell").nth(1)
        cell.hover()
        cell.locator(".copybtn").first.click()
        assert page.evaluate("navigator.clipboard.readText()").startswith("x1 = np.arange(0, 10000, 5)\n")


@pytest.mark.parametrize("address, name, number", EVERYWHERE, indirect=["address"])
def test_every_explorer_follows_every_hand_with_the_numbers_of_python(browser, address, name, number):
    state = STORED[name][number]
    with reading(browser, has_touch=True) as (page, wrong):
        page.goto(address + name)
        page.wait_for_function("() => !document.querySelector('.stored-explorer > script')")
        explorer = page.locator(".stored-explorer").nth(number).locator(".explorer")
        line, picture = explorer.locator(".line"), explorer.locator("svg").first
        said, drawn = line.inner_text(), picture.inner_html()
        for hand in hands.HANDS:
            for _ in hands.use(explorer, hand):
                python_says.compare(explorer, state)
            assert picture.inner_html() != drawn
            guess = explorer.get_by_role("button", name="Guess again")
            hands.press(guess if guess.count() else explorer.get_by_role("button", name="Reset"), hand)
            assert line.inner_text() == said or python_says.kind_of(state) == "playground"  # what it has trained stays
        assert not wrong


def test_an_address_with_settings_shows_the_playground_and_trains(browser, address):
    with reading(browser) as (page, wrong):
        page.goto(address + "notebooks/12_playground.html#playground&operation=a+%2B+b&unit=NAC&seeds=2&steps=500")
        explorer = page.locator(".explorer").first
        explorer.locator(".line", has_text="Seeds: 2, steps: 500.").wait_for()
        assert 0 <= explorer.bounding_box()["y"] < 200
        assert not wrong


def refusal(text):
    """What Python says of an expression that it refuses: what it names, or "", and the sentence about it."""
    with pytest.raises(ValueError) as refused:
        expression.parse(text)
    return re.fullmatch(r"(?:(['\"].*['\"]) )?(.+)", str(refused.value)).groups("")


def test_the_playground_answers_bad_input_in_place(browser, address):
    """An expression with a sentence of Python's; where Python names a whole part, the page names the sign in it that it does not know."""
    sentences = {sentence for _, sentence in map(refusal, lab.BAD)}
    with reading(browser) as (page, wrong):
        page.goto(address + "notebooks/12_playground.html")
        explorer = page.locator(".explorer").first
        line, drawn = explorer.locator(".line"), explorer.locator("svg").first.inner_html()
        for text in lab.BAD:
            lab.train(explorer, your_own_expression=text)
            named, sentence = re.fullmatch(r"(?:'(.*)' )?(.+)", line.inner_text()).groups("")
            known = named in text or repr(named) == refusal(text)[0]
            assert known and sentence in sentences, (text, line.inner_text())
        for label, value, sentence in lab.WRONG:
            explorer.get_by_role("button", name="Reset").click()
            lab.train(explorer, **{label: value})
            assert sentence in line.inner_text()
        assert explorer.locator("svg").first.inner_html() == drawn
        assert not wrong


def test_explorers_of_a_page_share_one_copy_of_a_script(browser, site):
    """And each has traits of its own."""
    explorer = runpy.run_path(str(lab.ROOT / "docs" / "extensions" / "notebooks.py"))["explorer"]
    modules, outputs = [], []
    for number, module in enumerate((TINY, TINY + " ", TINY)):
        traits = {"_esm": module, "count": number, "deep": {"numbers": None}}
        kept = {"state": traits, "buffers": [{"path": ["deep", "numbers"], "encoding": "base64", "data": "AQID"}]}
        outputs.append(explorer({"it": kept}, "it", "an explorer", modules=modules).data["text/html"])
    assert [output.count("initialize(") for output in outputs] == [1, 1, 0]
    with reading(browser) as (page, wrong):
        page.set_content("".join(outputs))
        page.add_script_tag(path=site / "_static" / "explorers.js")
        assert page.get_by_role("button").all_inner_texts() == ["true 1,2,3 0", "true 1,2,3 1", "true 1,2,3 2"] and not wrong


TINY = """
export default {
  initialize({ model }) { model.set("begun", true) },
  render({ model, el }) {
    const bytes = new Uint8Array(model.get("deep").numbers.buffer)
    const button = el.appendChild(document.createElement("button"))
    const show = () => { button.textContent = `${model.get("begun")} ${[...bytes].join()} ${model.get("count")}` }
    model.on("change:count", show)
    button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes() }
    button.oncontextmenu = () => model.off("change:count", show)
    show()
  },
}"""


@pytest.mark.parametrize(
    "broken, why", [(None, ""), ("throw Error('too old')", "too old"), ("an older browser;", "Unexpected identifier.*")]
)
def test_a_stored_widget_is_set_in_motion(browser, site, broken, why):
    """Any widget by the contract of anywidget: traits, bytes, changes.

    One that an older browser cannot read, or not do, leaves the picture and says why.
    """
    state = {"_esm": f"export default {{ render() {{ {broken} }} }}" if broken else TINY, "count": 1, "deep": {}, "still": {}}
    kept = {"state": state, "buffers": [{"path": ["deep", "numbers"], "encoding": "base64", "data": "AQID"}]}
    script = f'<script type="application/json">{json.dumps(kept)}</script>'
    with reading(browser) as (page, wrong):
        page.set_content(
            f'<div class="stored-explorer"><div class="still"><svg role="img" aria-label="a picture"></svg></div>{script}</div>'
        )
        page.add_script_tag(path=site / "_static" / "explorers.js")
        if broken:
            page.get_by_text(re.compile(rf"^This explorer does not move in this browser \({why}\)\.$")).wait_for()
            assert page.locator("svg").count() == 1 and not wrong
            return
        button = page.get_by_role("button")
        assert button.inner_text() == "true 1,2,3 1"
        button.click()
        assert button.inner_text() == "true 1,2,3 2"
        button.click(button="right")
        button.click()
        assert button.inner_text() == "true 1,2,3 2"
        assert page.locator("svg").count() == 0 and not wrong
