"""{measured}: how each table in results/ was made, as the file beside it says; nothing is typed in."""

import csv
import json

from sphinx.util.docutils import SphinxDirective

from notebooks import PATHS, ROOT


class Measured(SphinxDirective):
    def run(self):
        origins = sorted((ROOT / "results").glob("*.json"))
        return self.parse_text_to_nodes("\n".join(map(described, origins)), allow_section_headings=True)


def described(path):
    """The table whose origin is at `path`: its size and columns, who shows it, and every line of its origin."""
    origin = json.loads(path.read_text(encoding="utf-8"))
    with open(path.with_suffix(".csv"), encoding="utf-8", newline="") as table:
        columns, *rows = csv.reader(table)
    shown = [f"[{book.stem[:2]}](notebooks/{book.name})" for book in PATHS if path.stem in book.read_text(encoding="utf-8")]
    lines = [f"## {path.stem}", "", f"{len(rows):,} rows of {', '.join(f'`{column}`' for column in columns)}.", ""]
    lines += [f"Shown in {', '.join(shown)}.", ""] if shown else []
    return "\n".join([*lines, *(f"{key.capitalize()}\n: {said(value)}\n" for key, value in origin.items())])


def said(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return f"`{value}`" if "python -m" in str(value) else str(value)


def setup(app):
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
