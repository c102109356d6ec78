"""The explorers whose pictures the kernel still draws. Each function returns a widget; show it by putting it last in a cell.

Every picture is drawn once; a handle moves only the few lines and points that change, so that it follows the hand. All text comes from
the kernel, bad input is answered in place, and `Reset` brings back the beginning. Without a kernel the last picture stays.
"""

import html
import json
import queue
import struct
import threading
import time
import zlib

import ipywidgets as widgets
import matplotlib as mpl
import numpy as np
import tensorflow as tf

from .. import data, layers, plots
from .._inputs import as_range, positive_number, whole_number
from ..training import fit_many

WIDE = widgets.Layout(width="430px")
LABELS = {"description_width": "190px"}


class Explorer(widgets.VBox):
    """A picture, the handles that move it, a line of numbers below it, and a button that brings back the beginning.

    `handles` maps a name to a widget with a `value`; `move(**values)` changes the picture and returns the line of numbers. When it
    raises ValueError or TypeError its sentence is shown in place, and the picture stays as it was.
    """

    def __init__(self, title, sketch, handles, move):
        self.title, self.sketch, self.handles, self.move = title, sketch, handles, move
        self.first = {name: handle.value for name, handle in handles.items()}
        self.picture = _picture()
        self.line = widgets.HTML()
        self.lock, self.resetting = threading.RLock(), False  # JupyterLab has handles answered in several threads
        reset = widgets.Button(description="Reset", tooltip="Put every handle back where it was at first")
        reset.on_click(lambda _: self.reset())
        for handle in handles.values():
            handle.observe(lambda _: self.redraw(), "value")
        super().__init__([*handles.values(), reset, self.picture, self.line, _spoken(repr(self), handles)])
        self.redraw()

    def redraw(self):
        """Move the picture to where the handles are."""
        with self.lock:
            if self.resetting:
                return
            try:
                words = self.move(**{name: handle.value for name, handle in self.handles.items()})
            except (TypeError, ValueError) as error:
                self.line.value = f"<b>{html.escape(str(error))}</b>"
                return
            self.picture.value = self.sketch.png()
            self.line.value = f"<span style='font-size: 1.1em'>{words}</span>"

    def reset(self):
        """Put every handle back where it was at first, and draw once."""
        with self.lock:
            self.resetting = True
            for name, handle in self.handles.items():
                handle.value = self.first[name]
            self.resetting = False
            self.redraw()

    def __repr__(self):
        return f"Explorer: {self.title}"


class Sketch:
    """A figure whose still part is drawn once; `png()` adds the `moving` artists to it, which takes a few milliseconds."""

    def __init__(self, figure, moving):
        self.canvas, self.moving = figure.canvas, moving
        for artist in moving:
            artist.set_animated(True)
        self.canvas.draw()
        self.still = self.canvas.copy_from_bbox(figure.bbox)

    def png(self):
        self.canvas.restore_region(self.still)
        for artist in self.moving:
            artist.axes.draw_artist(artist)
        return _png(np.asarray(self.canvas.buffer_rgba()))


def _picture():
    """An empty picture that the page shows at its own size, or smaller where there is no room."""
    return widgets.Image(format="png", layout=widgets.Layout(max_width="100%", align_self="flex-start"))


def _png(rgba):
    """The picture `rgba`, [height, width, 4] bytes, as a PNG without its alpha, in a third of the time that Pillow takes.

    Every row is stored as its difference from the one above, where Pillow tries five ways (PNG, third edition, sections 9 and 11).
    """
    height, width, _ = rgba.shape
    rgb = np.empty((height, width, 3), np.uint8)
    for channel in range(3):  # a copy of all three at once takes numpy five times as long
        rgb[..., channel] = rgba[..., channel]
    rows = rgb.reshape(height, 3 * width)
    filtered = np.full((height, 1 + 3 * width), 2, np.uint8)  # 2 is the name of that filter, Up, at the start of each row
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    parts = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(filtered, 1), b"IEND": b""}
    chunks = (struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


_SPEAK = """const box = this.closest('.widget-vbox'), tips = {tips}, speak = () => {{
  box.querySelectorAll('.widget-inline-hbox').forEach(row => {{
    const label = row.querySelector('.widget-label'), part = row.querySelector('[role=slider], input, select, textarea, .progress')
    if (!label || !part || !(label.textContent in tips)) return
    part.setAttribute('aria-label', label.textContent)
    part.title = label.title = tips[label.textContent]
  }})
  box.querySelectorAll('img.widget-image').forEach(image => {{ image.alt = {words} }})
  box.querySelectorAll('.widget-html-content').forEach(line => line.setAttribute('aria-live', 'polite'))
}}
speak(); new MutationObserver(speak).observe(box, {{childList: true, subtree: true}})"""


def _spoken(words, handles):
    """A part nobody sees: it gives screen readers what ipywidgets leave out, the names of sliders, most tooltips, the picture's words."""
    tips = {handle.description: handle.tooltip for handle in handles.values()}
    script = _SPEAK.format(tips=json.dumps(tips, ensure_ascii=False), words=json.dumps(words, ensure_ascii=False))
    return widgets.HTML(f'<style onload="{html.escape(script)}"></style>', layout=widgets.Layout(height="0px", margin="0px"))


def _slider(label, value, low, high, step=0.1, tooltip=""):
    return widgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, tooltip=tooltip, layout=WIDE, style=LABELS, readout_format=".2f"
    )


def _choice(label, options, tooltip=""):
    return widgets.Dropdown(options=list(options), description=label, tooltip=tooltip, layout=WIDE, style=LABELS)


UNITS = ("NALU", "NAC", "NACLog", "GNALU", "NAU", "NMU", "INALU", "RealNPU", "NPU")
OPERATIONS = {"a + b": "+", "a − b": "-", "a × b": "*", "a ÷ b": "/", "a²": "a ** 2", "√a": "sqrt(a)", "your own": None}
FRAMES = 10.2  # pictures a second while it trains: fewer are seen as jerks, more slow the training down
MOST_SEEDS, MOST_STEPS, MOST_IN_ALL = 256, 1_000_000, 20_000_000


class _Stopped(Exception):
    """Stop was pressed."""


class Playground(widgets.VBox):
    """Notebook 12: your operation, unit, ranges, seeds, learning rate and steps; train, stop, undo, and take it home as code.

    Training runs in a thread of its own, so that the page stays awake. Stop answers at once; the thread ends a few hundred updates
    later, or when it has compiled. What a training has shown stays until the next one starts, when it is kept for Undo.
    """

    def __init__(self):
        self.fields = {
            "operation": _choice("operation", OPERATIONS, "What the unit is to learn from two numbers a and b"),
            "own": _text("your own expression", "a * b + sqrt(a)", "Of a, b, numbers, + - * / ** ( ) and sqrt, abs, log, exp"),
            "unit": _choice("unit", UNITS, "Which layer learns it"),
            "train": _text("range to train on", "1, 2", "Two numbers, low and high"),
            "test": _text("range to test on", "2, 6", "Two numbers, low and high, outside the other range"),
            "seeds": _text("seeds", "8", f"How many starts, side by side: 1 to {MOST_SEEDS}"),
            "rate": _text("learning rate", "0.01", "How far Adam steps"),
            "steps": _text("steps", "5000", "How many updates, each on 128 fresh pairs"),
        }
        self.fields["operation"].value = "a × b"
        self.first = {name: field.value for name, field in self.fields.items()}
        self.buttons = {
            name: widgets.Button(description=name, tooltip=tooltip)
            for name, tooltip in {
                "Train": "Train all seeds, from the start",
                "Stop": "Stop training, and keep what it has reached",
                "Undo": "Bring back the settings and the picture of the training before",
                "Reset": "Put every setting back where it was at first; the picture stays",
                "Copy as code": "Show a cell that does the same without this page",
            }.items()
        }
        for name, press in zip(self.buttons, (self.train, self.stop, self.undo, self.reset, self.show_code)):
            self.buttons[name].on_click(lambda _, press=press: self._alone(press))
        tooltip = "How much of the training is done"
        self.bar = widgets.FloatProgress(value=0, min=0, max=1, description="progress", tooltip=tooltip, layout=WIDE, style=LABELS)
        self.picture = _picture()
        self.line = widgets.HTML("Press Train.")
        self.code = widgets.Textarea("", description="code", tooltip="Copy it into a cell of your own")
        self.code.layout = widgets.Layout(width="760px", height="150px", display="none")
        self.lock, self.live, self.thread, self.on = threading.RLock(), None, None, False
        self.kept, self.runs, self.said, self.frames = [], None, "", 0
        self.picture.value = _Live(self.settings()).png()
        spoken = _spoken(repr(self), {**self.fields, "bar": self.bar, "code": self.code})
        buttons = widgets.HBox([*self.buttons.values()])
        super().__init__([*self.fields.values(), buttons, self.bar, self.picture, self.line, self.code, spoken])
        self._buttons()

    def settings(self):
        """What the fields ask for, as the arguments of `fit_many`. Raises ValueError or TypeError for what cannot be trained."""
        fields = {name: field.value for name, field in self.fields.items()}
        operation = OPERATIONS[fields["operation"]]
        text = fields["own"] if operation is None else operation
        seeds = whole_number(_number(fields["seeds"], "seeds"), "seeds")
        steps = whole_number(_number(fields["steps"], "steps"), "steps")
        for name, count, most in (
            ("seeds", seeds, MOST_SEEDS),
            ("steps", steps, MOST_STEPS),
            ("seeds × steps", seeds * steps, MOST_IN_ALL),
        ):
            if count > most:
                raise ValueError(f"{name} is {count:,}, expected at most {most:,} on this page: use fit_many in a cell for more")
        rate = positive_number(_number(fields["rate"], "learning rate"), "learning rate", "0.01")
        if rate > 1000:
            raise ValueError(f"learning rate is {rate:g}, expected at most 1000: 0.01 is a good first try")
        settings = {
            "unit": fields["unit"],
            "operation": text,
            "ranges": [(_range(fields["train"], "range to train on"), _range(fields["test"], "range to test on"))],
            "seeds": seeds,
            "steps": steps,
            "learning_rate": rate,
        }
        data.examination(_as_operation(text), *settings["ranges"][0])
        return settings

    def train(self):
        """Start training with what the fields say, in a thread of its own; nothing while one is on."""
        if self.on:
            return
        try:
            live = _Live(self.settings())
        except (TypeError, ValueError) as error:
            self.line.value = f"<b>{html.escape(str(error))}</b>"
            return
        if self.runs is not None:
            self.kept.append((self.runs, self.picture.value, self.said))
        self.runs, self.live, self.frames, self.on = {name: field.value for name, field in self.fields.items()}, live, 0, True
        self.bar.value, self.line.value = 0, "Compiling …"
        self._buttons()
        self.thread = threading.Thread(target=self._work, args=(live, self.thread), daemon=True)
        self.thread.start()

    def stop(self):
        """End the training, and keep what it has reached. Says so when none is on."""
        if not self.on:
            self.line.value = "Nothing is being trained: press Train first."
            return
        self.live.stop.set()
        self._end(self.live, "Stopped. ")

    def undo(self):
        """Bring back the settings and the picture of the training before."""
        if not self.kept:
            self.line.value = "There is no training before this one."
            return
        self.runs, self.picture.value, self.said = self.kept.pop()
        self.line.value = self.said
        self._fill(self.runs)
        self._buttons()

    def reset(self):
        """Put every setting back where it was at first; a training that is on goes on, and the picture stays."""
        self._fill(self.first)
        if not self.on:
            self.line.value = self.said or "Press Train."

    def show_code(self):
        """A cell that makes the same runs with `fit_many`, ready to be copied."""
        try:
            asked = self.settings()
        except (TypeError, ValueError) as error:
            self.line.value = f"<b>{html.escape(str(error))}</b>"
            return
        known = asked["operation"] in data.OPERATIONS
        operation = repr(asked["operation"]) if known else f"data.expression({asked['operation']!r})"
        unit, steps = asked["unit"], asked["steps"]
        self.code.value = (
            f"from nalu_helpers import {unit}, {'' if known else 'data, '}fit_many\n\n"
            f"runs = fit_many(lambda: {unit}(1), {operation}, seeds=range({asked['seeds']}), ranges={asked['ranges']},\n"
            f"                learning_rates=[{asked['learning_rate']!r}], steps={steps}, check_every={_check_every(steps)},\n"
            f"                weights=True)\n"
            f"runs[runs.step == {steps}]"
        )
        self.code.layout.display = "flex"

    def _alone(self, press):
        """Answer one button at a time: JupyterLab has them answered in several threads."""
        with self.lock:
            press()

    def _work(self, live, before):
        """Train what `live` asks for, once the thread `before` is over: two trainings at once would share Keras' random state."""
        if before is not None:
            before.join()
        done, words, asked = threading.Event(), "", live.asked
        drawer = threading.Thread(target=self._draw_while, args=(live, done), daemon=True)
        drawer.start()
        try:
            fit_many(
                live.make_layer,
                _as_operation(asked["operation"]),
                **{name: asked[name] for name in ("ranges", "steps")},
                seeds=range(asked["seeds"]),
                learning_rates=[asked["learning_rate"]],
                check_every=_check_every(asked["steps"]),
                progress=live,
                watch=live.checks.put,
            )
        except _Stopped:
            pass
        except Exception as error:  # whatever it is, the page must say it and go on
            words = f"<b>{html.escape(str(error))}</b> "
        done.set()
        drawer.join()
        if not live.stop.is_set():
            self._end(live, words)

    def _draw_while(self, live, done):
        """Draw what is new `FRAMES` times a second, and say it in words at every third picture, until it is done."""
        drawn, due = 0, time.monotonic() + 1 / FRAMES
        while not done.wait(max(0.01, due - time.monotonic())):
            due = max(due, time.monotonic() - 1 / FRAMES) + 1 / FRAMES
            with self.lock:
                if live.stop.is_set():
                    return
                if live.updates == drawn:
                    continue
                drawn = live.updates
                self.picture.value = live.png()
                if self.frames % 3 == 0:
                    self.bar.value = drawn / live.in_all
                    self.line.value = live.in_words()
                self.frames += 1

    def _end(self, live, words):
        with self.lock:
            self.picture.value = live.png()
            self.bar.value = live.updates / live.in_all
            self.said = self.line.value = words + live.in_words(at_the_end=True)
            self.on = False
            self._buttons()

    def _fill(self, settings):
        for name, value in settings.items():
            self.fields[name].value = value

    def _buttons(self):
        self.buttons["Train"].disabled = self.on
        self.buttons["Undo"].disabled = self.on or not self.kept

    def __repr__(self):
        return "Explorer: train a unit of your choice, live"


def playground():
    """Notebook 12: a `Playground`."""
    return Playground()


def _text(label, value, tooltip):
    return widgets.Text(value, description=label, tooltip=tooltip, layout=WIDE, style=LABELS, continuous_update=False)


def _as_operation(text):
    return text if text in data.OPERATIONS else data.expression(text)


def _check_every(steps):
    return max(1, min(steps // 100, 2_000))


def _number(text, name):
    try:
        number = float(text.replace("_", "").replace(" ", ""))
        return int(number) if number.is_integer() else number
    except ValueError:
        raise ValueError(f"{name} is {text!r}, expected a number such as 10") from None


def _range(text, name):
    ends = text.strip("()[] ").split(",")
    if len(ends) != 2:
        raise ValueError(f"{name} is {text!r}, expected two numbers with a comma between, such as 1, 2")
    low, high = as_range([_number(end, name) for end in ends], name)
    if max(abs(low), abs(high)) > 1e6:
        raise ValueError(f"{name} is ({low:g}, {high:g}), expected ends between −1,000,000 and 1,000,000")
    return low, high


class _Live:
    """A training as it is seen: its errors, W and gate, check by check, in a picture and in words.

    It stands where `fit_many` expects a progress bar, and there ends the training when `stop` is set.
    """

    def __init__(self, asked):
        self.asked, self.stop, self.checks, self.updates = asked, threading.Event(), queue.SimpleQueue(), 0
        steps, every, seeds = asked["steps"], _check_every(asked["steps"]), asked["seeds"]
        self.in_all = steps * seeds
        self.steps = np.array([*range(0, steps, every), steps])
        self.errors = np.full((2, len(self.steps), seeds), np.nan)  # NaN is what has not come yet; a run that diverged has ∞
        self.at_each = np.tile([*self.steps, np.nan], min(seeds, 16))  # the steps of all thin lines, with gaps between them
        self.medians = np.full((2, len(self.steps)), np.nan)
        self.diverged = {}
        self.layer = self.make_layer()
        self.layer.build((None, 2))
        self.ask = tf.function(_entries, autograph=False).get_concrete_function(self.layer, float(np.mean(asked["ranges"][0][0])))
        self.inside = np.full((len(self.steps), len(self.ask())), np.nan)
        _, (_, answers) = data.examination(_as_operation(asked["operation"]), *asked["ranges"][0])
        largest = 100 * float(np.mean(answers.astype(float) ** 2)) or 1.0
        with mpl.rc_context(plots.STYLE):
            figure = plots.Picture(figsize=(8.6, 3.4), dpi=100)  # small enough for the page to show it as it comes
            left, right = figure.subplots(1, 2, width_ratios=(3, 2))
            left.set_title("The error inside the training range and outside", size=12)
            left.set(yscale="log", xlim=(0, steps), ylim=(largest * 1e-16, largest), xlabel="step", ylabel="mean squared error")
            self.thin, self.median = [], []  # each with a line for inside and one for outside
            for color, style, label in (("a", "-", "inside"), ("m", "--", "outside")):
                self.thin += left.plot([], [], color=plots.COLORS[color], lw=0.7, alpha=0.5)
                self.median += left.plot([], [], style, color=plots.COLORS[color], lw=3)
                left.plot([], [], style, color=plots.COLORS[color], lw=3, label=f"{label}, median of {seeds} seeds" if seeds > 1 else label)
            right.set_title("What seed 0 has learned", size=12)
            right.set(xlim=(0, steps), ylim=(-2.2, 2.2), xlabel="step", ylabel="value")
            looks = [("W", "-", "W of a"), ("W_hat", "--", "W of b")] * len(self.layer.matrices()) + [("g", "-.", "gate")] * 2
            looks = looks[: self.inside.shape[1]]
            self.entries = [right.plot([], [], style, color=plots.COLORS[color])[0] for color, style, _ in looks]
            for color, style, label in dict.fromkeys(looks):
                right.plot([], [], style, color=plots.COLORS[color], label=label)
            left.legend(loc="lower left")
            right.legend(loc="lower left", ncols=3, columnspacing=0.8, handlelength=1.6, fontsize=10)
            for ax in (left, right):
                ax.locator_params(axis="x", nbins=4)
            self.now = [ax.axvline(0, color=plots.COLORS["ink"], lw=1, ls=":") for ax in (left, right)]
        self.sketch = Sketch(figure, [*self.thin, *self.median, *self.entries, *self.now])

    def make_layer(self):
        return getattr(layers, self.asked["unit"])(1)

    def update(self, count):
        """`count` more updates are done, of one seed or another."""
        if self.stop.is_set():
            raise _Stopped
        self.updates += count

    def look(self):
        """Take in the checks that have come since the last look."""
        while not self.checks.empty():
            rows = self.checks.get()
            check, seeds = np.searchsorted(self.steps, rows["step"][0]), rows["seed"]
            errors = np.array([rows["interpolation"], rows["extrapolation"]])
            self.errors[:, check, seeds] = np.where(np.isnan(errors), np.inf, np.maximum(errors, 1e-300))
            self.medians[:, check] = np.nanmedian(self.errors[:, check], axis=1)
            self.diverged.update((seed, step) for seed, step in zip(seeds, rows["diverged_at"]) if np.isfinite(step))
            if seeds[0] == 0:
                for variable in self.layer.weights:
                    names = [f"{variable.name}{list(place)}" for place in np.ndindex(*variable.shape)]
                    variable.assign(np.reshape([rows[name][0] for name in names], variable.shape))
                self.inside[check] = self.ask()

    def png(self):
        self.look()
        for errors, medians, thin, median in zip(self.errors, self.medians, self.thin, self.median):
            apart = np.pad(errors.T[:16], ((0, 0), (0, 1)), constant_values=np.nan)
            thin.set_data(self.at_each, apart.ravel())
            median.set_data(self.steps, medians)
        known = ~np.isnan(self.inside[:, 0])
        for line, values in zip(self.entries, self.inside.T):
            line.set_data(self.steps[known], values[known])
        for line in self.now:
            line.set_xdata([self.updates / self.asked["seeds"]] * 2)
        return self.sketch.png()

    def in_words(self, at_the_end=False):
        """The last check in a sentence: errors inside and outside, and what seed 0 has learned."""
        there = np.flatnonzero(~np.isnan(self.medians[0]))
        if not len(there):
            return "It had not begun." if at_the_end else "Compiling …"
        last = there[-1]
        inside, outside = self.medians[:, last]
        words = f"median error inside {inside:.2g}, outside {outside:.2g}"
        known = np.flatnonzero(~np.isnan(self.inside[:, 0]))
        if len(known):
            words += f"; seed 0: {_said(self.layer, self.inside[known[-1]])}"
        if self.diverged:
            first = min(self.diverged.values())
            words += f". <b>{len(self.diverged)} of {self.asked['seeds']} diverged, the first at step {first:.0f}"
            words += ": try a smaller learning rate</b>"
        if at_the_end:
            return f"{words}. Seeds: {self.asked['seeds']}, steps: {self.steps[last]:,}."
        return f"step {self.steps[last]:,} of {self.asked['steps']:,} &nbsp; {words}"


def _entries(layer, middle):
    """All weights W of `layer`, then its gate when it has one (at a = b = `middle` when it depends on them), in one row."""
    gate = []
    if hasattr(layer, "paths"):
        gate = layer.paths([[middle, middle]])[2]
    elif hasattr(layer, "g"):
        gate = tf.sigmoid(layer.g) if isinstance(layer, layers.INALU) else tf.clip_by_value(layer.g, 0, 1)
    return tf.concat([tf.reshape(part, [-1]) for part in (*layer.matrices(), gate)], 0)


def _said(layer, entries):
    """The row `entries` in words."""
    each = np.split(entries, range(2, 2 * len(layer.matrices()) + 1, 2))
    words = "W = " + " and ".join(f"[{', '.join(f'{w:.3f}' for w in W)}]" for W in each[:-1])
    if not len(each[-1]):
        return words
    gate = ", ".join(f"{g:.3f}" for g in each[-1])
    return f"{words}, gate {gate if len(each[-1]) == 1 else f'[{gate}]'}"
