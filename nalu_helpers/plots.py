"""Every figure of the walkthrough, on one style sheet, and its tables in words.

Each function returns its figure, whose title says what was found; `table` returns a table.

Colours are Okabe and Ito's, which colour-blind readers can tell apart, and never carry a meaning alone.
"""

import functools
import io
import itertools
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import matplotlib.patheffects
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .data import Task
from .metrics import success_rate

Numbers = Any  # a number, or as many as NumPy takes for an array
Named = Mapping[str, Numbers]  # a name in the legend, or beside a row, and its numbers
Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")
WIDE = 8  # inches: no figure is wider, so that all of them fit a column at one size, and letters are as large in one as in another
SHOWN = 0.75  # how much of its pixels a page gives to a figure: the rest makes it crisp on a fine screen
ACROSS = 12  # tokens that stand apart in a figure of this width
COLORS = {
    "a": "#0072B2",  # the additive path
    "m": "#D55E00",  # the multiplicative path
    "g": "#009E73",  # the gate
    "W": "#CC79A7",
    "W_hat": "#56B4E9",
    "M_hat": "#E69F00",
    "ink": "#767676",  # words and axes: the pages behind are white or nearly black, and this grey stands out from both
    "print": "#222222",  # words on a coloured field
    "soft": "#A6A6A6",
    "path": "#F0E442",  # where a weight has been, on a coloured field
    "inside": "#E69F0026",  # the training range, a veil
}
LINES = (("a", "-"), ("m", "--"), ("g", "-."), ("W", ":"), ("M_hat", (0, (9, 2, 1, 2, 1, 2))))  # the looks of curves that have a name each
ZERO = "#D9D9D9"  # what is 0 on a coloured field: no white, which would glare on a dark page
SIGNED = mpl.colors.LinearSegmentedColormap.from_list("signed", ["#0A3A66", COLORS["a"], ZERO, COLORS["m"], "#6E2C00"])  # −1 … 0 … 1
SHADES = mpl.colors.LinearSegmentedColormap.from_list("shades", [ZERO, COLORS["W_hat"], COLORS["a"], "#0A3A66"])  # 0 … 1
INK = mpl.colors.LinearSegmentedColormap.from_list("ink", [ZERO, "#111111"])  # grey images: paper and ink
SIGNS = {"add": "x₁ + x₂", "sub": "x₁ − x₂", "mul": "x₁ · x₂", "div": "x₁ / x₂"}  # the operations of the tables
IN_WORDS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "-": "−", "*": "×", "/": "÷"}
STYLE: Any = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",  # the page's own ground shows through
    "axes.facecolor": "none",
    "font.size": 12,
    "text.color": COLORS["ink"],
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 12,
    "axes.labelcolor": COLORS["ink"],
    "axes.edgecolor": COLORS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]),  # type: ignore[attr-defined]
    "xtick.color": COLORS["ink"],
    "ytick.color": COLORS["ink"],
    "grid.color": "#80808040",
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 2,
    "image.cmap": "signed",
}
mpl.colormaps.register(SIGNED, force=True)


SPOKEN = {
    r"\hat{W}": "Ŵ",
    r"\hat{M}": "M̂",
    r"\tanh": "tanh",
    r"\sigma": "σ",
    r"\sqrt{v}": "√v",
    "$": "",
    "\n": " ",
}  # in described pictures


class Picture(Figure):
    """A matplotlib Figure that shows itself in a notebook, with its words as the text that a screen reader speaks."""

    def __init__(self, title: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        FigureCanvasAgg(self)
        self.words = title.replace("$", "")
        if title:
            self.suptitle(title, x=0.01, ha="left", weight="bold", size=14, wrap=True)

    def __repr__(self):
        return f"Figure: {self.words}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        png = io.BytesIO()
        self.savefig(png, format="png", pil_kwargs={"optimize": True})
        about = {"alt": self.described(), "width": round(SHOWN * self.bbox.width)}
        return {"image/png": png.getvalue(), "text/plain": repr(self)}, {"image/png": about}

    def described(self) -> str:
        """The picture in words: its title, and of each panel the title, what its axes say and how far they go, and what is drawn."""
        parts, told = [self.words], set()
        for ax in (ax for ax in self.axes if ax.axison and ax.get_label() != "<colorbar>"):
            said = [ax.get_title() or ax.get_title("left")]
            for name, axis, ends in (("across", ax.xaxis, ax.get_xlim()), ("upwards", ax.yaxis, ax.get_ylim())):
                if axis.get_label_text():
                    low, high = (np.format_float_positional(end, precision=3, fractional=False, trim="-") for end in ends)
                    said.append(f"{name} {axis.get_label_text()} from {low} to {high}{', logarithmic' * (axis.get_scale() == 'log')}")
            said += [label for label in ax.get_legend_handles_labels()[1] if label not in told]
            told.update(said)
            parts.append("; ".join(filter(None, said)))
        words = ". ".join(filter(None, parts))
        for written, spoken in SPOKEN.items():
            words = words.replace(written, spoken)
        return words


def _for_each(things, looks):
    """One of `looks` for each of `things`: from the first again when there are more of these."""
    return itertools.islice(itertools.cycle(looks), len(things))


def _figure(title, width, height, columns=1, rows=1, **kwargs):
    """A Picture of `width` × `height` inches, but no wider than WIDE, in the walkthrough's style, and its axes."""
    figure = Picture(title, figsize=(min(width, WIDE), height))
    return figure, figure.subplots(rows, columns, **kwargs)


def _panels(axes, count):
    """The first `count` of the `axes` of a figure; what is left over is not shown."""
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return axes.flat[:count]


def _styled(draw: Callable[Given, Drawn]) -> Callable[Given, Drawn]:
    """Draw inside STYLE, leaving the reader's own matplotlib settings alone."""

    @functools.wraps(draw)
    def styled(*args: Given.args, **kwargs: Given.kwargs) -> Drawn:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


@_styled
def cost(
    cost: Numbers,
    title: str = "",
    marks: Mapping[int | None, str] | None = None,
    solved: Numbers | None = None,
    ylabel: str = "cost",
    xlabel: str = "step",
    every: int = 1,
    expected: Any = None,
) -> Picture:
    """The cost over the steps, on a log axis.

    `cost` holds it at every `every` steps, [looks], or for many seeds [looks, seeds], or as a map of a name to [looks]: each of these
    has a line style of its own. `marks` maps a look to the words that explain it (None, never reached, is left out); `solved`, one True
    or False a seed, colours the seeds that succeeded and those that did not; `expected` is a cost that was predicted, as rings, NaN where
    nothing is said. A cost of 0 has no place on a log axis: a triangle at the bottom says from where on it is 0.
    """
    named = cost if isinstance(cost, dict) else {}
    many = len(named) > 4  # too many for a legend among the curves
    figure, ax = _figure(title, WIDE, 4.6 if many else 4)
    curves = np.stack(list(named.values()), axis=1) if named else np.asarray(cost).reshape(len(cost), -1)
    at, single = np.arange(len(curves)) * every, curves.shape[1] == 1
    solved = np.ones(curves.shape[1], bool) if solved is None else np.asarray(solved)
    drawn = np.where(curves > 0, curves, np.nan)
    looks = list(_for_each(curves.T, LINES if named else LINES[:1]))
    if named:
        for values, name, (color, style) in zip(drawn.T, named, looks, strict=True):
            ax.plot(at, values, linestyle=style, color=COLORS[color], label=name)
    else:
        for group, color, style, label in ((solved, "a", "-", "solved"), (~solved, "m", "--", "not solved")):
            lines = ax.plot(at, drawn[:, group], style, color=COLORS[color], lw=2 if single else 1, alpha=0.9)
            if lines and not single:
                lines[0].set_label(f"{label}: {group.sum()} of {len(group)} seeds")
    if expected is not None:
        ax.plot(at, expected, "o", mfc="none", color=COLORS["ink"], ms=7, markevery=max(1, len(at) // 20), label="predicted", zorder=4)
    end = len(curves) * every
    ax.set(yscale="log", xlabel=xlabel, ylabel=ylabel, xlim=(-0.01 * end, end))  # a plunge at the start is not on the edge
    ax.xaxis.set_major_formatter("{x:,.0f}")
    for values, (color, _) in zip(curves.T, looks, strict=True):
        if values[-1] == 0:
            zero = at[len(values) - np.argmax(values[::-1] > 0)] if values.any() else 0
            ax.plot(zero, 0.02, "v", ms=10, color=COLORS[color], transform=ax.get_xaxis_transform(), clip_on=False)
    if (curves[-1] == 0).any():
        ax.plot([], [], "v", ms=9, color=COLORS["ink"], label="0 from here on")
    for look, words in (marks or {}).items():
        if look is None:
            continue
        point = at[look], curves[look, 0]
        ax.plot(*point, "o", color=COLORS["m"], ms=7)
        ax.annotate(words, point, xytext=(12, 12), textcoords="offset points", color=COLORS["ink"])
    if many:
        figure.legend(loc="outside lower center", ncols=3)
    elif ax.get_legend_handles_labels()[0]:
        ax.legend()
    return figure


@_styled
def memory(gradient: Numbers, root: Numbers, title: str = "", ylabel: str = "size") -> Picture:
    """The size of a gradient at every step, and Adam's memory of it √v, both [steps], on a log axis; a gradient of 0 is not drawn."""
    figure, ax = _figure(title, WIDE, 4)
    ax.plot(np.where(np.abs(gradient) > 0, np.abs(gradient), np.nan), color=COLORS["g"], label="the gradient,\nwithout its sign")
    ax.plot(np.where(root > 0, root, np.nan), "--", color=COLORS["m"], label=r"Adam's memory $\sqrt{v}$")
    ax.set(yscale="log", xlabel="step", ylabel=ylabel, xlim=(0, len(root)))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@_styled
def curves(
    x: Numbers,
    predictions: Named,
    inside: tuple[float, float],
    title: str = "",
    truth: Numbers | None = None,
    log: bool = False,
    xlabel: str = "x",
    ylabel: str = "prediction",
) -> Picture:
    """What models say along x, with the training range `inside` = (low, high) shaded.

    `predictions` maps a name to ŷ [rows] or, for many seeds, [seeds, rows]: a line for the mean, a band from the lowest seed to the
    highest. `truth`, [rows], is dotted. `log` makes both axes logarithmic; what is 0 or less cannot be drawn there.
    """
    figure, ax = _figure(title, WIDE, 4.2)
    x = np.ravel(x)
    if truth is not None:
        ax.plot(x, np.ravel(truth), color=COLORS["ink"], ls=":", label="truth", zorder=5)
    styles = _for_each(predictions, ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), "-"))
    for (name, values), style in zip(predictions.items(), styles, strict=True):
        values = np.atleast_2d(np.squeeze(values))
        (line,) = ax.plot(x, values.mean(axis=0), ls=style, label=name)
        ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
    if log:
        ax.set(xscale="log", yscale="log")
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(x.min(), x.max()))
    ax.axvspan(max(inside[0], x.min()), inside[1], color=COLORS["inside"], label="training range", zorder=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@_styled
def errors(
    inside: Named,
    outside: Named,
    title: str = "",
    xlabel: str = "mean absolute error",
    labels: tuple[str, str] = ("inside the training range", "outside it"),
    ceiling: float = np.inf,
) -> Picture:
    """One line a model: its errors inside the training range and outside it, a dot a seed, the median as a bar.

    `inside` and `outside` map a name to the errors of its seeds, [seeds]; `labels` says what the two are, where they are something else
    than numbers inside and outside a range. Errors below 10⁻⁶ and above `ceiling` are drawn there as arrows, and the axis says how many.
    """
    figure, ax = _figure(title, WIDE, 1.6 + 0.32 * len(inside))
    below, above, floor = 0, 0, 1e-6
    for row, name in enumerate(inside):
        for values, color, marker in ((inside[name], "a", "o"), (outside[name], "m", "D")):
            values = np.nan_to_num(values, nan=np.inf, posinf=np.inf)
            small, large = values < floor, values > ceiling
            below, above = below + int(small.sum()), above + int(large.sum())
            for shown, shape in ((~small & ~large, marker), (small, "<"), (large, ">")):
                at = np.clip(values[shown], floor, ceiling)
                ax.plot(at, np.full(len(at), row), shape, color=COLORS[color], ms=5, alpha=0.6, mew=0)
            ax.plot([np.clip(np.median(values), floor, ceiling)] * 2, [row - 0.35, row + 0.35], color=COLORS[color], lw=3)
    ax.plot([], [], "o-", color=COLORS["a"], label=labels[0])
    ax.plot([], [], "D-", color=COLORS["m"], label=labels[1])
    edges = (("◂", below, "below", floor), ("▸", above, "above", ceiling))
    off = [f"{arrow} {count} of them {side} {edge:,g}" for arrow, count, side, edge in edges if count]
    note = f"({', '.join(off)}, drawn there)" if off else ""
    note = ("\n" if len(xlabel + note) > 80 else "   ") + note if note else ""
    ax.set(xscale="log", xlabel=xlabel + note, yticks=range(len(inside)), yticklabels=list(inside), ylim=(len(inside) - 0.4, -0.6))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@_styled
def matrices(layer: Any, title: str = "") -> Picture:
    """The matrices of a trained unit as coloured tables: Ŵ, M̂ and W of a NAC, and G of a NALU. Rows are inputs; one scale for all."""
    shown = {r"$\hat{W}$": layer.W_hat, r"$\hat{M}$": layer.M_hat, "W": layer.W, **({"G": layer.G} if hasattr(layer, "G") else {})}
    shown = {name: np.asarray(matrix) for name, matrix in shown.items()}
    top = max(np.abs(matrix).max() for matrix in shown.values())
    figure, axes = _figure(title, 1.9 * len(shown) + 1.2, 1.3 + 0.6 * layer.W.shape[0], columns=len(shown))
    for ax, (name, matrix) in zip(axes, shown.items(), strict=True):
        image = ax.imshow(matrix, vmin=-top, vmax=top, aspect="auto")
        for (row, column), value in np.ndenumerate(matrix):
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=_ink_on(image, value), size=13)
        inputs = [f"$x_{i + 1}$" for i in range(matrix.shape[0])]
        ax.set(xticks=[], yticks=range(len(inputs)), yticklabels=inputs)
        ax.set_title(name, loc="center")
        ax.grid(False)
    figure.colorbar(image, ax=axes, shrink=0.9)
    return figure


@_styled
def weight_surface(title: str = "W = tanh(Ŵ) · σ(M̂): flat in three places, with a cliff at Ŵ = 0", path: Any = None) -> Picture:
    """The weight W = tanh(Ŵ) · σ(M̂) over (Ŵ, M̂), with the two curves that make it beside it.

    `path`, where weights have been while they learned, takes the place of the two curves: [steps, inputs, 2] for the (Ŵ, M̂) of
    each input, or [steps, 2] for one. A dot a step, a circle where it begins, a square where it ends.
    """
    reach = 6.0 if path is None else max(6.0, 1.08 * np.abs(path).max())
    t = np.linspace(-reach, reach, 121)  # twice as many take a quarter longer, and no eye sees them
    if path is None:
        figure = Picture(title, figsize=(WIDE, 3.9), layout="none")  # to find the places of the axes would take as long as all the rest
        left, right = (figure.add_axes((x, 0.15, width, 0.67)) for x, width in ((0.1, 0.355), (0.545, 0.42)))
        left.plot(t, np.tanh(t), color=COLORS["W_hat"], label="tanh(Ŵ)")
        left.plot(t, _sigmoid(t), "--", color=COLORS["M_hat"], label="σ(M̂)")
        left.set(xlabel="Ŵ or M̂", ylabel="value", yticks=[-1, -0.5, 0, 0.5, 1])
        left.legend(loc="upper left")
    else:
        figure, right = _figure(title, WIDE, 4.6)
    W = np.tanh(t)[None, :] * _sigmoid(t)[:, None]
    filled = right.contourf(t, t, W, levels=np.linspace(-1.05, 1.05, 22))  # one colour around 0: the sign of a weight is no border there
    lines = right.contour(t, t, W, levels=[-0.9, -0.5, -0.1, 0.1, 0.5, 0.9], colors=COLORS["print"], linewidths=0.8)
    light = ["white" if abs(level) > 0.3 else COLORS["print"] for level in lines.levels]
    places = [(4 * np.sign(level), np.log(abs(level) / (1 - abs(level)))) for level in lines.levels]  # where tanh(Ŵ) is nearly ±1
    right.clabel(lines, fmt=lambda level: f"{level:g}".replace("-", "−"), fontsize=11, colors=light, inline_spacing=8, manual=places)
    if path is not None:
        walks = np.reshape(path, (len(path), -1, 2)).swapaxes(0, 1)
        outlined = [mpl.patheffects.withStroke(linewidth=4, foreground=COLORS["print"])]
        looks = _for_each(walks, (("white", "-"), (COLORS["path"], "--"), (COLORS["W"], "-."), (COLORS["soft"], ":")))
        for number, (walk, (color, style)) in enumerate(zip(walks, looks, strict=True), 1):
            look: Any = dict(color=color, path_effects=outlined)
            right.plot(*walk.T, style, marker=".", ms=5, lw=1.8, **look)
            right.plot(*walk[0], "o", ms=8, **look)
            right.plot(*walk[-1], "s", ms=8, **look)
            if len(walks) > 1:
                up = 10 if number % 2 else -18
                right.annotate(f"$w_{number}$", walk[-1], xytext=(6, up), textcoords="offset points", size=14, **look)
    right.set(xlabel="Ŵ", ylabel="M̂")
    right.set_title("W", loc="center")
    right.grid(False)
    figure.colorbar(filled, ax=right, ticks=[-1, -0.5, 0, 0.5, 1])
    return figure


@_styled
def weight_histograms(weights: Named, title: str = "") -> Picture:
    """One histogram for each entry of `weights`, a map of a name to weights of any shape. A panel says how many are beyond its axis."""
    figure, axes = _figure(title, 2.6 * len(weights) + 1, 3.4, columns=len(weights), sharey=True, squeeze=False)
    for ax, (name, W), color in zip(axes[0], weights.items(), _for_each(weights, ("soft", "a", "W")), strict=True):
        W, end = np.ravel(W), 1.625
        ax.hist(W, bins=np.linspace(-end, end, 66), color=COLORS[color])
        ax.set(xlabel="W", xticks=[-1, 0, 1], xlim=(-end, end))
        ax.set_title(name, loc="center", weight="normal")
        beyond = int((abs(W) > end).sum())
        if beyond:
            ax.text(0.98, 0.95, f"{beyond} beyond", transform=ax.transAxes, ha="right", va="top", size=10)
    axes[0, 0].set_ylabel("weights")
    return figure


@_styled
def valley(tasks: Mapping[str, Task], solutions: Named, title: str = "") -> Picture:
    """The cost of every plain weight pair (w₁, w₂) for y = w₁x₁ + w₂x₂, and where trained units ended, one panel a task.

    `tasks` maps a name to a Task with two inputs; `solutions` maps the same names to W's of many seeds, [seeds, 2]. The dashed
    square is where |W| < 1, all that a NAC can reach. Where the cost is among the lowest 0.5 % it has one colour; pairs beyond the
    edge are counted in the panel's corner.
    """
    span = 1.6
    figure, axes = _figure(title, 4 * len(tasks), 5.4, columns=len(tasks), squeeze=False)
    w = np.linspace(-span, span, 161)
    for ax, (name, task) in zip(axes[0], tasks.items(), strict=True):
        x, y = task.x_train.astype("float64"), task.y_train.astype("float64")
        square, cross, own = x.T @ x, x.T @ y, float((y**2).sum())
        w1, w2 = np.meshgrid(w, w)
        value = square[0, 0] * w1**2 + square[1, 1] * w2**2 + 2 * square[0, 1] * w1 * w2 - 2 * cross[0] * w1 - 2 * cross[1] * w2 + own
        value = np.log10(np.maximum(value, np.quantile(value, 0.005)))
        filled = ax.contourf(w1, w2, value, levels=16, cmap="cividis")
        bar = figure.colorbar(filled, ax=ax, label="log₁₀ cost\n(its lowest 0.5 % in one colour)", orientation="horizontal")
        bar.locator = mpl.ticker.MaxNLocator(6)
        ax.plot([-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], "--", color="white", lw=1.5)
        ax.plot(*np.transpose(solutions[name]), "o", color=COLORS["m"], mec="white", ms=7)
        ax.set(xlabel=r"$w_1$", ylabel=r"$w_2$", aspect="equal", xlim=(-span, span), ylim=(-span, span))
        beyond = int((np.abs(solutions[name]) > span).any(axis=1).sum())
        ax.set_title(name, loc="center", weight="normal")
        if beyond:
            ax.text(0.04, 0.04, f"{beyond} of {len(solutions[name])} are beyond the edge", color=COLORS["print"], transform=ax.transAxes)
        ax.grid(False)
    return figure


@_styled
def log_path(
    W: Sequence[float] = (1.0, 1.0),
    other: float = 3.0,
    epsilon: float = 1e-7,
    title: str = "In log space a NAC multiplies, and forgets every sign",
) -> Picture:
    """What the multiplicative path makes of x and `other`, the one to the power W₁, the other to W₂, for x from −5 to 5 and close to 0."""
    figure, (left, right) = _figure(title, WIDE, 3.8, columns=2)
    x = np.linspace(-5, 5, 401)
    small = np.logspace(-10, 0, 200)
    factors = [f"{base}^{w:g}" if w != 1 else base for base, w in zip(("x", f"{other:g}".replace("-", "−")), W, strict=True)]
    for ax, at in ((left, x), (right, small)):
        with np.errstate(all="ignore"):  # a root of x below 0: nothing is drawn there
            ax.plot(at, at ** W[0] * np.float64(other) ** W[1], ":", color=COLORS["ink"], label=f"truth: {' · '.join(factors)}")
        m = np.exp(np.log(np.abs(at) + epsilon) * W[0] + np.log(np.abs(other) + epsilon) * W[1])
        ax.plot(at, m, color=COLORS["m"], label="path m")
    left.set(xlabel="x", ylabel="value")
    left.set_title("below 0: the sign is lost", loc="center", weight="normal", size=12)
    right.set(xlabel="x, close to 0", ylabel="value", xscale="log", yscale="log")
    right.set_title("near 0: ε is a floor", loc="center", weight="normal", size=12)
    left.legend()
    return figure


@_styled
def gates(error: Numbers, logit: Numbers, off: Numbers, title: str = "", limit: float = 0.01) -> Picture:
    """One dot a seed, its error on the test against its gate, on the left, and against its weights, on the right; all are [seeds].

    `logit` is the mean of x G on the test, of which g is σ: above 0 the unit adds, below 0 it multiplies. `off` is how far the weight
    that is furthest from 1 is from it. What is below 1e-8 is drawn there.
    """
    figure, axes = _figure(title, WIDE, 4.2, columns=2, sharey=True)
    error, solved = np.asarray(error), np.asarray(error) < limit
    for ax, values in zip(axes, (np.asarray(logit), np.maximum(off, 1e-8)), strict=True):
        for group, color, marker, name in ((solved, "a", "o", "solved"), (~solved, "m", "X", "not solved")):
            look = dict(ms=9, alpha=0.7, color=COLORS[color], label=f"{name}: {group.sum()}")
            ax.plot(values[group], np.maximum(error[group], 1e-8), marker, **look)
        ax.axhline(limit, color=COLORS["ink"], ls=":", lw=1.5)
    axes[0].axvline(0, color=COLORS["soft"], lw=1.5)
    axes[0].annotate(f"error {limit:.0%}", (0.02, limit), xycoords=("axes fraction", "data"), xytext=(0, 5), textcoords="offset points")
    axes[0].set(xscale="symlog", yscale="log", ylabel="relative error on the test")
    reach = 2 * max(100, np.abs(logit).max())
    axes[0].set(xlim=(-reach, reach), xlabel="x G of the gate (left: multiplies)", xticks=[-1000, -10, 0, 10, 1000])
    edge = " (0: at the edge)" if np.min(off) < 1e-8 else ""
    axes[1].set(xscale="log", xlim=(6e-9, 2), xlabel=f"how far W is from 1 and 1{edge}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@_styled
def lines(x: Numbers, curves: Named, title: str = "", xlabel: str = "x", ylabel: str = "y") -> Picture:
    """Functions of x: `curves` maps a name to its values [rows], each line with a style of its own."""
    figure, ax = _figure(title, WIDE, 3.4)
    styles = _for_each(curves, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))))
    for (name, values), style in zip(curves.items(), styles, strict=True):
        ax.plot(x, values, ls=style, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(np.min(x), np.max(x)))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@_styled
def rates(solved: Named, title: str = "") -> Picture:
    """Success rates one above the other: `solved` maps a name to one True or False a run."""
    figure, ax = _figure(title, WIDE, 1.3 + 0.38 * len(solved))
    for row, runs in enumerate(solved.values()):
        k, n, low, high = success_rate(runs)
        ax.plot([low, high], [row, row], color=COLORS["a"], lw=3, alpha=0.45, solid_capstyle="butt")
        ax.plot(k / n, row, "o", color=COLORS["a"], ms=8)
        ax.annotate(f"{k} of {n}", (1.02, row), xycoords=("axes fraction", "data"), va="center", size=11)
    ax.set(xlim=(-0.02, 1.02), ylim=(len(solved) - 0.5, -0.5), yticks=range(len(solved)), yticklabels=list(solved))
    ax.set_xlabel("success rate (dot) and its 95 % interval (line)")
    ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
    ax.grid(axis="y", visible=False)
    return figure


@_styled
def gate_paths(steps: Numbers, logit: Numbers, solved: Numbers, title: str = "") -> Picture:
    """The gate of every run over its steps, the solved on the left: `logit`, [steps, runs], is the mean of x G, of which g is σ.

    `solved` is one True or False a run. Beyond the dashed lines, ±17, σ is 0 or 1 to the last bit of a float32.
    """
    figure, axes = _figure(title, WIDE, 4.2, columns=2, sharex=True, sharey=True)
    logit, solved = np.asarray(logit), np.asarray(solved)
    reach = max(100, 1.2 * np.abs(logit).max())
    for ax, group, color, name in zip(axes, (solved, ~solved), "am", ("solved", "not solved"), strict=True):
        ax.plot(steps, logit[:, group], color=COLORS[color], lw=0.8, alpha=0.35)
        for edge in (-17, 17):
            ax.axhline(edge, color=COLORS["ink"], ls="--", lw=1.5)
        ax.set_title(f"{name}: {group.sum()}", loc="center", weight="normal")
        ax.set(xlabel="step", xlim=(steps[0], steps[-1]), ylim=(-reach, reach))
    axes[0].set_yscale("symlog", linthresh=10)
    ticks = {-100: "−100", -17: "−17", 0: "0", 17: "17", 100: "100"}
    axes[0].set(ylabel="x G (below 0 multiplies, above adds)", yticks=[*ticks], yticklabels=ticks.values())
    axes[0].minorticks_off()
    return figure


@_styled
def gate_surface(x: Numbers, y: Numbers, paths: Iterable[tuple] = (), title: str = "", reached: str = "solved") -> Picture:
    """The cost of a NALU with W = (w, w) and the same gate g on every row, over (w, g), and the `paths` of runs on it.

    x is [rows, 2], y [rows, 1]; a path is (w [steps], g [steps], solved), with a dot a step, a circle where it begins and a square where
    it ends. `reached` says in a word what the solved have reached. The colour is the share of the highest cost on the map, and the lines
    are those that are marked beside the colours.
    """
    figure, ax = _figure(title, WIDE, 4.6)
    value, extent = gate_costs(x, y)
    shown = ax.imshow(value, extent=extent, origin="lower", aspect="auto", cmap="cividis", interpolation="bilinear", vmin=0, vmax=1)
    marks = [0.1, 0.5, 0.9, 0.99]
    ax.contour(value, levels=marks, extent=extent, colors=COLORS["print"], linewidths=0.8, linestyles="solid")
    for w, g, solved in paths:
        color, style = (COLORS["W_hat"], "-") if solved else (COLORS["M_hat"], "--")
        ax.plot(w, g, style, marker=".", ms=5, color=color, lw=1.5)
        ax.plot(w[0], g[0], "o", color=color, mec="white", ms=7, clip_on=False)
        ax.plot(w[-1], g[-1], "s", color=color, mec="white", ms=8, clip_on=False)
    for solved, color, style in ((True, "W_hat", "-"), (False, "M_hat", "--")):
        count = sum(bool(path[2]) == solved for path in paths)
        if count:
            ax.plot([], [], style, color=COLORS[color], label=f"{'' if solved else 'not '}{reached}: {count}")
    ax.set(
        xlabel="weight w, the same for both inputs (on a path: their mean)",
        ylabel="gate g (0 multiplies, 1 adds)",
        xlim=extent[:2],
        ylim=(-0.05, 1.05),
    )
    bar = figure.colorbar(shown, ax=ax, label="share of the highest cost", ticks=[0, *marks[:-1], 1])
    bar.ax.yaxis.set_major_formatter("{x:.0%}")
    bar.ax.axhline(marks[-1], color=COLORS["print"], lw=0.8)
    ax.grid(False)
    if paths:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def gate_costs(x: Numbers, y: Numbers, span: float = 1.0, size: int = 241) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """The squared errors of a NALU with W = (w, w) and gate g on all rows, as a share of the highest of them: [g, w].

    Second comes the extent (w from, w to, g from, g to).
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    w, g = np.linspace(-span, span, size), np.linspace(0, 1, size)
    a = x.sum(axis=1, keepdims=True) * w
    m = np.exp(np.log(np.abs(x) + 1e-7).sum(axis=1, keepdims=True) * w)
    off_a, off_m = a - y, m - y  # the error of a mix is the mix of the errors
    aa, mm, am = ((left * right).mean(axis=0) for left, right in ((off_a, off_a), (off_m, off_m), (off_a, off_m)))
    g = g[:, None]
    value = g**2 * aa + (1 - g) ** 2 * mm + 2 * g * (1 - g) * am
    return value / value.max(), (-span, span, 0, 1)


@_styled
def success_tables(summary: pd.DataFrame) -> Picture:
    """The benchmark at a glance: one table an operation, units down, ranges to train on across, in each field the runs solved.

    `summary` is what `field.summary` returns.
    """
    operations = list(summary["operation"].unique())
    parts = [summary[summary["operation"] == operation] for operation in operations]
    tables = [part.pivot_table(index="unit", columns="train", values="solved", sort=False) for part in parts]
    heights = [len(table) for table in tables]
    height = 0.9 + 0.29 * sum(heights) + 0.85 * len(tables)
    title = "How many of 25 runs each unit solves"
    figure, axes = _figure(title, WIDE, height, rows=len(tables), height_ratios=heights, squeeze=False)
    for ax, operation, part, table in zip(axes[:, 0], operations, parts, tables, strict=True):
        runs = part["runs"].max()
        shown = ax.imshow(table / runs, vmin=0, vmax=1, cmap=SHADES, aspect="auto")
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=_ink_on(shown, value / runs))
        ax.set(xticks=range(table.shape[1]), yticks=range(len(table)), yticklabels=table.index)
        ax.set_xticklabels([name.replace(", ", ",\n") for name in table.columns], size=11)
        ax.set_title(SIGNS[operation], loc="center")
        ax.grid(False)
    figure.supxlabel("range to train on; the test is on a wider one", size=12)
    return figure


@_styled
def benchmark(summary: pd.DataFrame, operation: str, title: str = "") -> Picture:
    """The benchmark's own figure for one operation: success rate, solved-at step and sparsity error over the ranges, 95 % intervals.

    A unit has the same mark in every such figure. A sparsity error of exactly 0 has no place on a log axis: it stands on the bottom edge.
    """
    part = summary[summary["operation"] == operation]
    ranges, units = list(part["train"].unique()), list(part["unit"].unique())
    figure, axes = _figure(title, WIDE, 8, rows=3, sharex=True)
    columns = (("success_rate", "success", "success rate\n(bars: 95 % intervals)"), ("solved_at", "solved_at", "solved at step, mean"))
    columns += (("sparsity_error", "sparsity_error", "sparsity error"),)
    least = 1e-9
    for number, unit in enumerate(units):
        rows = part[part["unit"] == unit].set_index("train").reindex(ranges)
        rows["sparsity_error"] = rows["sparsity_error"].clip(lower=least)
        at = np.arange(len(ranges)) + 0.7 * ((number + 0.5) / len(units) - 0.5)
        place = list(summary["unit"].unique()).index(unit)
        for ax, (value, ends, _) in zip(axes, columns, strict=True):
            color = mpl.rcParams["axes.prop_cycle"].by_key()["color"][place % 6]
            ax.vlines(at, rows[f"{ends}_low"], rows[f"{ends}_high"], color=color, lw=2, alpha=0.5)
            ax.plot(
                at, rows[value], "osD^vP*X<"[place % 9], color=color, mfc="none" if place > 5 else color, ms=6, label=unit, clip_on=False
            )
    for ax, (_, _, label) in zip(axes, columns, strict=True):
        ax.set_ylabel(label)
        ax.set_xticks(np.arange(len(ranges)), [name.replace(", ", ",\n") for name in ranges], size=11)
    axes[0].set_ylim(-0.04, 1.04)
    axes[1].set_ylim(0, None)
    axes[1].yaxis.set_major_formatter("{x:,.0f}")
    axes[2].set(yscale="log", ylabel="sparsity error\n(0 on the bottom edge)", xlabel="range to train on")
    axes[2].set_ylim(least, None)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(units), columnspacing=1, handletextpad=0.3)
    return figure


@_styled
def two_settings(summary: pd.DataFrame, title: str = "") -> Picture:
    """Every unit as it was published (ring) and at its best (dot), with 95 % intervals: a panel an operation, the better above.

    `summary` is what `fair.summary` returns.
    """
    operations = [operation for operation in SIGNS if operation in set(summary["operation"])]
    tables = [summary[summary["operation"] == operation].set_index(["unit", "setting"]) for operation in operations]
    heights = [table.index.get_level_values("unit").nunique() for table in tables]
    figure, axes = _figure(
        title, WIDE, 1 + 0.36 * sum(heights) + 0.7 * len(heights), rows=len(tables), sharex=True, height_ratios=heights, squeeze=False
    )
    for ax, operation, table in zip(axes[:, 0], operations, tables, strict=True):
        best = table.xs("best", level="setting")["success_rate"].sort_values(ascending=False, kind="stable")
        for row, unit in enumerate(best.index):
            for setting, mark, shift in (("published", "o", 0.16), ("best", "o", -0.16)):
                told, color = table.loc[(unit, setting)], COLORS["m" if setting == "published" else "a"]
                ax.plot(
                    [told["success_low"], told["success_high"]], [row + shift] * 2, color=color, lw=3, alpha=0.45, solid_capstyle="butt"
                )
                ax.plot(told["success_rate"], row + shift, mark, color=color, mfc="none" if setting == "published" else color, ms=7)
        ax.set(xlim=(-0.02, 1.02), ylim=(len(best) - 0.5, -0.5), yticks=range(len(best)), yticklabels=best.index)
        ax.set_title(SIGNS[operation], size=12)
        ax.tick_params(labelbottom=True)
        ax.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
        ax.grid(axis="y", visible=False)
    axes[-1, 0].set_xlabel("runs solved, of nine ranges together; the line is the 95 % interval")
    axes[0, 0].plot([], [], "o", color=COLORS["m"], mfc="none", label="as published")
    axes[0, 0].plot([], [], "o", color=COLORS["a"], label="at its best")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


@_styled
def scaled_tables(tables: Mapping[str, pd.DataFrame], title: str = "") -> Picture:
    """Tables of scaled errors: `tables` maps a name to a DataFrame, functions down, models across; NaN is left blank.

    The darker, the larger: on a log scale from 0.01 (as good as perfect) to 100 (as bad as untrained).
    """
    columns = [table.shape[1] for table in tables.values()]
    width, height = 1 + 0.8 * sum(columns), 1.9 + 0.42 * max(map(len, tables.values()))
    figure, axes = _figure(title, width, height, columns=len(tables), width_ratios=columns, squeeze=False)
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        values = table.to_numpy(float)
        shade = np.where(np.isnan(values), np.nan, np.log10(np.clip(np.nan_to_num(values, nan=1, posinf=100), 0.01, 100)))
        ax.imshow(
            shade,
            vmin=-2,
            vmax=3,
            cmap=mpl.colors.LinearSegmentedColormap.from_list("", [ZERO, COLORS["M_hat"], COLORS["m"]]),
            aspect="auto",
        )
        for (row, column), value in np.ndenumerate(values):
            ax.text(column, row, _short(value), ha="center", va="center", color=COLORS["print"])
        ax.set(xticks=range(table.shape[1]), yticks=range(len(table)))
        ax.set_yticklabels(table.index if ax is axes[0, 0] else [])
        ax.set_xticklabels([textwrap.fill(str(model), 8) for model in table.columns], size=11)
        ax.set_title(name, loc="center", weight="normal", size=12)
        ax.tick_params(length=0)
        ax.grid(False)
    return figure


@_styled
def images(images: Numbers, captions: Iterable[object], title: str = "", wrong: Numbers | None = None) -> Picture:
    """Small grey images side by side, ten a row: images [images, height, width, 1] or without the 1, each with a caption below.

    `wrong`, one True or False an image, writes the caption of those in another colour and in bold.
    """
    images, wrong = np.asarray(images), np.zeros(len(images), bool) if wrong is None else np.asarray(wrong)
    rows, columns = -(-len(images) // 10), min(10, len(images))
    figure, axes = _figure(title, 0.4 + 0.76 * columns, 0.55 + 1.05 * rows, columns=columns, rows=rows, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption, bad in zip(_panels(axes, len(images)), images, captions, wrong, strict=True):
        ax.imshow(image.squeeze(), cmap=INK, vmin=0, vmax=1)
        ax.text(
            0.5, -0.05, caption, transform=ax.transAxes, ha="center", va="top", **({"color": COLORS["m"], "weight": "bold"} if bad else {})
        )
    return figure


@_styled
def growth(
    x: Numbers,
    panels: Mapping[str, Mapping[str, pd.DataFrame]],
    inside: tuple[float, float],
    title: str = "",
) -> Picture:
    """How errors grow along x, on log axes, with the training range `inside` = (low, high) shaded; one panel a task.

    `panels` maps a panel's name to a map of a model's name to its errors, [seeds, len(x)]: a dot a seed, a line through the medians.
    """
    figure, axes = _figure(title, WIDE, 0.6 + 3.6 * len(panels), rows=len(panels), squeeze=False)
    for ax, (panel, models) in zip(axes[:, 0], panels.items(), strict=True):
        for number, (name, errors) in enumerate(models.items()):
            look = {"marker": "osD^vP"[number % 6], "color": mpl.rcParams["axes.prop_cycle"].by_key()["color"][number % 6]}
            errors, at = np.atleast_2d(errors), np.asarray(x) * 1.06 ** (number - (len(models) - 1) / 2)  # side by side, not behind
            ax.plot(at, errors.T, ls="none", ms=4, alpha=0.35, mew=0, **look)
            ax.plot(at, np.median(errors, axis=0), ls=("-", "--", "-.", ":")[number % 4], label=name, ms=6, **look)
        ax.set(xscale="log", yscale="log", xlabel="length of the sequence", ylabel="mean absolute error")
        ax.set_xlim(min(x) / 1.6, max(x) * 1.6)
        ax.axvspan(max(inside[0], min(x) / 1.6), inside[1] * 1.25, color=COLORS["inside"], zorder=0)
        ax.set_xticks(x, [f"{each:,}" for each in x])
        ax.minorticks_off()
        ax.set_title(panel, loc="center", weight="normal")
    axes[0, 0].axvspan(np.nan, np.nan, color=COLORS["inside"], label="training length")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return figure


@_styled
def heat(values: pd.DataFrame, title: str = "", xlabel: str = "", ylabel: str = "") -> Picture:
    """A table of numbers from 0 to 1 as shades of blue, each written in its field to one place; rows and columns count from 0."""
    figure, ax = _figure(title, 5.6, 4.4)
    shown = ax.imshow(values, vmin=0, vmax=1, cmap=SHADES, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = f"{value + 0.0:.1f}".replace("-0.0", "0.0")
        ax.text(column, row, text, ha="center", va="center", size=10, color=_ink_on(shown, value))
    ax.set(xlabel=xlabel, ylabel=ylabel, xticks=range(np.shape(values)[1]), yticks=range(len(values)))
    ax.grid(False)
    return figure


@_styled
def against_truth(truth: Numbers, panels: Named, title: str = "", xlabel: str = "truth", ylabel: str = "prediction") -> Picture:
    """Whole numbers `truth` [rows] and what models said of each row, a dot a row, a little spread sideways; dotted where it is right.

    `panels` maps a name to its predictions, [rows]: one panel each.
    """
    figure, axes = _figure(title, 0.8 + 2.6 * len(panels), 3.2, columns=len(panels), squeeze=False, sharey=True)
    truth = np.ravel(truth)
    aside = np.random.default_rng(0).uniform(-0.25, 0.25, len(truth))
    for ax, (name, said) in zip(axes[0], panels.items(), strict=True):
        ax.plot(truth + aside, np.ravel(said), "o", ms=3, alpha=0.4, mew=0)
        ax.plot([truth.min(), truth.max()], [truth.min(), truth.max()], ":", color=COLORS["ink"], zorder=3)
        ax.set(xlabel=xlabel, xticks=np.unique(truth))
        ax.set_title(name, loc="center", weight="normal")
    axes[0, 0].set_ylabel(ylabel)
    return figure


@_styled
def nac_cell() -> Picture:
    """The NAC as a picture: how Ŵ and M̂ make W, and W makes y out of x."""
    figure, ax = _canvas("A NAC is a linear layer whose weights cannot pass −1 and 1", WIDE, 3.2, (0.4, 10), (0.1, 3.8))
    W_hat, M_hat = _box(ax, 1.2, 3.3, r"$\hat{W}$", "W_hat"), _box(ax, 1.2, 2.1, r"$\hat{M}$", "M_hat")
    tanh, sigma = _box(ax, 3.4, 3.3, "tanh", "soft"), _box(ax, 3.4, 2.1, r"$\sigma$", "soft")
    product, W = _box(ax, 5.2, 2.7, r"$\odot$", "soft", round=True), _box(ax, 7.0, 2.7, "W", "W")
    x, times, y = _box(ax, 1.2, 0.6, "x", "soft", round=True), _box(ax, 7.0, 0.6, "x W", "a"), _box(ax, 9.2, 0.6, "y", "soft", round=True)
    for start, end in ((W_hat, tanh), (M_hat, sigma), (tanh, product), (sigma, product), (product, W), (W, times), (x, times), (times, y)):
        _arrow(ax, start, end)
    ax.text(8.0, 2.7, "between\n−1 and 1", va="center", size=12)
    ax.text(4.1, 0.75, "the inputs, one row an example", ha="center", size=12)
    return figure


@_styled
def nalu_cell() -> Picture:
    """The NALU as a picture: one W, two paths, and the gate that mixes them."""
    figure, ax = _canvas("A NALU adds on one path, multiplies on the other; a gate decides", WIDE, 4.2, (0, 11.2), (0.4, 5.5))
    x, y = _box(ax, 0.6, 2.5, "x", "soft", round=True), _box(ax, 10.7, 3.7, "y", "soft", round=True)
    a, log = _box(ax, 4.9, 5.0, "a = x W", "a", width=1.9), _box(ax, 2.6, 2.5, r"log(|x| + $\varepsilon$)", "m", width=1.9)
    times, exp = _box(ax, 4.9, 2.5, "· W", "m"), _box(ax, 6.65, 2.5, "m = exp", "m", width=1.4)
    W, gate = _box(ax, 4.9, 3.75, "W", "W"), _box(ax, 4.9, 0.9, r"g = $\sigma$(x G)", "g", width=1.9)
    of_a, of_m = _box(ax, 8.6, 5.0, r"$\odot\,$g", "soft", round=True), _box(ax, 8.6, 2.5, r"$\odot\,$(1−g)", "soft", width=1.35)
    plus = _box(ax, 8.6, 3.7, "+", "soft", round=True)
    for start, end in (
        (log, times),
        (times, exp),
        (exp, of_m),
        (W, a),
        (W, times),
        (a, of_a),
        (x, log),
        (of_a, plus),
        (of_m, plus),
        (plus, y),
    ):
        _arrow(ax, start, end)
    _arrow(ax, x, a, bend="angle,angleA=90,angleB=0,rad=8")
    _arrow(ax, x, gate, bend="angle,angleA=-90,angleB=0,rad=8")
    _arrow(ax, gate, of_m, bend="angle,angleA=0,angleB=90,rad=8")
    ax.plot([8.5, 9.75, 9.75], [0.9, 0.9, 5.0], color=COLORS["ink"], lw=1.5)
    _arrow(ax, (None, (9.8, 5.0)), of_a)
    ax.text(2.5, 5.15, "the path that adds", ha="center", size=12, color=COLORS["a"])
    ax.text(2.6, 1.8, "the path that multiplies", ha="center", size=12, color=COLORS["m"])
    ax.text(2.7, 1.05, "the gate", ha="center", size=12, color=COLORS["g"])
    ax.text(4.2, 3.75, "one W for both paths:\n" + r"tanh($\hat{W}$) $\odot$ $\sigma$($\hat{M}$)", ha="right", va="center", size=12)
    return figure


@_styled
def reading(phrases: Mapping[str, Named], title: str = "", numbers: Named | None = None) -> Picture:
    """What models say after each word of a phrase, one panel a phrase.

    `phrases` maps a phrase to a map of a model's name to what its seeds say, [seeds, words]: a dot a seed, a line through the medians;
    what is outside 0 … 1,000 is drawn at the edge, and counted above the panel. `numbers`, a map of the same phrases, holds for each word
    the number that the words so far mean, or NaN where they mean none: a short black line.
    """
    rows = -(-len(phrases) // 2)
    figure, axes = _figure(title, WIDE, 1 + 2.9 * rows, columns=min(2, len(phrases)), rows=rows, squeeze=False, sharey=True)
    for ax, (phrase, said) in zip(_panels(axes, len(phrases)), phrases.items(), strict=True):
        words = phrase.split()
        beyond = 0
        for place, (name, values) in enumerate(said.items()):
            at, marker = np.arange(len(words)) + 0.5 * ((place + 0.5) / len(said) - 0.5), "oDs^v"[place % 5]
            look = dict(color=COLORS[("a", "m", "g", "W", "M_hat")[place % 5]], alpha=0.7)
            seen = np.clip(np.atleast_2d(values), -20, 1030)
            beyond += int((seen != values).sum())
            ax.plot(at, np.median(seen, axis=0), lw=1.2, zorder=2, **look)
            ax.plot(np.tile(at, len(seen)), seen.ravel(), marker, ms=5.5, mew=0, zorder=3, label=name, **look)
        if beyond:
            ax.set_title(f"{beyond} {'dot' if beyond == 1 else 'dots'} beyond, drawn at the edge", loc="right", size=11, weight="normal")
        if numbers is not None:
            at = np.arange(len(words))
            ax.hlines(numbers[phrase], at - 0.42, at + 0.42, color=COLORS["ink"], lw=1.5, label="what the words mean", zorder=1)
        ax.set(xticks=range(len(words)), xticklabels=words, xlim=(-0.5, len(words) - 0.5), ylim=(-40, 1060))
        ax.grid(axis="x", visible=False)
    for ax in axes[:, 0]:
        ax.set_ylabel("the model says")
        ax.yaxis.set_major_formatter("{x:,.0f}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@_styled
def number_map(errors: Named, title: str = "") -> Picture:
    """The error of every number from 0 to 999, one panel a model: hundreds downwards, the rest across; white where NaN.

    `errors` maps a name to |ŷ − y|, [1000]. The colours are logarithmic, from 0.1 to 100.
    """
    figure, axes = _figure(title, WIDE, 0.9 + 1.6 * len(errors), rows=len(errors), sharex=True, squeeze=False)
    for ax, (name, error) in zip(axes[:, 0], errors.items(), strict=True):
        shown = ax.imshow(np.clip(np.reshape(error, (10, 100)), 0.1, 100), norm=mpl.colors.LogNorm(0.1, 100), cmap="cividis", aspect="auto")
        ax.set(yticks=range(0, 10, 3), yticklabels=["0", "300", "600", "900"], xticks=range(0, 100, 10))
        ax.set_title(name, loc="left", size=12, weight="normal", pad=4)
        ax.grid(False)
    axes[-1, 0].set_xlabel("tens and units")
    figure.supylabel("hundreds", size=12)
    figure.colorbar(shown, ax=axes, label="absolute error", extend="both")
    return figure


@_styled
def medians(
    table: pd.DataFrame,
    x: str,
    y: str,
    inside: tuple[float, float],
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    level: tuple[float, str] | None = None,
    top: float | None = None,
) -> Picture:
    """Column `y` of a table of seeds along its column `x`, both axes logarithmic: a line for each model.

    A dot is the median over the seeds, a band goes from the lowest seed to the highest. The training range `inside` = (low, high) is
    shaded; `level` = (height, words) is a line to compare with; what is above `top` is cut off.
    """
    figure, ax = _figure(title, WIDE, 4.8)
    groups = table.groupby("model", sort=False)
    looks = zip("osD^vP*X", ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), "-", "--"), strict=True)
    for (name, runs), (marker, style) in zip(groups, _for_each(groups, looks), strict=True):
        seeds = runs.groupby(x)[y]
        middle = seeds.median()
        (line,) = ax.plot(middle.index, middle, marker=marker, ls=style, ms=6, label=name)
        ax.fill_between(middle.index, seeds.min(), seeds.max(), color=line.get_color(), alpha=0.15, lw=0)
    if level:
        ax.axhline(level[0], color=COLORS["ink"], ls=":", lw=1.5, label=level[1], zorder=1)
    ends = table[x].min(), table[x].max()
    margin = (ends[1] / ends[0]) ** 0.03
    ax.axvspan(inside[0] / margin, inside[1] * margin**0.5, color=COLORS["inside"], label="training range", zorder=0)
    ticks = sorted(table[x].unique())
    ax.set(xscale="log", yscale="log", xlabel=xlabel or x, ylabel=ylabel or y, xlim=(ends[0] / margin, ends[1] * margin))
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    ax.set_ylim(None, top)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@_styled
def registers(tokens: Sequence[str], values: Numbers, title: str = "") -> Picture:
    """What a network keeps after each token: `tokens`, a list of words, and `values` [tokens, registers], a stair for each register.

    A panel has room for ACROSS tokens; the rest goes on below. Raises ValueError when there are more or fewer tokens than values.
    """
    values = np.asarray(values)
    if values.ndim != 2 or len(values) != len(tokens):
        raise ValueError(f"values has shape {values.shape} for {len(tokens)} tokens, expected [tokens, registers]: a row for each token")
    across, rows = min(len(tokens), ACROSS), -(-len(tokens) // ACROSS)
    figure, axes = _figure(title, max(6, 1 + 0.62 * across), 0.8 + 3.2 * rows, rows=rows, sharey=True, squeeze=False)
    names = [f"register {i + 1}" for i in range(values.shape[1])]
    reach = np.ptp(np.append(values, 0)) or 1
    colors = _for_each(names, ("a", "m", "g", "W", "M_hat", "W_hat"))
    styles = _for_each(names, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))))
    looks = list(zip(names, colors, styles, strict=True))
    for row, ax in enumerate(axes[:, 0]):
        here = range(len(tokens))[row * ACROSS : (row + 1) * ACROSS]
        for column, (name, color, style) in enumerate(looks):
            ax.step(np.arange(len(tokens)), values[:, column], where="mid", color=COLORS[color], ls=style, label=name)
            for place in here:
                value = values[place, column]
                up = 0.05 * reach * (1 if value >= values[place].max() and (column == 0 or value > values[place, 0]) else -1)
                ax.text(place, value + up, round(value), color=COLORS[color], ha="center", va="bottom" if up > 0 else "top", size=11)
        ax.set(xticks=range(len(tokens)), xticklabels=tokens, ylabel="value", xlim=(here[0] - 0.5, here[0] + across - 0.5))
        ax.grid(axis="x", visible=False)
    ax.set(xlabel="token read", ylim=(min(values.min(), 0) - 0.2 * reach, max(values.max(), 0) + 0.2 * reach))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


@_styled
def seed_curves(
    x: Numbers,
    curves: Named,
    inside: tuple[float, float],
    title: str = "",
    xlabel: str = "x",
    ylabel: str = "y",
    columns: int | None = None,
) -> Picture:
    """A panel for each model, a line for each seed, and the median as a thick one; the training range `inside` = (low, high) is shaded.

    `curves` maps a name to values [seeds, rows] along x; the panels stand side by side, `columns` in a row (all, unless given).
    """
    columns = columns or len(curves)
    rows = -(-len(curves) // columns)
    figure, axes = _figure(title, 2.5 * columns + 0.6, 1 + 2.4 * rows, columns=columns, rows=rows, sharex=True, sharey=True, squeeze=False)
    for ax, (name, values) in zip(_panels(axes, len(curves)), curves.items(), strict=True):
        ax.axvspan(*inside, color=COLORS["inside"], zorder=0)
        ax.plot(x, np.transpose(values), color=COLORS["a"], lw=1, alpha=0.85)
        ax.plot(x, np.median(values, axis=0), "--", color=COLORS["m"], lw=3)
        ax.set(xlim=(np.min(x), np.max(x)))
        ax.set_title(textwrap.fill(name, 66 // columns), loc="center", weight="normal", size=12)
    if not np.mod(x, 1).any():
        axes[0, 0].xaxis.set_major_locator(mpl.ticker.MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    for column in axes.T:
        lowest = [ax for ax in column if ax.get_visible()][-1]
        lowest.set_xlabel(xlabel)
        lowest.tick_params(labelbottom=True)
    handles: list[Any] = [mpl.lines.Line2D([], [], color=COLORS["a"], lw=1), mpl.lines.Line2D([], [], color=COLORS["m"], lw=3, ls="--")]
    handles.append(mpl.patches.Patch(color=COLORS["inside"]))
    figure.legend(handles, ["a seed", "median", "training range"], loc="outside lower center", ncols=3)
    figure.get_layout_engine().set(wspace=0.06)  # the last number below a panel stands apart from the first of the next
    return figure


@_styled
def clocks(tables: Named, title: str = "") -> Picture:
    """Where the numbers 0 to p − 1 stand on the strongest wave of their embeddings: a panel for each of `tables`, [p, width].

    The wave with k turns is read off by least squares, so that a table that is nothing but this wave puts n at 2πkn/p of a circle.
    """
    figure, axes = _figure(title, 3.4 * len(tables), 3.6, columns=len(tables), squeeze=False, gridspec_kw={"wspace": 0.15})
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        table, angle = np.asarray(table, "float64"), np.linspace(0, 2 * np.pi, 200)
        p = len(table)
        turns = 1 + int(np.argmax((np.abs(np.fft.rfft(table, axis=0)) ** 2).sum(axis=1)[1:]))
        wave = 2 * np.pi * turns * np.arange(p) / p
        at = table @ np.linalg.pinv(2 / p * np.stack([np.cos(wave), np.sin(wave)]) @ table)
        ax.plot(np.cos(angle), np.sin(angle), color=COLORS["a"], lw=2, alpha=0.35, zorder=0)
        for number, (x, y) in enumerate(at):
            ax.text(x, y, number, ha="center", va="center", size=10)
        reach = 1.08 * np.abs(at).max()
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
        ax.set_title(f"{name}:\n{turns} turns from 0 to {p}", loc="center", weight="normal", size=12)
        ax.set_frame_on(False)
        ax.grid(False)
    return figure


@_styled
def grid_paths(episodes: Mapping[str, tuple[Sequence[int], int]], size: int, title: str = "") -> Picture:
    """Episodes on a grid world, one panel each: `episodes` maps a name to (cells [steps + 1], goal), cells numbered row by row.

    A circle is the start, a square the goal; in the corner of each cell stand the times at which the agent is there.
    """
    side = min(3.3, (WIDE - 0.2) / len(episodes))
    figure, axes = _figure(title, side * len(episodes) + 0.2, side + 0.8, columns=len(episodes), squeeze=False)
    for ax, (name, (cells, goal)) in zip(axes[0], episodes.items(), strict=True):
        rows, columns = np.divmod(np.asarray(cells), size)
        ax.plot(columns, rows, color=COLORS["a"], lw=3, solid_capstyle="round", solid_joinstyle="round")
        ax.plot(columns[0], rows[0], "o", ms=13, color=COLORS["a"])
        ax.plot(*np.divmod(goal, size)[::-1], "s", ms=13, color=COLORS["m"])
        for cell in dict.fromkeys(np.asarray(cells).tolist()):
            row, column = divmod(cell, size)
            ax.text(column - 0.47, row - 0.45, _times(np.flatnonzero(np.asarray(cells) == cell)), va="top", size=10)
        edges = np.arange(size + 1) - 0.5
        ax.set(xticks=edges, yticks=edges, xticklabels=[], yticklabels=[], aspect="equal", xlim=edges[[0, -1]], ylim=edges[[-1, 0]])
        ax.tick_params(length=0)
        ax.grid(color=COLORS["soft"])
        ax.spines[:].set(visible=True, color=COLORS["soft"])
        ax.set_title(name, loc="center", weight="normal")
    return figure


def table(numbers: pd.DataFrame, form: str = "{:,.0f}") -> pd.DataFrame:
    """The table `numbers` as it is read: its cells, and the names of its rows and columns, in words.

    A whole number has commas, any other has the `form`, and – stands where there is none. The operations add, sub, mul and div have their
    signs, and the rows that begin with them stand in this order. Other names have blanks for underscores. What all rows are, or all
    columns, is not named.
    """
    first, order = numbers.index.get_level_values(0), [*SIGNS]
    if first.isin(order).all():
        numbers = numbers.iloc[np.argsort([order.index(operation) for operation in first], kind="stable")]
    said = numbers.map(_in_words, form=form).rename(index=_named, columns=_named)
    return said.rename_axis(index=lambda name: None, columns=lambda name: None)


def _in_words(value, form):
    if isinstance(value, (float, np.floating)):
        return "–" if np.isnan(value) else form.format(value)
    return f"{value:,}" if isinstance(value, (int, np.integer)) else value


def _named(name):
    name = str(_in_words(name, "{:g}"))
    return IN_WORDS.get(name, name.replace("beta_2", "β₂").replace("_", " "))


def _times(steps):
    """Whole numbers in words as short as a cell: 3, 0–4, or the first and the last of many."""
    if len(steps) == 1:
        return f"{steps[0]}"
    if (np.diff(steps) == 1).all():
        return f"{steps[0]}–{steps[-1]}"
    return ", ".join(map(str, steps)) if len(steps) < 4 else f"{steps[0]}, … {steps[-1]}"


def _canvas(title, width, height, across, up):
    """A figure without axes, measured in its own units."""
    figure, ax = _figure(title, width, height)
    ax.set(xlim=across, ylim=up, aspect="equal")
    ax.axis("off")
    return figure, ax


def _box(ax, x, y, text, color, width=1.1, round=False):
    """A labelled box, or a circle, centred at (x, y), filled lightly in COLORS[color]; returns the patch and its centre."""
    style = mpl.patches.BoxStyle("circle", pad=0.25) if round else mpl.patches.BoxStyle("round", pad=0.05, rounding_size=0.12)
    width, height = (0.34, 0.34) if round else (width, 0.62)
    fill = mpl.colors.to_rgba(COLORS[color], 0.08)
    patch = mpl.patches.FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=style, fc=fill, ec=COLORS[color], lw=2)
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", size=15, color=COLORS["ink"])
    return patch, (x, y)


def _arrow(ax, start, end, bend="arc3"):
    """An arrow from the edge of one box to the edge of another, both as `_box` returns them."""
    (box_a, center_a), (box_b, center_b) = start, end
    look = dict(arrowstyle="-|>", connectionstyle=bend, patchA=box_a, patchB=box_b, shrinkA=3, shrinkB=3, color=COLORS["ink"], lw=1.5)
    ax.annotate("", center_b, center_a, arrowprops=look)


def _ink_on(shown, value):
    """The colour of words that can be read on the field that `shown`, an image, draws for `value`."""
    red, green, blue, _ = shown.cmap(shown.norm(value))
    return COLORS["print"] if 0.3 * red + 0.59 * green + 0.11 * blue > 0.45 else "white"


def _short(value):
    """A scaled error in the few characters that a cell of a table has; nothing for NaN."""
    if np.isnan(value):
        return ""
    if value > 1e6:
        return "∞"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def _sigmoid(t):
    return 1 / (1 + np.exp(-t))
