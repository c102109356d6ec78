"""The explorers of notebook 11: a program of the reader's own, token by token, and an agent that is told a time."""

from collections.abc import Mapping

import keras
import matplotlib as mpl
import numpy as np

from .. import plots
from .._inputs import whole_number
from ..paper.gridworld import distance, plays, refuse_no_way
from ..paper.programs import SetByLSTM, refuse_long, tokens_of, value_of
from .parts import Explorer, choice, rounded, slider, text

ROOM, HIGHEST = 20, 1e7  # tokens that the picture has room for, and the largest number
MOST = 200  # the longest time


def program(model: keras.Model, first: str = "if 850 < 5 then 7 + 2 else 400 - 150") -> Explorer:
    """Notebook 11: write a program and step through it; see the registers after each token, and the W that the LSTM set for it.

    `model` is a trained one of `paper.programs` whose registers are "set by LSTM". Its weights travel to the page, which does without a
    kernel. Raises ValueError for another model, what `paper.programs.value_of` raises for the `first` program, and ValueError when that
    has more tokens than the picture has room for.
    """
    layers = getattr(model, "layers", [])
    cell = next((layer.cell for layer in layers if isinstance(getattr(layer, "cell", None), SetByLSTM)), None)
    if cell is None:
        raise ValueError(
            "model has no registers that an LSTM sets: pass for example paper.programs.train('if', 'NAC set by LSTM', [0]).models[0]"
        )
    value_of(first)
    refuse_long(len(tokens_of(first)), ROOM, "the picture has room for")
    kernel, recurrent, bias = (rounded(weight, 6) for weight in cell.lstm.get_weights())
    set_to, start = (rounded(weight, 6) for weight in cell.set.get_weights())
    names = [f"$r_{i + 1}$" for i in range(cell.registers)]
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("A program, token by token", figsize=(8, 6.1))
        upper, lower = figure.subplots(2, 1, height_ratios=[2, 1])
        upper.axhline(0, color=plots.COLORS["ink"], lw=1)
        for i, name in enumerate(names):
            color = plots.COLORS[("a", "m", "g", "W")[i % 4]]
            upper.plot([], [], "oDs"[i % 3], ls="--" if i else "-", color=color, label=f"register {name}")
        upper.set_yscale("symlog", linthresh=10)
        upper.set(xlim=(0.3, ROOM + 0.7), ylim=(-HIGHEST, HIGHEST), xticks=[], xlabel=" ", ylabel="what it holds")
        upper.set_yticks([-1e6, -1e3, -10, 0, 10, 1e3, 1e6], ["−1,000,000", "−1,000", "−10", "0", "10", "1,000", "1,000,000"])
        upper.minorticks_off()
        upper.legend(loc="upper right", ncols=cell.registers)
        lower.set(xlim=(-0.5, cell.registers - 0.5), ylim=(cell.registers + 0.5, -0.5), xticks=range(cell.registers))
        lower.set(xticklabels=names, yticks=range(cell.registers + 1), yticklabels=[*names, "number"], xlabel="to", ylabel="from")
        lower.set_title("W at this token", loc="center", weight="normal")
        lower.grid(False)
    handles = [
        text("program", "a program", first, "Sums, and a choice between two sums; spaces between tokens; press Enter to have it read"),
        slider("token", "token", 1, 1, ROOM, 1, "How far it has been read", decimals=0),
    ]
    weights = dict(kernel=kernel, recurrent=recurrent, bias=bias, set=set_to, start=start)
    known = {**weights, "registers": cell.registers, "unit": cell.unit, "seesNumbers": cell.sees_numbers}
    return Explorer("program", "A program, token by token", figure, handles, model=known, room=ROOM, low=-HIGHEST)


def waiting(agents: Mapping[str, keras.Model], start: int = 0, goal: int = 8, longest: int = 20, size: int = 3) -> Explorer:
    """Notebook 11: tell an agent of the grid world a time T, and see where it waits and when it arrives.

    `agents` maps a name to what `paper.gridworld.train` returns for it, one agent of a name; all of them play every T up to `longest`
    before, so that the page can answer alone. `start` and `goal` are cells, numbered row by row. Raises TypeError or ValueError when there
    is no agent, and what `paper.gridworld.play` raises for a cell that is not on the grid.
    """
    if not agents:
        raise ValueError("agents is empty: pass for example {'LSTM': paper.gridworld.train('LSTM', [0], size=3)[0]}")
    refuse_no_way(start, goal, size)
    longest, first = whole_number(longest, "longest"), int(distance(start, goal, size))
    if longest > MOST:
        raise ValueError(f"longest is {longest:,}, expected at most {MOST}, of which a picture can tell one from the next")
    if longest < first:
        raise ValueError(f"longest is {longest}, but the goal is {first} steps away: give at least as many")
    times = range(first, longest + 1)
    played = {name: [cells.tolist() for cells in plays(agent, start, goal, times, size)] for name, agent in agents.items()}
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("An agent that is told T, once", figsize=(8.2, 3.7))
        left, right = figure.subplots(1, 2)
        edges = np.arange(size + 1) - 0.5
        left.plot(*np.divmod(start, size)[::-1], "o", ms=38, color=plots.COLORS["a"], alpha=0.3, mew=0)
        left.plot(*np.divmod(goal, size)[::-1], "s", ms=38, color=plots.COLORS["m"], alpha=0.45, mew=0)
        left.set(xticks=edges, yticks=edges, xticklabels=[], yticklabels=[], aspect="equal", xlim=edges[[0, -1]], ylim=edges[[-1, 0]])
        left.tick_params(length=0)
        left.spines[:].set_visible(True)
        left.set_title("when it is where", loc="center", weight="normal")
        right.plot(times, times, ":", color=plots.COLORS["ink"], label="on time")
        right.plot([], [], "o", color=plots.COLORS["a"], label="arrives")
        right.plot([], [], "D", color=plots.COLORS["m"], label="does not arrive in time")
        right.set(xlabel="T", ylabel="step at which it ends", xlim=(first - 1, longest + 1), ylim=(0, longest + 1))
        right.locator_params(integer=True)
        right.legend(loc="upper left")
    handles = [
        slider("T", "T", first, first, longest, 1, "The step at which it must be at the goal", decimals=0),
        choice("agent", "agent", agents, "What learned"),
    ]
    return Explorer("waiting", "An agent that is told T, once", figure, handles, played=played, first=first, goal=goal, size=size)
