"""The field's benchmark (Mistry, Farrahi & Hare 2022): every unit, four operations, nine ranges, 25 seeds, and what counts as solved."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from . import data, layers, metrics, results
from ._inputs import one_of, positive_number, whole_number
from .expression import known_operation
from .many import fit_many
from .training import Progress

WORDS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
CHECK_EVERY = 1_000
SEEDS_A_CHUNK = 25
KEY = ["unit", "operation", "train", "seed"]
RANGES = {data.range_name(train): (train, test) for train, test in data.BENCHMARK_RANGES}  # by the name of the training range
EPSILON = 1e-8  # Adam's, in PyTorch and so in the reference implementation


@dataclass(frozen=True)
class Entry:
    """A unit in the benchmark, as it was published: the operations it enters, how one is made for an operation, and how it is trained.

    `clipping` is "none", "value 0.1" or "norm 1".
    """

    operations: str
    make: Callable[[str], keras.layers.Layer]
    learning_rate: float = 1e-3
    clipping: str = "none"  # one of CLIPPING
    restart: bool = False  # whether a run that stands still starts anew


CLIPPING: dict[str, dict[str, Any]] = {"none": {}, "value 0.1": {"clipvalue": 0.1}, "norm 1": {"clipnorm": 1.0}}  # as Keras knows it


def _nac(kind: Callable) -> Callable:
    start = layers.benchmark_start
    return lambda operation: kind(1, W_hat_initializer=start(2, 1), M_hat_initializer=start(2, 1))


def _npu(kind: Callable) -> Callable:
    return lambda operation: kind(1, penalty_sizes=(1e-9, 1e-7) if operation == "/" else (1e-7, 1e-5))


UNITS = {
    "NAC": Entry("+-", _nac(layers.NAC)),
    "NACLog": Entry("*/", _nac(layers.NACLog)),
    "NALU": Entry("+-*/", _nac(layers.NALU)),
    "GNALU": Entry("+-*/", _nac(layers.GNALU)),
    "NAU": Entry("+-", lambda operation: layers.NAU(1)),
    "NMU": Entry("*", lambda operation: layers.NMU(1)),
    "INALU": Entry("+-*/", lambda operation: layers.INALU(1), clipping="value 0.1", restart=True),
    "NPU": Entry("*/", _npu(layers.NPU), 5e-3),
    "RealNPU": Entry("*/", _npu(layers.RealNPU), 5e-3),
}


def run_chunk(
    unit: str,
    operation: str,
    ranges: Sequence[Any],
    seeds: Iterable[int],
    steps: int = 50_000,
    batch: int = 128,
    learning_rate: float | None = None,
    progress: Any = False,
) -> pd.DataFrame:
    """Protocol C for one unit, one operation and some ranges and seeds: a table with a row a run.

    The step with the lowest validation error is the one judged: `interpolation`, `extrapolation` and `sparsity_error` are those of
    `best_step`, and the run is `solved` when its extrapolation error is below the `threshold`. `solved_at` is the first check
    at which that error was below it, even if another step is the one judged. Raises ValueError for a unit that is unknown or does not
    enter the operation.
    """
    ((unit, operation),) = pairs([unit], [operation])
    entry, ranges = UNITS[unit], list(ranges)
    rate = entry.learning_rate if learning_rate is None else positive_number(learning_rate, "learning_rate", "0.001")
    checks = fit_many(
        lambda: entry.make(operation),
        operation,
        seeds=seeds,
        ranges=ranges,
        optimizer=keras.optimizers.Adam(rate, epsilon=EPSILON, **CLIPPING[entry.clipping]),
        steps=steps,
        batch=batch,
        every=CHECK_EVERY,
        restart=entry.restart,
        progress=progress,
    ).table
    thresholds = {data.range_name(test): metrics.success_threshold(operation, test) for _, test in ranges}
    rows = [
        {"unit": unit, "operation": WORDS[operation], "train": train, "test": test, "seed": seed, "learning_rate": rate}
        | judged(run, thresholds[str(test)])
        for (train, test, seed), run in checks.groupby(["train", "test", "seed"], sort=False)
    ]
    return pd.DataFrame(rows)


def judged(run: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """What the protocol says of one run, from its checks: the model with the lowest validation error is the one that is judged."""
    best = run.iloc[int(np.argmin(run["interpolation"].fillna(np.inf)))]
    under = run.loc[run["extrapolation"] < threshold, "step"]
    return {
        "best_step": best["step"],
        "interpolation": best["interpolation"],
        "extrapolation": best["extrapolation"],
        "threshold": threshold,
        "solved": bool(best["extrapolation"] < threshold),
        "solved_at": under.iloc[0] if len(under) else np.nan,
        "sparsity_error": best["sparsity_error"],
        "restarts": run["restarts"].iloc[-1],
        "diverged_at": run["diverged_at"].iloc[-1],
    }


def single_module(
    output: str | Path,
    *,
    units: Iterable[str] | None = None,
    operations: Iterable[str] | None = None,
    ranges: Iterable[Any] | None = None,
    seeds: int = 25,
    steps: int = 50_000,
    batch: int = 128,
    learning_rate: float | None = None,
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Run protocol C, or the part of it that is asked for, into the CSV table `output`; return the table.

    The table is written anew, in one piece, after every chunk (a unit, an operation, 25 seeds). What a table of the same settings
    already holds is not run again, so a run that was stopped goes on, and ends with the same bytes. `ranges` are some of the benchmark's.
    `scheduler` is the address of a Dask scheduler over which the chunks are spread. Raises TypeError or ValueError for what cannot
    be run, ValueError when `output` holds something else, OSError when it cannot be written or the scheduler does not answer.
    """
    ranges = list(data.BENCHMARK_RANGES if ranges is None else ranges)
    for pair in ranges:
        if data.train_and_test(pair) not in data.BENCHMARK_RANGES:  # the table tells them apart by the range to train on alone
            raise ValueError(f"{pair!r} is none of the benchmark's ranges: give some of data.BENCHMARK_RANGES")
    seeds, steps, batch = whole_number(seeds, "seeds"), whole_number(steps, "steps"), whole_number(batch, "batch")
    if learning_rate is not None:
        learning_rate = positive_number(learning_rate, "learning_rate", "0.001")
    chosen = pairs(units, operations)
    head = f"# nalu_helpers single-module 1: {steps} steps of {batch} rows, checked every {CHECK_EVERY}"
    head += "" if learning_rate is None else f", learning rate {learning_rate:g}"
    table = results.read(output, head, KEY)
    there = results.keys_in(table, KEY)
    chunks = []
    for unit, operation in chosen:
        for first in range(0, seeds, SEEDS_A_CHUNK):
            some = list(range(first, min(first + SEEDS_A_CHUNK, seeds)))
            keys = {(unit, WORDS[operation], data.range_name(train), seed) for train, _ in ranges for seed in some}
            if not keys <= there:
                chunks.append((unit, operation, ranges, some, steps, batch, learning_rate))
    if chunks:
        results.refuse_unwritable(output)
    total = sum(len(chunk[3]) for chunk in chunks) * len(ranges) * steps
    with Progress(total=total, unit=" steps in all", disable=None, unit_scale=True) as bar:
        for done in each(run_chunk, chunks, scheduler, bar, lambda chunk: len(chunk[2]) * len(chunk[3]) * chunk[4]):
            table = pd.concat([table, done]).drop_duplicates(KEY) if len(table) else done
            table = table.sort_values(KEY, key=_order, ignore_index=True)
            results.write_table(output, head, table)
    return table


def each(run: Callable, chunks: Iterable[tuple], scheduler: str | None, bar: Any, steps_of: Callable[[tuple], int]) -> Iterator[Any]:
    """What `run(*chunk)` returns for each of `chunks` as it is done: one after the other here, or in any order from a cluster.

    `steps_of(chunk)` is by how much the bar moves on.
    """
    if scheduler is None:
        for chunk in chunks:
            yield run(*chunk, progress=bar)
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
        jobs = {client.submit(run, *chunk, pure=False): chunk for chunk in chunks}
        for job in as_completed(jobs):
            yield job.result()
            bar.update(steps_of(jobs[job]))


def pairs(units: Iterable[str] | None, operations: Iterable[str] | None, known: Mapping[str, Entry] = UNITS) -> list[tuple[str, str]]:
    """The (unit, operation) pairs asked for, each once.

    Raises ValueError for one that is unknown, a unit that does not enter an operation, and where nothing is asked for.
    """
    chosen = [one_of(unit, known, "unit") for unit in dict.fromkeys(known if units is None else units)]
    wanted = [known_operation(operation) for operation in dict.fromkeys(WORDS if operations is None else operations)]
    if not (chosen and wanted):
        raise ValueError(f"{'units' if wanted else 'operations'} is empty: name at least one, or leave it out for all")
    for unit in chosen if units is not None else ():
        for operation in wanted if operations is not None else ():
            if operation not in known[unit].operations:
                able = ", ".join(name for name, entry in known.items() if operation in entry.operations)
                raise ValueError(f"{unit} does not enter {WORDS[operation]} in this benchmark, these do: {able}")
    return [(unit, operation) for unit in chosen for operation in wanted if operation in known[unit].operations]


def _order(column):
    """The order of the rows, whatever order they were made in: units, operations and ranges as they stand in this module."""
    known = {
        "unit": list(UNITS),
        "operation": list(WORDS.values()),
        "train": list(RANGES),
    }
    return column.map({name: place for place, name in enumerate(known[column.name])}.get) if column.name in known else column


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each unit, operation and range: runs, solved, success rate, solved-at step and sparsity error, with 95 % intervals."""
    rows = []
    for (unit, operation, train), runs in table.groupby(["unit", "operation", "train"], sort=False):
        won = runs[runs["solved"]]
        steps, sparsity = _mean(won["solved_at"], "gamma"), _mean(won["sparsity_error"], "beta")
        row = {"unit": unit, "operation": operation, "train": train, **counted(runs)}
        for name, (mean, low, high) in (("solved_at", steps), ("sparsity_error", sparsity)):
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def counted(runs: pd.DataFrame) -> dict[str, Any]:
    """How many of `runs` there are and how many are solved, the success rate and its 95 % interval."""
    solved, count, low, high = metrics.success_rate(runs["solved"])
    return {"runs": count, "solved": solved, "success_rate": solved / count, "success_low": low, "success_high": high}


def _mean(values, family):
    """The mean of `values` and its interval; without one when a weight is beyond 1.5 or a run was solved before it began."""
    try:
        return metrics.mean_interval(values, family)
    except ValueError:
        return values.mean(), np.nan, np.nan


def a_range(text: str) -> tuple:
    """`text` such as "1,2" as one of the benchmark's ranges, named by its training range."""
    try:
        name = "[" + ", ".join(f"{float(end):g}" for end in text.strip("[]() ").split(",")) + "]"
    except ValueError:
        name = text
    if name not in RANGES:
        raise ValueError(f"range {text} is unknown, known are: {', '.join(RANGES)}")
    return RANGES[name]
