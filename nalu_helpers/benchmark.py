"""The command line: `python -m nalu_helpers.benchmark COMMAND`, and `--help` after it.

training        steps a second of `fit`, beside the plain loop that notebook 03 writes out
throughput      run-steps a second of `fit_many` for 1 to 22,500 runs, beside a loop that trains one model at a time
single-module   the field's benchmark (Mistry, Farrahi & Hare 2022): every unit, four operations, nine ranges, 25 seeds
fair            the same for every unit as published and at its best, by the same rules for all (stored: all but SNMU, which takes hours)
redundant       the same among more numbers, of which two are to be computed with, in the two settings of `fair`
curves          how each run of `fair` came to where it is, and the weights it ends with
paper           the paper's own experiments (Trask et al. 2018), and those that follow from them, a table each
"""

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from . import fair, results, speed
from ._inputs import one_of, whole_number
from ._tensorflow import TooManyLoops, refuse_another_loop
from .field import UNITS, a_range, single_module, summary
from .training import Progress

EXPERIMENTS = ("functions", "digits", "phrases", "programs", "gridworld", "hundred", "tokens", "values")  # modules of nalu_helpers.paper


def paper(
    folder: str | Path, *, experiments: Iterable[str] | None = None, seeds: int | None = None, steps: int | None = None
) -> dict[str, pd.DataFrame]:
    """Run the paper's experiments, or those asked for, into `folder`/paper_NAME.csv, a table each; return the tables by name.

    Each has its own number of `seeds` and `steps` unless others are given. A table is written anew, in one piece, after every chunk,
    and what it already holds is not run again. Raises ValueError for an unknown experiment and when a table holds something else,
    OSError when one cannot be written, TooManyLoops when the rest needs a new process.
    """
    tables = {}
    for name in [one_of(name, EXPERIMENTS, "experiment") for name in experiments or EXPERIMENTS]:
        module = importlib.import_module(f"{__package__}.paper.{name}")
        count = whole_number(module.SEEDS if seeds is None else seeds, "seeds")
        each = whole_number(module.STEPS if steps is None else steps, "steps")
        output, head = _paper_table(folder, name), f"# nalu_helpers paper {name} 1: {each} steps"
        key, chunks = [*module.KEY, "seed"], [tuple(chunk) for chunk in module.CHUNKS]
        table = results.read(output, head, key)
        there = results.keys_in(table, key)
        missing = {chunk: [seed for seed in range(count) if (*chunk, seed) not in there] for chunk in chunks}
        if any(missing.values()):
            results.refuse_unwritable(output)
        updates = getattr(module, "updates", lambda *chunk, seeds, steps: len(seeds) * steps)
        total = sum(updates(*chunk, seeds=some, steps=each) for chunk, some in missing.items() if len(some))
        with Progress(total=total, unit=f" steps of {name}", disable=None, unit_scale=True) as bar:
            for chunk, some in missing.items():
                if len(some):
                    refuse_another_loop(share=0.5)  # before a piece is begun, not in the middle of it
                    table = pd.concat([table, module.run(*chunk, seeds=some, steps=each, progress=bar)])
                    places = table[module.KEY].apply(tuple, axis=1).map(chunks.index)
                    table = table.iloc[np.lexsort((table["seed"], places))].reset_index(drop=True)
                    results.write_table(output, head, table)
        tables[name] = table
    return tables


def _paper_table(folder, name):
    return Path(folder) / f"paper_{name}.csv"


def _say_training(chosen):
    eager, compiled = speed.training(chosen.steps, rounds=chosen.rounds)
    print(f"NAC, addition, 2,000 rows, full batch; median of {chosen.rounds} rounds, lowest to highest in brackets")
    for name, rates in (("plain loop", eager), ("fit", compiled)):
        print(f"{name:>10}: {np.median(rates):10,.0f} steps/s   ({min(rates):,.0f} to {max(rates):,.0f})")
    print(f"{'ratio':>10}: {np.median(compiled) / np.median(eager):10.0f} times")
    print(f"{chosen.steps:,} steps of fit take {chosen.steps / np.median(compiled):.1f} s, compiling included")


def _say_throughput(chosen):
    path = results.table_path(chosen.output) if chosen.output else None
    table = speed.throughput(chosen.run_steps)
    print("NALU, multiplication, batches of 128 fresh rows; run-steps a second (runs × steps ÷ time)")
    print(table.to_string(index=False, float_format="{:,.0f}".format, na_rep="—"))
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "linux" else 2**30)
        print(f"most memory in use: {peak:.1f} GB")
    print("\n100 numbers → NAC(2) → NMU(1), 25 seeds, batches of 128 fresh rows")
    layers = speed.two_layers()
    print(layers.to_string(float_format="{:,.0f}".format))
    if path:
        made = {path: table, path.with_name(f"{path.stem}_two_layers.csv"): layers.rename_axis("what").reset_index()}
        for output, measured in made.items():
            results.write(output, measured.to_csv(index=False, float_format="%.0f", lineterminator="\n"))
            results.note_origin(output, chosen.command_line)


def _say_single_module(chosen):
    ranges = [a_range(text) for text in chosen.range] if chosen.range else None
    asked = {"units": chosen.unit, "operations": chosen.operation, "ranges": ranges, "seeds": chosen.seeds, "steps": chosen.steps}
    asked |= {"batch": chosen.batch, "learning_rate": chosen.learning_rate, "scheduler": chosen.scheduler}
    path = results.table_path(chosen.output)
    with results.noted([path], chosen.command_line):
        table = single_module(path, **asked)
    rates = summary(table)
    results.write(path.with_name(f"{path.stem}_summary.csv"), rates.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    with pd.option_context("display.max_rows", None):
        print(rates.to_string(index=False, float_format="{:.3g}".format, na_rep="—"))


def _say_fair(chosen):
    folder = Path(chosen.output)
    asked = {"units": chosen.unit, "operations": chosen.operation, "steps": chosen.steps, "scheduler": chosen.scheduler}
    with results.noted([folder / "fair_choice.csv", folder / "fair.csv"], chosen.command_line):
        _, runs = fair.fair(folder, **asked)
    print(fair.summary(runs).to_string(index=False, float_format="{:.3g}".format, na_rep="—"))


def _say_redundant(chosen):
    folder = Path(chosen.output)
    asked = {"units": chosen.unit, "operations": chosen.operation, "inputs": chosen.inputs, "steps": chosen.steps}
    with results.noted([folder / f"fair_among_{chosen.inputs}.csv"], chosen.command_line):
        runs = fair.redundant(folder, **asked)
    print(fair.summary(runs).to_string(index=False, float_format="{:.3g}".format, na_rep="—"))


def _say_curves(chosen):
    folder = Path(chosen.output)
    with results.noted([folder / "fair_curves.csv"], chosen.command_line):
        runs = fair.curves(folder, units=chosen.unit, operations=chosen.operation, steps=chosen.steps)
    print(f"{len(runs):,} runs in {folder / 'fair_curves.csv'}")


def _say_paper(chosen):
    for name in [one_of(name, EXPERIMENTS, "experiment") for name in chosen.experiment or EXPERIMENTS]:
        with results.noted([_paper_table(chosen.output, name)], chosen.command_line):
            table = paper(chosen.output, experiments=[name], seeds=chosen.seeds, steps=chosen.steps)[name]
        print(f"{name}: {len(table):,} rows in {_paper_table(chosen.output, name)}", flush=True)


def _of_the_field(command, steps, output, units=fair.FIELD):
    """What the commands on `fair.FIELD` are asked alike: which of `units`, and what `steps` and `output` are."""
    command.add_argument("--unit", nargs="+", help=f"some of {', '.join(units)} (default all)")
    command.add_argument("--operation", nargs="+", help="some of add, sub, mul, div (default all)")
    command.add_argument("--steps", type=int, default=50_000, help=f"{steps} (default 50000)")
    command.add_argument("--output", default="results", metavar="FOLDER", help=f"where {output} (default results)")


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nalu_helpers.benchmark", description="Measure what the walkthrough claims.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("training", help="steps a second of fit, beside the plain loop of notebook 03")
    command.add_argument("--steps", type=int, default=22000, help="steps of each fit (default 22000)")
    command.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    command.set_defaults(say=_say_training)
    command = commands.add_parser("throughput", help="run-steps a second of fit_many, beside one model at a time")
    command.add_argument("--run-steps", type=int, default=24_000_000, help="runs × steps of each measurement (default 24000000)")
    command.add_argument("--output", help="a CSV file to write the table to as well; that of two layers is written beside it")
    command.set_defaults(say=_say_throughput)
    command = commands.add_parser("single-module", help="the field's benchmark, into a table that a stopped run goes on with")
    command.add_argument("--unit", nargs="+", help=f"some of {', '.join(UNITS)} (default all)")
    command.add_argument("--operation", nargs="+", help="some of add, sub, mul, div (default all)")
    some_ranges = "some of the ranges to train on, such as --range=1,2 or --range [-2,-1] [1,2] (default all nine)"
    command.add_argument("--range", nargs="+", metavar="LOW,HIGH", help=some_ranges)
    command.add_argument("--seeds", type=int, default=25, help="seeds 0 … N - 1 (default 25)")
    command.add_argument("--steps", type=int, default=50_000, help="updates of each run (default 50000)")
    command.add_argument("--batch", type=int, default=128, help="fresh rows a step (default 128)")
    command.add_argument("--learning-rate", type=float, help="instead of each unit's own")
    command.add_argument("--output", default="results/single_module.csv", help="the table (default results/single_module.csv)")
    command.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler to spread the chunks over, such as tcp://host:8786")
    command.set_defaults(say=_say_single_module)
    command = commands.add_parser("fair", help="every unit as published and at its best, into tables that a stopped run goes on with")
    _of_the_field(command, "updates of each run that is judged", "the tables go")
    command.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler to spread units and operations over")
    command.set_defaults(say=_say_fair)
    command = commands.add_parser("redundant", help="the units of fair among more numbers, into a table that a stopped run goes on with")
    command.add_argument("--inputs", type=int, default=10, help="numbers in a row, of which the first two count (default 10)")
    _of_the_field(command, "updates of each run", "fair.csv is and the table goes", fair.ASKED)
    command.set_defaults(say=_say_redundant)
    command = commands.add_parser("curves", help="how each run of fair came to where it is, into a table that a stopped run goes on with")
    _of_the_field(command, "updates of each run", "fair.csv is and the table goes")
    command.set_defaults(say=_say_curves)
    command = commands.add_parser("paper", help="the paper's own experiments, into tables that a stopped run goes on with")
    command.add_argument("--experiment", nargs="+", help=f"some of {', '.join(EXPERIMENTS)} (default all)")
    command.add_argument("--seeds", type=int, help="seeds 0 … N - 1 (default each experiment's own number)")
    command.add_argument("--steps", type=int, help="updates of each run (default each experiment's own number)")
    command.add_argument("--output", default="results", metavar="FOLDER", help="where the tables go (default results)")
    command.set_defaults(say=_say_paper)
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parser.parse_args(given)
    chosen.command_line = shlex.join(["python", "-m", "nalu_helpers.benchmark", *given])
    try:
        chosen.say(chosen)
        return 0
    except KeyboardInterrupt:
        resumable = "output" in chosen and chosen.command != "throughput"
        kept = f"; the chunks that were done are in {chosen.output}: the same command goes on from there" if resumable else ""
        print(f"\nstopped{kept}", file=sys.stderr)
        return 130
    except (TypeError, ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a console that lacks a character shows a ? in its place
    try:
        sys.exit(main())
    except TooManyLoops as full:
        if any(word.startswith("--scheduler") for word in sys.argv):
            sys.exit(f"a worker is full: {full}")
        # A table is written after every piece: a new process goes on from there.
        os.execv(sys.executable, [sys.executable, "-m", "nalu_helpers.benchmark", *sys.argv[1:]])
