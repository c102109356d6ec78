"""`fit_many`: any Keras model, hundreds of runs side by side, each of which is the run that would have happened alone."""

import functools
import gc
import inspect
import itertools
import numbers
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from . import data
from ._inputs import MOST_BYTES, in_digits, positive_number, refuse_memory, whole_number
from ._tensorflow import seeded, with_policy
from .expression import as_function
from .training import (
    CORES,
    RATE,
    STEPS_A_CALL,
    Cost,
    Loop,
    Watch,
    a_watch,
    as_pair,
    dtype_of,
    number_of_steps,
    optimizer_for,
    output_shape_of,
    progress_bar,
    refuse_other_arguments,
    refuse_other_outputs,
    rows_for,
    squared_error,
)

TILES = (2, 4, 8, 16, 32, 64)  # runs that are compiled into one loop: the fewest with which no run has to wait
UPDATES_A_CALL = 16_000  # of all runs of such a loop together: some 30 ms, so that Stop and Ctrl-C need not wait
MOST_SEEDS = 10**6
MOST_KEPT = 200  # models of a call: Keras takes 10 to 50 ms to make a small one, and a garbage collection looks through all there are
BLOCK_BYTES = 4 * 10**6  # of the examples that are drawn at once for a seed
TABLE_BYTES = 32 * 10**6  # of the rows that runs of a loop are measured on at once, unless two runs alone have more
MEASURING = 4  # how often such rows are there while it measures: stacked, as tensors, and what is computed from them


class Runs(NamedTuple):
    """What `fit_many` returns: the table, with a row for each run and check, and the trained models, both in the order of the runs.

    Runs are in the order of what was given: by learning rate, then seed, then range. Each run's rows are in the order of its steps.
    """

    table: pd.DataFrame
    models: Sequence[keras.layers.Layer]


def fit_many(
    make_model: Callable[[], keras.layers.Layer],
    task: Any,
    *,
    seeds: Iterable[int],
    steps: int,
    ranges: Iterable[Any] | None = None,
    inputs: int = 2,
    batch: int | None = None,
    learning_rate: Any = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    cost: Cost | None = None,
    examined: data.Task | None = None,
    every: int = 1_000,
    restart: bool = False,
    weights: bool = False,
    progress: Any = True,
    watch: Watch | None = None,
) -> Runs:
    """Train a model for every combination of learning rate, seed and range, side by side; return a table and the trained models.

    `make_model` is a function of no arguments that returns a Keras model or layer, such as `lambda: NALU(1)`; it is called for each
    seed, with all random numbers beginning there, and again when a model is asked for afterwards: what it makes must not depend on a
    variable that changes meanwhile. `task` is what to learn, one of

    - text, "*" or "a * b + 1": the answer for two numbers that are drawn uniformly from the range to train on, `batch` fresh rows a step
      (128). `ranges` holds pairs (train, test) such as `data.BENCHMARK_RANGES`; without them it is ((1, 2), (2, 6)) alone. The model
      has two inputs and one output. With more `inputs` a row has so many numbers, all from the same range, in training and in both
      errors: the task takes the first two, and the model must find out that the others do not matter;
    - rows, a pair (x, y) or a `data.Task`: all of them at every step, as in `fit`;
    - a function draw(rng, count): the examples of `count` steps, made with a NumPy generator, as a tuple of arrays whose first axis is
      `count`. It needs a `cost`. It is called from several threads, so that what it gives must depend on `rng` and `count` alone. For
      example, 64 fresh pairs a step:

          >>> draw = lambda rng, count: (rng.random((count, 64, 2), "float32"),)
          >>> draw(np.random.default_rng(0), 3)[0].shape
          (3, 64, 2)
          >>> cost = lambda model, x: tf.reduce_mean((model(x) - x[:, :1] * x[:, 1:]) ** 2)

    `cost` is "sum" or "mean" of the squared errors, or a function (model, *examples of a step) → one number; `model.losses` is added to it.
    `learning_rate` is a number, a Keras schedule, or a list of numbers, each of which every seed is trained with; `optimizer` another one
    of Keras; where both are given, the number or numbers `learning_rate` hold. Where nothing is said, rows are learned as by `fit`
    ("sum", 0.05) and drawn numbers with "mean" and 0.001. `restart` gives a run on drawn numbers that stands still new weights, as iNALU
    does. A restart, and a unit whose penalty goes by a validation, see what the last check measured: with them `every` changes what is
    learned.

    The table has a row for each run and each step that is a multiple of `every` (and the last): learning_rate, seed, step; the `cost` that
    the next update starts from; `sparsity_error` of the units' matrices; `diverged_at`, the step at which the cost was no longer finite,
    NaN for most; with `weights` a column for every weight. For text also train and test, the mean squared errors `interpolation`, on
    10,000 numbers of the range to train on, and `extrapolation`, on 10,000 of the range to test on, and the number of `restarts`; for a
    Task those two errors on its rows. A task that draws has all three when `examined` is a Task with the rows to measure them on.

    What a run starts from and sees comes from its seed alone, and small models are trained in tiles, large ones one a core, without a
    difference in the result: a run ends the same, to the last bit, whatever runs beside it. A run that diverges stays in the table, and
    the others go on. `watch(seen)` is called from a thread that trains with the rows of each check as they are made, some runs at a time,
    as a dict of arrays, and "weights", a list of the trainable weights, each [runs, …]. `progress` is True, False, or a bar of yours with
    `update(count)`.

    Raises TypeError or ValueError, before the first step: for a seed, range or learning rate that is none, missing or given twice; for a
    task, cost or model that do not fit each other, such as a model without weights, with weights of another seed's, of another kind than
    the first seed's, or with other outputs than the task has answers; for a cost that draws random numbers or uses variables of its own;
    and for more memory than 2 GB. While it trains, ValueError when draw gives other shapes than before, or comes to its end.
    TooManyLoops, a MemoryError, when this Python process has compiled so much that it must be started anew.
    """
    watch = a_watch(watch)
    runs = _Runs(
        make_model,
        task,
        cost=cost,
        ranges=ranges,
        inputs=inputs,
        batch=batch,
        examined=examined,
        seeds=seeds,
        learning_rate=learning_rate,
        optimizer=optimizer,
        steps=steps,
        every=every,
        restart=restart,
        weights=weights,
    )
    stop = threading.Event()
    with progress_bar(progress, len(runs.each) * runs.steps, " steps in all") as bar, ThreadPoolExecutor(runs.workers) as pool:
        jobs = [pool.submit(runs.train, tile, bar, stop, watch) for tile in runs.tiles]
        try:
            for done in as_completed(jobs):
                done.result()
        except BaseException:  # Ctrl-C too: the other threads must not go on alone
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)  # those that have not begun need not begin
            raise
    checks = [check for job in jobs for check in job.result()[0]]
    table = pd.DataFrame({name: np.concatenate([check[name] for check in checks]) for name in checks[0]})
    run_of_row = np.concatenate([tile for tile, job in zip(runs.tiles, jobs, strict=True) for _ in job.result()[0]])
    table = table.iloc[np.argsort(run_of_row, kind="stable")].reset_index(drop=True)
    return Runs(table, _Models(runs, [values for job in jobs for values in job.result()[1]]))


@dataclass
class _Task:
    """What runs learn and are measured on: a cost of the examples drawn for a step and of the run's own arrays, its rows or its range."""

    cost: Callable[..., Any]
    draw: Callable[[np.random.Generator, int], tuple] | None = None
    groups: list = field(default_factory=lambda: [()])  # the own numbers of each kind of run: one for each range
    labels: list = field(default_factory=lambda: [{}])  # its columns in the table
    tables: list = field(default_factory=lambda: [()])  # what is measured on: (x, y) to interpolate, (x, y) to extrapolate
    validates: bool = False  # whether the first error measured is a validation that units and restarts go by


def _task(task, cost, ranges, inputs, batch, examined, dtype):
    """`task` as a _Task."""
    for name, given in (("inputs", inputs != 2), ("batch", batch is not None), ("ranges", ranges is not None)):
        if given and not isinstance(task, str):
            raise ValueError(f"{name} is for a task that is text, which draws its numbers: give rows, or draw, as you want them")
    if examined is not None and (not isinstance(examined, data.Task) or isinstance(task, (str, data.Task, tuple, list))):
        raise TypeError("examined is for a task that is a function draw(rng, count), and is a data.Task with the rows to measure on")
    if isinstance(task, str):
        return _operation(task, cost or "mean", ranges, inputs, batch, dtype)
    if isinstance(task, data.Task):
        return _Task(squared_error(cost or "sum"), groups=[(task.x_train, task.y_train)], tables=[_table(task, dtype)])
    if isinstance(task, (tuple, list)) and len(task) == 2:
        return _Task(squared_error(cost or "sum"), groups=[tuple(task)])
    if not callable(task):
        given = f"of type {type(task).__name__}" + (f", {len(task)} long" if isinstance(task, (tuple, list)) else "")
        raise TypeError(f"the task is {given}, expected text such as '*', rows (x, y) or a function draw(rng, count)")
    if not callable(cost):
        raise TypeError(
            "a task that is a function draw(rng, count) needs a cost(model, *examples); an operation is text, such as 'a * b + 1'"
        )
    refuse_other_arguments(task, "draw", "rng, count", 2)
    if examined is None:
        return _Task(cost, draw=task)
    return _Task(cost, draw=task, tables=[_table(examined, dtype)], validates=True)


def _table(task, dtype):
    """The rows of a data.Task to measure on: (x, y) to interpolate, (x, y) to extrapolate."""
    train, test = (as_pair(x, y, dtype, of) for x, y, of in ((task.x_train, task.y_train, "_train"), (task.x_test, task.y_test, "_test")))
    if [part.shape[-1] for part in train] != [part.shape[-1] for part in test]:  # sequences may differ in length
        columns = [f"{x.shape[-1]} and {y.shape[-1]}" for x, y in (train, test)]
        raise ValueError(f"x_train and y_train have {columns[0]} columns, x_test and y_test {columns[1]}: they must have as many")
    return *train, *test


def _operation(operation, cost, ranges, inputs, batch, dtype):
    """Fresh numbers from each of `ranges`, and `operation` of them."""
    compute, batch, error = as_function(operation), whole_number(128 if batch is None else batch, "batch"), squared_error(cost)
    ranges = data.BENCHMARK_RANGES[6:7] if ranges is None else ranges
    inputs = whole_number(inputs, "inputs", at_least=2)
    refuse_memory(4 * inputs * batch, f"a batch of {in_digits(batch)} rows")
    if not isinstance(ranges, Iterable):
        raise TypeError(f"ranges is {ranges!r}, expected pairs (train, test) such as data.BENCHMARK_RANGES")
    ranges = [data.train_and_test(pair) for pair in ranges]
    _refuse_none_or_twice("ranges", ranges)
    count = len(ranges) * 2 * data.EXAMINED * (inputs + 1)
    refuse_memory(count * np.dtype(dtype).itemsize, f"the rows of {in_digits(inputs)} inputs to measure on")
    tables = []
    for train, test in ranges:
        (x, y), (x_test, y_test) = data.examination(operation, train, test, inputs=inputs)
        tables.append(tuple(part.astype(dtype) for part in (x, y, x_test, y_test)))
    labels = [{"train": data.range_name(train), "test": data.range_name(test)} for train, test in ranges]
    groups = [
        tuple(np.array(end, "float32").astype(dtype) for end in (low, np.float32(high) - np.float32(low))) for (low, high), _ in ranges
    ]

    def cost_of(model, drawn, low, width):
        x = low + width * tf.cast(drawn, low.dtype)
        x = tf.where(x == 0, width * 2.0**-25, x)  # the grid of float32 meets 0 far more often than the line of numbers does
        return error(model, x, compute(x[:, :1], x[:, 1:2]))

    draw = lambda rng, count: (rng.random((count, batch, inputs), "float32"),)  # noqa: E731
    return _Task(cost_of, draw, groups, labels, tables, validates=True)


class _Runs:
    """What `fit_many` was asked for, checked, and the training of a tile of runs."""

    def __init__(
        self,
        make_model,
        task,
        *,
        cost,
        ranges,
        inputs,
        batch,
        examined,
        seeds,
        learning_rate,
        optimizer,
        steps,
        every,
        restart,
        weights,
    ):
        try:
            if isinstance(make_model, keras.layers.Layer):
                raise TypeError
            inspect.signature(make_model).bind()  # as it is called: without arguments
        except (TypeError, ValueError):  # of dict, for one, nobody knows the arguments
            raise TypeError(f"make_model is {make_model!r}, expected a function that makes a model, such as lambda: NALU(1)") from None
        self.make_model, self.weights, self.known = make_model, weights, weakref.WeakValueDictionary[int, Any]()
        self.policy = keras.config.dtype_policy()
        self.steps, self.every = number_of_steps(steps), whole_number(every, "every")
        seeds = as_seeds(seeds)
        self.counting = threading.Lock()  # of the updates that are done, by all threads in one bar
        self.tensorflow_draws = True  # until a first model has been seen to be made without
        self.kept: dict[int, keras.layers.Layer] = {}  # small models that runs began with, by seed: one of its runs ends in it
        self.first = self.built(seeds[0], None)
        self.dtype = dtype_of(self.first)
        self.task = _task(task, cost, ranges, inputs, batch, examined, self.dtype)
        if restart and not self.task.validates:
            raise ValueError("restart looks at the validation of drawn numbers: give the task as text such as '*', or draw with examined")
        self.restart, self.shape = restart, None  # the shape of the rows that a model without weights is built for
        self._match_model_and_task(seeds[0], cost)
        rates, optimizer = _learning_rates(learning_rate, optimizer, RATE if self.task.draw is None else 1e-3)
        self.each = [(seed, group, rate) for rate in rates for seed in seeds for group in range(len(self.task.groups))]
        drawn = self._drawn_first(seeds[0])
        if callable(task):
            names = ["model", *(f"an array {[*part.shape]}" for part in drawn)]
            refuse_other_arguments(self.task.cost, "cost", ", ".join(names), len(names))
        self.kinds = _kinds(self.first)
        likely = _fewest(TILES, CORES, len(self.each))
        self.loop = Loop(self.first, optimizer, self.task.cost, drawn=drawn, own=self.task.groups[0], likely=likely)
        self._choose_tiles()
        self._refuse_a_large_table()
        self.checks = [*range(0, self.steps, self.every), self.steps]

    def _match_model_and_task(self, seed, cost):
        """See that the first model, that of `seed`, has weights and the outputs of the task; rows become arrays of its own type."""
        if self.task.draw is None:
            picked = callable(cost) and not self.task.tables[0]
            self.task.groups = [rows_for(self.first, x, y, picked=picked) for x, y in self.task.groups]
            self.shape = (1, *self.task.groups[0][0].shape[1:])
        elif self.task.validates:
            self.shape = (1, *self.task.tables[0][0].shape[1:])
            output_shape_of(self.first, np.ones(self.shape, self.dtype))
            self.first = self.built(seed, self.shape)
            outputs = output_shape_of(self.first, np.ones(self.shape, self.dtype))
            if outputs != (1, 1):
                raise ValueError(f"the layer turns one row into shape {outputs}, expected (1, 1): give it one unit")
            refuse_other_outputs(outputs, self.task.tables[0][1])
        elif not self.first.built or not self.first.variables:
            raise ValueError("the model has no weights yet: build it in make_model, for example with a keras.Input, or by .build(…)")

    def _drawn_first(self, seed):
        """The examples of the first step of `seed`. All others have the same shapes and size, and so many are drawn at once."""
        self.shapes = None
        parts = self.drawn(np.random.default_rng([seed, 1]), 1)
        self.step_bytes = sum(part.nbytes for part in parts)
        refuse_memory(self.step_bytes, "the examples of one step")
        self.shapes = [(part.shape[1:], part.dtype) for part in parts]
        self.block = max(1, min(STEPS_A_CALL, BLOCK_BYTES // max(self.step_bytes, 1)))  # steps that are drawn at once, whoever asks
        return [part[0] for part in parts]

    def _choose_tiles(self):
        """How many runs a loop computes, and measures at once, how many loops run at once, and how many updates a call makes."""
        loop, runs = self.loop, len(self.each)
        sizes = TILES if loop.side_by_side else (1,)
        least = sizes[0]
        self.workers = 2 * CORES if loop.side_by_side else CORES  # while one draws its numbers another computes
        begins = sum(value.nbytes for value in loop.values_of(self.first))
        a_run = loop.bytes_a_run + begins + 2 * self.block * self.step_bytes
        tables = [sum(part.nbytes for part in table) for table in self.task.tables]

        def at_once(size):
            return max(few for few in sizes if few == least or (few <= size and few * max(tables) <= TABLE_BYTES))

        def taken(size):
            return size * a_run + MEASURING * at_once(size) * max(tables)

        refuse_memory(sum(tables) + MEASURING * least * max(tables), "measuring on so many rows and inputs")
        room = MOST_BYTES - loop.bytes_held - sum(tables)
        self.workers = max(1, min(self.workers, room // taken(least)))
        fits = [size for size in sizes if size == least or (taken(size) * self.workers <= MOST_BYTES // 2 and loop.adds_as_two(size))]
        self.tile = _fewest(fits, min(self.workers, CORES), runs)
        self.at_once = at_once(self.tile)  # runs that are measured together
        self.tiles = [range(first, min(first + self.tile, runs)) for first in range(0, runs, self.tile)]
        self.streams = max(len({self.each[i][0] for i in tile}) for tile in self.tiles)  # as many for all: it is compiled once
        self.piece = max(1, min(self.block, UPDATES_A_CALL // self.tile))

    def _refuse_a_large_table(self):
        """Raise ValueError when the table of all checks would take more memory than a call may."""
        rows = len(self.each) * (2 + (self.steps - 1) // self.every)
        columns = 10 + (self.weights and sum(int(np.prod(v.shape)) for v in self.loop.trainable))
        table = f"a table of {rows:,} rows, a check of {len(self.each):,} runs every {in_digits(self.every)} steps,"
        refuse_memory(4 * 8 * rows * columns, table)  # its checks, they joined, and those sorted

    def built(self, seed, shape, draw=0):
        """A new model as it starts from `seed`, built for rows of `shape`; `draw` counts its restarts."""
        begin = seed if draw == 0 else int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
        with seeded(begin, self.tensorflow_draws) as tensorflow_drew, with_policy(self.policy):
            model = self.make_model()
            if not isinstance(model, keras.layers.Layer):
                raise TypeError(f"make_model returned {model!r}, expected a Keras layer or model such as NALU(1)")
            if shape is not None and not model.built:
                model(np.ones(shape, dtype_of(model)))
            if model.built:  # one that is not has not drawn its weights yet
                self.tensorflow_draws = tensorflow_drew()
            if any(id(variable) in self.known for variable in model.variables):
                raise ValueError(
                    "make_model gave a model that shares weights with one before: make a new one in it, as lambda: NALU(1) does"
                )
            self.known.update({id(variable): variable for variable in model.variables})
        return model

    def drawn(self, rng, count):
        """The examples of `count` steps, as the task draws them: a list of arrays, floats in the model's own type."""
        if self.task.draw is None:
            return []
        try:
            given = self.task.draw(rng, count)
        except StopIteration:
            raise ValueError("draw has come to its end: it must give examples for as many steps as are asked for") from None
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"draw returned a {type(given).__name__}, expected a tuple of arrays: write `return x,` for a single one")
        try:
            parts = [np.asarray(part) for part in given]
        except ValueError:
            raise TypeError("draw returned rows of different lengths, expected arrays of numbers: fill them up to one length") from None
        for part in parts:
            if part.dtype.kind not in "biuf":
                raise TypeError(f"draw returned {part.dtype} values, expected arrays of numbers")
            if part.ndim == 0 or len(part) != count:
                raise ValueError(f"draw returned an array of shape {part.shape} for {count} steps, expected [{count}, …]")
        parts = [part.astype(self.dtype, copy=False) if part.dtype.kind == "f" else part for part in parts]
        shapes = [(part.shape[1:], part.dtype) for part in parts]
        if self.shapes is not None and shapes != self.shapes:
            raise ValueError(
                f"draw returned examples of {_said(shapes)} for a step, and {_said(self.shapes)} before: they must stay the same"
            )
        return parts

    def begins_of(self, tile):
        """The values that each run of `tile` begins with; runs of one seed begin with the same."""
        models = {}
        for seed in {self.each[run][0] for run in tile}:
            model = self.built(seed, self.shape)
            if _kinds(model) != self.kinds:
                raise ValueError(
                    f"make_model makes another kind of model for seed {seed} than for the first: all are trained as one, and may differ "
                    "in their weights alone; train those that differ in calls of their own"
                )
            models[seed] = self.loop.values_of(model)
            if self.loop.side_by_side and len(self.kept) < MOST_KEPT:
                self.kept[seed] = model
        for run in tile:
            seed, _, rate = self.each[run]
            values = list(models[seed])
            if self.loop.rate_place is not None and isinstance(rate, float):
                values[self.loop.rate_place] = np.asarray(rate, values[self.loop.rate_place].dtype)
            yield values

    def train(self, tile, bar, stop, watch):
        """Train the runs numbered in `tile` from start to end; return the rows of each check, and the values each run ends with."""
        filled = [*tile, *[tile[0]] * (self.tile - len(tile))]  # always as many: the first fills up
        state = self._begin(tile)
        groups = [self.each[i][1] for i in filled]
        own, tables_of = self.loop.stacked([self.task.groups[group] for group in groups]), self._tables_of()
        seeds = list(dict.fromkeys(self.each[i][0] for i in filled))
        examples = _Examples(self, seeds)
        stream = tf.constant([seeds.index(self.each[i][0]) for i in filled])
        standing, restarts, diverged_at = StandingStill(), np.zeros(self.tile, int), np.full(self.tile, np.nan)
        validation, checks = np.zeros(self.tile, "float32"), []
        for step, end in zip(self.checks, [*self.checks[1:], self.steps + 1], strict=True):
            measured = self._measured(state, groups, tables_of)
            seen = self.loop.weights(state, len(tile)) if watch or self.weights else []
            if self.task.validates:
                validation = measured[0].astype("float32")
            due = standing.restart_at(validation, step, end) if self.restart and step < self.steps else np.full(self.tile, -1)
            done = step
            while done < end and not stop.is_set():
                drawn, at, left = examples.at(done)
                until = min([end, *(last + 1 for last in due if last >= done)])  # the next check, or a restart before it
                count = min(until - done, left, self.piece)
                after, costs = self.loop.run(state, done, count, drawn, own, at=at, stream=stream, validation=tf.constant(validation))
                ill = np.isnan(diverged_at) & ~np.isfinite(costs).all(axis=0)
                diverged_at[ill] = done + np.argmin(np.isfinite(costs[:, ill]), axis=0)
                if done == step:
                    checks.append(self._rows(tile, step, costs[0], measured, restarts, diverged_at))
                    if watch:
                        watch({**checks[-1], "weights": seen})
                    if self.weights:
                        checks[-1] |= self._columns_of(seen)
                if step == self.steps:  # one update more, for the cost that it starts from
                    break
                state, done = after, done + len(costs)
                with self.counting:
                    bar.update(len(costs) * len(tile))
                for i in np.flatnonzero(due == done - 1):
                    restarts[i] += 1
                    state = self._restarted(state, i, self.built(self.each[filled[i]][0], self.shape, restarts[i]))
            if stop.is_set():
                break
        ends = [part.numpy() for part in self.loop.learned(state)]
        return checks, [[part[i] for part in ends] for i in range(len(tile))]

    def _begin(self, tile):
        """The state that the runs of `tile` begin with, filled up with its first run."""
        begins = [*self.begins_of(tile)]
        state = self.loop.stacked(begins + [begins[0]] * (self.tile - len(begins)))
        del begins  # a large model has none to spare
        if self.tile == 1:
            gc.collect()  # Keras' models hold themselves: the one that was made for its start, too
        return state

    def _restarted(self, state, run, model):
        """`state` with the weights of `model` for one run; what the optimizer remembers stays."""
        new = [value.numpy() for value in state]
        for part, variable in zip(new[: len(model.trainable_variables)], model.trainable_variables, strict=True):
            part[run] = variable.numpy()
        return [tf.convert_to_tensor(part) for part in new]

    def _tables_of(self):
        """A function: the rows that runs of these groups are measured on, each [runs, …]. It keeps the last, which are mostly the next."""

        @functools.lru_cache(maxsize=1)
        def tables_of(*groups):
            return self.loop.stacked([self.task.tables[group] for group in groups])

        return tables_of

    def _measured(self, state, groups, tables_of):
        """What `_measures` says of the runs of a tile, each [runs], measured `at_once` at a time."""
        parts = [range(first, first + self.at_once) for first in range(0, self.tile, self.at_once)]
        said = [
            self.loop.measure(self._measures, [value[part[0] : part[-1] + 1] for value in state], tables_of(*(groups[i] for i in part)))
            for part in parts
        ]
        return [np.concatenate(same) for same in zip(*said, strict=True)]

    def _measures(self, model, *tables):
        """The mean squared errors on the tables (x, y, x, y, …), and the sparsity error of the units' matrices."""
        errors = [tf.reduce_mean((model(x) - y) ** 2) for x, y in zip(tables[::2], tables[1::2], strict=True)]
        matrices = [W for layer in model._flatten_layers() if hasattr(layer, "matrices") for W in layer.matrices()]
        sizes = [tf.abs(tf.convert_to_tensor(W)) for W in matrices]
        untidy = [tf.cast(tf.reduce_max(tf.minimum(size, tf.abs(1 - size))), "float32") for size in sizes]
        return *errors, tf.reduce_max(untidy) if untidy else tf.constant(np.nan)

    def _rows(self, tile, step, cost, measured, restarts, diverged_at):
        """The rows of one check of the runs numbered in `tile`, column by column."""
        count, chosen = len(tile), [self.each[i] for i in tile]
        labels = {name: np.array([self.task.labels[group][name] for _, group, _ in chosen], object) for name in self.task.labels[0]}
        *errors, untidy = (said[:count] for said in measured)
        named = dict(zip(("interpolation", "extrapolation")[: len(errors)], errors, strict=True))
        rates = np.array([rate if isinstance(rate, float) else np.nan for _, _, rate in chosen])
        columns = {**labels, "learning_rate": rates, "seed": np.array([seed for seed, _, _ in chosen]), "step": np.full(count, step)}
        columns |= {"cost": cost[:count], **named, "sparsity_error": untidy}
        if self.task.validates:
            columns["restarts"] = restarts[:count].copy()
        return {**columns, "diverged_at": np.where(diverged_at <= step, diverged_at, np.nan)[:count]}

    def _columns_of(self, weights):
        """A column for every weight; the second matrix that is called kernel is kernel_1, unless another has that name already."""
        names: list[str] = []
        for variable in self.loop.trainable:
            free = itertools.chain([variable.name], (f"{variable.name}_{again}" for again in itertools.count(1)))
            names.append(next(name for name in free if name not in names))
        return {
            f"{name}{list(place)}": values[(slice(None), *place)]
            for name, values in zip(names, weights, strict=True)
            for place in np.ndindex(values.shape[1:])
        }


class _Examples:
    """The examples of the seeds of a tile, drawn a block of steps at a time."""

    def __init__(self, runs, seeds):
        self.runs, self.rngs, self.begins = runs, [np.random.default_rng([seed, 1]) for seed in seeds], None
        self.parts = [_aligned((runs.streams, runs.block, *shape), dtype) for shape, dtype in runs.shapes]
        self.tensors = [tf.experimental.dlpack.from_dlpack(part.__dlpack__()) for part in self.parts]  # the same memory: nothing is copied

    def at(self, step):
        """The examples that step number `step` is among, [streams, block, …] each, its place there, and how many there are from it on."""
        block = self.runs.block
        if not self.parts:
            return [], 0, block
        if step // block * block != self.begins:
            self.begins = step // block * block
            for stream, rng in enumerate(self.rngs):
                for part, drawn in zip(self.parts, self.runs.drawn(rng, block), strict=True):
                    part[stream] = drawn
        return self.tensors, step - self.begins, self.begins + block - step


def _aligned(shape, dtype):
    """Zeros that begin where TensorFlow wants a tensor to begin, at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, "uint8")
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)


class StandingStill:
    """iNALU's rule for a fresh start: the mean validation error of the first half of its life, from 5,000 steps on and looked at
    every 10, is no more than mean + standard deviation of the second half, and that mean is above 1 (Schlör et al. 2020)."""

    def __init__(self) -> None:
        self.losses: Any = None  # of each run, the validation error at every step of its life

    def restart_at(self, validation: Sequence[float] | np.ndarray, step: int, end: int) -> np.ndarray:
        """For each run the step of step…end−1 after whose update it is to start anew, −1 for none; `validation` holds for all of them."""
        if self.losses is None:
            self.losses = [np.zeros(0)] * len(validation)
        self.losses = [np.append(losses, np.full(end - step, error)) for losses, error in zip(self.losses, validation, strict=True)]
        due = [self._first_due(losses, step, end) for losses in self.losses]
        self.losses = [losses if at < 0 else losses[len(losses) - (end - 1 - at) :] for losses, at in zip(self.losses, due, strict=True)]
        return np.array(due)

    @staticmethod
    def _first_due(losses, step, end):
        """`restart_at` for one run; `losses` are those of its life until step end−1."""
        looks = np.array([at for at in range(step, end) if at > 0 and at % 10 == 0], int)
        lived = len(losses) - (end - 1 - looks)  # how many steps, at each look
        looks, lived = looks[lived > 5_000], lived[lived > 5_000]
        error = losses[-1]
        if not error > 0 or not len(looks):
            return -1
        half = lived // 2
        beyond = losses - error  # so that the sums of a run that stands quite still are exactly 0
        sums, squares = (np.append(0, np.cumsum(part)) for part in (beyond, beyond**2))  # entry n is that of the first n
        first = sums[half] / half
        second, square = ((part[lived] - part[half]) / (lived - half) for part in (sums, squares))
        deviation = np.sqrt(np.maximum(square - second**2, 0))
        stands = (first <= second + deviation) & (second + error > 1)
        return int(looks[np.argmax(stands)]) if stands.any() else -1


class _Models(Sequence):
    """The trained models, in the order of the runs; each is made when it is asked for."""

    def __init__(self, runs, values):
        self.runs, self.values, self.made, self.making = runs, values, {}, threading.Lock()

    def __len__(self):
        return len(self.values)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(f"models has no number {place}, expected one from 0 to {len(self) - 1}: there is a model for each run")
        run = range(len(self))[place]
        with self.making:
            if run not in self.made:
                self.made[run] = self._model_of(run)
        return self.made[run]

    def __repr__(self):
        return f"<{len(self)} trained models>"

    def _model_of(self, run):
        """The model of one run, with what it has learned."""
        seed = self.runs.each[run][0]
        model = self.runs.kept.pop(seed, None)
        if model is None:
            model = self.runs.built(seed, self.runs.shape)
            if _kinds(model) != self.runs.kinds:
                raise ValueError(
                    "make_model makes another kind of model now than when it was trained: a variable that it uses has changed since, "
                    "such as that of a loop. Hand it over as it is, for example by lambda name=name: …, or use the models before it changes"
                )
        self.runs.loop.give(model, [value[None] for value in self.values[run]], 0, self.runs.steps)
        return model


def _kinds(model):
    """A model's layers, all the way in: the class of each, the shapes and types of its weights, and its plain settings."""
    kinds = []
    for layer in model._flatten_layers():
        try:
            settings = layer.get_config()
        except Exception:  # whatever a layer of the reader's own does not know how to say
            settings = {}
        plain = {key: value for key, value in settings.items() if key != "name" and _is_plain(value)}
        kinds.append((type(layer), [(tuple(variable.shape), variable.dtype) for variable in layer.variables], plain))
    return kinds


def _is_plain(setting):
    """Whether it is a number, a word, or several numbers: the names of layers, in lists, differ from model to model."""
    if isinstance(setting, (tuple, list)):
        return all(isinstance(value, (int, float)) for value in setting)
    return isinstance(setting, (int, float, str))


def _fewest(sizes, loops, runs):
    """The smallest of `sizes` with which so many loops hold all runs at once, or the largest."""
    return next((size for size in sizes if size * loops >= runs), sizes[-1])


def _learning_rates(learning_rate, optimizer, usual):
    """The learning rates to train with, a list of numbers or of one schedule, and the optimizer with the first of them."""
    asked = usual if learning_rate is None and optimizer is None else learning_rate
    given = np.atleast_1d(np.asarray(asked, object)).tolist()
    optimizers = [optimizer_for(rate, optimizer) for rate in given]
    if len(given) == 1 and not isinstance(given[0], numbers.Real):  # None, or a schedule
        rate = optimizers[0]._learning_rate
        return [float(rate) if isinstance(rate, keras.Variable) else rate], optimizers[0]
    rates = [positive_number(rate, "a learning rate", "0.001") for rate in given]
    _refuse_none_or_twice("learning_rate", rates)
    return rates, optimizers[0]


def as_seeds(seeds: Any) -> list[int]:
    """`seeds` as a list of whole numbers that Keras can begin at. Raises TypeError or ValueError otherwise, for none, and for one twice."""
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds is {seeds!r}, expected whole numbers such as range(3)")
    first = list(itertools.islice(seeds, MOST_SEEDS + 1))
    if len(first) > MOST_SEEDS:
        raise ValueError(f"seeds holds more than {MOST_SEEDS:,}: train fewer at once")
    given = [whole_number(seed, "a seed", at_least=0, at_most=2**32 - 1) for seed in first]
    _refuse_none_or_twice("seeds", given)
    return given


def _refuse_none_or_twice(name, given):
    if not given:
        raise ValueError(f"{name} is empty: give at least one")
    if len(set(given)) < len(given):
        raise ValueError(f"{name} holds the same one twice: give each once")


def _said(shapes):
    return ", ".join(f"{kind} {list(shape)}" for shape, kind in shapes) or "nothing"
