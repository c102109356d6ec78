"""Training with Adam: `fit` for one model, `fit_seeds` for some seeds of it, `fit_many` for hundreds of runs on fresh numbers,
`fit_stream` for any model and any cost.

All run the loop that notebook 03 writes out by hand, compiled by `tf.function`, so that no Python runs between two updates.
"""

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from . import data
from ._inputs import as_range, as_rows, one_of, positive_number, whole_number

LOSSES = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
EPOCHS_A_CALL = 250  # compiled epochs between two moves of the progress bar, where a cost that is not finite is noticed
WORKERS = 2 * (os.cpu_count() or 1)  # threads in which `fit_many` trains: while one draws its numbers another computes
TILES = (8, 16, 32, 64)  # runs that it compiles into one loop: the fewest with which no run has to wait
UPDATES_A_CALL = 16_000  # of all runs of such a loop together: some 30 ms, so that Stop and Ctrl-C need not wait


class Progress(tqdm):
    """A progress bar: a widget in a notebook, a line in a terminal. Its text, where no widget can be shown, is how much there was to do.

    No duration stays behind when it is done.
    """

    def __init__(self, iterable=None, *, total=None, unit, **kwargs):
        total = len(iterable) if total is None else total
        super().__init__(iterable, total=total, unit=unit, bar_format=f"{total:,}{unit}", **kwargs)
        self.bar_format = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt}{unit}, {remaining} left"

    def close(self):
        if not self.disable and self.n == self.total:
            self.bar_format = "{percentage:3.0f}%|{bar}| {n_fmt}{unit}"
        super().close()


class TrainingDiverged(ValueError):
    """The cost stopped being a finite number. `cost` holds what was measured until then, that epoch included.

    The model keeps weights of at most 250 epochs before.
    """

    def __init__(self, message, cost):
        super().__init__(message)
        self.cost = cost


def fit(model, x, y, *, epochs, learning_rate=0.05, loss="sum", progress=True, watch=None, every=EPOCHS_A_CALL):
    """Train `model`, a Keras model or layer, on all rows at once; return its cost before each update, shape [epochs].

    x [rows, in] and y [rows, out], or [rows] for one output, may be lists or arrays of any number type: they are converted to
    the model's own (so float64 data into a float32 model is rounded). `loss` is "sum" or "mean" of the squared errors. The
    model is changed in place; a second call goes on from where the first ended, with a fresh Adam. `watch(epoch, weights)` is called
    before the first update and then after every `every` epochs, with the values of the trainable weights.

    Raises ValueError or TypeError when x or y are empty, hold NaN or infinity (naming the first row) or do not fit each other or
    the model, epochs is below 1, the learning rate is not above 0, or the loss is unknown; TrainingDiverged, a ValueError, when the
    cost is no longer finite.
    """
    x, y = _data_for(model, x, y)
    reduce = LOSSES[one_of(loss, LOSSES, "loss")]
    return _descend(lambda: reduce((model(x) - y) ** 2), model.trainable_variables, epochs, learning_rate, progress, watch, every)


def fit_seeds(make_model, x, y, *, seeds, epochs, learning_rate=0.05, loss="sum", progress=True, watch=None, every=EPOCHS_A_CALL):
    """Train one model for each of `seeds` side by side; return the models and their costs, shape [epochs, seeds].

    `make_model` is a function of no arguments, such as `lambda: NALU(1)`, called once after each seed is set: what a seed starts
    from does not depend on the others. The models share nothing but the data, and each learns what `fit` would teach it alone.
    Everything else, and what is raised, is as in `fit`; a cost that is no longer finite is reported with its seed, and the weights
    that `watch` gets have the seeds as their first axis.
    """
    seeds = [whole_number(seed, "a seed", at_least=0) for seed in seeds]
    if not seeds:
        raise ValueError("seeds is empty: give at least one, for example range(20)")
    models = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        models.append(make_model())
        x, y = _data_for(models[-1], x, y)
    reduce, first = LOSSES[one_of(loss, LOSSES, "loss")], models[0]
    together = [keras.Variable(np.stack(same)) for same in zip(*(model.get_weights() for model in models))]

    def cost_of_one(weights):
        prediction, _ = first.stateless_call(weights, [], x)
        return reduce((prediction - y) ** 2)

    def cost_of_each():
        return tf.vectorized_map(cost_of_one, [tf.convert_to_tensor(variable) for variable in together])

    try:
        cost = _descend(cost_of_each, together, epochs, learning_rate, progress, watch, every, seeds)
    finally:
        for model, *weights in zip(models, *(variable.numpy() for variable in together)):
            model.set_weights(weights)
    return models, cost


def fit_many(
    make_layer,
    operation,
    *,
    seeds,
    ranges=(((1, 2), (2, 6)),),
    learning_rates=(1e-3,),
    steps=50_000,
    batch=128,
    check_every=1_000,
    clip_gradients=None,
    restart=False,
    weights=False,
    progress=True,
    watch=None,
):
    """Train a layer for every combination of seed, range and learning rate, all side by side, on fresh numbers at every step.

    `make_layer` is a function of no arguments that returns a layer with one output, ours or any Keras layer, such as
    `lambda: NALU(1)`; it is called once after each seed is set. Two inputs are drawn uniformly from the range to train on, `batch`
    rows a step, and the answer is `operation` of them: + - * / or a function such as `lambda a, b: a * a + b`. `ranges` holds pairs
    (train, test) such as `data.BENCHMARK_RANGES`. Adam on the mean squared error, plus the layer's own penalty; gradients are
    clipped to ±`clip_gradients`. `restart` gives a run that stands still new weights, as iNALU does.

    Returns a pandas table, a row for each run and each step that is a multiple of `check_every` (and the last): train, test,
    learning_rate, seed, step; the mean squared errors `interpolation`, on 10,000 numbers of the range to train on, and
    `extrapolation`, on 10,000 of the range to test on; `sparsity_error` of the layer's matrices; the number of `restarts`; the step at
    which the run's cost was no longer finite, `diverged_at`, NaN for most; with `weights` a column for every weight.

    The numbers that a run sees, and what it starts from, come from its seed alone: it ends the same whatever runs beside it.
    A run that diverges stays in the table, and the others go on. `progress` may be a `Progress` to move on. `watch(columns)` is
    called from a thread that trains, with the rows of each check as they are made, some runs at a time, weights too: a dict of arrays.
    Raises TypeError or ValueError for what it cannot use.
    """
    runs = _Runs(make_layer, operation, seeds, ranges, learning_rates, steps, batch, check_every, clip_gradients, restart)
    stop = threading.Event()
    with _bar(progress, len(runs.each) * runs.steps) as bar, ThreadPoolExecutor(WORKERS) as pool:
        measured = _all_done([pool.submit(runs.train, tile, bar, stop, watch) for tile in runs.tiles], stop)
    return runs.table(measured, weights)


def fit_stream(
    make_model,
    draw,
    cost,
    *,
    seeds,
    steps,
    learning_rate=1e-3,
    clip_norm=None,
    every=EPOCHS_A_CALL,
    jit_compile=True,
    progress=True,
    watch=None,
):
    """Train any Keras model on examples that never end, once for each of `seeds`; return the models and their costs, [steps, seeds].

    `make_model` is a function of no arguments that returns a built model; it is called once after each seed is set. `draw(rng, count)`
    makes the examples of `count` steps with a NumPy generator: a tuple of arrays whose first axis is `count`. `cost(model, *examples)`
    is the cost of one step, a single number, of what `draw` made for it. For example, 64 fresh pairs a step:

        draw = lambda rng, count: (rng.random((count, 64, 2), "float32"),)
        cost = lambda model, x: tf.reduce_mean((model(x) - x[:, :1] * x[:, 1:]) ** 2)

    Adam; gradients whose norm over all weights is above `clip_norm` are scaled down to it. The loop is compiled once for all seeds,
    by XLA unless `jit_compile` is False, and seeds are trained side by side, one a core; what a seed draws and starts from comes from
    it alone. `watch(seed, step, weights)` is called, from the thread that trains, before the first update and after every `every`.
    `progress` may be a `Progress` to move on.

    Raises TypeError or ValueError for what it cannot use, TrainingDiverged when a cost is no longer finite.
    """
    seeds = [whole_number(seed, "a seed", at_least=0) for seed in seeds]
    if not seeds:
        raise ValueError("seeds is empty: give at least one, for example range(5)")
    steps, every = whole_number(steps, "steps"), min(whole_number(every, "every"), steps)
    rate = positive_number(learning_rate, "learning_rate", "0.001")
    norm = None if clip_norm is None else positive_number(clip_norm, "clip_norm", "1.0")
    models = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        models.append(make_model())
    first, stop = models[0], threading.Event()

    @functools.partial(tf.function, jit_compile=jit_compile, autograph=False)
    def segment(examples, start, count, *state):
        def update(i, values, weights, m, v):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                value = _asked_with(first, weights, lambda model: cost(model, *(part[i] for part in examples)))
            gradients = [tf.convert_to_tensor(g) for g in tape.gradient(value, weights, unconnected_gradients="zero")]
            if norm is not None:
                gradients = tf.clip_by_global_norm(gradients, norm)[0]
            weights, m, v = _adam(start + i, rate, gradients, weights, m, v)
            weights = [own.constraint(w) if own.constraint else w for own, w in zip(first.trainable_variables, weights)]
            return i + 1, tf.tensor_scatter_nd_update(values, [[i]], [value]), weights, m, v

        return tf.while_loop(lambda i, *_: i < count, update, (tf.constant(0), tf.zeros([every]), *state))[1:]

    def some(rng):
        """The examples of `every` steps, as tensors."""
        return [tf.convert_to_tensor(part) for part in draw(rng, every)]

    def start_of(model):
        weights = [tf.convert_to_tensor(variable) for variable in model.trainable_variables]
        return weights, [tf.zeros_like(w) for w in weights], [tf.zeros_like(w) for w in weights]

    compiled = segment.get_concrete_function(some(np.random.default_rng(0)), tf.constant(0), tf.constant(0), *start_of(first))

    def train(seed, model, bar):
        rng, state, history = np.random.default_rng([seed, 1]), start_of(model), []
        for start in range(0, steps, every):
            if watch:
                watch(seed, start, [w.numpy() for w in state[0]])
            if stop.is_set():
                return None
            count = min(every, steps - start)
            values, *state = compiled(some(rng), tf.constant(start), tf.constant(count), *state)
            history.append(values.numpy()[:count])
            if not np.isfinite(history[-1]).all():
                raise _diverged(np.concatenate(history)[:, None], rate, [seed], "step")
            for variable, value in zip(model.trainable_variables, state[0]):
                variable.assign(value)
            bar.update(count)
        if watch:
            watch(seed, steps, [w.numpy() for w in state[0]])
        return np.concatenate(history)

    with _bar(progress, len(seeds) * steps) as bar, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        costs = _all_done([pool.submit(train, seed, model, bar) for seed, model in zip(seeds, models)], stop)
    return models, np.stack(costs, axis=1)


class _Runs:
    """What `fit_many` was asked for, checked; the compiled functions; and the training of a tile of runs."""

    def __init__(self, make_layer, operation, seeds, ranges, learning_rates, steps, batch, check_every, clip_gradients, restart):
        self.make_layer, self.restart = make_layer, restart
        self.compute = data.as_function(operation)
        self.steps, self.batch = whole_number(steps, "steps"), whole_number(batch, "batch")
        self.check_every = whole_number(check_every, "check_every")
        self.checks = [*range(0, self.steps, self.check_every), self.steps]
        self.clip = None if clip_gradients is None else positive_number(clip_gradients, "clip_gradients", "0.1")
        seeds = [whole_number(seed, "a seed", at_least=0) for seed in seeds]
        rates = [positive_number(rate, "a learning rate", "0.001") for rate in np.atleast_1d(learning_rates).tolist()]
        self.ranges = [_train_and_test(pair) for pair in ranges]
        for name, given in (("seeds", seeds), ("learning_rates", rates), ("ranges", self.ranges)):
            if not given:
                raise ValueError(f"{name} is empty: give at least one")
            if len(set(given)) < len(given):
                raise ValueError(f"{name} holds the same one twice: give each once")
        self.tables = {pair: data.examination(operation, *pair) for pair in self.ranges}
        self.each = [(seed, pair, rate) for rate in rates for seed in seeds for pair in self.ranges]
        self.tile = next((size for size in TILES if size * WORKERS >= len(self.each)), TILES[-1])
        self.tiles = [range(first, min(first + self.tile, len(self.each))) for first in range(0, len(self.each), self.tile)]
        self.streams = max(len({self.each[i][0] for i in tile}) for tile in self.tiles)  # as many for all: it is compiled once
        self.piece = min(self.check_every, self.steps, max(1, UPDATES_A_CALL // self.tile))
        self.lock = threading.Lock()
        self.layer = self.start(seeds[0])
        self.starts = {seed: [variable.numpy() for variable in self.start(seed).trainable_variables] for seed in seeds}
        self.segment, self.measure = _compiled(self._segment), _compiled(self._measure)

    def start(self, seed, draw=0):
        """A new layer, built, as it starts from `seed`; `draw` counts its restarts."""
        with self.lock:  # Keras keeps one random state for all threads
            keras.utils.set_random_seed(seed if draw == 0 else int(np.random.SeedSequence([seed, draw]).generate_state(1)[0]))
            layer = self.make_layer()
            outputs = layer(np.ones((1, 2), layer.compute_dtype)).shape
        if tuple(outputs) != (1, 1):
            raise ValueError(f"the layer turns one row into shape {tuple(outputs)}, expected (1, 1): give it one unit")
        if layer.non_trainable_variables:
            raise ValueError(f"the layer keeps a state ({layer.non_trainable_variables[0].name}) besides its weights: use fit")
        return layer

    def train(self, tile, bar, stop, watch):
        """Train the runs numbered in `tile` from start to end; return what was measured at each check, and the restarts."""
        chosen = [self.each[i] for i in [*tile, *[tile[0]] * (self.tile - len(tile))]]  # always as many: the first fills up
        seeds = list(dict.fromkeys(seed for seed, _, _ in chosen))
        streams = [np.random.default_rng([seed, 1]) for seed in seeds]
        low, high = np.transpose([pair[0] for _, pair, _ in chosen]).astype("float32")
        fixed = (
            tf.constant([seeds.index(seed) for seed, _, _ in chosen]),
            tf.constant(low),
            tf.constant(high - low),
            tf.constant([rate for _, _, rate in chosen], "float32"),
        )
        examined = [tf.constant(np.stack(column)) for column in zip(*(sum(self.tables[pair], ()) for _, pair, _ in chosen))]
        weights = [tf.constant(np.stack(same)) for same in zip(*(self.starts[seed] for seed, _, _ in chosen))]
        state = weights, [tf.zeros_like(w) for w in weights], [tf.zeros_like(w) for w in weights], tf.fill([self.tile], -1)
        numbers = np.zeros((self.streams, self.piece, self.batch, 2), "float32")
        standing, restarts = _StandingStill(), np.zeros(self.tile, int)
        measured = []
        for step, end in zip(self.checks, [*self.checks[1:], None]):
            validation, *rest = self.measure(state[0], *examined)
            measured.append((step, validation, *rest, [w.numpy() for w in state[0]], state[3].numpy(), restarts.copy()))
            if watch:
                watch(self.columns(tile, *measured[-1], with_weights=True))
            if end is None:
                return measured
            restart_at, fresh = np.full(self.tile, -1, "int32"), state[0]
            if self.restart:
                restart_at = standing.restart_at(validation.numpy(), step, end)
                restarts += restart_at >= 0
                fresh = [w.numpy() for w in fresh]
                for i in np.flatnonzero(restart_at >= 0):
                    for w, new in zip(fresh, self.start(chosen[i][0], int(restarts[i])).trainable_variables):
                        w[i] = new.numpy()
            for first in range(step, end, self.piece):
                if stop.is_set():
                    return None
                count = min(self.piece, end - first)
                for stream, places in zip(streams, numbers):
                    stream.random(out=places[:count], dtype="float32")
                state = self.segment(
                    tf.constant(numbers), *fixed, validation, tf.constant(restart_at), fresh, *state, tf.constant(first), tf.constant(count)
                )
                bar.update(count * len(tile))

    def _segment(self, numbers, stream, low, width, rate, validation, restart_at, fresh, *state_first_count):
        """`count` updates of all runs of a tile, compiled: the state of the runs after them."""
        *state, first, count = state_first_count

        def update(i, *state):
            drawn = tf.gather(numbers[:, i], stream)
            one = lambda run: self._update_one(first + i, *run)  # noqa: E731
            return i + 1, *tf.vectorized_map(one, (drawn, low, width, rate, validation, restart_at, fresh, *state))

        return tf.while_loop(lambda i, *_: i < count, update, (tf.constant(0), *state))[1:]

    def _update_one(self, step, drawn, low, width, rate, validation, restart_at, fresh, weights, m, v, diverged_at):
        """One update of one run: its batch, its cost, Adam, constraints, and a restart when due."""
        x = low + width * drawn
        x = tf.where(x == 0, width * 2.0**-25, x)  # the grid of float32 meets 0 far more often than the line of numbers does
        y = self.compute(x[:, :1], x[:, 1:])
        with tf.GradientTape() as tape:
            tape.watch(weights)
            cost = self._cost(weights, x, y)
            penalty = self._with(weights, lambda layer: layer.penalty(step, validation) if hasattr(layer, "penalty") else 0.0)
            total = cost + penalty
        gradients = tape.gradient(total, weights, unconnected_gradients="zero")
        if self.clip is not None:
            gradients = [tf.clip_by_value(g, -self.clip, self.clip) for g in gradients]
        weights, m, v = _adam(step, rate, gradients, weights, m, v)
        weights = [own.constraint(w) if own.constraint else w for own, w in zip(self.layer.trainable_variables, weights)]
        weights = [tf.where(step == restart_at, new, w) for new, w in zip(fresh, weights)] if self.restart else weights
        return weights, m, v, tf.where((diverged_at < 0) & ~tf.math.is_finite(cost), step, diverged_at)

    def _measure(self, weights, x_valid, y_valid, x_test, y_test):
        """The errors and the sparsity error of all runs of a tile, compiled."""

        def one(run):
            weights, *tables = run
            errors = self._cost(weights, *tables[:2]), self._cost(weights, *tables[2:])
            if not hasattr(self.layer, "matrices"):
                return *errors, tf.constant(np.nan)
            sizes = self._with(weights, lambda layer: [tf.abs(tf.convert_to_tensor(W)) for W in layer.matrices()])
            return *errors, tf.reduce_max([tf.reduce_max(tf.minimum(size, tf.abs(1 - size))) for size in sizes])

        return tf.vectorized_map(one, (weights, x_valid, y_valid, x_test, y_test))

    def _cost(self, weights, x, y):
        return self._with(weights, lambda layer: tf.reduce_mean((layer(x) - y) ** 2))

    def _with(self, weights, ask):
        return _asked_with(self.layer, weights, ask)

    def table(self, measured, with_weights):
        """What `train` measured, tile by tile, as the table that `fit_many` returns."""
        import pandas as pd

        parts = [self.columns(tile, *check, with_weights=with_weights) for tile, checks in zip(self.tiles, measured) for check in checks]
        table = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
        return table.sort_values(["learning_rate", "seed"], kind="stable", ignore_index=True)

    def columns(self, tile, step, *errors_and_state, with_weights):
        """The rows of one check of the runs numbered in `tile`, column by column."""
        *errors, weights, diverged_at, restarts = errors_and_state
        chosen = [self.each[i] for i in tile]
        columns = {
            "train": np.array([data.range_name(pair[0]) for _, pair, _ in chosen], object),
            "test": np.array([data.range_name(pair[1]) for _, pair, _ in chosen], object),
            "learning_rate": np.array([rate for _, _, rate in chosen]),
            "seed": np.array([seed for seed, _, _ in chosen]),
            "step": np.full(len(chosen), step),
            **{name: np.asarray(error)[: len(chosen)] for name, error in zip(MEASURES, errors)},
            "restarts": restarts[: len(chosen)],
            "diverged_at": np.where(diverged_at < 0, np.nan, diverged_at)[: len(chosen)],
        }
        for own, values in zip(self.layer.trainable_variables, weights if with_weights else ()):
            for place in np.ndindex(values.shape[1:]):
                columns[f"{own.name}{list(place)}"] = values[(slice(len(chosen)), *place)]
        return columns


MEASURES = ("interpolation", "extrapolation", "sparsity_error")


class _StandingStill:
    """iNALU's rule for a fresh start: the mean validation error of the first half of its life, from 5,000 steps on and looked at
    every 10, is no more than mean + standard deviation of the second half, and that mean is above 1 (Schlör et al. 2020)."""

    def __init__(self):
        self.since, self.ends, self.values = None, [], []

    def restart_at(self, validation, step, end):
        """For each run the step of step…end−1 after whose update it is to start anew, −1 for none; `validation` holds for all of them."""
        runs = len(validation)
        self.since = np.zeros(runs, int) if self.since is None else self.since
        self.ends.append(end)
        self.values.append(np.asarray(validation, float))
        ends, values = np.array([0, *self.ends]), np.array(self.values)
        asked = np.arange(-(-max(step, 1) // 10) * 10, end, 10)
        due = np.full(runs, -1, "int32")
        for run in range(runs):
            lengths = np.diff(np.clip(ends, self.since[run], None))
            knots = np.concatenate([[0], np.cumsum(lengths)])
            sums, squares = (np.concatenate([[0], np.cumsum(lengths * values[:, run] ** power)]) for power in (1, 2))
            kept = asked - self.since[run] + 1
            half = kept // 2
            up_to = lambda totals, count: np.interp(count, knots, totals)  # noqa: B023, E731
            first = up_to(sums, half) / np.maximum(half, 1)
            second = (up_to(sums, kept) - up_to(sums, half)) / (kept - half)
            spread = np.sqrt(np.maximum((up_to(squares, kept) - up_to(squares, half)) / (kept - half) - second**2, 0))
            again = np.flatnonzero((kept > 5_000) & (first <= second + spread) & (second > 1))
            if len(again):
                due[run] = asked[again[0]]
                self.since[run] = due[run] + 1
        return due


def _bar(progress, total):
    """The progress bar of a training of `total` steps: a new one, or `progress` itself when it is one."""
    return Progress(total=total, unit=" steps in all", disable=not progress) if isinstance(progress, bool) else nullcontext(progress)


def _all_done(jobs, stop):
    """The results of `jobs`; when one of them fails, or Ctrl-C is pressed, `stop` is set for the others."""
    try:
        for done in as_completed(jobs):
            done.result()
    except BaseException:
        stop.set()
        raise
    return [job.result() for job in jobs]


def _compiled(function):
    """`function`, compiled by XLA for the shapes of its first call, which all others repeat.

    A bare `tf.function` warns of retracing when a session makes many trainings, though each is traced once.
    """
    whole, lock, traced = tf.function(function, jit_compile=True, autograph=False), threading.Lock(), []

    def call(*arguments):
        with lock:
            if not traced:
                traced.append(whole.get_concrete_function(*arguments))
        return traced[0](*arguments)

    return call


def _asked_with(model, weights, ask):
    """What `ask(model)` says while the model holds `weights`."""
    with keras.StatelessScope(state_mapping=list(zip(model.trainable_variables, weights))):
        return ask(model)


def _adam(step, rate, gradients, weights, m, v):
    """Update number `step`, from 0, of Adam (Kingma & Ba 2015, algorithm 1): the weights and both moments after it."""
    t = tf.cast(step + 1, "float32")
    m = [0.9 * old + 0.1 * g for old, g in zip(m, gradients)]
    v = [0.999 * old + 0.001 * g * g for old, g in zip(v, gradients)]
    change = [rate * (mean / (1 - 0.9**t)) / (tf.sqrt(square / (1 - 0.999**t)) + 1e-8) for mean, square in zip(m, v)]
    return [w - by for w, by in zip(weights, change)], m, v


def _train_and_test(pair):
    try:
        train, test = pair
    except (TypeError, ValueError):
        raise TypeError(f"a range is {pair!r}, expected a pair (train, test) such as ((1, 2), (2, 6))") from None
    as_range(train, "train")
    return (tuple(train), tuple(map(tuple, test)) if len(data.as_pieces(test, "test")) > 1 else tuple(test))


def _data_for(model, x, y):
    """x and y as tensors of the model's own type, after every check; builds the model when it has no weights yet."""
    x, y = as_rows(x, "x", model.compute_dtype), np.asarray(y)
    y = as_rows(y[:, None] if y.ndim == 1 else y, "y", model.compute_dtype)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}: every row of x needs its own row of y")
    outputs = model(x[:1]).shape[-1]
    if y.shape[-1] != outputs:
        raise ValueError(f"y has {y.shape[-1]} columns and the model has {outputs} outputs: they must be as many")
    return tf.constant(x), tf.constant(y)


def _descend(cost_of, variables, epochs, learning_rate, progress, watch, every, seeds=None):
    """Adam on `variables`, down the cost that `cost_of()` gives: a number, or one for each of `seeds`."""
    epochs, every = whole_number(epochs, "epochs"), whole_number(every, "every")
    adam = keras.optimizers.Adam(positive_number(learning_rate, "learning_rate", "0.05"))
    adam.build(variables)

    def run(count):
        costs = tf.TensorArray(variables[0].dtype, size=count, element_shape=[] if seeds is None else [len(seeds)])
        for epoch in tf.range(count):
            with tf.GradientTape() as tape:
                cost = cost_of()
            costs = costs.write(epoch, cost)
            adam.apply(tape.gradient(cost, variables), variables)
        return costs.stack()

    run = tf.function(run).get_concrete_function(tf.TensorSpec([], tf.int32))
    history = []
    with Progress(total=epochs, unit=" epochs", disable=not progress) as bar:
        while (done := sum(map(len, history))) < epochs:
            last_good = [variable.numpy() for variable in variables]
            if watch:
                watch(done, last_good)
            history.append(run(tf.constant(min(every, epochs - done))).numpy())
            bar.update(len(history[-1]))
            if not np.isfinite(history[-1]).all():
                for variable, value in zip(variables, last_good):
                    variable.assign(value)
                raise _diverged(np.concatenate(history), learning_rate, seeds)
    if watch:
        watch(epochs, [variable.numpy() for variable in variables])
    return np.concatenate(history)


def _diverged(cost, learning_rate, seeds, unit="epoch"):
    """The error for costs [epochs] or [epochs, seeds] that hold one that is not finite, cut off after the first such epoch."""
    cost = cost[: 1 + int(np.argmin(np.isfinite(cost).reshape(len(cost), -1).all(axis=1)))]
    seed = None if seeds is None else int(np.argmin(np.isfinite(cost[-1])))
    whose, own = ("", cost) if seeds is None else (f" of seed {seeds[seed]}", cost[:, seed])
    if len(own) == 1:
        return TrainingDiverged(f"the cost{whose} is {own[0]} at {unit} 1: make the inputs smaller, or use dtype='float64'", cost)
    return TrainingDiverged(
        f"the cost{whose} is {own[-1]} at {unit} {len(own)}, after {own[-2]:.3g} at {unit} {len(own) - 1}: "
        f"try a learning rate below {learning_rate:g}",
        cost,
    )
