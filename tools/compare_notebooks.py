"""Exit with 1 when two folders of notebooks differ in anything but pictures and widgets.

python tools/compare_notebooks.py BEFORE AFTER
"""

import argparse
import sys
from pathlib import Path

import nbformat


def words(path):
    """The notebook at `path` without what may differ from machine to machine: pixels, and the state of widgets."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in ("image/png", "application/vnd.jupyter.widget-view+json"):
                if kind in output.get("data", {}):
                    output.data[kind] = "left out"
    return notebook


def main(before, after):
    names = sorted({path.name for folder in (before, after) for path in Path(folder).glob("*.ipynb")})
    differ = [
        name
        for name in names
        if not all((Path(folder) / name).exists() for folder in (before, after)) or words(Path(before) / name) != words(Path(after) / name)
    ]
    print(f"{len(names) - len(differ)} of {len(names)} notebooks say the same", *(f"changed: {name}" for name in differ), sep="\n")
    return 1 if differ or not names else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", help="a folder")
    parser.add_argument("after", help="another")
    sys.exit(main(**vars(parser.parse_args())))
