"""Explorers of stored comparisons: the paper's functions for notebook 06, and the fair comparison for notebook 08, run by run."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd

from .. import plots
from ..fair import KEY, setting_of
from ..paper import functions
from .parts import Explorer, choice

FORMS = {"static": "long", "recurrent": "recurrent"}
INSIDE_OFF, OUTSIDE_OFF = (1e-4, 1e2), (1e-4, 1e4)  # percent of the mean answer that the picture shows
WITHOUT = {model for models in functions.MODELS.values() for model in models} - {*functions.UNITS}  # networks without a unit
ARRIVES = 5  # percent of the mean answer: a run that is nearer outside arrives

SETTINGS = {"as published": "published", "at its best": "best"}
INSIDE, OUTSIDE = (-16, 8), (-8, 12)  # powers of ten that the picture shows


def every_function(runs: pd.DataFrame) -> Explorer:
    """Notebook 06: choose a function, a network and a seed; see each run's error inside and outside, and how it went there.

    `runs` is the table in `results/paper_functions.csv`; the seeds that chose the settings are left out, and so are checks after more
    steps than all runs have. An error is √MSE in percent of the mean answer. A run arrives when its error outside is below `ARRIVES`. It is
    better than everything without a unit when that error is smaller than those of a constant guess and of every run of a network without
    a unit. Raises ValueError for a table that holds no such runs, or not all checks of one.
    """
    needed = {*functions.KEY, "seed", "where", "step", *functions.TUNED, "relative"}
    if needed <= set(runs):
        runs = runs[runs["form"].isin(FORMS.values()) & ~runs["seed"].isin(functions.CHOOSE) & (runs["step"] <= functions.STEPS)]
    if not needed <= set(runs) or runs.empty:
        raise ValueError("runs holds no runs of the paper's functions: pass the table in results/paper_functions.csv, as pandas reads it")
    runs = runs.assign(off=100 * runs["relative"].fillna(np.inf))
    seeds, tasks, steps = sorted(runs["seed"].unique().tolist()), {}, {}
    forms = [name for name, form in FORMS.items() if form in set(runs["form"])]
    for name in forms:
        form = FORMS[name]
        of_form = runs[runs["form"] == form]
        steps[name] = int(of_form["step"].max())
        tasks[name] = {function: _task(form, function, some, seeds) for function, some in of_form.groupby("function", sort=False)}
    networks = sorted(runs["model"].unique(), key=lambda model: model in WITHOUT)  # those without a unit are the last
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("Every run: how far off inside the training range, and outside", figsize=(8, 4.5))
        ax = figure.subplots()
        ax.plot([], [], "o", color=plots.COLORS["a"], label="arrives")
        ax.plot([], [], "D", color=plots.COLORS["m"], label="does not arrive")
        ax.plot([], [], "o-", color=plots.COLORS["soft"], mfc=plots.COLORS["ink"], mec="none", ms=5, label="two earlier checks")
        ax.axhline(ARRIVES, color=plots.COLORS["ink"], lw=1.5, ls="--", label=f"within {ARRIVES} %")
        ax.plot([], [], ":", color=plots.COLORS["g"], label="best without a unit")
        ax.plot([], [], "s", color=plots.COLORS["g"], label="constant guess")
        ax.set(xscale="log", yscale="log", xlim=INSIDE_OFF, ylim=OUTSIDE_OFF)
        ax.set(xlabel="error inside, % of the mean answer", ylabel="error outside, %")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:,g}")
        figure.legend(loc="outside lower center", ncols=3)
    handles = [
        choice("function", "function", runs["function"].unique(), "What is computed from the two hidden sums"),
        choice("network", "network", networks, "What both layers are made of"),
        choice("form", "form", forms, "100 numbers at once, or ten at each step"),
        choice("seed", "seed", ["all", *seeds], "One of the runs, or all of them"),
    ]
    known = dict(seeds=seeds, tasks=tasks, steps=steps, x=INSIDE_OFF, y=OUTSIDE_OFF)
    return Explorer("edge every_function", "Every run on the paper's functions", figure, handles, **known)


def _task(form, function, runs, seeds):
    """A function's runs by network, its constant guess [inside, outside], and the smallest error outside of what has no unit."""
    tables, last = {}, {}
    for network, some in runs.groupby("model", sort=False):
        table = some.pivot_table("off", ["where", "seed"], "step")
        if len(some) != 2 * len(seeds) * len(functions.CHECKS) or table.shape != (2 * len(seeds), len(functions.CHECKS)):
            raise ValueError(f"runs holds not all checks of {network} on {function}, {form}: let the benchmark end first")
        tables[network], last[network] = table, table.loc["outside"].iloc[:, -1].to_numpy()
    guess = [_guess(form, function, where) for where in ("inside", "outside")]
    best = min([guess[1], *(last[network].min() for network in WITHOUT & set(last))])
    networks = {}
    for network, table in tables.items():
        first = runs[runs["model"] == network].iloc[0]
        networks[network] = {
            "setting": f"{first['optimizer']}, rate {first['rate']:g}{', clipped' if first['clipped'] else ''}",
            **{where: [_short(checks) for checks in table.loc[where].to_numpy()] for where in ("inside", "outside")},
            "arrives": (last[network] < ARRIVES).astype(int).tolist(),
            **({} if network in WITHOUT else {"better": (last[network] < best).astype(int).tolist()}),
        }
    return {"guess": _short(guess), "best": _short([best])[0], "networks": networks}


def _guess(form, function, where):
    """The error of the notebook's constant guess, in percent of the mean answer."""
    task = functions.examined(form, function)
    mse = functions.constant_error(form, function, where) / 100 * functions.untrained_error(form, function, where)
    return 100 * np.sqrt(mse) / np.abs(task.y_train if where == "inside" else task.y_test).mean()


def _short(errors):
    """Errors with three digits, as far as JSON has them: None where one is infinite."""
    return [float(f"{error:.3g}") if np.isfinite(error) else None for error in errors]


def field(runs: pd.DataFrame, curves: pd.DataFrame | None = None) -> Explorer:
    """Notebook 08: choose an operation, a unit, a range, a setting and a run; see which runs solved it, and how far off the others are.

    `runs` is the table that `fair.fair` returns. With `curves`, the one that `fair.curves` returns, each run also shows how it came there
    and the weights it ends with. Raises ValueError when `runs` has no runs of both settings, or not all seeds everywhere, and when
    `curves` lacks one of its runs.
    """
    runs = runs[runs["setting"].isin(SETTINGS.values())] if "setting" in runs else runs[:0]
    if runs.empty or set(runs["setting"]) != set(SETTINGS.values()):
        raise ValueError("runs holds no units as published and at their best: pass the table that fair.fair returns")
    runs = runs[runs["operation"].isin(plots.SIGNS)]
    runs, steps = (runs.assign(weights=""), []) if curves is None else _with_curves(runs, curves)
    seeds, named = sorted(runs["seed"].unique().tolist()), {setting: name for name, setting in SETTINGS.items()}
    runs = runs.assign(sign=runs["operation"].map(plots.SIGNS), setting=runs["setting"].map(named))
    cells = runs.groupby(["sign", "unit", "setting", "train"], sort=False)
    if odd := set(cells.size()) - {len(seeds)}:
        raise ValueError(f"runs holds {min(odd)} of {len(seeds)} seeds somewhere: let the comparison end first")
    runs = runs.assign(cell=cells.ngroup()).sort_values(["cell", "seed"])
    said: dict[str, dict] = {}
    for _, run in runs.drop_duplicates(["sign", "unit", "setting"]).iterrows():
        said.setdefault(run["sign"], {}).setdefault(run["unit"], {})[run["setting"]] = _in_words(setting_of(run))
    points = _points(runs, steps, len(seeds))
    with mpl.rc_context(plots.STYLE):
        figure = _axes_of_the_field(steps)
    handles = [
        choice("operation", "operation", points, "What is computed from two numbers"),
        choice("unit", "unit", runs["unit"].unique(), "Which unit"),
        choice("range", "range to train on", runs["train"].unique(), "It is tested on a wider one"),
        choice("setting", "setting", SETTINGS, "As it was published, or as chosen inside the training range"),
        choice("run", "run", ["all", *seeds], "One of the runs, by its seed, or all of them"),
    ]
    known = dict(runs=points, settings=said, seeds=seeds, steps=steps, x=INSIDE, y=OUTSIDE)
    return Explorer("edge field", "Every run of the fair comparison", figure, handles, **known)


def _with_curves(runs, curves):
    """`runs` with the columns of `curves`, and the steps at which the curves have an error."""
    steps = sorted(int(name.removeprefix("extrapolation_")) for name in curves if re.fullmatch(r"extrapolation_\d+", name))
    if not steps or not {*KEY, "weights"} <= set(curves):
        raise ValueError("curves holds no curves: pass the table that fair.curves returns")
    wanted = curves[[*KEY, "weights", *(f"extrapolation_{step}" for step in steps)]]
    both = runs.merge(wanted, how="left", on=KEY, validate="one_to_one")
    if both["weights"].isna().any():
        of = both[both["weights"].isna()].iloc[0]
        raise ValueError(f"curves has no {of['unit']}, {of['operation']}, seed {of['seed']}: let `benchmark curves` end first")
    return both, steps


def _points(runs, steps, seeds):
    """What the page needs of each run: operation → unit → setting → range → a list of so many `seeds` for each part of it.

    `runs` lie so that those of one unit, setting and range follow each other, by their seeds.
    """
    with np.errstate(divide="ignore"):
        inside, outside = _tenths(runs["interpolation"]), _tenths(runs["extrapolation"] / runs["threshold"])
        checks = [np.log10((runs[f"extrapolation_{step}"] / runs["threshold"]).fillna(np.inf)).clip(*OUTSIDE) for step in steps]
    ways = np.rint(10 * np.array(checks)).astype(int).T.tolist() if steps else [[]] * len(runs)
    parts = dict(solved=runs["solved"].astype(int).tolist(), weights=runs["weights"].tolist(), inside=inside, outside=outside, ways=ways)
    points: dict[str, dict] = {sign: {} for sign in plots.SIGNS.values() if (runs["sign"] == sign).any()}
    keys = runs[["sign", "unit", "setting", "train"]][::seeds].itertuples(index=False)
    for start, (sign, unit, setting, train) in zip(range(0, len(runs), seeds), keys, strict=True):
        settings = points[sign].setdefault(unit, {name: {} for name in SETTINGS})
        settings[setting][train] = {part: values[start : start + seeds] for part, values in parts.items()}
    return points


def _axes_of_the_field(steps):
    figure = plots.Picture("Every run: inside the training range, and outside", figsize=(8, 4.1))
    ax, *others = figure.subplots(1, 2 if steps else 1, sharey=True, squeeze=False)[0]
    ax.axhline(1, color=plots.COLORS["ink"], lw=1.5, ls="--", label="threshold")
    ax.plot([], [], "o", color=plots.COLORS["a"], label="solved")
    ax.plot([], [], "D", color=plots.COLORS["m"], label="not solved")
    ax.set(xscale="log", yscale="log", xlim=[10.0**end for end in INSIDE], ylim=[10.0**end for end in OUTSIDE])
    ax.set(xlabel="mean squared error inside", ylabel="error outside ÷ threshold")
    ax.set_xticks([10.0**end for end in range(INSIDE[0], INSIDE[1] + 1, 8)])
    ax.xaxis.set_major_formatter(_power)
    ax.yaxis.set_major_formatter(_power)
    for over in others:
        over.axhline(1, color=plots.COLORS["ink"], lw=1.5, ls="--")
        over.set(xscale="log", xlim=(steps[0], steps[-1]), xlabel="step")
        over.tick_params(labelleft=True)  # on a phone it stands alone
        over.set_xticks([steps[0], steps[len(steps) // 2], steps[-1]])
        over.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _tenths(errors):
    """Each error as tenths of a power of ten, whole numbers being short to write.

    None where it is infinite or NaN, which JSON has not. An error of 0 is 10⁻⁹⁹.
    """
    return [int(end) if np.isfinite(end) else None for end in (10 * np.log10(errors).clip(lower=-99)).round()]


def _power(value, place):
    """A power of ten as plain text: the picture is there a tenth of a second sooner than with formulas on its axes."""
    return "10" + str(round(np.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _in_words(setting):
    penalty = "" if setting.penalty else ", no penalty"
    return f"rate {setting.learning_rate:g}, start {setting.start}, β₂ {setting.beta_2:g}, clipping {setting.clipping}{penalty}"
