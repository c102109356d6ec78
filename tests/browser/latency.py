"""How long a reader waits between a key and the new picture, for every explorer, in the browser.

    python -m tests.browser.latency --output results/latency.csv

Prints the median and the 95th percentile over 100 key presses, in milliseconds, and the seconds from the start of the cell's
notebook to its first picture. Needs Chromium and the extra `browser`.
"""

import argparse
import sys
import tempfile
import time

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

from nalu_helpers import benchmark

from . import lab

WATCH = """image => { window.changes = []; new MutationObserver(() => window.changes.push(performance.now()))
    .observe(image, {attributes: true, attributeFilter: ['src']}) }"""


def presses(page, picture, count):
    """Milliseconds from each of `count` key presses to the new picture, both timed by the page itself."""
    picture.evaluate(WATCH)
    page.evaluate("() => document.addEventListener('keydown', () => { window.pressed = performance.now() }, true)")
    handle, waited = page.locator(".noUi-handle").last, []
    handle.focus()
    low, high = (float(handle.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    for number in range(count):
        now = float(handle.get_attribute("aria-valuenow"))
        key = "ArrowLeft" if now >= high or (number // 20 % 2 and now > low) else "ArrowRight"
        page.evaluate("() => { window.changes = [] }")
        page.keyboard.press(key)
        page.wait_for_function("() => window.changes.length > 0", timeout=5000, polling=5)
        waited.append(page.evaluate("() => window.changes[0] - window.pressed"))
    return waited


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Milliseconds from key to picture, for every explorer.")
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--output", help="a CSV file to write the table to")
    given = sys.argv[1:] if arguments is None else arguments
    chosen = parser.parse_args(given)
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        names = [lab.write_explorer(folder, name).removesuffix(".ipynb") for name in lab.EXPLORERS if name != "playground"]
        with lab.running(folder) as address:
            browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
            for name in names:
                page = browser.new_page(viewport={"width": 1300, "height": 1000})
                picture = lab.open_and_run(page, address, f"{name}.ipynb")
                time.sleep(1)
                waited = presses(page, picture, chosen.presses)
                rows.append({"explorer": name, "median, ms": np.median(waited), "95th percentile, ms": np.percentile(waited, 95)})
                page.close()
            browser.close()
    table = pd.DataFrame(rows).round(0)
    print(table.to_string(index=False))
    if chosen.output:
        benchmark._write(chosen.output, table.to_csv(index=False, lineterminator="\n"))
        benchmark.note_origin(chosen.output, " ".join(["python -m tests.browser.latency", *given]))


if __name__ == "__main__":
    main()
