"""Explorers: pictures with handles. Each function returns a widget; show it by putting it last in a cell.

matplotlib draws what stands still, once; a small script in the browser moves the rest, so an explorer answers within a frame, in
JupyterLab and on a page without a kernel. `parts` has what all of them share.
"""

from .by_hand import identity, paths, weight
from .compared import every_function, field
from .drawing import drawing
from .guessing import guess
from .parts import Explorer
from .playground import Playground, playground
from .stepping import program, waiting
from .surface import surface
from .trained import mean_weight_and_gate, phrases, replay, seeds

__all__ = [
    "Explorer",
    "Playground",
    "drawing",
    "every_function",
    "field",
    "guess",
    "identity",
    "mean_weight_and_gate",
    "paths",
    "phrases",
    "playground",
    "program",
    "replay",
    "seeds",
    "surface",
    "waiting",
    "weight",
]
