"""Formulas as MathML, made when the site is built: a browser draws them itself, at once and without JavaScript."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError

APPLIED = r"&ApplyFunction;</mo>(?!\s*(?:<mrow>\s*)?<mo[ >])"  # the function of a formula such as ln x, and not of ln(x)
BAR = '<mo stretchy="false">|'
CLOSE_BAR = '<mo stretchy="false" lspace="0" rspace="0">|'  # of an absolute value, which stands close to what it holds


def inline(translator, node):
    translator.body.append(f'<span class="math notranslate nohighlight">{mathml(translator, node)}</span>')
    raise nodes.SkipNode


def block(translator, node):
    translator.body.append(f'<div class="math notranslate nohighlight">{mathml(translator, node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def mathml(translator, node, as_block=False):
    """The formula of `node`. Raises ExtensionError where its LaTeX is none that docutils knows."""
    try:
        made = tex2mathml(node.astext().strip(), as_block=as_block).replace(BAR, CLOSE_BAR)
        return re.sub(APPLIED, r'\g<0><mspace width="0.17em"/>', made)
    except MathError as error:
        raise ExtensionError(f"{translator.builder.current_docname}: the formula {node.astext()} has no MathML: {error}") from error


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
