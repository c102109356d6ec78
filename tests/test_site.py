"""The site without a browser: it builds without a warning, asks nothing of a network, no link leads nowhere, and its examples run."""

import ast
import doctest
import importlib
import json
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nalu_helpers import explorers

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.rst"))
IN_DOCSTRINGS = [path for path in sorted((ROOT / "nalu_helpers").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
HOW = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src", "audio": "src", "object": "data"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.places, self.words, self.text = [], [], set(), "", path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.places |= {attributes[name] for name in ("id", "name") if name in attributes}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in LOADED and attributes.get(LOADED[tag]):
            self.loaded.append(attributes[LOADED[tag]])

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("myst_nb", reason='needs Sphinx: pip install -c constraints.txt -e ".[test,docs]"')
    out = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", out.parent / "doctrees", ROOT / "docs", out]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert built.returncode == 0 and not built.stderr, built.stderr
    return {path.relative_to(out).as_posix(): Page(path) for path in sorted(out.rglob("*.html"))} | {"": out}


def pages(site):
    return [(name, page) for name, page in site.items() if name.endswith(".html") and not name.startswith("_static/")]


def test_every_notebook_has_a_page_and_a_download(site):
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{path.stem}.html" in site
        assert (site[""] / "_sources" / "notebooks" / path.name).read_bytes() == path.read_bytes()


def test_nothing_is_loaded_from_a_network(site):
    for name, page in pages(site):
        assert not [address for address in page.loaded if re.match(r"\w+:(?!image/)|//", address)], name
    for style in site[""].rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_a_page_waits_for_no_script_that_it_does_not_need(site):
    for name, page in pages(site):
        loaded = {path.partition("?")[0].rpartition("/")[2] for path in page.loaded}
        assert "explorers.js" in loaded and "fontawesome.js" not in loaded
        assert ("searchindex.js" in loaded) == (name == "search.html"), name
        assert "parts.css" in loaded and "\\n.explorer svg {" not in page.text  # an explorer's looks: once for all, in a file


def test_no_link_leads_nowhere(site):
    for name, page in pages(site):
        for link in page.links + page.loaded:
            address, _, place = re.sub(r"\?\w+=\w+", "", link).partition("#")
            if re.match(r"https://|data:image/|mailto:", link):
                continue
            target = (site[""] / name).parent / address if address else site[""] / name
            assert target.resolve().exists(), (name, link)
            known = site.get(target.resolve().relative_to(site[""].resolve()).as_posix())
            assert not place or place in known.places, (name, link)


def test_every_formula_is_mathml_which_needs_no_javascript(site):
    counts = {name: (page.text.count('class="math notranslate'), page.text.count("<math ")) for name, page in pages(site)}
    assert sum(formulas for formulas, _ in counts.values()) and all(formulas == made for formulas, made in counts.values()), counts


def test_a_page_of_a_notebook_says_that_it_is_for_reading_and_leaves_exercises_open(site):
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page = site[f"notebooks/{path.stem}.html"]
        assert "This page is for reading" in page.words and "../use.html#start" in [link.lower() for link in page.links]
        assert "Not yet: put your answer" in path.read_text(encoding="utf-8") and "Not yet: put your answer" not in page.words


def test_a_question_stands_above_the_code_that_knows_its_answer(site):
    page = site["notebooks/00_start_here.html"].text
    assert 0 < page.index("What does it say about 5,000 + 5,000?") < page.index("Show the code, which knows the answer")


def test_what_is_short_stays_on_one_line_and_its_words_are_still_found(site):
    page, index = site["notebooks/00_start_here.html"].words, (site[""] / "searchindex.js").read_text(encoding="utf-8")
    assert "a test error below 10\u00a0%?" in page and "10,000\u00a0+\u00a010,000. Look" in page.replace("\n", " ")
    assert "\u00a0" not in index and "\\u00a0" not in index and '"relu"' in index


def test_the_code_of_a_page_is_that_of_its_notebook_and_only_words_with_a_look_have_a_span(site):
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page, cells = site[f"notebooks/{path.stem}.html"], json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]).strip() for cell in cells if cell["cell_type"] == "code"]
        assert [source for source in sources if source not in page.words] == []
        assert not set(re.findall(r'<span class="([^"]*)">', page.text)) & {"n", "p", "w", ""}
        assert '<span class="kn">import</span> numpy <span class="k">as</span> np' in page.text


def test_every_icon_of_the_theme_has_its_sign(site):
    drawn = set(re.findall(r"\.(fa-[a-z-]+) \{ --icon", (ROOT / "docs" / "_static" / "walkthrough.css").read_text(encoding="utf-8")))
    shown = {icon for _, page in pages(site) for icons in re.findall(r'"[^"]*\bfa-solid ([^"]*)"', page.text) for icon in icons.split()}
    assert {icon for icon in shown if icon.startswith("fa-")} - {"fa-lg", "fa-fw"} <= drawn


def test_links_between_notebooks_lead_to_pages(site):
    for name, page in pages(site):
        assert not [link for link in page.links if ".ipynb" in link and "_sources/" not in link], name


def test_every_figure_and_table_has_a_name_to_link_to(site):
    for name, page in pages(site):
        number = name.removeprefix("notebooks/")[:2]
        for kind, tag in (("figure", "<figure"), ("table", '<table id="')):
            count = page.text.count(tag) if name.startswith("notebooks/") else 0
            assert {f"{kind}-{number}-{i + 1}" for i in range(count)} <= page.places, name


def test_the_page_of_measurements_says_what_the_files_say(site):
    for path in (ROOT / "results").glob("*.json"):
        origin = json.loads(path.read_text(encoding="utf-8"))
        _, _, said = site["measured.html"].words.partition(f"{path.stem}.csv#")
        said, _, _ = said.partition(".csv#")
        assert origin["command"] in said and origin["date"] in said and origin["machine"] in said and origin["versions"]["keras"] in said


def test_every_reference_stands_in_the_literature(site):
    bibliography = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    assert site["literature.html"].text.count('class="citation"') == bibliography.count("\n@") + 1
    assert set(re.findall(r"url = \{(.+)\}", bibliography)) <= set(site["literature.html"].links)


def test_the_reference_holds_every_public_function_and_class(site):
    for path in (ROOT / "nalu_helpers").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        shown = module.startswith("nalu_helpers.explorers.")
        module = "nalu_helpers.explorers" if shown else module  # its page shows what the package offers, whichever file it is in
        if module == "nalu_helpers" or any(part.startswith("_") for part in module.split(".")):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_") and ast.get_docstring(node)
            if public and (not shown or node.name in explorers.__all__):
                place = f"{module}.{node.name}"
                assert any(place in page.places for _, page in pages(site)), place


def test_the_reference_tells_no_answer_to_an_exercise(site):
    said = " ".join(site["reference/checks.html"].words.split())
    tree = ast.parse((ROOT / "nalu_helpers" / "checks.py").read_text(encoding="utf-8"))
    answers = [ast.get_docstring(node) for node in tree.body if getattr(node, "name", "").startswith("exercise_")]
    assert answers and not [answer for answer in answers if " ".join(answer.split()) in said]


@pytest.mark.parametrize("address", [None, "https://example.org/who/what"])
def test_a_button_leads_to_the_repository_where_its_address_is_known(address, monkeypatch):
    monkeypatch.setenv("REPOSITORY", address) if address else monkeypatch.delenv("REPOSITORY", raising=False)
    shows = "import json, runpy; print(json.dumps(runpy.run_path('docs/conf.py')['html_theme_options']))"  # it changes its process
    options = json.loads(subprocess.run([sys.executable, "-c", shows], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    assert options.get("repository_url") == address and options.get("use_repository_button", False) == bool(address)


def test_every_page_of_the_reference_has_an_example(site):
    assert {Path(name).stem for name in site if name.startswith("reference/")} == {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("name", ["_static/explorers.js", "_static/page.js", "_templates/layout.html"])
def test_an_old_browser_can_read_the_sites_own_scripts(name):
    """So that it comes as far as the sentence that an explorer does not move there. What is refused here came after import()."""
    assert not re.findall(r"\?\.(?!\d)|\?\?|(?:\|\||&&)=|\bcatch \{|:has\(", (ROOT / "docs" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_examples_of_the_reference_run(path):
    failed, tried = doctest.testfile(str(path), module_relative=False, optionflags=HOW, encoding="utf-8")
    assert tried and not failed


@pytest.mark.parametrize("path", IN_DOCSTRINGS, ids=[path.stem for path in IN_DOCSTRINGS])
def test_the_examples_in_docstrings_run(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=HOW)
    assert tried and not failed


def test_a_question_is_asked_without_javascript_in_the_numbers_of_the_text():
    pytest.importorskip("myst_nb", reason='needs Sphinx: pip install -c constraints.txt -e ".[test,docs]"')
    without_javascript = runpy.run_path(str(ROOT / "docs" / "extensions" / "notebooks.py"))["without_javascript"]
    asked = explorers.guess("How large?", 123456, low=0.001, high=1e12, log=True, unit=" steps")
    said = without_javascript({"known": asked.known}, "")
    assert "a number from 0.001 to 1,000,000,000,000 steps." in said and "It is 123,500 steps." in said


@pytest.mark.parametrize(
    "text", ["so y~=~x₁~−~x₂ here", "from [−2,~2] on", "below 5~%.", "(1,~0,~−1) or left, right", " + ".join("abcdefghijklmnop")]
)
def test_only_what_is_short_and_no_prose_is_kept_on_one_line(text):
    pytest.importorskip("myst_nb", reason='needs Sphinx: pip install -c constraints.txt -e ".[test,docs]"')
    unbroken = runpy.run_path(str(ROOT / "docs" / "extensions" / "notebooks.py"))["unbroken"]
    assert unbroken(text.replace("~", " ")) == text.replace("~", "\u00a0")
