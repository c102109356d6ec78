"""How fast the explorers are in Chromium, and what it costs a training to be watched.

    python -m tests.browser.latency --output results/latency.csv

For every explorer, on a page without a kernel and in JupyterLab: milliseconds from a key to the painted frame, the median and the 95th
percentile of 100 key presses, and to the first picture: from the start of the page, or from the key that runs the cell, in a fresh kernel
that has its imports; the median of `OPENINGS`. Where the cell trains before it can draw, that time is a column of its own and not in the
first picture. Then the run-steps a second of the training in the page, and of a watched training in the kernel beside the same training
without a page: medians of `TURNS` of each, in turn. And of each page of the site with an explorer, from a local server to a browser that
has seen none of them: to the first picture, and until it is complete, the median of `OPENINGS`; and the same of 100 keys, of its slowest
explorer. `make html` builds the site.
Last, which of LIMITS are broken: then it ends with 1. Needs Chromium and the extra `browser`, and a machine that does nothing else.
"""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import expect

from nalu_helpers import explorers, results

from . import lab, mounted

# The time of each key, and of the end of the frame after it. A message that is sent when a frame begins is heard when it is painted.
WATCH = """() => {
    const before = window.waited
    window.waited = []
    if (before) return // a page is watched once, however many explorers it has
    const heard = new MessageChannel()
    let pressed
    heard.port1.onmessage = () => window.waited.push(performance.now() - pressed)
    document.addEventListener('keydown', event => {
        pressed = event.timeStamp
        requestAnimationFrame(() => heard.port2.postMessage(0))
    }, true) }"""
FIRST = """() => {
    document.addEventListener('keydown', event => { if (event.key === 'Enter') window.begun = event.timeStamp }, true)
    new MutationObserver((_, watcher) => {
        if (!document.querySelector('.explorer svg')) return
        watcher.disconnect()
        requestAnimationFrame(() => setTimeout(() => { window.first = performance.now() }))
    }).observe(document, {subtree: true, childList: true}) }"""
COMPLETE = "Math.max(window.first, performance.getEntriesByType('navigation')[0].loadEventEnd)"
TURNS, OPENINGS = 5, 3
SITE = lab.ROOT / "build" / "html"
LIMITS = {"key to frame, median": 17, "95th percentile": 34, "first picture": 500}  # ms: a frame of the screen, two, half a second
FRONT_PAGE = 1000  # ms until it is complete
SLOWER = 0.1  # the share of its speed that a watched training may lose
IN_PAGE = 60_000  # run-steps a second that the page's own training makes at least
RUNS = "\n".join(  # as many as in notebook 08
    f"{name} = pd.read_csv({str(lab.ROOT / 'results' / table)!r}, comment='#')"
    for name, table in (("runs", "fair.csv"), ("curves", "fair_curves.csv"))
)
TIMED = """import time
from nalu_helpers import fair
from nalu_helpers.explorers import trained as of_trained

trained = []


def timed(train):
    def run(*given, **named):
        begin = time.perf_counter()
        result = train(*given, **named)
        trained.append(time.perf_counter() - begin)
        return result

    return run


fair.runs_of, of_trained._trainings = timed(fair.runs_of), timed(of_trained._trainings)"""
TOLD = 'print(f"trained {1000 * sum(trained):.1f}")'
WATCHED = """from nalu_helpers import layers, speed
from nalu_helpers.explorers.playground import _Training

playground = explorers.playground()
settings = dict(seeds=range(64), steps=100_000, every=1_000, learning_rate=0.01)
update = _Training.update


def timed(training, count):
    clock.update(count)
    update(training, count)


_Training.update = timed
display(playground)"""
ALONE = """clock = speed.Clock()
_ = fit_many(lambda: layers.NALU(1), "*", progress=clock, **settings)
alone, clock = clock.rate(), speed.Clock()
print(f"alone {alone:.0f}")"""
BOTH = """playground.thread.join()
print(f"watched {clock.rate():.0f}")"""


def presses(page, explorer, count=100):
    """Milliseconds from each of `count` keys, each of which moves something, to the painted frame."""
    page.evaluate(WATCH)
    sliders, fields = explorer.get_by_role("slider"), explorer.get_by_role("textbox")
    away = sliders.count() and sliders.last.evaluate("slider => slider.value === slider.max")  # it stands at its end
    for number in range(count):
        if sliders.count():
            sliders.last.press("ArrowLeft" if (number // 10 % 2 == 1) != away else "ArrowRight")
        elif fields.count():
            fields.first.fill(("one hundred", "two")[number % 2])
            fields.first.press("Enter")
        else:
            explorer.get_by_role("combobox").last.press(("ArrowDown", "ArrowUp")[number % 2])
        page.wait_for_function(f"() => window.waited.length >= {number + 1}")
    return page.evaluate("window.waited")


def row(name, where, waited, first, trained=0.0):
    return {
        "explorer": name,
        "where": where,
        "key to frame, median": np.median(waited),
        "95th percentile": np.quantile(waited, 0.95),
        "first picture": first,
        "trained before": trained,
    }


def without_kernel(browser):
    """A row for each explorer on a page of its own."""
    known: dict = {}
    exec(f"{lab.SETUP}{RUNS}", known)
    for name, call in lab.EXPLORERS.items():
        page, firsts = browser.new_page(viewport={"width": 1000, "height": 900}), []
        page.add_init_script(f"({FIRST})()")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "page.html"
            path.write_text(mounted.page_of(eval(call, known)), encoding="utf-8")
            for _ in range(OPENINGS):
                page.goto(path.as_uri())
                page.wait_for_function("() => window.first")
                firsts.append(page.evaluate("window.first"))
        yield row(name, "page", presses(page, page.locator(".explorer")), np.median(firsts))
        page.close()


def on_the_site(browser, site=SITE):
    """A row for each page of the built `site` that has an explorer; none where it is not built, and that is said."""
    if not site.exists():
        print(f"{site} is not there, so no page of the site is timed: make html")
    paths = [path for path in sorted(site.rglob("*.html")) if 'class="stored-explorer"' in path.read_text(encoding="utf-8")]
    with lab.served(site) as address:
        for path in paths:
            name, opened = path.relative_to(site).as_posix(), []
            for _ in range(OPENINGS):
                page = browser.new_page(viewport={"width": 1300, "height": 900})
                page.add_init_script(f"({FIRST})()")
                page.goto(address + name, wait_until="networkidle")
                page.wait_for_function("() => window.first")
                opened.append(page.evaluate(f"[window.first, {COMPLETE}]"))
                if len(opened) == OPENINGS:
                    waited = [presses(page, explorer) for explorer in page.locator(".explorer:not(.guess)").all()]
                page.close()
            first, complete = np.median(opened, axis=0)
            keys = [row(name, "site", some, first) for some in waited]
            slowest = {limit: max(key[limit] for key in keys) for limit in [*LIMITS][:2] if keys}
            yield {"page": name, **slowest, "first picture": first, "complete": complete}


def in_the_page(browser):
    """Run-steps a second of the playground's training in the page, NALU on ×, 8 seeds, batches of 128."""
    page, steps = browser.new_page(), 40_000
    mounted.show(page, explorers.playground())
    lab.fill(page, "steps", str(steps))
    begin = time.perf_counter()
    page.get_by_role("button", name="Train").click()
    page.locator(".line", has_text=f"Seeds: 8, steps: {steps:,}.").wait_for(timeout=10 * lab.PATIENCE)
    return 8 * steps / (time.perf_counter() - begin)


def in_jupyterlab(browser):
    """A row for each explorer in JupyterLab, and the rates of a training in the kernel, alone and watched."""
    with tempfile.TemporaryDirectory() as folder, lab.running(folder) as address:
        for name, call in lab.EXPLORERS.items():
            openings = [opening(browser, folder, address, name, call) for _ in range(OPENINGS - 1)]
            openings.append(opening(browser, folder, address, name, call, waited := []))
            first, trained = np.median(openings, axis=0)
            yield row(name, "JupyterLab", waited, first, trained)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        lab.open_notebook(page, address, lab.write_notebook(folder, "watched.ipynb", WATCHED, ALONE, BOTH))
        rates, explorer = [], page.locator(".explorer")
        run_cell(page, 0)
        run_cell(page, 1)
        for _ in range(TURNS):
            run_cell(page, 2)
            lab.train(explorer, unit="NALU", seeds="64", steps="100000")
            expect(explorer.get_by_role("button", name="Train")).to_be_enabled(timeout=10 * lab.PATIENCE)
            expect(explorer.locator(".line")).to_contain_text("Seeds: 64, steps: 100,000.")
            run_cell(page, 3)
            said = " ".join(page.locator(".jp-OutputArea").all_inner_texts())
            rates.append({name: float(re.search(rf"{name} (\d+)", said)[1]) for name in ("alone", "watched")})
        yield pd.DataFrame(rates).median().to_dict()


def opening(browser, folder, address, name, call, waited=None):
    """Milliseconds from the key that runs the cell to its first picture, without its training, and of its training. A fresh kernel.

    The list `waited` is given what the presses of keys on the explorer took.
    """
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    lab.open_notebook(page, address, lab.write_notebook(folder, f"{name}.ipynb", f"{RUNS}\n{TIMED}", call, TOLD))
    run_cell(page, 0)
    run_cell(page, 1)
    page.evaluate(FIRST)
    run_cell(page, 2)
    page.wait_for_function("() => window.first")
    first = page.evaluate("window.first - window.begun")
    run_cell(page, 3)
    told = page.locator(".jp-OutputArea-output", has_text=re.compile(r"trained \d"))
    trained = float(told.inner_text(timeout=lab.PATIENCE).split()[1])
    if waited is not None:
        waited += presses(page, page.locator(".explorer"))
    page.close()
    lab.end_kernels(address)
    return first - trained, trained


def run_cell(page, number):
    """Run the code cell `number` of the open notebook, perhaps anew, and wait until it is done."""
    prompt = page.locator(".jp-CodeCell").nth(number).locator(".jp-InputArea-prompt")
    before = prompt.inner_text().strip()
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Shift+Enter")
    expect(prompt).to_have_text(re.compile(rf"^(?!{re.escape(before)}$)\[\d+\]:"), timeout=10 * lab.PATIENCE)


def broken(rows, rates, pages=(), in_page=IN_PAGE):
    """A sentence for each limit that the `rows` of the explorers, the `rates` of the trainings and the `pages` of the site break.

    `in_page` are the run-steps a second of the training in the page.
    """
    timed = [(f"{row['explorer']}, {row['where']}", row) for row in rows] + [(page["page"], page) for page in pages]
    said = [
        f"{which}: {name} is {row[name]:.1f} ms, expected at most {most:.1f}"
        for which, row in timed
        for name, most in LIMITS.items()
        if row.get(name, 0) > most
    ]
    for page in pages:
        if page["page"] == "index.html" and page["complete"] > FRONT_PAGE:
            said.append(f"the front page is complete after {page['complete']:.1f} ms, expected at most {FRONT_PAGE:.1f}")
    if in_page < IN_PAGE:
        said.append(f"the page trains {in_page:,.0f} run-steps a second, expected at least {IN_PAGE:,}")
    lost = 1 - rates["watched"] / rates["alone"]
    return [*said, f"a watched training is {lost:.0%} slower, expected at most {SLOWER:.0%}"] if lost > SLOWER else said


def told(rows):
    """The `rows`, each told on the terminal as it comes: all of them take more than ten minutes."""
    for measured in rows:
        print(*(value if isinstance(value, str) else f"{name}: {value:,.1f}" for name, value in measured.items()), sep=", ", flush=True)
        yield measured


def main(arguments=None):
    """Measure, write the tables where they are asked for, and return 1 when a limit is broken, else 0."""
    parser = argparse.ArgumentParser(description="How fast the explorers are in the browser.")
    parser.add_argument("--output", help="the table to write, such as results/latency.csv; live.csv and site.csv are written beside it")
    given = sys.argv[1:] if arguments is None else arguments
    output = parser.parse_args(given).output
    with lab.chromium() as browser:
        trained = in_the_page(browser)
        pages = [*told(on_the_site(browser))]
        *rows, rates = [*told(without_kernel(browser)), *told(in_jupyterlab(browser))]
    tables = {"latency": pd.DataFrame(rows).round(1), "live": pd.DataFrame([{"in the page": trained, **rates}]).round()}
    tables |= {"site": pd.DataFrame(pages).round(1)} if pages else {}
    for name in tables:
        if name != "live":
            print(tables[name].to_string(index=False), "\nall in milliseconds\n")
    print(f"run-steps a second: {trained:,.0f} in the page; {rates['alone']:,.0f} in the kernel, {rates['watched']:,.0f} when watched")
    said = broken(rows, rates, pages, trained)
    print("\n".join(["Broken limits:", *said] if said else ["No limit is broken."]))
    if output:
        for name, table in tables.items():
            path = Path(output) if name == "latency" else Path(output).with_name(f"{name}.csv")
            results.write(path, table.to_csv(index=False, lineterminator="\n"))
            results.note_origin(path, " ".join(["python -m tests.browser.latency", *given]))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
