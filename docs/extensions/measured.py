"""{measured}: how each table in results/ was made, as the file beside it says; nothing is typed in."""

import csv
import functools
import json
import re

import nbformat
from sphinx.util.docutils import SphinxDirective

from notebooks import PATHS, ROOT, place

SHORT, NARROW = 40, 8  # rows and columns of a table that is shown whole


class Measured(SphinxDirective):
    def run(self):
        origins = sorted((ROOT / "results").glob("*.json"))
        return self.parse_text_to_nodes("\n".join(map(described, origins)), allow_section_headings=True)


def described(path):
    """The table whose origin is at `path`: its size and columns, who shows it, its settings, its origin, and the rows of a small one."""
    table = path.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    settings = [line.removeprefix("# ") for line in table if line.startswith("#")]
    columns, *rows = csv.reader(line for line in table if not line.startswith("#"))
    shown = [f"[{book.stem[:2]} · {heading}](notebooks/{book.name}#{place(heading)})" for book, heading in readers(f"{path.stem}.csv")]
    facts = {"Holds": f"{len(rows):,} rows of {', '.join(f'`{column}`' for column in columns)}"}
    facts |= {"Shown in": ", ".join(shown)} if shown else {}
    facts |= {"Settings": f"`{settings[0]}`"} if settings else {}
    facts |= {key.replace("_", " ").capitalize(): said(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    whole = [columns, ["---"] * len(columns), *rows] if len(rows) <= SHORT and len(columns) <= NARROW else []
    lines = [*(f"- **{key}**: {value}" for key, value in facts.items()), "", *(f"| {' | '.join(row)} |" for row in whole)]
    return "\n".join([f"## {path.stem}.csv", "", *lines, ""])


def readers(table):
    """The notebooks with a cell that reads the file `table` of results/, each with the heading above its first such cell."""
    for book in PATHS:
        above = [heading for heading, source in code_of(book) if f"results/{table}" in source]
        if above:
            yield book, above[0]


@functools.cache
def code_of(book):
    """The code cells of a notebook, each as (the heading above it, its source). It is read once for all tables."""
    heading, cells = None, []
    for cell in nbformat.read(book, as_version=4).cells:
        if cell.cell_type == "markdown":
            heading = [heading, *re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)][-1]
        else:
            cells.append((heading, cell.source))
    return cells


def said(value):
    """One fact of an origin in Markdown."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return f"`{value}`" if str(value).startswith("python ") else str(value)


def setup(app):
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
