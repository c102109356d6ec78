"""The notebooks as pages: as they are stored, with a name under every figure, explorers that move, and solutions folded."""

import base64
import html
import json
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def read(text):
    """The notebook in the JSON `text`, made ready for a page: what needs a kernel is replaced by what does not."""
    notebook = nbformat.reads(text, as_version=4)
    number = re.match(r"# (\d+)", notebook.cells[0].source).group(1)
    state = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    figures = 0
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data:
                output = explorer(state, data[VIEW]["model_id"], data["text/plain"])
            elif "image/png" in data:
                figures += 1
                cell.metadata["mystnb"] = named(f"Figure {number}.{figures}", output.metadata["image/png"]["alt"])
            outputs += [output] if output else []
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def named(name, words):
    """What myst-nb is to do with a picture: `words` in place of it for those who do not see it, and its name below."""
    return {"image": {"alt": words}, "figure": {"caption": name, "name": name.lower().replace(" ", "-").replace(".", "-")}}


def explorer(state, model, words):
    """The explorer `model`, called `words`, as an output that explorers.js sets in motion; None for a widget that has no picture.

    Its picture stands there from the start, and stays where no JavaScript runs.
    """
    picture = still(state, model)
    if picture is None:
        return None
    traits = state[model]["state"]
    if "_esm" in traits:
        kept = {"state": traits, "buffers": state[model].get("buffers", [])}
        words_of_state = json.dumps(kept, ensure_ascii=False).replace("</", "<\\/")
        script = f'<script type="application/json">{words_of_state}</script>'
    else:
        script = ""
    about = html.escape(words)
    text = f'<div class="explorer">{script}<img src="data:image/png;base64,{picture}" alt="{about}"></div>'
    return nbformat.v4.new_output("display_data", {"text/html": text, "text/plain": words})


def still(state, model):
    """The first picture that the widget `model`, or a widget in it, holds: a PNG in base64; None when there is none."""
    traits, buffers = state[model]["state"], [part["data"] for part in state[model].get("buffers", [])]
    values = [value for value in traits.values() if isinstance(value, str) and value.startswith("data:image/png;base64,")]
    inside = (still(state, child.removeprefix("IPY_MODEL_")) for child in traits.get("children", []))
    held = [data for data in buffers if base64.b64decode(data)[:4] == b"\x89PNG"] + [value.split(",", 1)[1] for value in values]
    return next(filter(None, [*held, *inside]), None)


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
    """{explorer} NAME: the first explorer of the notebook of that name."""

    required_arguments = 1

    def run(self):
        notebook = nbformat.read(ROOT / "notebooks" / f"{self.arguments[0]}.ipynb", as_version=4)
        state = notebook.metadata.widgets[STATE]["state"]
        for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
            if VIEW in output.get("data", {}):
                found = explorer(state, output.data[VIEW]["model_id"], output.data["text/plain"])
                if found:
                    return [nodes.raw("", found.data["text/html"], format="html")]
        raise self.error(f"{self.arguments[0]} holds no explorer: name a notebook that shows one")


def fold_solutions(app, tree):
    """Hide what is below the heading Solutions until a reader asks for it."""
    for section in tree.findall(nodes.section):
        if section.next_node(nodes.title).astext() == "Solutions":
            section.insert(1, nodes.raw("", '<details class="solutions"><summary>Show the solutions</summary>', format="html"))
            section.append(nodes.raw("", "</details>", format="html"))


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
    app.connect("doctree-read", fold_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
