"""The whole walkthrough as static pages in html/, which read completely without a kernel.

    python tools/make_html.py

What a widget showed last, as stored in the notebook, stands there as a picture; progress bars are left out.
"""

import html
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent
OUT = ROOT / "html"
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def shown(model, state, words):
    """What the widget `model`, called `words`, showed, as outputs: its pictures and lines of text, in order."""
    about = state[model]["state"]
    if about["_model_name"] == "ImageModel":
        data = next(part["data"] for part in state[model]["buffers"] if part["path"] == ["value"])
        return [nbformat.v4.new_output("display_data", {"image/png": data, "text/plain": words}, metadata={"image/png": {"alt": words}})]
    if about["_model_name"] == "HTMLModel" and about["value"] and not about["value"].startswith("<style"):
        return [nbformat.v4.new_output("display_data", {"text/html": f"<p>{about['value']}</p>"})]
    children = [child.removeprefix("IPY_MODEL_") for child in about.get("children", [])]
    bars = any("Progress" in state[child]["state"]["_model_name"] for child in children) and about["_model_name"] == "HBoxModel"
    return [] if bars else [output for child in children for output in shown(child, state, words)]


def without_widgets(notebook):
    """`notebook` with every widget replaced by what it showed, and links to other notebooks by links to their pages."""
    state = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\w+)\.ipynb", r"](\1.html", cell.source)
        outputs = []
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get(VIEW)
            outputs += shown(view["model_id"], state, output.data["text/plain"]) if view else [output]
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


DARKER = """<style>:root, body { --jp-mirror-editor-number-color: #006b00; --jp-mirror-editor-operator-color: #8a00d6;
  --jp-mirror-editor-comment-color: #2f6666; --jp-mirror-editor-keyword-color: #006b00; --jp-mirror-editor-string-color: #a01515 }
.highlight .mi, .highlight .mf { color: #006b00 } .highlight .o, .highlight .ow { color: #8a00d6 } .highlight .c1 { color: #2f6666 }</style>
</head>"""  # JupyterLab's own colours of code are a little too pale on grey


def with_words(page, notebook):
    """`page` in colours that stand out, with the words of each picture as its alternative text, which nbconvert leaves out."""
    page = page.replace("</head>", DARKER, 1)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    words = iter(output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {}))
    return re.sub(r'alt="No description has been provided for this image"', lambda _: f'alt="{html.escape(next(words))}"', page)


def main(out=OUT):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    exporter = HTMLExporter(template_name="lab")
    rows = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = without_widgets(nbformat.read(path, as_version=4))
        title, question = re.search(r"# (.+)\n+\*\*Question\.\*\* (.+)", notebook.cells[0].source).groups()
        page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
        (out / f"{path.stem}.html").write_text(with_words(page, notebook), encoding="utf-8")
        rows.append(f'<li><a href="{path.stem}.html">{title}</a><br>{question}</li>')
    (out / "index.html").write_text(INDEX.format(rows="\n".join(rows)), encoding="utf-8")
    print(f"{len(rows)} pages and their index are in {out.name}/")


INDEX = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Neural Arithmetic Logic Units</title>
<style>body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 42em; margin: 3em auto; padding: 0 1em; color: #222 }}
li {{ list-style: none; margin: 0 0 1em }} ul {{ padding: 0 }} a {{ color: #0050a0 }}</style>
<h1>Neural Arithmetic Logic Units, step by step</h1>
<p>The walkthrough as pages to read. To run it, drag its handles and train its units, open the notebooks in JupyterLab.</p>
<ul>
{rows}
</ul></html>
"""

if __name__ == "__main__":
    main()
