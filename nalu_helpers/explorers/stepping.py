"""The explorer of notebook 11: a program of the reader's own, and the registers of a trained network after each of its tokens."""

import keras
import matplotlib as mpl

from .. import plots
from ..paper.programs import SetByLSTM, value_of
from .parts import Explorer, rounded, slider, text

ROOM, HIGHEST = 20, 1e7  # tokens that the picture has room for, and the largest number


def program(model: keras.Model, first: str = "if 850 < 5 then 7 + 2 else 400 - 150") -> Explorer:
    """Notebook 11: write a program and step through it; see the registers after each token, and the W that the LSTM set for it.

    `model` is a trained one of `paper.programs` whose registers are "set by LSTM". Its weights travel to the page, which does without a
    kernel. Raises ValueError for another model, and what `paper.programs.value_of` raises for the `first` program.
    """
    layers = getattr(model, "layers", [])
    cell = next((layer.cell for layer in layers if isinstance(getattr(layer, "cell", None), SetByLSTM)), None)
    if cell is None:
        raise ValueError(
            "model has no registers that an LSTM sets: pass for example paper.programs.train('if', 'NAC set by LSTM', [0]).models[0]"
        )
    value_of(first)
    kernel, recurrent, bias = (rounded(weight, 6) for weight in cell.lstm.get_weights())
    set_to, start = (rounded(weight, 6) for weight in cell.set.get_weights())
    names = [f"$r_{i + 1}$" for i in range(cell.registers)]
    with mpl.rc_context(plots.STYLE):
        figure = plots.Picture("A program, token by token", figsize=(11, 4))
        left, right = figure.subplots(1, 2, width_ratios=[4, 1])
        left.axhline(0, color=plots.COLORS["ink"], lw=1)
        for i, name in enumerate(names):
            color = plots.COLORS[("a", "m", "g", "W")[i % 4]]
            left.plot([], [], "oDs"[i % 3], ls="--" if i else "-", color=color, label=f"register {name}")
        left.set_yscale("symlog", linthresh=10)
        left.set(xlim=(0.3, ROOM + 0.7), ylim=(-HIGHEST, HIGHEST), xticks=[], ylabel="what it holds")
        left.set_yticks([-1e6, -1e3, -10, 0, 10, 1e3, 1e6], ["−1,000,000", "−1,000", "−10", "0", "10", "1,000", "1,000,000"])
        left.minorticks_off()
        left.legend(loc="upper right", ncols=cell.registers)
        right.set(xlim=(-0.5, cell.registers - 0.5), ylim=(cell.registers + 0.5, -0.5), xticks=range(cell.registers))
        right.set(xticklabels=names, yticks=range(cell.registers + 1), yticklabels=[*names, "number"], xlabel="to", ylabel="from")
        right.set_title("W at this token", loc="center", weight="normal")
        right.grid(False)
    handles = [
        text("program", "a program", first, "Sums, and a choice between two sums; spaces between tokens; press Enter to have it read"),
        slider("token", "token", 1, 1, ROOM, 1, "How far it has been read", decimals=0),
    ]
    weights = dict(kernel=kernel, recurrent=recurrent, bias=bias, set=set_to, start=start)
    known = {**weights, "registers": cell.registers, "unit": cell.unit, "seesNumbers": cell.sees_numbers}
    return Explorer("program", "A program, token by token", figure, handles, model=known, room=ROOM, low=-HIGHEST)
