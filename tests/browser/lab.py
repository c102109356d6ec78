"""JupyterLab, or Notebook 7, on 127.0.0.1, and where the headless Chromium that reads it is: what the browser tests share."""

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent.parent
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run --disable-quic"
TOKEN = "only-on-this-machine"
PATIENCE = 120_000  # milliseconds: a busy machine is slow, not wrong
SETTINGS = {  # every cell is rendered at once, and nobody asks about news
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}
KINDS = {"lab": ("LabApp", "lab/tree"), "notebook": ("JupyterNotebookApp", "notebooks")}  # what is started, and its address of a file
EXPLORERS = {
    "identity": "explorers.identity()",
    "weight": "explorers.weight()",
    "replay": 'explorers.replay(data.article("+"), steps=400)',
    "paths": "explorers.paths()",
    "seeds": 'explorers.seeds(data.article("*"), seen, 20)',
    "phrases": 'explorers.phrases({"untrained": readers})',
    "field": "explorers.field(runs, curves)",
    "every_function": "explorers.every_function(of_functions)",
    "surface": 'explorers.surface("NMU", "*", (-1.2, -1.1), seeds=range(4), steps=400, every=20, progress=False)',
    "guess": 'explorers.guess("How many of 24?", 21, low=0, high=24, step=1)',
    "drawing": "explorers.drawing(reader, images)",
    "program": "explorers.program(model)",
    "waiting": 'explorers.waiting({"LSTM": agent})',
    "playground": "explorers.playground()",
}
SETUP = """import keras
import pandas as pd
from nalu_helpers import NALU, data, explorers, fit_many
from nalu_helpers.paper import digits, gridworld, phrases, programs

seen = []
_ = fit_many(lambda: NALU(1), data.article("*"), seeds=range(4), steps=100, every=20, watch=seen.append, progress=False)
keras.utils.set_random_seed(0)
readers = [phrases.reader("linear", scale=1000.0) for _ in range(3)]
reader, images = digits.make_reader("counting", "NAC"), digits.load()
model, agent = programs.make("NAC set by LSTM"), gridworld.agent("LSTM", 3)
known = dict(train="[1, 2]", threshold=1e-3, learning_rate=0.01, start="as published", beta_2=0.999, clipping="none", penalty=True)
runs = pd.DataFrame([
    dict(known, unit=unit, operation=operation, setting=setting, seed=seed, interpolation=10.0**-seed, extrapolation=10.0 ** (0.5 - seed))
    for unit, operation in (("NAC", "add"), ("NMU", "mul")) for setting in ("published", "best") for seed in range(6)
])
runs["solved"] = runs.extrapolation < runs.threshold
curves = runs[["unit", "operation", "setting", "train", "seed"]].assign(weights="W 1 0.5", extrapolation_10=1.0)
curves["extrapolation_50"] = runs.extrapolation
setting = dict(form="long", function="a × b", optimizer="Adam", clipped=True, rate=0.01)
of_functions = pd.DataFrame([
    dict(setting, model=model, seed=seed, where=where, step=step, relative=far ** (1 + seed) / step)
    for model, far in (("NMU", 0.5), ("linear", 40.0)) for seed in range(10) for where in ("inside", "outside") for step in (200, 500, 1500)
])
"""
WRONG = [  # a field of the playground, what is written there, and what the page says of it
    ("your own expression", "a**b**c", "'c' is not allowed here: use a, b, numbers"),
    ("your own expression", "__import__('os')", "is not allowed here: use a, b, numbers"),
    ("your own expression", "1/0", "divides by 0"),
    ("your own expression", "a +", "is not a complete expression"),
    ("your own expression", " ", "has 0 characters, expected 1 to 200"),
    ("your own expression", "a+" * 5000, "has 10000 characters"),
    ("your own expression", "log(a - 9)", "not a finite number for 1,000 of 1,000 pairs"),
    ("range to train on", "2, 1", "first end below its second: write (1, 2)"),
    ("range to train on", "1, 1", "first end below its second: write for example (1, 2)"),
    ("range to train on", "low, high", "'low', expected a number"),
    ("range to test on", "7", "expected two numbers with a comma"),
    ("range to test on", "-1e308, 1e308", "expected ends between"),
    ("seeds", "0", "seeds is 0, expected a whole number of at least 1"),
    ("seeds", "2.5", "seeds is 2.5, expected a whole number"),
    ("seeds", "1e9", "seeds is 1,000,000,000, expected at most 256"),
    ("steps", "1e12", "steps is 1,000,000,000,000, expected at most 1,000,000"),
    ("steps", "", "steps is '', expected a number such as 10"),
    ("learning rate", "0", "learning rate is 0, expected a finite number above 0"),
    ("learning rate", "-1", "learning rate is -1, expected a finite number above 0"),
    ("learning rate", "1e30", "learning rate is 1e+30, expected at most 1000"),
]
# Expressions that are none, or hold what is not allowed.
BAD = """a.real;[a];a if b else 1;lambda: a;a == b;'a';True;f(a);sqrt(a, b);1e99;a @ b;a +;();;a b;2a;a(b);sqrt;sqrt a;(a;a);1/0
__import__('os');constructor;a // b;a % b;1j;a, b;a < b;a+a+a\\;a.b;not a;*a;**a""".replace("\n", ";").split(";")


@contextlib.contextmanager
def running(folder, kind="lab"):
    """A JupyterLab that serves `folder`, started where `make lab` starts it; gives its address without the notebook's name.

    It is a reader's first: its data, settings and signatures lie in `folder`, and nothing that is in the home is read. With the `kind`
    "notebook" it is Notebook 7.
    """
    application, opens = KINDS[kind]
    settings = Path(folder) / ".settings"
    own = ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = {**os.environ, **{name: str(Path(folder) / ".own" / name.lower()) for name in own}}
    for name, values in SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", kind, "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--config=tools/jupyter_config.py", "--allow-root", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    command += [f"--{application}.user_settings_dir={settings}", f"--{application}.workspaces_dir={settings}/workspaces"]
    with open(Path(folder) / ".jupyter.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}").close()
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/{opens}/"
    finally:
        server.terminate()
        server.wait(60)


@contextlib.contextmanager
def chromium():
    """The headless browser. Raises ImportError without Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS.split())
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """A local server of the files in `folder`; gives its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def write_notebook(folder, name, *sources):
    """A notebook `name` in `folder` with SETUP and the cells `sources`; returns its name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, *sources)])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, Path(folder) / name)
    return name


def open_notebook(page, address, name):
    """Open the notebook `name`, and wait until its kernel is there."""
    page.goto(f"{address}{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE)
    rest(page)


def end_kernels(address):
    """End every kernel of the server whose notebooks are at `address`."""
    server = address.split("/", 3)[:3]
    with urllib.request.urlopen("/".join([*server, f"api/kernels?token={TOKEN}"])) as kernels:
        known = json.load(kernels)
    for kernel in known:
        urllib.request.urlopen(urllib.request.Request("/".join([*server, f"api/kernels/{kernel['id']}?token={TOKEN}"]), method="DELETE"))


def rest(page):
    """Wait until the open notebook has its kernel, whose name then stands beside the sign of it, and the kernel rests."""
    page.wait_for_selector('.jp-Toolbar:has-text("Python 3") .jp-Notebook-ExecutionIndicator[data-status=idle]', timeout=PATIENCE)


def run_all(page, explorers):
    """Run all cells of the notebook that is open, and wait until so many `explorers` are there and the kernel rests."""
    page.get_by_role("menuitem", name="Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".explorer").nth(explorers - 1).wait_for(timeout=3 * PATIENCE)
    rest(page)


def fill(place, label, value):
    """Type `value` into the field that is labelled so in `place`, a page or a part of one, and press Enter; or choose it."""
    field = place.get_by_label(label, exact=True)
    if field.evaluate("field => field.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(value)
        field.press("Enter")


def train(place, **fields):
    """Fill the fields of the playground in `place`, and press Train."""
    for label, value in fields.items():
        fill(place, label.replace("_", " "), value)
    place.get_by_role("button", name="Train").click()
