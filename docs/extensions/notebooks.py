"""The notebooks as pages: as they are stored, with a name under every figure, explorers that move, and solutions folded."""

import html
import json
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
READING = "This page is for reading: explorers move, cells do not run. To run them, [start the notebooks yourself](../use.md#Start)."
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def read(text):
    """The notebook in the JSON `text`, made ready for a page: what needs a kernel is replaced by what does not."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells[0].source = re.sub(r"^\*\*About .+", rf"\g<0>\n\n{READING}", notebook.cells[0].source, flags=re.MULTILINE)
    number = re.match(r"# (\d+)", notebook.cells[0].source).group(1)
    state = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    figures, tables, modules = 0, 0, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../docs/", "](../")
        if "hide-input" in cell.metadata.get("tags", []):  # of a question
            cell.metadata["mystnb"] = {"code_prompt_show": "Show the code, which knows the answer", "code_prompt_hide": "Hide the code"}
        outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.get("text", "").startswith("Not yet: "):  # of an exercise, which is a reader's to solve
                continue
            if VIEW in data:
                output = explorer(state, data[VIEW]["model_id"], data["text/plain"], "../", modules)
            elif "image/png" in data:
                figures += 1
                cell.metadata["mystnb"] = named(f"Figure {number}.{figures}", output.metadata["image/png"]["alt"])
            elif "<table" in data.get("text/html", ""):
                tables += 1
                output.data["text/html"] = captioned(data["text/html"], f"Table {number}.{tables}")
            outputs += [output] if output else []
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def named(name, words):
    """What myst-nb is to do with a picture: `words` in place of it for those who do not see it, and its name below.

    How wide it is shown the output itself says.
    """
    return {"image": {"alt": words}, "figure": {"caption": name, "name": anchor(name)}}


def captioned(text, name):
    """The HTML `text` of a table with its name as the caption and anchor, without the styles that pandas writes into it."""
    text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.DOTALL)
    opened = f'<table id="{anchor(name)}" class="dataframe"><caption>{name}</caption>'
    return re.sub(r"<table[^>]*>", opened, text, count=1)


def anchor(name):
    return name.lower().replace(" ", "-").replace(".", "-")


def explorer(state, model, words, root="", modules=None):
    """The explorer `model`, called `words`, as an output that explorers.js sets in motion; None for a widget that shows nothing alone.

    The part of it that stands still is on the page from the start, and stays where no JavaScript runs. `root` leads from the page to the
    site's first folder. `modules` are those of the explorers before it on the page: one that is there already is not stored again.
    """
    modules = [] if modules is None else modules
    traits = dict(state[model]["state"])
    if "_esm" not in traits:  # a bar of progress
        return None
    traits["still"] = dict(traits.get("still", {}))
    drawing = traits["still"].pop("svg", "")  # explorers.js puts it back
    if drawing:
        drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{html.escape(words)}"', 1)
        drawing = f'<div class="still" tabindex="0" role="group" aria-label="the picture, which may be wider than the page">{drawing}</div>'
    traits["_esm"] = re.sub("^const CSS = .*", 'const CSS = ""', traits["_esm"])  # parts.css is one of the page's own style sheets
    kept = {"state": traits, "buffers": state[model].get("buffers", [])}
    modules.append(traits["_esm"])
    first = modules.index(traits["_esm"])
    if first < len(modules) - 1:
        kept["like"] = first
        del traits["_esm"]
    kept = json.dumps(kept, ensure_ascii=False).replace("</", "<\\/")
    without = f"<noscript>{without_javascript(traits, root)}</noscript>"
    return shown(f'{drawing}{without}<script type="application/json">{kept}</script>', words)


def without_javascript(traits, root):
    """What stands in place of an explorer's handles where no JavaScript runs: HTML of its stored `traits`."""
    known = traits.get("known", "{}")
    known = json.loads(known) if known.startswith("{") else {}  # much data is packed, and is none of a guess
    if "question" in known:
        low, high, answer = (f"{float(f'{known[name]:.4g}'):,.15g}".replace("-", "−") for name in ("low", "high", "answer"))
        ends = f"{low} to {high}{html.escape(known['unit'])}"
        answer = html.escape(f"It is {answer}{known['unit']}. {known['because']}")
        return (
            f"<p><b>{html.escape(known['question'])}</b></p><p>Write down your guess: a number from {ends}.</p>"
            f"<details><summary>Show the answer</summary><p>{answer}</p></details>"
        )
    if "worker" in known:
        return (
            "<p>With JavaScript you train a unit of your choice here, and watch it. This is what came of one training, with the settings "
            "that the picture shows:</p>"
            f'<img class="picture" src="{root}_static/playground.png" alt="The playground after a training: above the settings, below them '
            'the error inside and outside the training range, step by step, and what the weights and the gate of one seed became.">'
        )
    return "<p>With JavaScript its handles stand here, and it moves.</p>"


def shown(inside, words):
    """An explorer as an output; explorers.js, once it is there, is told that one more has been read."""
    told = "<script>window.setInMotion && setInMotion()</script>"
    return nbformat.v4.new_output("display_data", {"text/html": f'<div class="stored-explorer">{inside}</div>{told}', "text/plain": words})


def place(heading):
    """What a section is called in a link, NAME.ipynb#place: as JupyterLab has it, so that one link leads there in both."""
    return heading.replace(" ", "-")


def opening(path):
    """The title and the question of the notebook at `path`, as its first cell says them."""
    notebook = nbformat.read(path, as_version=4)
    return re.search(r"# (.+)\n+\*\*Question\.\*\* (.+)", notebook.cells[0].source).groups()


class Notebooks(SphinxDirective):
    """{notebooks}: a line for every notebook, with the question that it answers."""

    def run(self):
        rows = [f"[{title}](notebooks/{path.name})\n: {question}\n" for path in PATHS for title, question in [opening(path)]]
        return self.parse_text_to_nodes("\n".join(rows))


class Explorer(SphinxDirective):
    """{explorer} NAME: from the notebook of that name the first explorer whose title holds the words below."""

    required_arguments, has_content = 1, True

    def run(self):
        notebook = nbformat.read(ROOT / "notebooks" / f"{self.arguments[0]}.ipynb", as_version=4)
        state = notebook.metadata.widgets[STATE]["state"]
        for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
            if VIEW in output.get("data", {}) and " ".join(self.content) in output.data["text/plain"]:
                root = "../" * self.env.docname.count("/")
                found = explorer(state, output.data[VIEW]["model_id"], output.data["text/plain"], root)
                if found:
                    return [nodes.raw("", found.data["text/html"], format="html")]
        raise self.error(f"{self.arguments[0]} holds no explorer with these words: name a notebook that shows one")


def dress(app, tree):
    """Hide what is below the heading Solutions until a reader asks for it, and mark the paragraphs that the style sheet sets apart."""
    for section in tree.findall(nodes.section):
        if section.next_node(nodes.title).astext() == "Solutions":
            section.insert(1, nodes.raw("", '<details class="solutions"><summary>Show the solutions</summary>', format="html"))
            section.append(nodes.raw("", "</details>", format="html"))
    for paragraph in tree.findall(nodes.paragraph):
        for words, name in (
            ("Question.", "question"),
            ("Write down your prediction.", "prediction"),
            (READING.partition(":")[0], "aside"),
        ):
            if paragraph.astext().startswith(words):
                paragraph["classes"].append(name)
    for text in list(tree.findall(nodes.Text)):
        if isinstance(text.parent, PROSE) and (whole := unbroken(text)) != text:
            text.parent.replace(text, nodes.Text(whole))


PROSE = nodes.paragraph, nodes.emphasis, nodes.strong, nodes.inline, nodes.reference
SHORT = (  # what is to stay on one line: a formula, a list of numbers, a share
    r"\S+(?: [=≈<>≤≥+−·×÷/⊙←] \S+)+",
    r"[\[(][^\s()\[\]]+(?:, [^\s()\[\]]+)+[\])]",
    r"\d %",
)


def unbroken(text):
    """`text` with no-break spaces in what is short and should stay on one line: x₁ − x₂, [−2, 2], 5 %."""
    for short in SHORT:
        text = re.sub(short, lambda found: found[0].replace(" ", "\u00a0") if len(found[0]) <= 24 else found[0], text)
    return text


def question_first(app, tree, name):
    """Show a question for a guess above the folded code, which knows the answer."""
    for cell in tree.findall(nodes.container):
        if "tag_hide-input" in cell["classes"]:
            cell.children.reverse()


def copy(app, config):
    """Copy the notebooks to where Sphinx looks for pages, those that changed."""
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for old in set(folder.iterdir()) - {folder / path.name for path in PATHS}:
        old.unlink()
    for path in PATHS:
        write(folder / path.name, path.read_text(encoding="utf-8"))


def write(path, text):
    """Write `text` to `path` unless it is there already, so that Sphinx reads anew only what changed."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app):
    app.add_directive("notebooks", Notebooks)
    app.add_directive("explorer", Explorer)
    app.connect("config-inited", copy)
    app.connect("doctree-read", dress)
    app.connect("doctree-resolved", question_first)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
