"""How fast the explorers are in the browser, and what it costs a training to be watched.

    python -m tests.browser.latency --output results/latency.csv

For every explorer: the seconds from the start of its cell to the first picture, and the milliseconds from a key to the new picture, median
and 95th percentile over 100 key presses. Then, into live.csv beside it, for trainings in the playground: pictures a second that reach the
page, and by how much the training is slower than the same `fit_many` without a page (median of rounds in turn); meanwhile nothing but
the page itself is connected to the browser. Needs Chromium and the extra `browser`, and a machine that does nothing else.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import TimeoutError, sync_playwright

from nalu_helpers import results

from . import lab

WATCH = """() => { window.changes = []; new MutationObserver(all => all.forEach(
    one => one.target.matches('img.widget-image') && window.changes.push(performance.now())
  )).observe(document.body, {subtree: true, attributes: true, attributeFilter: ['src']}) }"""
PRESSED = "() => document.addEventListener('keydown', () => { window.pressed = performance.now() }, true)"
THERE = """() => { const image = document.querySelector('img.widget-image')
    return image && image.complete && image.naturalWidth && performance.now() - window.pressed }"""
LIVE = {8: 250_000, 64: 80_000}  # seeds and steps of the trainings that are watched, some 6 s each: one core, and all of two
ROUNDS = """import json
from nalu_helpers import fit_many, layers, results, speed

update = explorers._Live.update
def timed(live, count):
    clock.update(count)
    update(live, count)
explorers._Live.update = timed
rates = []
for _ in range({rounds}):
    clock = speed.Clock()
    every = explorers._check_every({steps})
    fit_many(lambda: layers.NALU(1), "*", seeds=range({seeds}), steps={steps}, learning_rates=[0.01], check_every=every, progress=clock)
    plain = clock.rate()
    playground.fields["seeds"].value, playground.fields["steps"].value = "{seeds}", "{steps}"
    clock = speed.Clock()
    playground.train()
    playground.thread.join()
    rates.append([plain, clock.rate()])
results.write("rates.json", json.dumps(rates))
"""


def first_picture(page, address, name):
    """Seconds from the key that runs the explorer's cell to its picture; the cells before have run."""
    page.goto(f"{address}{name}?token={lab.TOKEN}&reset")
    page.wait_for_selector("text=| Idle", timeout=lab.PATIENCE)
    page.evaluate(PRESSED)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-InputPrompt:has-text('[1]:')", timeout=3 * lab.PATIENCE)
    page.wait_for_selector("text=| Idle", timeout=lab.PATIENCE)
    page.keyboard.press("Shift+Enter")
    seconds = page.wait_for_function(THERE, timeout=lab.PATIENCE).json_value() / 1000
    page.wait_for_selector("text=| Idle", timeout=lab.PATIENCE)
    return seconds


def presses(page, count):
    """Milliseconds from each of `count` key presses to the new picture, both timed by the page itself."""
    page.evaluate(WATCH)
    handles, waited = page.locator(".noUi-handle"), []
    for number in range(count):
        if handles.count():
            handles.last.focus()
            now, low, high = (float(handles.last.get_attribute(f"aria-value{end}")) for end in ("now", "min", "max"))
            key = "ArrowLeft" if now >= high or (number // 20 % 2 and now > low) else "ArrowRight"
        else:
            page.get_by_label("a number in words").fill(("one hundred", "two")[number % 2])
            key = "Enter"
        page.evaluate("() => { window.changes = [] }")
        page.keyboard.press(key)
        page.wait_for_function("() => window.changes.length > 0", timeout=lab.PATIENCE, polling=5)
        waited.append(page.evaluate("() => window.changes[0] - window.pressed"))
    return waited


def watched(playwright, address, name, folder, limit):
    """Pictures a second that reach the page while the notebook `name` trains, and how much slower, in percent, it is for being seen."""
    own, done = Path(folder) / f".{name}", Path(folder) / "rates.json"
    flags = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={own}", "--window-size=1300,1000", *lab.FLAGS.split()]
    chromium = subprocess.Popen([lab.BROWSER, *flags], stderr=subprocess.DEVNULL)
    try:
        page = connected(playwright, own)
        page.goto(f"{address}{name}?token={lab.TOKEN}&reset")
        page.wait_for_selector("text=| Idle", timeout=lab.PATIENCE)
        page.evaluate(WATCH)
        page.locator(".jp-CodeCell .cm-content").first.click()
        for _ in range(3):
            page.keyboard.press("Shift+Enter")
        page.wait_for_selector("img.widget-image", timeout=lab.PATIENCE)
        page.keyboard.press("Escape")  # a cursor that blinks in a cell keeps the browser busy
        page.context.browser.close()  # the connection: the page stays, and trains unobserved
        until = time.monotonic() + limit
        while not done.exists():
            if time.monotonic() > until:
                raise SystemExit(f"{name} was not done after {limit} s: open it in JupyterLab, run it, and see what its last cell says")
            time.sleep(1)
        page = connected(playwright, own)
        times = np.array(page.evaluate("() => window.changes")) / 1000
        page.context.browser.close()
    finally:
        chromium.kill()
        chromium.wait()
    rates = np.array(json.loads(done.read_text()))
    done.unlink()
    trainings = [part for part in np.split(times, np.flatnonzero(np.diff(times) > 1) + 1) if len(part) > 5]
    frames = np.median([(len(part) - 1) / (part[-1] - part[0]) for part in trainings])
    return frames, 100 * np.median(1 - rates[:, 1] / rates[:, 0])


def connected(playwright, own):
    """The page of the Chromium whose data lie in the folder `own`; one that has just started may miss the first call."""
    port = own / "DevToolsActivePort"
    while not port.exists() or len(port.read_text().split()) < 2:  # the port, then a path
        time.sleep(0.1)
    for patience in (5_000, 10_000, lab.PATIENCE):
        try:
            browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port.read_text().split()[0]}", timeout=patience)
            break
        except TimeoutError:
            if patience == lab.PATIENCE:
                raise
    pages = browser.contexts[0].pages
    return pages[0] if pages else browser.contexts[0].new_page()


def keep(table, output, given):
    """Print `table`, and write it to `output` with its origin when one was asked for."""
    print(table.to_string(index=False), end="\n\n", flush=True)
    if output:
        results.write(output, table.to_csv(index=False, lineterminator="\n"))
        results.note_origin(output, " ".join(["python -m tests.browser.latency", *given]))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="How fast the explorers are in the browser.")
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", help="a CSV file to write the table to; live.csv goes beside it")
    given = sys.argv[1:] if arguments is None else arguments
    chosen = parser.parse_args(given)
    rows, live = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        names = [lab.write_explorer(folder, name).removesuffix(".ipynb") for name in lab.EXPLORERS if name != "together"]
        for seeds, steps in LIVE.items():
            show = f"playground = {lab.EXPLORERS['playground']}\nplayground"
            lab.write_notebook(folder, f"live{seeds}.ipynb", show, ROUNDS.format(seeds=seeds, steps=steps, rounds=chosen.rounds))
        with lab.running(folder) as address:
            browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
            for name in names:
                page = browser.new_page(viewport={"width": 1300, "height": 1000})
                row = {"explorer": name, "first picture, s": round(first_picture(page, address, f"{name}.ipynb"), 2)}
                if name != "playground":  # its keys start a training
                    row["key to picture, median, ms"], row["95th percentile, ms"] = np.percentile(
                        presses(page, chosen.presses), [50, 95]
                    ).round()
                rows.append(row)
                page.close()
            browser.close()
            keep(pd.DataFrame(rows), chosen.output, given)
            for seeds, steps in LIVE.items():
                frames, slower = np.round(watched(playwright, address, f"live{seeds}.ipynb", folder, limit=60 + 60 * chosen.rounds), 1)
                live.append({"seeds": seeds, "steps": steps, "pictures a second": frames, "slower, %": slower})
    keep(pd.DataFrame(live), chosen.output and Path(chosen.output).with_name("live.csv"), given)


if __name__ == "__main__":
    main()
