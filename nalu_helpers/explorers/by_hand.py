"""Explorers of what can be computed by hand, for notebooks 01, 02 and 04: nothing is trained."""

import matplotlib as mpl
import numpy as np

from .. import plots
from .parts import Explorer, choice, slider

ACTIVATIONS = ("tanh", "sigmoid", "relu6", "softsign", "relu", "elu", "linear")


def identity() -> Explorer:
    """Notebook 01: a layer of 50 units fitted to f(x) = x on a range that you choose, for an activation that you choose.

    So that it answers at once nothing is trained: the hidden weights are random, and the last layer is the best there is, by least
    squares. Outside the range it does as a trained network does.
    """
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("f(x) = x, learned on the shaded range only", figsize=(8, 3.7))
        ax = figure.subplots()
        x = np.array([-20, 20])
        ax.plot(x, x, ":", color=plots.COLORS["ink"], label="truth")
        ax.fill_between([], [], color=plots.COLORS["inside"], label="training range")
        ax.plot([], [], color=plots.COLORS["a"], label="the network")
        ax.set(xlim=(-20, 20), ylim=(-25, 25), xlabel="x", ylabel="prediction")
        ax.legend(loc="upper left")
    rng = np.random.default_rng(0)
    slope, offset = rng.normal(0, 0.5, 50).tolist(), rng.uniform(-3, 3, 50).tolist()
    handles = [
        slider("half", "training range ±", 5.0, 1, 19, 0.5, "Half the width of the range that is learned from"),
        choice("activation", "activation", ACTIVATIONS, "What each of the 50 hidden units computes"),
    ]
    return Explorer("identity", "f(x) = x breaks outside the range it was learned on", figure, handles, slope=slope, offset=offset)


def weight() -> Explorer:
    """Notebook 02: drag Ŵ and M̂; see W on its surface, and how steep the surface is there."""
    figure = plots.weight_surface(title="W = tanh(Ŵ) · σ(M̂)")
    handles = [
        slider("W_hat", "Ŵ", 1.0, -6, 6, 0.1, "The trainable number inside tanh: its sign is the sign of W"),
        slider("M_hat", "M̂", 0.0, -6, 6, 0.1, "The trainable number inside σ: far below 0 it turns the weight off"),
    ]
    return Explorer("weight", "A weight of the NAC, and how steep its surface is", figure, handles)


def paths() -> Explorer:
    """Notebook 04: one pair of numbers through a NALU's two paths and its gate; all of it by hand."""
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("Two paths and a gate", figsize=(8, 2.7))
        ax = figure.subplots()
        ax.set_yticks(range(3), ["a, the sum", "m, the product", "y = g·a + (1 − g)·m"])
        ax.set(xlim=(-150, 150), ylim=(2.6, -0.6))
        ax.set_xlabel("value (logarithmic beyond ±2)")
        ax.set_xscale("symlog", linthresh=2)
        ax.axvline(0, color=plots.COLORS["ink"], lw=1)
    handles = [
        slider("x1", "x₁", 3.0, -10, 10, 0.5, "The first input"),
        slider("x2", "x₂", 4.0, -10, 10, 0.5, "The second input"),
        slider("w1", "W₁", 1.0, -1, 1, 0.05, "The weight of x₁: a factor on one path, an exponent on the other"),
        slider("w2", "W₂", 1.0, -1, 1, 0.05, "The weight of x₂"),
        slider("gate", "gate g", 0.5, 0, 1, 0.05, "1 listens to the sum, 0 to the product"),
    ]
    return Explorer("paths", "One pair of numbers through a NALU", figure, handles)
