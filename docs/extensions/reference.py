"""The reference: a page for each module of `nalu_helpers`, in the order in which to read them, made from its docstrings."""

import ast
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

from notebooks import PATHS, ROOT, write

PACKAGE = ROOT / "nalu_helpers"


def modules():
    """The names of all public modules, first those that the package's docstring names, in its order, and what each says of itself."""
    said = re.findall(r"`(\w+)`", docstring(PACKAGE))
    found = [module.name for module in pkgutil.iter_modules([str(PACKAGE)]) if not module.name.startswith("_")]
    found = sorted(found, key=lambda name: (name == "paper", name not in said, said.index(name) if name in said else 0))
    inside = [f"paper.{module.name}" for module in pkgutil.iter_modules([str(PACKAGE / "paper")])]
    return {name: docstring(PACKAGE / name.replace(".", "/")) for name in [*found, *inside]}


def docstring(path):
    """The docstring of the module or package at `path`, which is not imported for it."""
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def pages(app, config):
    """Write a page for each module, and take away those of modules that are gone."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    names = modules()
    for old in folder.glob("*.md"):
        if old.stem not in names:
            old.unlink()
    for name in names:
        write(folder / f"{name}.md", PAGE.format(name=name))


PAGE = """# {name}

```{{eval-rst}}
.. automodule:: nalu_helpers.{name}
   :members:
   :exclude-members: build, call, compute_output_shape, get_config
```
"""


class Modules(SphinxDirective):
    """{modules}: a line for every module, and their pages in the contents."""

    def run(self):
        names = modules()
        lines = [f"[{name}](reference/{name}.md)\n: {about.split(chr(10) * 2)[0]}\n" for name, about in names.items()]
        contents = ["```{toctree}", ":hidden:", "", *(f"reference/{name}" for name in names), "```"]
        return self.parse_text_to_nodes("\n".join([*lines, *contents]))


def signature(app, what, name, thing, options, arguments, returned):
    """A layer's arguments are those of its __init__, without their types; Keras' own __new__ hides them."""
    if what == "class" and isinstance(thing, type) and thing.__init__ is not object.__init__:
        given = list(inspect.signature(thing.__init__).parameters.values())[1:]
        return str(inspect.Signature([one.replace(annotation=inspect.Parameter.empty) for one in given])), returned


def skip(app, what, name, thing, skipped, options):
    """Leave out what a layer only borrows from Keras, a figure from matplotlib, and a tuple's fields, of which its docstring speaks."""
    field = str(getattr(thing, "__doc__", "")).startswith("Alias for field number")
    return skipped or field or not getattr(thing, "__module__", "nalu_helpers").startswith("nalu_helpers")


def as_rst(app, what, name, thing, options, lines):
    """Turn a docstring's plain text into reStructuredText: what is indented is shown as it is, and no sign but ` has a meaning.

    Below a module's own docstring come the examples of docs/examples/NAME.rst. That of an exercise is its answer, which stays untold.
    """
    if exercise := re.fullmatch(r"nalu_helpers\.checks\.exercise_(\d\d)_(\d)", name):
        number, which = exercise.groups()
        (book,) = (path.stem for path in PATHS if path.stem.startswith(number))
        lines[:] = [f"Looks at your answer to exercise {number}.{which} of :doc:`/notebooks/{book}`."]
        return
    written, shown = [], False
    for line in lines:
        code = line.lstrip().startswith(">>>")
        if line.startswith("    ") and not code and not shown and not (written and written[-1]):
            written += [".. code-block:: none", ""]
            shown = True
        shown = shown and (not line or line.startswith("    "))
        written.append(line if shown or code else "`".join(plain(part, place) for place, part in enumerate(line.split("`"))))
    example = ROOT / "docs" / "examples" / f"{name.removeprefix('nalu_helpers.')}.rst"
    if what == "module" and example.exists():
        written += ["", *example.read_text(encoding="utf-8").splitlines(), ""]
    lines[:] = written


def plain(part, place):
    """A part of a line between two `: a word of code where `place` is odd, text where it is even."""
    return part if place % 2 else re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part)


MENUS = {}


def menu(app, name, template, context, tree):
    """Make the menu beside pages of source code once a folder: none of them stands in it, so that all of a folder show the same."""
    folder = name.rpartition("/")[0]
    if folder.startswith("_modules"):
        context["toctree"] = MENUS.setdefault((app, folder), cache(context["toctree"]))


def setup(app):
    app.add_directive("modules", Modules)
    app.connect("config-inited", pages)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", as_rst)
    app.connect("autodoc-skip-member", skip)
    app.connect("html-page-context", menu)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
