"""The playground of notebook 12: train a unit of your choice and watch it learn."""

import queue
import threading
from typing import Any

import numpy as np
import tensorflow as tf

from .. import layers
from ..many import fit_many
from .parts import HERE, Explorer, choice, text

UNITS = ("NALU", "NAC", "NACLog", "GNALU", "NAU", "NMU", "INALU", "RealNPU", "NPU")
OPERATIONS = {"a × b": "a * b", "a + b": "a + b", "a − b": "a - b", "a ÷ b": "a / b", "a²": "a ** 2", "√a": "sqrt(a)", "your own": None}
MOST = {"seeds": 256, "steps": 1_000_000, "in_all": 20_000_000}
BUTTONS = {
    "Train": "Train all seeds, from the start",
    "Stop": "Stop training, and keep what it has reached",
    "Undo": "Bring back the settings and the picture of the training before",
    "Reset": "Put every setting back where it was at first; the picture stays",
    "Copy as code": "Show a cell that does the same without this page",
}
SECONDS = 0.25, 1.0  # between two messages to the page while it trains, at first and later: drawing them takes time from the training


def playground() -> "Playground":
    """Notebook 12: a `Playground`."""
    return Playground()


class Playground(Explorer):
    """Your operation, unit, ranges, seeds, learning rate and steps; train, stop, undo, and take it home as code.

    The page reads the settings, refuses what cannot be trained, and draws; this side trains, in a thread of its own so that the page
    stays awake, and sends the numbers of each check. Where there is no kernel, or it died, the page trains NAC, NALU and NMU itself. An
    address that ends in `#playground&` and settings, as a page without a kernel leaves it after Train, trains them anew when it is opened.
    """

    def __init__(self) -> None:
        handles = [
            choice("operation", "operation", OPERATIONS, "What the unit is to learn from two numbers a and b"),
            text("own", "your own expression", "a * b + sqrt(a)", "Of a, b, numbers, + - * / ** ( ) and sqrt, abs, log, exp"),
            choice("unit", "unit", UNITS, "Which layer learns it"),
            text("inside", "range to train on", "1, 2", "Two numbers, low and high"),
            text("outside", "range to test on", "2, 6", "Two numbers, low and high, outside the other range"),
            text("seeds", "seeds", "8", f"How many starts, side by side: 1 to {MOST['seeds']}"),
            text("rate", "learning rate", "0.01", "How far Adam steps"),
            text("steps", "steps", "5000", "How many updates, each on 128 fresh pairs"),
        ]
        worker = "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("expression", "units", "worker"))
        buttons = list(BUTTONS.items())  # stored maps lose their order
        known: dict[str, Any] = dict(operations=OPERATIONS, most=MOST, buttons=buttons, worker=worker)
        super().__init__("expression units playground", "train a unit of your choice, live", handles=handles, **known)
        self.training: _Training | None = None
        self.thread: threading.Thread | None = None
        self.on_msg(self._hear)

    def train(self, settings: dict[str, Any], number: int = 0) -> None:
        """Start training `settings`, what the page read from its fields, as training `number` of the page; stop the one before."""
        self.stop()
        self.training = _Training(settings, lambda message: self.send({"number": number, **message}))
        self.thread = threading.Thread(target=self.training.run, args=(self.thread,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the training that is on, if any."""
        if self.training is not None:
            self.training.stopped.set()

    def _hear(self, _, message, buffers):
        if message["ask"] == "hello":
            self.send({"kernel": True})
        elif message["ask"] == "train":
            self.train(message["settings"], message["number"])
        else:
            self.stop()


class _Stopped(Exception):
    """Stop was pressed."""


class _Training:
    """One training of the playground. It stands where `fit_many` expects a progress bar, and there ends it when `stopped` is set."""

    def __init__(self, settings, send):
        self.settings, self.send = settings, send
        self.stopped, self.over, self.updates = threading.Event(), threading.Event(), 0
        self.checks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def make_layer(self):
        return getattr(layers, self.settings["unit"])(1)

    def update(self, count):
        """`count` more updates are done, of one seed or another."""
        if self.stopped.is_set():
            raise _Stopped
        self.updates += count

    def run(self, before):
        """Train, once the thread `before` is over: two trainings at once would share Keras' random state."""
        if before is not None:
            before.join()
        if self.stopped.is_set():  # while it waited
            self.send({"end": ""})
            return
        asked, words = self.settings, ""
        teller = threading.Thread(target=self._tell, daemon=True)
        teller.start()
        try:
            fit_many(
                self.make_layer,
                asked["operation"],
                seeds=range(asked["seeds"]),
                ranges=[(tuple(asked["inside"]), tuple(asked["outside"]))],
                learning_rate=asked["rate"],
                steps=asked["steps"],
                every=asked["every"],
                progress=self,
                watch=self.checks.put,
            )
        except _Stopped:
            pass
        except Exception as error:  # whatever it is, the page must say it and go on
            words = f"{error} "
        self.over.set()
        teller.join()
        self.send({"end": words})

    def _tell(self):
        """Send what is new, less and less often, also when nothing is, so that the page knows that somebody is there."""
        layer = self.make_layer()
        layer.build((None, 2))
        middle = float(np.mean(self.settings["inside"]))
        ask = tf.function(lambda: _entries(layer, middle), autograph=False).get_concrete_function()
        seconds, longest = SECONDS
        while True:
            last = self.over.wait(seconds)
            new = [self.checks.get() for _ in range(self.checks.qsize())]
            if not self.stopped.is_set():
                checks = [_as_message(rows, layer, ask) for rows in new]
                self.send({"done": self.updates / self.settings["seeds"], "checks": checks})
            if last:
                return
            seconds = min(1.25 * seconds, longest) if new else seconds


def _as_message(rows, layer, ask):
    """One check of some seeds, as `fit_many` gives it to `watch`, as the page wants it."""
    finite = lambda values: [float(f"{value:.7g}") if np.isfinite(value) else None for value in values]  # noqa: E731
    message = {
        "step": int(rows["step"][0]),
        "seeds": np.asarray(rows["seed"]).tolist(),
        "inside": finite(rows["interpolation"]),
        "outside": finite(rows["extrapolation"]),
        "lost": finite(rows["diverged_at"]),
    }
    if message["seeds"][0] == 0:
        for variable, values in zip(layer.trainable_variables, rows["weights"], strict=True):
            variable.assign(values[0])
        W, gate = ask()
        message["W"], message["gate"] = [np.ravel(w).tolist() for w in W], np.ravel(gate).tolist()
    return message


def _entries(layer, middle):
    """The matrices W of `layer`, and its gate when it has one, at a = b = `middle` when it depends on them."""
    gate = tf.zeros([0])
    if hasattr(layer, "paths"):
        gate = layer.paths([[middle, middle]])[2]
    elif hasattr(layer, "g"):
        gate = tf.sigmoid(layer.g) if isinstance(layer, layers.INALU) else tf.clip_by_value(layer.g, 0, 1)
    return [tf.convert_to_tensor(W) for W in layer.matrices()], tf.convert_to_tensor(gate)
