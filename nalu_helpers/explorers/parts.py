"""What every explorer is made of: a still picture drawn once by matplotlib, handles, and a script that moves the rest in the browser.

A script is a file `NAME.js` beside this one; `parts.js` gives it axes to draw on, handles and a line of words. Nothing is built and
nothing comes from a network: the module that a page runs is `parts.css`, `parts.js` and the script, one after the other.
"""

import base64
import io
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import matplotlib as mpl
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.contour import ContourSet
from matplotlib.transforms import Bbox

from .. import plots

HERE = Path(__file__).parent
MUCH = 100_000  # letters of JSON from which they are packed
Handle = dict[str, Any]
# Colours of the still picture that follow the page, light or dark: see parts.css.
OF_THE_PAGE = {"ink": "--ink", "soft": "--soft"}
MARGIN = 4  # points around a part of the still picture, for marks on its edge
ON_A_SURFACE = "#222221"  # the ink of what is drawn on a coloured surface: dark on every page


class Explorer(anywidget.AnyWidget):
    """A picture that follows the hand, in JupyterLab and on a page without a kernel.

    `scripts` name the .js files, `title` says in words what is seen, `figure` is the part that stands still, `data` is what the script
    needs to know, and travels as JSON, `known`: a notebook gives each number of a list a line of its own, but a text has one line. Much
    of it travels packed.
    Every handle is a trait of its own: `explorer.W_hat` is where it stands, `explorer.W_hat = 2` moves it, and
    `explorer.observe(function, "W_hat")` follows the reader's hand.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    still = traitlets.Dict().tag(sync=True)
    handles: traitlets.List = traitlets.List().tag(sync=True)
    known = traitlets.Unicode().tag(sync=True)

    def __init__(self, scripts: str, title: str, figure: plots.Picture | None = None, handles: Iterable[Handle] = (), **data: Any):
        self.add_traits(**{handle["name"]: _trait(handle).tag(sync=True) for handle in handles})
        still, known = {} if figure is None else still_of(figure), _packed(json.dumps(data, allow_nan=False))
        super().__init__(_esm=module(*scripts.split()), title=title, still=still, handles=list(handles), known=known)
        self.data = data

    def __repr__(self):
        return f"Explorer: {self.title}"


def _short_path(path):
    """A path without blanks that nobody needs; a hundredth of a point is enough."""
    return re.sub(r" ?([A-Za-z]) ?", r"\1", re.sub(r"(?<=\.\d\d)\d+", "", path[0])).strip()


def _packed(text):
    """`text` as it is, or when it is long deflated and written in base64: a page with thousands of runs must stay light."""
    return text if len(text) < MUCH else base64.b64encode(zlib.compress(text.encode(), 7)).decode()


def module(*scripts: str) -> str:
    """The JavaScript module that a page runs."""
    css, *js = ((HERE / name).read_text(encoding="utf-8") for name in ("parts.css", "parts.js", *(f"{script}.js" for script in scripts)))
    return "\n".join([f"const CSS = {json.dumps(css, ensure_ascii=False)}\n", *js])


def slider(name: str, label: str, value: float, low: float, high: float, step: float, tip: str, decimals: int = 2) -> Handle:
    """A handle to drag, whose trait `name` is a number from `low` to `high`: whole when it has no `decimals`."""
    return dict(kind="slider", name=name, label=label, first=value, low=low, high=high, step=step, tip=tip, decimals=decimals)


def choice(name: str, label: str, options: Iterable[str | float], tip: str) -> Handle:
    """A handle to choose one of `options`, texts or numbers; the first is chosen at first."""
    options = list(options)
    return dict(kind="choice", name=name, label=label, first=options[0], options=options, tip=tip)


def text(name: str, label: str, value: str, tip: str) -> Handle:
    """A handle to write in."""
    return dict(kind="text", name=name, label=label, first=value, tip=tip)


def rounded(values: Any, digits: int = 5) -> list:
    """`values` as lists of numbers that are short to write: it is drawings and a few digits that they are for.

    Raises ValueError when one is not finite, which JSON cannot hold.
    """
    if not np.isfinite(values).all():
        raise ValueError("what is to be shown holds numbers that are not finite: leave out the run that has diverged")
    return np.round(np.asarray(values, "float64"), digits).tolist()


def _trait(handle):
    first = handle["first"]
    if handle["kind"] == "slider":
        number = traitlets.Float if handle["decimals"] else traitlets.Int
        return number(first, min=handle["low"], max=handle["high"])
    return traitlets.Enum(handle["options"], first) if handle["kind"] == "choice" else traitlets.Unicode(first)


def still_of(figure: plots.Picture) -> dict[str, Any]:
    """`figure` as data: its title, its drawing as SVG, and where in it each of its axes lies (but no colour bar), in the SVG's own units.

    Each axes has its box [left, top, width, height], and its x and y as [from, to, scale, threshold of a symlog scale]. The parts, which a
    narrow page puts under each other, are an axes with its colour bar and all that is written beside it, and last the legend of the whole;
    each has its box, and so has all that is seen, the view. Colours that a dark page must change are named, not given. The same figure
    gives the same text every time.
    """
    figure.suptitle("")  # the page writes it: it may be wider than a phone
    figure.patch.set_alpha(0)
    for ax in figure.axes:
        ax.patch.set_alpha(0)
        for lines in ax.collections:
            if isinstance(lines, ContourSet):
                _keep_dark(lines)
    layout, drawn = figure.get_layout_engine(), io.StringIO()
    renderer = FigureCanvasAgg(figure).get_renderer()
    if layout is not None:
        layout.execute(figure)
    parts = _parts(figure, renderer)
    FigureCanvasSVG(figure)
    look: Any = {"svg.fonttype": "path", "svg.hashsalt": "explorer"}
    with mpl.rc_context(look | {"figure.constrained_layout.use": False, "figure.autolayout": False}):
        figure.set_layout_engine(None)  # with one, savefig draws everything twice, the first time for the layout
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    axes = [
        {"box": _box(ax.get_window_extent(renderer), figure), "x": _scale(ax.xaxis), "y": _scale(ax.yaxis)}
        for ax in figure.axes
        if ax.get_label() != "<colorbar>"
    ]
    view = _box(Bbox.union(parts), figure)
    return {
        "title": figure.words,
        "svg": _for_the_page(drawn.getvalue(), view),
        "view": view,
        "axes": axes,
        "parts": [_box(part, figure) for part in parts],
    }


def _parts(figure, renderer):
    """The boxes of the parts of `figure`, in pixels; each part is named part0, part1 … in the SVG. A colour bar follows its axes."""
    parts: list[list] = []
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            parts[-1].append(ax)
        else:
            parts.append([ax])
    parts += [[legend] for legend in figure.legends]
    for number, part in enumerate(parts):
        for artist in part:
            artist.set_gid(f"part{number}")
    margin = MARGIN / 72 * figure.dpi
    return [Bbox.union([artist.get_tightbbox(renderer) for artist in part]).padded(margin) for part in parts]


def _box(box, figure):
    """[left, top, width, height] in points from the upper left corner, of a `box` in pixels."""
    points, height = 72 / figure.dpi, figure.get_figheight() * 72
    return [round(float(end), 2) for end in (box.x0 * points, height - box.y1 * points, box.width * points, box.height * points)]


def _scale(axis):
    low, high = map(float, axis.get_view_interval())
    return [low, high, axis.get_scale(), getattr(axis.get_transform(), "linthresh", 0)]


def _keep_dark(lines):
    """Contour lines and their labels lie on a coloured surface, so they must not turn light on a dark page."""
    ink = mpl.colors.to_rgba(plots.COLORS["ink"])
    colors = [ON_A_SURFACE if tuple(color) == ink else color for color in lines.get_edgecolor()]
    if not lines.filled:
        lines.set_edgecolor(colors)
        for label in getattr(lines, "labelTexts", ()):
            if mpl.colors.to_rgba(label.get_color()) == ink:
                label.set_color(ON_A_SURFACE)


def _for_the_page(svg, view):
    left, top, width, height = view
    size = f'<svg width="{width}pt" height="{height}pt" viewBox="{left} {top} {width} {height}" stroke-linejoin="round"'
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*?(?= xmlns=")', size, svg, count=1)
    svg = re.sub(r"<defs>\s*<style.*?</defs>", "", svg, count=1, flags=re.DOTALL)  # its * would hold for the whole page
    svg = re.sub(r'<g id="(part\d+)">', r'<g class="\1">', svg)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"<!--.*?-->", "", re.sub(r"\s*\n\s*", " ", svg)).replace("> <", "><")  # blanks are a seventh of it
    svg = re.sub(r'(?<= d=")[^"]*', _short_path, svg)
    named = {plots.COLORS[name]: variable for name, variable in OF_THE_PAGE.items()}
    named["#000000"] = "--ink"
    for color, variable in named.items():
        svg = svg.replace(f": {color.lower()}", f": var({variable})")
    return svg
