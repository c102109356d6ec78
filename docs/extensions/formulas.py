"""Formulas as MathML, made with the site: they can be read without JavaScript. Where it runs, MathJax draws them in its own letters."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError


def inline(translator, node):
    translator.body.append(f'<span class="math notranslate nohighlight">{mathml(translator, node)}</span>')
    raise nodes.SkipNode


def block(translator, node):
    translator.body.append(f'<div class="math notranslate nohighlight">{mathml(translator, node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def mathml(translator, node, as_block=False):
    """The formula of `node`. Raises ExtensionError where its LaTeX is none that docutils knows."""
    try:
        return tex2mathml(node.astext().strip(), as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{translator.builder.current_docname}: the formula {node.astext()} has no MathML: {error}") from error


def drawn_anew(app, page, template, context, tree):
    """MathJax for a page with formulas."""
    if "<math" in context.get("body", ""):
        app.add_js_file("mathjax/mml-chtml.js", priority=900, defer="")  # after the explorers: formulas can be read without it


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("html-page-context", drawn_anew)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
