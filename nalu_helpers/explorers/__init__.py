"""Explorers: pictures with handles. Each function returns a widget; show it by putting it last in a cell.

matplotlib draws what stands still, once; a small script in the browser moves the rest, so an explorer answers within a frame, in
JupyterLab and on a page without a kernel. `parts` has what all of them share.
"""

from .by_hand import identity, paths, weight
from .drawn import Playground, mean_weight_and_gate, phrases, playground, replay, seeds
from .parts import Explorer

__all__ = ["Explorer", "Playground", "identity", "mean_weight_and_gate", "paths", "phrases", "playground", "replay", "seeds", "weight"]
