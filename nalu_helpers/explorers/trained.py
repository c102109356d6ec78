"""Explorers of what was trained, for notebooks 03, 05 and 10: the training is done before, and travels to the page as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import matplotlib as mpl
import numpy as np

from .. import plots
from .._inputs import positive_number, whole_number
from .._tensorflow import seeded
from ..data import Task
from ..layers import NAC
from ..paper.phrases import in_words, parse, says, table
from ..training import fit
from .parts import Explorer, choice, rounded, slider, text

FLOOR = 1e3  # what the axis of the cost begins with: a cost below it is drawn there


def replay(task: Task, steps: int = 2000, every: int = 20, rates: Iterable[float] = (0.05, 0.01, 0.2), seed: int = 0) -> Explorer:
    """Notebook 03: a NAC's training on `task`, step by step, for each of the learning rates `rates`, seen every `every` steps.

    Raises TypeError or ValueError when there is no rate or one is no number above 0, or `steps` or `every` is no whole number above 0.
    """
    steps, every = whole_number(steps, "steps"), whole_number(every, "every")
    rates = [positive_number(rate, "a learning rate", "0.05") for rate in rates]
    if not rates:
        raise ValueError("rates is empty: give at least one learning rate, such as 0.05")
    x, y = task.x_train, task.y_train
    largest = int(np.argmax(y))
    shown = np.unique(np.linspace(0, len(x) - 1, 200).astype(int))  # as many rows as a line in a picture needs
    shown = shown[np.argsort(y[shown, 0], kind="stable")]
    runs = _trainings(task, steps, every, rates, seed)
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("A training, step by step", figsize=(8.4, 3.4))
        left, right, last = figure.subplots(1, 3)
        left.plot(y[:, 0], y[:, 0], ":", color=plots.COLORS["ink"], label="truth")
        left.plot([], [], color=plots.COLORS["a"], label="the NAC")
        left.set(xlabel="true answer", ylabel="what the NAC says", xlim=(y.min(), y.max()), ylim=(-y.max(), 1.1 * y.max()))
        left.legend(loc="lower left")
        left.locator_params(axis="y", nbins=3)
        left.set_xticks([y.min(), y.max()])
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter("{x:,g}")
        right.set(yscale="log", xlabel="step", ylabel="cost", xlim=(0, steps), ylim=(FLOOR, 1e13))
        last.set(xlabel="step", ylabel="W", xlim=(0, steps), ylim=(-1.1, 1.1))
        last.plot([], [], "-", color=plots.COLORS["a"], label="$w_1$")
        last.plot([], [], "--", color=plots.COLORS["m"], label="$w_2$")
        last.legend(loc="lower right")
        for ax in (right, last):
            ax.locator_params(axis="x", nbins=2)
    handles = [
        slider("step", "step", 0, 0, steps // every * every, every, "How long it has learned", decimals=0),
        choice("rate", "learning rate", rates, "How far Adam steps"),
    ]
    known = dict(x=x[shown].tolist(), y=y[shown, 0].tolist(), example=x[largest].tolist(), every=every, floor=FLOOR, runs=runs)
    return Explorer("replay", "A NAC's training, step by step", figure, handles, **known)


def _trainings(task, steps, every, rates, seed):
    """Each rate's training from the same start: W, [2, looks], and the cost, [looks]."""
    x, y, trainings = task.x_train, task.y_train, []
    for rate in rates:
        looks: list[dict] = []
        with seeded(seed):
            nac = NAC(1)
            nac.build((None, x.shape[1]))
        fit(nac, x, y, steps=steps, learning_rate=rate, every=every, progress=False, watch=looks.append)
        looks = looks[: steps // every + 1]  # without the end, where that is no look
        W_hat, M_hat = (np.array([look["weights"][i][0, :, 0] for look in looks]).T for i in range(2))
        cost = [float(f"{look['cost'][0]:.4g}") for look in looks]
        trainings.append({"rate": rate, "W": rounded(np.tanh(W_hat) / (1 + np.exp(-M_hat))), "cost": cost})
    return trainings


def mean_weight_and_gate(task: Task, seen: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Where each seed was on the surface of the cost at each look: its mean weight w and mean gate g on `task`, each [looks, seeds].

    `seen` is the list that `fit_many(..., watch=seen.append)` filled with looks at NALUs, some seeds at a time. Raises ValueError when it
    holds none.
    """
    if not seen or len(seen[0].get("weights", ())) != 3:
        raise ValueError("seen holds no weights of NALUs: pass the list that fit_many(..., watch=seen.append) filled")
    looks: dict[int, list] = {}
    for look in sorted(seen, key=lambda look: (look["step"][0], look["seed"][0])):
        looks.setdefault(int(look["step"][0]), []).append(look["weights"])
    W_hat, M_hat, G = (np.array([np.concatenate([some[i] for some in look]) for look in looks.values()])[..., 0] for i in range(3))
    w = (np.tanh(W_hat) / (1 + np.exp(-M_hat))).mean(axis=-1)
    with np.errstate(over="ignore"):
        return w, (1 / (1 + np.exp(-np.einsum("ri,tsi->tsr", task.x_train, G)))).mean(axis=-1)


def seeds(task: Task, seen: Sequence[dict[str, Any]], every: int) -> Explorer:
    """Notebook 05: choose a seed and a step; see where its gate and its weights are on the surface of the cost.

    `seen` is what `fit_many(..., watch=seen.append, every=every)` saw of NALUs on `task`. Raises ValueError when it holds none, or a seed
    that has diverged.
    """
    w, gate = mean_weight_and_gate(task, seen)
    lost = np.flatnonzero(~np.isfinite(w + gate).all(axis=0))
    if len(lost):
        raise ValueError(f"seed {lost[0]} has diverged, and cannot be shown: leave it out, or train with a smaller learning rate")
    figure = plots.gate_surface(task.x_train, task.y_train, title="Where a seed is on the surface of the cost")
    last = (len(w) - 1) * whole_number(every, "every")
    handles = [
        slider("seed", "seed", 0, 0, w.shape[1] - 1, 1, "Another start, nothing else", decimals=0),
        slider("step", "step", last, 0, last, every, "How long it has learned", decimals=0),
    ]
    return Explorer("seeds", "Seeds on the surface of the cost", figure, handles, w=rounded(w.T), gate=rounded(gate.T), every=every)


def phrases(models: Mapping[str, Sequence[keras.Model]], phrase: str = "three hundred and thirty four") -> Explorer:
    """Notebook 10: write a number in words, and see what trained readers say after each of its words.

    `models` maps a name to the Keras models of its seeds, as `paper.phrases.train` returns them. All of them are asked for all numbers
    before, so that the page can answer alone. Raises ValueError when it holds none, or the phrase is no number from 0 to 999 in words.
    """
    if not models or not all(len(seeds) for seeds in models.values()):
        raise ValueError("models holds no trained reader: pass for example {'LSTM + NALU': paper.phrases.train(…)}")
    parse(phrase)
    longest = table()[0].shape[1]
    spoken = [in_words(number).split() for number in range(1000)]
    after = {" ".join(words): (number, len(words) - 1) for number, words in enumerate(spoken)}  # a phrase, and where it ends
    for number, words in enumerate(spoken):
        for end in range(1, len(words)):
            after.setdefault(" ".join(words[:end]), (number, end - 1))  # "three hundred and" is no number, but it is heard
    rows, ends = np.transpose(list(after.values()))
    answered = [np.array([says(model)[rows, ends] for model in seeds]) for seeds in models.values()]
    said = [[rounded(seeds[:, part], 3) for seeds in answered] for part in range(len(after))]
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("What the models say after each word", figsize=(8, 3.8))
        ax = figure.subplots()
        for i, name in enumerate(models):
            ax.plot([], [], "oDs"[i % 3], color=plots.COLORS[("a", "m", "g", "W", "M_hat")[i % 5]], ms=5.5, label=name)
        ax.plot([], [], color=plots.COLORS["ink"], lw=1.5, label="what the words mean")
        ax.set(xlim=(-0.5, longest - 0.5), ylim=(-40, 1060), xticks=range(longest), xticklabels=[" "] * longest, ylabel="the model says")
        ax.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=3)
    handles = [text("phrase", "a number in words", phrase, "From zero to nine hundred and ninety nine; press Enter to have it read")]
    return Explorer("phrases", "Type a number in words and see it read", figure, handles, parts=list(after), models=list(models), said=said)
