"""The explorer of the fair comparison, for notebook 08: every run of a unit, as published and at its best."""

import matplotlib as mpl
import numpy as np
import pandas as pd

from .. import plots
from ..fair import setting_of
from .parts import Explorer, choice

SETTINGS = {"as published": "published", "at its best": "best"}
INSIDE, OUTSIDE = (-16, 8), (-8, 12)  # powers of ten that the picture shows


def field(runs: pd.DataFrame) -> Explorer:
    """Notebook 08: choose an operation, a unit, a range and a setting; see which of its runs solved it, and how far off the others are.

    `runs` is the table that `fair.fair` returns. Raises ValueError when it has no runs of both settings.
    """
    runs = runs[runs["setting"].isin(SETTINGS.values())] if "setting" in runs else runs[:0]
    if runs.empty or set(runs["setting"]) != set(SETTINGS.values()):
        raise ValueError("runs holds no units as published and at their best: pass the table that fair.fair returns")
    points: dict[str, dict] = {}
    said: dict[str, dict] = {}
    with np.errstate(divide="ignore"):
        inside, outside = np.log10(runs["interpolation"]), np.log10(runs["extrapolation"] / runs["threshold"])
    runs = runs.assign(inside=inside, outside=outside)
    for operation, sign in plots.SIGNS.items():
        for unit, of_unit in runs[runs["operation"] == operation].groupby("unit", sort=False):
            for name, setting in SETTINGS.items():
                some = of_unit[of_unit["setting"] == setting]
                each = {
                    train: [_ends(part[part["solved"]]), _ends(part[~part["solved"]])] for train, part in some.groupby("train", sort=False)
                }
                points.setdefault(sign, {}).setdefault(unit, {})[name] = each
                said.setdefault(sign, {}).setdefault(unit, {})[name] = _in_words(setting_of(some.iloc[0]))
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("Every run: inside the training range, and outside", figsize=(8, 4.2))
        ax = figure.subplots()
        ax.axhline(1, color=plots.COLORS["ink"], lw=1.5, ls="--", label="threshold")
        ax.plot([], [], "o", color=plots.COLORS["a"], label="solved")
        ax.plot([], [], "D", color=plots.COLORS["m"], label="not solved")
        ax.set(xscale="log", yscale="log", xlim=[10.0**end for end in INSIDE], ylim=[10.0**end for end in OUTSIDE])
        ax.set(xlabel="mean squared error inside", ylabel="error outside ÷ threshold")
        ax.legend(loc="upper left")
    handles = [
        choice("operation", "operation", points, "What is computed from two numbers"),
        choice("unit", "unit", runs["unit"].unique(), "Which unit"),
        choice("range", "range to train on", runs["train"].unique(), "It is tested on a wider one"),
        choice("setting", "setting", SETTINGS, "As it was published, or as chosen inside the training range"),
    ]
    return Explorer("field", "Every run of the fair comparison", figure, handles, runs=points, settings=said, x=INSIDE, y=OUTSIDE)


def _ends(some):
    """Of every run the error inside, and of every run the error outside: tenths of a power of ten, whole numbers being short to write.

    None where it is infinite or NaN, which JSON has not. An error of 0 is 10⁻⁹⁹.
    """
    ends = (10 * some[["inside", "outside"]].clip(lower=-99)).round().T.to_numpy()
    return [[int(end) if np.isfinite(end) else None for end in each] for each in ends]


def _in_words(setting):
    penalty = "" if setting.penalty else ", no penalty"
    return f"rate {setting.learning_rate:g}, start {setting.start}, β₂ {setting.beta_2:g}, clipping {setting.clipping}{penalty}"
