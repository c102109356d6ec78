"""The command line: `python -m nalu_helpers.benchmark COMMAND`, and `--help` after it.

training        steps a second of `fit`, beside the plain loop that notebook 03 writes out
throughput      run-steps a second of `fit_many` for 1 to 2,250 runs, beside a loop that trains one model at a time
single-module   the field's benchmark (Mistry, Farrahi & Hare 2022): every unit, four operations, nine ranges, 25 seeds
paper           the paper's own experiments (Trask et al. 2018), a table each
"""

import argparse
import importlib
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from . import data, layers, metrics, results, speed
from ._inputs import one_of, positive_number, whole_number
from .expression import known_operation
from .many import fit_many
from .training import Progress

WORDS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
CHECK_EVERY = 1_000
SEEDS_A_CHUNK = 25
KEY = ["unit", "operation", "train", "seed"]
EXPERIMENTS = ("functions", "digits", "phrases", "programs", "gridworld")  # modules of nalu_helpers.paper


def _nac(kind, operation):
    start = layers.benchmark_start
    return kind(1, W_hat_initializer=start(2, 1), M_hat_initializer=start(2, 1))


def _plain(kind, operation):
    return kind(1)


def _npu(kind, operation):
    return kind(1, penalty_sizes=(1e-9, 1e-7) if operation == "/" else (1e-7, 1e-5))


# A row a unit: the operations it enters, its class, how it starts, its learning rate, and how its gradients are clipped.
UNITS = {
    "NAC": ("+-", layers.NAC, _nac, 1e-3, {}),
    "NACLog": ("*/", layers.NACLog, _nac, 1e-3, {}),
    "NALU": ("+-*/", layers.NALU, _nac, 1e-3, {}),
    "GNALU": ("+-*/", layers.GNALU, _nac, 1e-3, {}),
    "NAU": ("+-", layers.NAU, _plain, 1e-3, {}),
    "NMU": ("*", layers.NMU, _plain, 1e-3, {}),
    "INALU": ("+-*/", layers.INALU, _plain, 1e-3, {"clipvalue": 0.1}),
    "NPU": ("*/", layers.NPU, _npu, 5e-3, {}),
    "RealNPU": ("*/", layers.RealNPU, _npu, 5e-3, {}),
}


def run_chunk(unit, operation, ranges, seeds, steps=50_000, batch=128, learning_rate=None, progress=False):
    """Protocol C for one unit, one operation and some ranges and seeds: a table with a row a run.

    The step with the lowest validation error is the one judged: `interpolation`, `extrapolation` and `sparsity_error` are those of
    `best_step`, and the run is `solved` when its extrapolation error is below the `threshold`. `solved_at` is the first step checked
    at which it was.
    """
    entered, kind, make, rate, clipping = UNITS[unit]
    rate = rate if learning_rate is None else learning_rate
    checks = fit_many(
        lambda: make(kind, operation),
        operation,
        seeds=seeds,
        ranges=ranges,
        optimizer=keras.optimizers.Adam(rate, epsilon=1e-8, **clipping),  # PyTorch's epsilon, as in the reference implementation
        steps=steps,
        batch=batch,
        every=CHECK_EVERY,
        restart=kind is layers.INALU,
        progress=progress,
    ).table
    thresholds = {data.range_name(train): metrics.success_threshold(operation, test) for train, test in ranges}
    checks["threshold"] = checks["train"].map(thresholds)
    rows = []
    for (train, seed), run in checks.groupby(["train", "seed"], sort=False):
        best = run.loc[run["interpolation"].fillna(np.inf).idxmin()]
        under = run.loc[run["extrapolation"] < run["threshold"], "step"]
        rows.append(
            {
                "unit": unit,
                "operation": WORDS[operation],
                "train": train,
                "test": best["test"],
                "seed": seed,
                "learning_rate": rate,
                "best_step": best["step"],
                "interpolation": best["interpolation"],
                "extrapolation": best["extrapolation"],
                "threshold": best["threshold"],
                "solved": bool(best["extrapolation"] < best["threshold"]),
                "solved_at": under.iloc[0] if len(under) else np.nan,
                "sparsity_error": best["sparsity_error"],
                "restarts": run["restarts"].iloc[-1],
                "diverged_at": run["diverged_at"].iloc[-1],
            }
        )
    return pd.DataFrame(rows)


def single_module(
    output, *, units=None, operations=None, ranges=None, seeds=25, steps=50_000, batch=128, learning_rate=None, scheduler=None
):
    """Run protocol C, or the part of it that is asked for, into the CSV table `output`; return the table.

    The table is written anew, in one piece, after every chunk (a unit, an operation, 25 seeds). What a table of the same settings
    already holds is not run again, so a run that was stopped goes on, and ends with the same bytes. `scheduler` is the address of a
    Dask scheduler over which the chunks are spread. Raises ValueError when `output` holds something else, or for what cannot be run;
    OSError when it cannot be written or the scheduler does not answer.
    """
    ranges = list(data.BENCHMARK_RANGES if ranges is None else ranges)
    seeds, steps, batch = whole_number(seeds, "seeds"), whole_number(steps, "steps"), whole_number(batch, "batch")
    if learning_rate is not None:
        learning_rate = positive_number(learning_rate, "learning_rate", "0.001")
    pairs = _pairs(units, operations)
    head = f"# nalu_helpers single-module 1: {steps} steps of {batch} rows, checked every {CHECK_EVERY}"
    head += "" if learning_rate is None else f", learning rate {learning_rate:g}"
    table, there = results.read(output, head, KEY), set()
    if len(table):
        there = set(map(tuple, table[KEY].to_numpy().tolist()))
    chunks = []
    for unit, operation in pairs:
        for first in range(0, seeds, SEEDS_A_CHUNK):
            some = list(range(first, min(first + SEEDS_A_CHUNK, seeds)))
            keys = {(unit, WORDS[operation], data.range_name(train), seed) for train, _ in ranges for seed in some}
            if not keys <= there:
                chunks.append((unit, operation, ranges, some, steps, batch, learning_rate))
    total = sum(len(chunk[3]) for chunk in chunks) * len(ranges) * steps
    with Progress(total=total, unit=" steps in all", disable=None, unit_scale=True) as bar:
        for done in _each(chunks, scheduler, bar):
            table = pd.concat([table, done]).drop_duplicates(KEY) if len(table) else done
            table = table.sort_values(KEY, key=_order, ignore_index=True)
            results.write_table(output, head, table)
    return table


def _each(chunks, scheduler, bar):
    """The tables of `chunks` as they are done: one after the other here, or in any order from a cluster."""
    if scheduler is None:
        for chunk in chunks:
            yield run_chunk(*chunk, progress=bar)
        return
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ValueError('a scheduler needs Dask: pip install -c constraints.txt -e ".[cluster]"') from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise OSError(
            f"no Dask scheduler answers at {scheduler} ({error}): start one with `dask scheduler`, or leave --scheduler out"
        ) from None
    with client:
        jobs = {client.submit(run_chunk, *chunk, pure=False): chunk for chunk in chunks}
        for job in as_completed(jobs):
            yield job.result()
            bar.update(len(jobs[job][2]) * len(jobs[job][3]) * jobs[job][4])


def _pairs(units, operations):
    """The (unit, operation) pairs asked for. Raises ValueError for one that is unknown, or a unit that does not enter an operation."""
    chosen = [one_of(unit, UNITS, "unit") for unit in units or UNITS]
    wanted = [known_operation(operation) for operation in operations or WORDS]
    for unit in units or ():
        for operation in wanted if operations else ():
            if operation not in UNITS[unit][0]:
                able = ", ".join(name for name, row in UNITS.items() if operation in row[0])
                raise ValueError(f"{unit} does not enter {WORDS[operation]} in this benchmark, these do: {able}")
    return [(unit, operation) for unit in chosen for operation in wanted if operation in UNITS[unit][0]]


def _order(column):
    """The order of the rows, whatever order they were made in: units, operations and ranges as they stand in this module."""
    known = {
        "unit": list(UNITS),
        "operation": list(WORDS.values()),
        "train": [data.range_name(train) for train, _ in data.BENCHMARK_RANGES],
    }
    return column.map({name: place for place, name in enumerate(known[column.name])}.get) if column.name in known else column


def paper(folder, *, experiments=None, seeds=None, steps=None):
    """Run the paper's experiments, or those asked for, into `folder`/paper_NAME.csv, a table each; return the tables by name.

    Each has its own number of `seeds` and `steps` unless others are given. A table is written anew, in one piece, after every chunk,
    and what it already holds is not run again. Raises ValueError for an unknown experiment and when a table holds something else,
    OSError when one cannot be written.
    """
    tables = {}
    for name in [one_of(name, EXPERIMENTS, "experiment") for name in experiments or EXPERIMENTS]:
        module = importlib.import_module(f"{__package__}.paper.{name}")
        count = whole_number(module.SEEDS if seeds is None else seeds, "seeds")
        each = whole_number(module.STEPS if steps is None else steps, "steps")
        output, head = _paper_table(folder, name), f"# nalu_helpers paper {name} 1: {each} steps"
        key, chunks = [*module.KEY, "seed"], [tuple(chunk) for chunk in module.CHUNKS]
        table, missing = results.read(output, head, key), {chunk: range(count) for chunk in chunks}
        if len(table):
            there = set(map(tuple, table[key].to_numpy().tolist()))
            missing = {chunk: [seed for seed in range(count) if (*chunk, seed) not in there] for chunk in chunks}
        with Progress(total=sum(map(len, missing.values())) * each, unit=f" steps of {name}", disable=None, unit_scale=True) as bar:
            for chunk, some in missing.items():
                if len(some):
                    table = pd.concat([table, module.run(*chunk, seeds=some, steps=each, progress=bar)])
                    places = table[module.KEY].apply(tuple, axis=1).map(chunks.index)
                    table = table.iloc[np.lexsort((table["seed"], places))].reset_index(drop=True)
                    results.write_table(output, head, table)
        tables[name] = table
    return tables


def _paper_table(folder, name):
    return Path(folder) / f"paper_{name}.csv"


def summary(table):
    """A row for each unit, operation and range: runs, solved, success rate, solved-at step and sparsity error, with 95 % intervals."""
    rows = []
    for (unit, operation, train), runs in table.groupby(["unit", "operation", "train"], sort=False):
        solved, count, low, high = metrics.success_rate(runs["solved"])
        won = runs[runs["solved"]]
        steps, sparsity = metrics.mean_interval(won["solved_at"], "gamma"), _mean_sparsity(won["sparsity_error"])
        row = {"unit": unit, "operation": operation, "train": train, "runs": count, "solved": solved, "success_rate": solved / count}
        row |= {"success_low": low, "success_high": high}
        for name, (mean, low, high) in (("solved_at", steps), ("sparsity_error", sparsity)):
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_sparsity(errors):
    """The mean of sparsity errors and its interval; without one when a weight is beyond 1.5, where no beta distribution goes."""
    return metrics.mean_interval(errors, "beta") if (errors <= 0.5).all() else (errors.mean(), np.nan, np.nan)


def _a_range(text):
    """`text` such as "1,2" as one of the benchmark's ranges, named by its training range."""
    by_name = {data.range_name(train): (train, test) for train, test in data.BENCHMARK_RANGES}
    try:
        name = "[" + ", ".join(f"{float(end):g}" for end in text.strip("[]() ").split(",")) + "]"
    except ValueError:
        name = text
    if name not in by_name:
        raise ValueError(f"range {text} is unknown, known are: {', '.join(by_name)}")
    return by_name[name]


def _say_training(chosen):
    eager, compiled = speed.training(chosen.steps, rounds=chosen.rounds)
    print(f"NAC, addition, 2,000 rows, full batch; median of {chosen.rounds} rounds, lowest to highest in brackets")
    for name, rates in (("plain loop", eager), ("fit", compiled)):
        print(f"{name:>10}: {np.median(rates):10,.0f} steps/s   ({min(rates):,.0f} to {max(rates):,.0f})")
    print(f"{'ratio':>10}: {np.median(compiled) / np.median(eager):10.0f} times")
    print(f"{chosen.steps:,} steps of fit take {chosen.steps / np.median(compiled):.1f} s, compiling included")


def _say_throughput(chosen):
    table = speed.throughput(chosen.run_steps)
    print("NALU, multiplication, batches of 128 fresh rows; run-steps a second (runs × steps ÷ time)")
    print(table.to_string(index=False, float_format="{:,.0f}".format, na_rep="—"))
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "linux" else 2**30)
        print(f"most memory in use: {peak:.1f} GB")
    print("\n100 numbers → NAC(2) → NMU(1), 25 seeds, batches of 128 fresh rows")
    print(speed.two_layers(chosen.run_steps / 1e6).to_string(float_format="{:,.0f}".format))
    if chosen.output:
        results.write(chosen.output, table.to_csv(index=False, float_format="%.0f", lineterminator="\n"))
        results.note_origin(chosen.output, chosen.command_line)


def _say_single_module(chosen):
    ranges = [_a_range(text) for text in chosen.range] if chosen.range else None
    asked = {"units": chosen.unit, "operations": chosen.operation, "ranges": ranges, "seeds": chosen.seeds, "steps": chosen.steps}
    asked |= {"batch": chosen.batch, "learning_rate": chosen.learning_rate, "scheduler": chosen.scheduler}
    path = Path(chosen.output)
    with results.noted([path], chosen.command_line):
        table = single_module(path, **asked)
    rates = summary(table)
    results.write(path.with_name(f"{path.stem}_summary.csv"), rates.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    with pd.option_context("display.max_rows", None):
        print(rates.to_string(index=False, float_format="{:.3g}".format, na_rep="—"))


def _say_paper(chosen):
    with results.noted([_paper_table(chosen.output, name) for name in EXPERIMENTS], chosen.command_line):
        tables = paper(chosen.output, experiments=chosen.experiment, seeds=chosen.seeds, steps=chosen.steps)
    for name, table in tables.items():
        print(f"{name}: {len(table):,} rows in {_paper_table(chosen.output, name)}")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m nalu_helpers.benchmark", description="Measure what the walkthrough claims.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("training", help="steps a second of fit, beside the plain loop of notebook 03")
    command.add_argument("--steps", type=int, default=22000, help="steps of each fit (default 22000)")
    command.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    command.set_defaults(say=_say_training)
    command = commands.add_parser("throughput", help="run-steps a second of fit_many, beside one model at a time")
    command.add_argument("--run-steps", type=int, default=8_000_000, help="runs × steps of each measurement (default 8000000)")
    command.add_argument("--output", help="a CSV file to write the table to as well")
    command.set_defaults(say=_say_throughput)
    command = commands.add_parser("single-module", help="the field's benchmark, into a table that a stopped run goes on with")
    command.add_argument("--unit", nargs="+", help=f"some of {', '.join(UNITS)} (default all)")
    command.add_argument("--operation", nargs="+", help="some of add, sub, mul, div (default all)")
    command.add_argument(
        "--range", nargs="+", metavar="LOW,HIGH", help="some of the ranges to train on, such as --range=1,2 (default all nine)"
    )
    command.add_argument("--seeds", type=int, default=25, help="seeds 0 … N - 1 (default 25)")
    command.add_argument("--steps", type=int, default=50_000, help="updates of each run (default 50000)")
    command.add_argument("--batch", type=int, default=128, help="fresh rows a step (default 128)")
    command.add_argument("--learning-rate", type=float, help="instead of each unit's own")
    command.add_argument("--output", default="results/single_module.csv", help="the table (default results/single_module.csv)")
    command.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler to spread the chunks over, such as tcp://host:8786")
    command.set_defaults(say=_say_single_module)
    command = commands.add_parser("paper", help="the paper's own experiments, into tables that a stopped run goes on with")
    command.add_argument("--experiment", nargs="+", help=f"some of {', '.join(EXPERIMENTS)} (default all)")
    command.add_argument("--seeds", type=int, help="seeds 0 … N - 1 (default each experiment's own number)")
    command.add_argument("--steps", type=int, help="updates of each run (default each experiment's own number)")
    command.add_argument("--output", default="results", metavar="FOLDER", help="where the tables go (default results)")
    command.set_defaults(say=_say_paper)
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parser.parse_args(given)
    chosen.command_line = " ".join(["python -m nalu_helpers.benchmark", *given])
    try:
        chosen.say(chosen)
        return 0
    except KeyboardInterrupt:
        kept = f"; the chunks that were done are in {chosen.output}: the same command goes on from there" if "seeds" in chosen else ""
        print(f"\nstopped{kept}", file=sys.stderr)
        return 130
    except (TypeError, ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a console that lacks a character shows a ? in its place
    sys.exit(main())
