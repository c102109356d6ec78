"""Run every notebook top to bottom and store its outputs and widgets: the only way that outputs are made.

    python tools/make_notebooks.py                    all notebooks
    python tools/make_notebooks.py notebooks/03*      some of them

What differs between two machines or two runs is left out or made the same: timings, Python's version, the ids of widgets, into how many
parts a text was printed.
A notebook that raises, or writes to stderr, is left as it was.
"""

import argparse
import glob
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGETS = "application/vnd.jupyter.widget-state+json"


def run(path):
    """Execute the notebook at `path` in its own folder and write it back, atomically."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=True,
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    for cell in notebook.cells:
        if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
            raise SystemExit(f"{path.name}: a cell wrote to stderr:\n{cell.source}\n{cell.outputs}")
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "pygments_lexer": "ipython3",
    }
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(with_plain_widget_ids(notebook), unfinished)
    os.replace(unfinished, path)


def with_plain_widget_ids(notebook):
    """`notebook` with each widget's random id replaced by its number, so that the same run gives the same file."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    text = nbformat.writes(notebook)
    for number, model in enumerate(state):
        text = text.replace(model, f"{number:032x}")
    return nbformat.reads(text, as_version=4)


def main(paths):
    named = [path for given in paths for path in glob.glob(given) or [given]]  # Windows hands over notebooks/03* as it is typed
    for path in map(Path, named or sorted(NOTEBOOKS.glob("*.ipynb"))):
        print(path.name, flush=True)
        run(path.resolve())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", help="all when none is named")
    main(parser.parse_args().notebooks)
