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
    runs, named = runs[runs["operation"].isin(plots.SIGNS)], {setting: name for name, setting in SETTINGS.items()}
    runs = runs.assign(sign=runs["operation"].map(plots.SIGNS), setting=runs["setting"].map(named))
    with np.errstate(divide="ignore"):
        inside, outside = _tenths(runs["interpolation"]), _tenths(runs["extrapolation"] / runs["threshold"])
    points: dict[str, dict] = {sign: {} for sign in plots.SIGNS.values() if (runs["sign"] == sign).any()}
    said: dict[str, dict] = {sign: {} for sign in points}
    columns = [runs[name] for name in ("sign", "unit", "setting", "train", "solved")]
    # row by row: tables of each unit, range and setting would take seconds to make
    for sign, unit, setting, train, solved, *ends in zip(*columns, inside, outside, strict=True):
        settings = points[sign].setdefault(unit, {name: {} for name in SETTINGS})
        of_both = settings[setting].setdefault(train, [[[], []], [[], []]])  # of the solved and the others: inside, and outside
        for errors, end in zip(of_both[0 if solved else 1], ends, strict=True):
            errors.append(end)
    for _, run in runs.drop_duplicates(["sign", "unit", "setting"]).iterrows():
        said[run["sign"]].setdefault(run["unit"], {})[run["setting"]] = _in_words(setting_of(run))
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


def _tenths(errors):
    """Each error as tenths of a power of ten, whole numbers being short to write.

    None where it is infinite or NaN, which JSON has not. An error of 0 is 10⁻⁹⁹.
    """
    return [int(end) if np.isfinite(end) else None for end in (10 * np.log10(errors).clip(lower=-99)).round()]


def _in_words(setting):
    penalty = "" if setting.penalty else ", no penalty"
    return f"rate {setting.learning_rate:g}, start {setting.start}, β₂ {setting.beta_2:g}, clipping {setting.clipping}{penalty}"
