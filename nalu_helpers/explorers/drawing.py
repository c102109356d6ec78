"""The explorer of notebook 09: draw digits, and see them counted, one after the other."""

from typing import Any

import matplotlib as mpl
import numpy as np

from .. import plots
from ..data import Task
from ..paper.digits import Reader, Total
from .parts import Explorer, choice, rounded

OWN = "your drawing"
MOST = 4  # the highest count that the picture has room for


def drawing(reader: Reader, digits: Task) -> Explorer:
    """Notebook 09: draw a digit with mouse or finger, or take a test image of `digits`, and let a trained `reader` count what it sees.

    `reader` is one that `paper.digits.train` made for counting, with a cell that keeps a total; `digits` is what `paper.digits.load`
    returns. Its weights travel to the page, which does without a kernel. Raises ValueError for a reader of another kind.
    """
    kinds = [type(layer).__name__ for layer in reader.convnet.layers] if isinstance(reader, Reader) else []
    is_total = bool(kinds) and isinstance(reader.cell, Total) and reader.cell.output_size == 10
    if kinds != ["Conv2D", "Flatten", "Dense", "Dense"] or not is_total or reader.convnet.input_shape[1:] != (8, 8, 1):
        raise ValueError(
            "reader is none that counts 8 × 8 digits by a total: pass for example "
            'paper.digits.train("counting", "NAC", paper.digits.load(), seeds=[0]).models[0]'
        )
    weights: dict[str, Any] = {}
    for name, layer in zip(("conv", "hidden", "features"), (reader.convnet.layers[i] for i in (0, 2, 3)), strict=True):
        kernel, bias = layer.get_weights()
        weights[name] = {"kernel": rounded(kernel.reshape(-1, kernel.shape[-1]), 3), "bias": rounded(bias, 3)}
    weights["W"] = rounded(reader.cell.unit(np.eye(reader.convnet.output_shape[-1], dtype="float32")), 3)
    shown = [np.flatnonzero(digits.y_test == digit)[0] for digit in range(10)]
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("Digits that you draw, counted", figsize=(8, 6.1))
        pad, pixels, one, total = figure.subplots(2, 2, height_ratios=[3, 2]).flat
        for ax, title in ((pad, "draw here"), (pixels, "what it sees")):
            ax.set(xlim=(0, 8), ylim=(8, 0), xticks=[], yticks=[], aspect="equal")
            ax.set_title(title, loc="center", weight="normal")
            ax.spines[:].set_visible(True)
        for ax, title, high in ((one, "counts for this image", 1.25), (total, "counts for all so far", MOST * 1.25)):
            ax.set(xlim=(-0.6, 9.6), ylim=(-0.2 * high / 1.25, high), xticks=range(10), xlabel="digit")
            ax.set_title(title, loc="center", weight="normal")
            ax.axhline(0, color=plots.COLORS["ink"], lw=1)
    images = [OWN, *(f"a test image of a {digit}" for digit in range(10))]
    handles = [choice("image", "image", images, "Your own drawing, or an image that the network has not seen in training")]
    known = {"weights": weights, "images": [np.rint(digits.x_test[place] * 16).astype(int).ravel().tolist() for place in shown]}
    return Explorer("drawing", "Digits that you draw, counted", figure, handles, own=OWN, most=MOST, **known)
