"""The site: the stored notebooks, and beside them the pages in this folder. `make html` builds it into build/html/.

Nothing is executed and nothing comes from a network, neither when the site is built nor when it is read.
"""

import atexit
import functools
import gc
import os
import sys
from pathlib import Path

from pygments.formatters import HtmlFormatter
from pygments.styles import get_style_by_name
from pygments.token import Token

gc.disable()  # looking for garbage takes a fifth of the time, and there is hardly any
atexit.register(gc.freeze)  # nor is it looked for when all is written
sys.modules["rfc3987_syntax"] = None  # a grammar of addresses, two seconds to load, which JSON Schema then does without
sys.modules.setdefault("sklearn", None)  # a second to load, which Keras then does without: see the end
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

project = "Neural Arithmetic Logic Units, step by step"
author = "The authors of this walkthrough"
html_title = project
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "formulas",
    "notebooks",
    "reference",
    "measured",
]
exclude_patterns = ["examples"]

nb_execution_mode = "off"
nb_code_prompt_show, nb_code_prompt_hide = "Show the answer", "Hide the answer"  # below a guess
nb_ipywidgets_js = {}
nb_custom_formats = {".ipynb": "notebooks.read"}
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
myst_heading_slug_func = "notebooks.place"
html_math_renderer = "mathml"

default_role = "py:obj"
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
autodoc_use_type_comments = False
python_use_unqualified_type_names = True
add_module_names = False
viewcode_line_numbers = True

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

templates_path = ["_templates"]
html_theme = "sphinx_book_theme"
html_theme_options = {
    "logo": {"text": project},
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "footer_content_items": "",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if "REPOSITORY" in os.environ:  # its address, which whoever publishes the site knows
    html_theme_options |= {"repository_url": os.environ["REPOSITORY"], "use_repository_button": True}
html_context = {"default_mode": "light"}  # without JavaScript; with it, as the system has it: _templates/layout.html
html_favicon = "_static/icon.svg"
html_static_path = ["_static", "playground.png", "../nalu_helpers/explorers/parts.css"]
html_css_files = ["walkthrough.css", "parts.css"]
html_js_files = ["page.js", ("explorers.js", {"async": "", "priority": 100})]
html_sourcelink_suffix = ""
html_scaled_image_link = False  # a figure is shown smaller than its pixels; that is no reason to make it a link
html_copy_source = True
copybutton_selector = "div.cell_input pre, div.doctest pre, div.highlight-sh pre, div.highlight-bat pre, div.highlight-python pre"
copybutton_exclude = ".linenos, .gp, .go"


class FewSpans(HtmlFormatter):
    """Code with a span around those of its words alone that have a look of their own: half as many parts of a page to lay out."""

    def _get_css_class(self, ttype):
        return super()._get_css_class(ttype) if has_a_look(ttype) else ""


@functools.cache  # each block of code asks for every kind of word
def has_a_look(ttype):
    """Whether words of this kind look otherwise than plain text, light or dark, or are a prompt or an output, which are not copied."""
    looks = [get_style_by_name(html_theme_options[f"pygments_{theme}_style"]) for theme in ("light", "dark")]
    own = any(look.style_for_token(ttype) not in map(look.style_for_token, (Token, Token.Text)) for look in looks)
    return own or ttype in Token.Generic


def words_before_scripts(app, page, template, context, tree):
    """Run the scripts that have a file when the page has been read, but for what is asked for at once: the options, and all by a search.

    The explorers' script waits for nothing, and nothing for it.
    """
    for script in context["script_files"]:
        script.attributes.pop("defer", None)
        at_once = page == "search" or script.filename and script.filename.endswith("documentation_options.js")
        if script.filename and not at_once and "async" not in script.attributes:
            script.attributes["defer"] = ""


def setup(app):
    """Show code by FewSpans; give scikit-learn and Sphinx's own formatter back to whoever goes on in this process."""
    from sphinx.highlighting import PygmentsBridge  # the options above are read by a test where Sphinx is not installed

    theirs, PygmentsBridge.html_formatter = PygmentsBridge.html_formatter, FewSpans
    app.connect("build-finished", lambda app, error: setattr(PygmentsBridge, "html_formatter", theirs))
    app.connect("html-page-context", words_before_scripts)
    app.connect("build-finished", lambda app, error: sys.modules["sklearn"] or sys.modules.pop("sklearn"))
