"""Training: the one update that everything here learns by, and `fit`, which applies it to one model.

The update is the loop of notebook 03, with Keras' own optimizers: the gradient of cost + `model.losses` (penalties and regularizers),
clipped as the optimizer says, its step, and each weight's constraint. `Loop` compiles many of them into one, for one run or for some
runs side by side, so that no Python runs between two updates. `many.fit_many` trains with the same `Loop`: the same start, rows and
settings give the same weights, to the last bit.
"""

import contextlib
import hashlib
import inspect
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state  # Keras' random state has no public handle
from keras.src.random import seed_generator
from tensorflow.python.eager import context  # nor has TensorFlow's
from tqdm.auto import tqdm

from ._inputs import as_floats, as_rows, one_of, positive_number, refuse_memory, whole_number
from .layers import Penalised

COSTS = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
STEPS_A_CALL = 250  # compiled updates between two moves of the progress bar, where a cost that is not finite is noticed
MOST_STEPS = 10**9
SMALL = 2_000  # weights up to which runs are compiled side by side, and larger models one by one
LONG_SUM = 2**15  # numbers, of all runs together, from which on XLA adds them on a CPU in another order
SUMS = ("Sum", "Mean", "BiasAddGrad", "Softmax", "LogSoftmax")  # what TensorFlow calls operations that add
CORES = joblib.cpu_count()  # those this process may use, also in a container
RATE = 0.05  # Adam's, where nothing is said and all rows are seen at every step
RANDOM = ("Random", "TruncatedNormal", "ParameterizedTruncatedNormal", "Multinomial", "Rng")  # how TensorFlow's stateful ones begin
EXCLUDED = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")  # what an optimizer's get_config leaves out
Cost = str | Callable[..., Any]
Watch = Callable[[dict[str, Any]], object]


class Progress(tqdm):
    """A progress bar: a widget in a notebook, a line in a terminal. Its text, where no widget can be shown, is how much there was to do.

    No duration stays behind when it is done.
    """

    def __init__(self, iterable: Any = None, *, total: int | None = None, unit: str, **kwargs: Any) -> None:
        total = len(iterable) if total is None else total
        super().__init__(iterable, total=total, unit=unit, bar_format=f"{total:,}{unit}", **kwargs)
        self.bar_format = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt}{unit}, {remaining} left"

    def close(self) -> None:
        if not self.disable and self.n == self.total:
            self.bar_format = "{percentage:3.0f}%|{bar}| {n_fmt}{unit}"
        super().close()


class TrainingDiverged(ValueError):
    """The cost stopped being a finite number. `cost` holds what was measured until then, that step included.

    The model keeps weights of at most 250 steps before.
    """

    def __init__(self, message: str, cost: np.ndarray):
        super().__init__(message)
        self.cost = cost

    def __reduce__(self):  # so that it can come back from another process
        return type(self), (*self.args, self.cost)


def fit(
    model: keras.layers.Layer,
    x: Any,
    y: Any,
    *,
    steps: int,
    learning_rate: Any = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    cost: Cost = "sum",
    every: int = STEPS_A_CALL,
    progress: Any = True,
    watch: Watch | None = None,
) -> np.ndarray:
    """Train `model`, a Keras model or layer, on all rows at every step; return its cost before each step, shape [steps].

    x [rows, in] and y [rows, out], or [rows] for one output, may be lists or arrays of any number type: they are converted to
    the model's own (so float64 data into a float32 model is rounded). `cost` is "sum" or "mean" of the squared errors, or a function
    (model, x, y) → one number; the penalties in `model.losses` are added to it. Adam with `learning_rate`, a number or a Keras schedule
    (0.05 where nothing is said), unless `optimizer` is another one of Keras, such as `keras.optimizers.Adam(0.05, beta_2=0.99)`; where
    both are given, the number `learning_rate` holds. The model is changed in place; a second call goes on from where the first ended,
    with a fresh optimizer.

    `watch(seen)` is called before the first step, after every `every` of them and at the end, with a dict: "step" [1], "cost" [1] and
    "weights", a list of the trainable weights, each [1, …]. `progress` is True, False, or a bar of yours with `update(count)`.

    Raises ValueError or TypeError when x or y are empty, hold NaN or infinity (naming the first row) or do not fit each other or
    the model, or a setting is none; TrainingDiverged, a ValueError, when the cost is no longer finite. Then, and after Ctrl-C, the model
    keeps weights of at most 250 steps before.
    """
    watch = a_watch(watch)
    x, y = rows_for(model, x, y, picked=callable(cost))
    steps, every = number_of_steps(steps), whole_number(every, "every")
    refuse_memory(4 * steps, f"the costs of {steps:,} steps")
    loop = Loop(model, optimizer_for(learning_rate, optimizer), squared_error(cost), own=[x, y])
    state, own, history, done = loop.stacked([loop.values_of(model)]), loop.stacked([[x, y]]), [], 0
    before = state, done  # where the cost was last seen to be finite
    try:
        with progress_bar(progress, steps, " steps") as bar:
            while done < steps:
                count = min(every - done % every, STEPS_A_CALL, steps - done)
                after, costs = loop.run(state, done, count, (), own)
                if watch and done % every == 0:
                    watch({"step": np.array([done]), "cost": costs[:1, 0], "weights": loop.weights(state, 1)})
                history.append(costs[:, 0])
                bar.update(count)
                before = (state, done) if np.isfinite(costs[0, 0]) else before
                if not np.isfinite(costs[:, 0]).all():
                    raise _diverged(np.concatenate(history), loop.optimizer)
                state, done = after, done + count
        cost_at_end = loop.run(state, steps, 1, (), own)[1][0, :1]  # one update more, for the cost that it starts from
        if not np.isfinite(cost_at_end):
            raise _diverged(np.concatenate([*history, cost_at_end]), loop.optimizer)
    except (TrainingDiverged, KeyboardInterrupt):
        loop.give(model, before[0], 0, before[1])
        raise
    loop.give(model, state, 0, steps)
    if watch:
        watch({"step": np.array([steps]), "cost": cost_at_end, "weights": loop.weights(state, 1)})
    return np.concatenate(history)


class _Piece(NamedTuple):
    """What `Loop.run` is asked for, as tensors: `count` updates from number `first` on, and what they see."""

    first: Any
    count: Any
    at: Any  # the place of the first of them among those that were drawn
    stream: Any  # [runs], which of the drawn streams is whose
    validation: Any  # [runs], the error that units with a penalty go by
    drawn: list[Any]  # each [streams, steps, …]
    own: list[Any]  # each [runs, …]


class Loop:
    """The update of `model`, compiled for some runs side by side, or for one alone when it is large, has a loop of its own or a `tf.cond`.

    `cost(model, *examples)` is the cost of one step, a single number; its examples are what was drawn for the step, then the run's `own`
    numbers. The state of the runs is a list of tensors: the values of `variables` (the model's weights and states, then what the
    optimizer remembers), each [runs, …]. Every run is computed by itself: it ends the same whatever runs beside it.

    `likely` is how many will be side by side: for so many the update is traced once, and for others once more.
    """

    def __init__(
        self,
        model: keras.layers.Layer,
        optimizer: keras.optimizers.Optimizer,
        cost: Callable[..., Any],
        *,
        drawn: Sequence[Any] = (),
        own: Sequence[Any] = (),
        likely: int = 2,
    ) -> None:
        self.model, self.cost, self.side_by_side = model, cost, True
        self.trainable = model.trainable_variables
        if not self.trainable:
            raise ValueError(f"the {type(model).__name__} has no trainable weights: there is nothing to learn")
        self.optimizer = _without_assignments(optimizer)
        self.optimizer.build(self.trainable)
        self.updates, self.validations = ([getattr(unit, name) for unit in _penalised(model)] for name in ("updates", "validation"))
        self.others = _states(model)
        self.remembered = [v for v in self.optimizer.variables if v is not self.optimizer.iterations]
        self.variables = [*self.trainable, *self.others, *self.remembered]
        self.begun = [int(v) for v in self.updates]
        self.fresh = [v.numpy() for v in self.remembered]
        self.rate_place = next((i for i, v in enumerate(self.variables) if v is getattr(self.optimizer, "_learning_rate", None)), None)
        examples = [tf.convert_to_tensor(part) for part in (*drawn, *own)]
        one = tf.constant(0), tf.constant(0.0), self.values_of(model), examples  # what one update of one run begins with
        self.side_by_side, traced = self._tried(one, likely)
        self.likely, self.traced = likely if self.side_by_side else 1, traced  # so many runs are not traced again
        self.bytes_held = 2 * sum(value.nbytes for value in self.fresh)  # the optimizer's variables, and what they begin with
        self.bytes_a_run = self._bytes_of(traced)
        refuse_memory(self.bytes_held + self.bytes_a_run, "one step of one run")
        self.sums = self._sums_of(traced)
        _refuse_foreign(traced)
        self._refuse_a_changing_cost(one)
        self._compiled: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def _tried(self, one, runs):
        """Whether runs can be computed side by side, and one update as TensorFlow traced it: of `runs` of them, or of one alone."""
        if sum(int(np.prod(variable.shape)) for variable in self.trainable) <= SMALL:
            some = tf.nest.map_structure(lambda part: tf.TensorSpec([runs, *part.shape], part.dtype), one[1:])
            with contextlib.suppress(Exception), _silent_pfor():  # what is wrong with the cost itself is said below
                traced = _traced(self._as_one_graph, one[0], *some)
                if not _loops_or_picks(traced):
                    return True, traced
        return False, _traced(self._update, *one)

    def _refuse_a_changing_cost(self, one):
        """Raise ValueError when the cost computes something else the second time: then Python or NumPy count or draw in it."""

        def cost(step, validation, values, examples):
            with self._holding(step, validation, values):
                return self._cost_of(examples)

        if len({_fingerprint(_traced(cost, *one)) for _ in range(2)}) > 1:
            raise ValueError(
                "the cost computes something else when it is called again with the same numbers, and it is compiled once for all steps: "
                "let it count and draw nothing in Python or NumPy; draw(rng, count) can give what changes from step to step"
            )

    def _bytes_of(self, traced):
        """What one run needs: the values of its traced update, twice over side by side, and its state before, within and after it.

        Values of a weight's shape are not counted one by one, since most of them are computed in place.
        """
        shapes = {tuple(variable.shape) for variable in self.variables}
        outputs = [output for operation in traced.graph.get_operations() for output in operation.outputs]
        known = [output for output in outputs if output.shape.is_fully_defined() and output.dtype.is_numpy_compatible]
        values = sum(output.shape.num_elements() * output.dtype.size for output in known if tuple(output.shape) not in shapes)
        values = 2 * values // self.likely if self.side_by_side else values
        return values + 3 * sum(value.nbytes for value in self.values_of(self.model))

    def _sums_of(self, traced):
        """How many numbers of one run go into each operation of the traced update that adds."""
        added = [operation.inputs[0].shape for operation in traced.graph.get_operations() if operation.type in SUMS]
        return {shape.num_elements() // self.likely for shape in added if shape.is_fully_defined()}

    def adds_as_two(self, runs: int) -> bool:
        """Whether `runs` runs side by side are added up in the same order as two are, and so end the same to the last bit."""
        return all((runs * numbers < LONG_SUM) == (2 * numbers < LONG_SUM) for numbers in self.sums)

    # The state of runs

    def values_of(self, model: keras.layers.Layer) -> list[np.ndarray]:
        """The values of `variables` with which a run of `model` begins; `model` is built as `self.model` is."""
        return [v.numpy() for v in (*model.trainable_variables, *_states(model))] + self.fresh

    def stacked(self, runs: Sequence[Sequence[np.ndarray]]) -> list[tf.Tensor]:
        """The numbers of `runs`, a list of arrays for each of them, as tensors [runs, …]."""
        if self.side_by_side and len(runs) == 1:
            runs = [*runs, runs[0]]  # one run alone is computed as two: compiled for one it would round otherwise than among many
        return [tf.convert_to_tensor(np.stack(same)) for same in zip(*runs, strict=True)]

    def learned(self, state: Sequence[Any]) -> Sequence[Any]:
        """What of `state` belongs to the model: its weights and states, without what the optimizer remembers."""
        return state[: len(self.trainable) + len(self.others)]

    def weights(self, state: Sequence[tf.Tensor], runs: int) -> list[np.ndarray]:
        """The trainable weights of the first `runs` runs, each [runs, …]."""
        return [part.numpy()[:runs] for part in state[: len(self.trainable)]]

    def give(self, model: keras.layers.Layer, state: Sequence[tf.Tensor], run: int, steps: int) -> None:
        """Put what `run` has learned in `steps` updates into `model`."""
        for variable, part in zip((*model.trainable_variables, *_states(model)), self.learned(state), strict=True):
            variable.assign(part[run])
        for unit in _penalised(model):
            unit.updates.assign_add(steps)

    # The update, and many of them

    def _update(self, step, validation, values, examples):
        """One update of one run: the loop of notebook 03. Returns the values of `variables` after it, and the cost before it."""
        with self._holding(step, validation, values) as scope, tf.GradientTape() as tape:
            weights = [tf.convert_to_tensor(value) for value in values[: len(self.trainable)]]
            tape.watch(weights)
            for variable, weight in zip(self.trainable, weights, strict=True):
                scope.add_update((variable, weight))
            cost = self._cost_of(examples)
            total = cost + sum(tf.cast(loss, cost.dtype) for loss in self.model.losses)
            gradients = tape.gradient(total, weights)
            if all(gradient is None for gradient in gradients):
                raise ValueError(
                    "the cost has no gradient along any weight, so that nothing can be learned: write it without what has no slope, "
                    "such as tf.round, tf.argmax or whole numbers"
                )
            given = [tf.zeros_like(w) if g is None else tf.convert_to_tensor(g) for w, g in zip(weights, gradients, strict=True)]
            self.optimizer.apply(given)
            return [scope.get_current_value(variable) for variable in self.variables], tf.cast(cost, self.trainable[0].dtype)

    def _cost_of(self, examples):
        """The cost of one step, a tensor of shape []. Raises TypeError or ValueError when it is none, or cannot be compiled."""
        try:
            return _one_number(self.cost(self.model, *examples))
        except (AttributeError, NotImplementedError) as error:
            if "'numpy'" not in str(error) and "to a numpy array" not in str(error):
                raise
            raise TypeError(
                "the cost asks for a tensor's numbers, and it has none while it is compiled: write it in tf or keras.ops, without NumPy"
            ) from None

    @contextlib.contextmanager
    def _holding(self, step, validation, values):
        """Inside, every variable has the value of one run, and an assignment changes only that."""
        mapping = [(self.optimizer.iterations, tf.cast(step, self.optimizer.iterations.dtype)), *zip(self.variables, values, strict=True)]
        mapping += [(v, tf.cast(step + begun, v.dtype)) for v, begun in zip(self.updates, self.begun, strict=True)]
        mapping += [(v, tf.cast(validation, v.dtype)) for v in self.validations]
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            yield scope

    def _updates_of_each(self, step, validation, values, examples):
        """`_update` for all runs of a tile: every tensor but the number of the step has an axis more, the runs."""
        if not self.side_by_side:
            after, cost = self._update(step, validation[0], *([part[0] for part in parts] for parts in (values, examples)))
            return [part[None] for part in after], cost[None]
        if validation.shape[0] == self.likely:
            return self.traced(step, validation, values, examples)
        return self._as_one_graph(step, validation, values, examples)

    def _as_one_graph(self, step, validation, values, examples):
        """`_update` of some runs side by side, without a loop over them."""
        one = lambda run: self._update(step, *run)  # noqa: E731
        return tf.vectorized_map(one, (validation, values, examples), fallback_to_while_loop=False)

    def _segment(self, piece, values):
        """What `run` compiles: the updates of `piece`, the cost before each, [STEPS_A_CALL, runs], and the values after them.

        `count` is a tensor, so that one loop serves for any: it has room for the most that are asked for.
        """

        def update(place, costs, values):
            i = place - piece.at
            seen = [tf.gather(part[:, place], piece.stream) for part in piece.drawn]  # [runs, …], each from its own stream
            values, cost = self._updates_of_each(piece.first + i, piece.validation, values, [*seen, *piece.own])
            return place + 1, tf.tensor_scatter_nd_update(costs, [[i]], [cost]), values

        # It is the place that is counted: part[:, at + i] would be compiled anew for every `at`, a number that the loop leaves alone.
        begin = (piece.at, tf.zeros([STEPS_A_CALL, values[0].shape[0]], self.trainable[0].dtype), values)
        _, costs, values = tf.while_loop(lambda place, *_: place < piece.at + piece.count, update, begin)
        return costs, values

    def run(
        self,
        state: Sequence[tf.Tensor],
        first: int,
        count: int,
        drawn: Iterable[tf.Tensor],
        own: Iterable[tf.Tensor],
        *,
        at: int = 0,
        stream: tf.Tensor | None = None,
        validation: tf.Tensor | None = None,
    ) -> tuple[list[tf.Tensor], np.ndarray]:
        """The state after `count` updates from number `first` on, and the cost before each, a NumPy array [count, runs].

        `drawn` are the examples, each [streams, steps, …], from place `at` on; `stream` [runs] says which stream is whose.
        """
        runs = state[0].shape[0]
        stream = tf.zeros([runs], tf.int32) if stream is None else stream
        validation = tf.zeros([runs]) if validation is None else validation
        first, count, at = (tf.constant(number, "int32") for number in (first, count, at))
        piece = _Piece(first, count, at, stream, validation, list(drawn), list(own))
        costs, after = self.compiled(self._segment, piece, list(state))(piece, list(state))
        return after, costs.numpy()[:count]

    def measure(self, ask: Callable, state: Sequence[tf.Tensor], tables: Sequence[tf.Tensor]) -> list[np.ndarray]:
        """What `ask(model, *tables)` says of each run, a tuple of numbers, each [runs]; `tables` are [runs, …]."""

        def all_runs(state, tables):
            def one(run):
                with self._holding(tf.constant(0), tf.constant(0.0), run[0]):
                    return ask(self.model, *run[1])

            if self.side_by_side:
                return tf.vectorized_map(one, (state, tables), fallback_to_while_loop=False)
            return [said[None] for said in one(([part[0] for part in state], [part[0] for part in tables]))]

        return [np.asarray(said) for said in self.compiled(all_runs, state, tables, name=ask)(state, tables)]

    def compiled(self, function: Callable, *arguments: Any, name: Any = None) -> Callable:
        """`function`, compiled for arguments of these shapes, once for all loops whose function computes the same."""
        shapes = (name or function.__name__, *((tuple(part.shape), part.dtype) for part in tf.nest.flatten(arguments)))
        with self._lock:
            if shapes not in self._compiled:
                self._compiled[shapes] = _compiled_once(_traced(function, *arguments, jit_compile=True))
        return self._compiled[shapes]


# What both trainers ask of their input


def rows_for(model: keras.layers.Layer, x: Any, y: Any, picked: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """x and y as arrays of the model's own type, after every check; builds the model when it has no weights yet.

    What the model says is not checked when a cost of the reader's own has `picked` what to learn.
    """
    if not isinstance(model, keras.layers.Layer):
        raise TypeError(f"the model is {model!r}, expected a Keras layer or model such as NALU(1)")
    x, y = as_pair(x, y, dtype_of(model))
    if picked:
        if inputs_of(model) == 1:
            model(x[:1])
        return x, y
    refuse_other_outputs(answer_of(model, x[:1]), y)
    return x, y


def as_pair(x: Any, y: Any, dtype: str, of: str = "", sequences: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """x [rows, in], or [rows, …] for `sequences`, and y [rows, out], or [rows] for one output, as arrays of `dtype`.

    `of` is put behind their names in sentences.
    """
    x, y = as_rows(x, f"x{of}", dtype, sequences), as_floats(y, f"y{of}", dtype)
    y = as_rows(y[:, None] if y.ndim == 1 else y, f"y{of}", dtype)
    if len(x) != len(y):
        raise ValueError(f"x{of} has {len(x)} rows and y{of} has {len(y)}: every row of x needs its own row of y")
    return x, y


def refuse_other_outputs(shape: tuple[int, ...], y: np.ndarray) -> None:
    """Raise ValueError when y [rows, out] does not have the columns of `shape`, into which a model turns one row."""
    if len(shape) != 2 or y.shape[-1] != shape[-1]:
        raise ValueError(f"y has {y.shape[-1]} columns and the model turns one row into shape {shape}: it must have as many outputs")


def inputs_of(model: keras.layers.Layer) -> int:
    """How many inputs `model` is called with."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    asked = [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.kind in places and parameter.default is parameter.empty and name not in ("training", "mask")
    ]
    return max(len(asked), len(getattr(model, "inputs", None) or []))


def answer_of(model: keras.layers.Layer, row: np.ndarray) -> tuple[int, ...]:
    """The shape that `model` turns one row [1, in] into. Raises ValueError or TypeError for several inputs or outputs."""
    if inputs_of(model) > 1:
        raise ValueError(f"the model has {inputs_of(model)} inputs, expected 1: use fit_many with draw and a cost that calls it")
    takes = getattr(model, "input_shape", None) or row.shape
    if len(takes) == row.ndim and takes[-1] not in (None, row.shape[-1]):
        raise ValueError(f"x has {row.shape[-1]} columns and the model takes {takes[-1]}: it must have as many inputs")
    said = model(row)
    if not hasattr(said, "shape"):
        raise TypeError(
            f"the model says a {type(said).__name__}, expected one tensor [rows, out]: give rows (x, y) and a cost that picks what to learn"
        )
    return tuple(said.shape)


def squared_error(cost: Cost) -> Callable:
    """`cost` as a function (model, x, y) → one number."""
    if callable(cost):
        return cost
    reduce = COSTS[one_of(cost, COSTS, "cost")]
    return lambda model, x, y: reduce((model(x, training=True) - y) ** 2)


def optimizer_for(learning_rate: Any, optimizer: keras.optimizers.Optimizer | None = None) -> keras.optimizers.Optimizer:
    """The Keras optimizer that was asked for: `optimizer` or Adam, with `learning_rate`, a number or a schedule.

    Where that is None the optimizer's own holds, and 0.05 for Adam. Raises TypeError or ValueError for anything else, and
    for a schedule where both have a learning rate.
    """
    if optimizer is not None and not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}, expected one of Keras such as keras.optimizers.Adam(0.05, beta_2=0.99)")
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or getattr(optimizer, "gradient_accumulation_steps", None):
        raise ValueError(
            "optimizer scales the cost or accumulates gradients, expected one that makes each update from the gradient of its own step: "
            "give it without gradient_accumulation_steps, and not in a LossScaleOptimizer"
        )
    if getattr(optimizer, "use_ema", False):
        raise ValueError("optimizer has use_ema, and no averages are taken here: give it without, or use model.fit")
    if optimizer is not None and learning_rate is None:
        return optimizer
    schedule = isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule) or callable(learning_rate)
    if optimizer is not None and (schedule or not isinstance(optimizer._learning_rate, keras.Variable)):
        raise ValueError("both learning_rate and optimizer have a learning rate, and one is a schedule: give the optimizer alone")
    given = RATE if learning_rate is None else learning_rate
    rate = given if schedule else positive_number(given, "learning_rate", "0.05")
    if optimizer is None:
        return keras.optimizers.Adam(rate)
    return _like(optimizer, type(optimizer), rate)


def a_watch(watch: Any) -> Watch | None:
    """`watch`. Raises TypeError when it can watch nothing."""
    if watch is not None and not callable(watch):
        raise TypeError(f"watch is {watch!r}, expected a function of what is seen, such as print, or None")
    return watch


def number_of_steps(steps: Any) -> int:
    """`steps` as an int. Raises TypeError or ValueError when it is none, or more than anyone can wait for."""
    return whole_number(steps, "steps", at_most=MOST_STEPS)


def progress_bar(progress: Any, total: int, unit: str) -> Any:
    """The progress bar of a training of `total` steps: a new one, or `progress` itself when it is one."""
    if isinstance(progress, bool):
        return Progress(total=total, unit=unit, disable=not progress)
    if not hasattr(progress, "update"):
        raise TypeError(f"progress is {progress!r}, expected True, False or a bar with update(count)")
    return contextlib.nullcontext(progress)


SEEDING = threading.RLock()  # Python, NumPy and TensorFlow keep one random state for all threads


class _RandomOfThread(threading.local):
    """Python's `random` as Keras' initializers see it: inside `seeded` a generator that no other thread can draw from.

    Threads that we know nothing of draw from Python's own meanwhile: those of Dask and of Jupyter, for instance.
    """

    generator: Any = random

    def randint(self, low, high):
        return self.generator.randint(low, high)


seed_generator.python_random = _RandomOfThread()


@contextlib.contextmanager
def seeded(seed: int, tensorflow: bool = True) -> Iterator[Callable[[], bool]]:
    """Inside, all random numbers begin at `seed`, in one thread at a time; outside they go on as if nothing had been.

    Gives a function that says whether TensorFlow was asked for random numbers of its own. Keras does not ask it; where nobody does,
    `tensorflow=False` leaves it out, since it forgets all its compiled operations when it is seeded.
    """
    with SEEDING:
        names, tf_state = ("global_random_seed", "global_seed_generator"), context.context()
        before = random.getstate(), np.random.get_state(), [global_state.get_global_attribute(name) for name in names]
        tf_before = tf_state._seed, getattr(tf_state, "_rng", None)
        try:
            seed_generator.python_random.generator = random.Random(seed)
            if tensorflow:
                keras.utils.set_random_seed(seed)
            else:
                random.seed(seed)
                np.random.seed(seed)
                global_state.set_global_attribute(names[0], seed)
                global_state.set_global_attribute(names[1], None)
            untouched = random.Random(seed).getstate()
            yield lambda: tensorflow and tf_state._rng.getstate() != untouched
        finally:
            seed_generator.python_random.generator = random
            random.setstate(before[0])
            np.random.set_state(before[1])
            for name, value in zip(names, before[2], strict=True):
                global_state.set_global_attribute(name, value)
            tf_state._seed, tf_state._rng = tf_before


# The parts of Loop


def _like(optimizer, kind, learning_rate):
    """A fresh optimizer of the class `kind` with the settings of `optimizer`, those of `exclude_from_weight_decay` too."""
    fresh = kind(**{**optimizer.get_config(), "learning_rate": learning_rate})
    vars(fresh).update({name: value for name, value in vars(optimizer).items() if name in EXCLUDED})
    return fresh


def _without_assignments(optimizer):
    """A fresh optimizer like `optimizer` that works on values instead of variables.

    On TensorFlow an optimizer of Keras insists on variables, for the sake of tf.distribute; what it overrides for that is put back.
    """
    kind, tensorflow = type(optimizer), keras.optimizers.Optimizer.__mro__[1]
    base = next(cls for cls in keras.optimizers.Optimizer.__mro__ if cls.__name__ == "BaseOptimizer")
    plain = {name: getattr(base, name) for name in vars(tensorflow) if not name.startswith("__") and hasattr(base, name)}
    fresh = type(kind.__name__, (kind,), plain)
    rate = optimizer._learning_rate  # a schedule itself: one of the reader's own need not be registered with Keras
    return _like(optimizer, fresh, float(rate) if isinstance(rate, keras.Variable) else rate)


def _penalised(model):
    """The units in `model` that add a penalty to the cost."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, Penalised)]


def _states(model):
    """What `model` keeps besides its trainable weights: frozen weights and states. The loop counts updates and validates by itself."""
    clocks = [variable for unit in _penalised(model) for variable in (unit.updates, unit.validation)]
    return [variable for variable in model.non_trainable_variables if not any(variable is clock for clock in clocks)]


def dtype_of(model: keras.layers.Layer) -> str:
    """The type in which `model` computes."""
    if isinstance(model, keras.Sequential) and model.layers:  # its own says nothing of its layers'
        return dtype_of(model.layers[-1])
    return getattr(model, "compute_dtype", None) or keras.config.floatx()


def _one_number(cost):
    """`cost` as a tensor of shape []. Raises TypeError or ValueError when it is anything else."""
    if isinstance(cost, (dict, list, tuple, str)) or cost is None:
        raise TypeError(f"the cost is a {type(cost).__name__}, expected one number, such as tf.reduce_mean(…)")
    cost = tf.convert_to_tensor(cost)
    if not (cost.dtype.is_floating or cost.dtype.is_integer):
        raise TypeError(f"the cost is a {cost.dtype.name}, expected one number, such as tf.reduce_mean(…)")
    if cost.shape.rank != 0:
        raise ValueError(f"the cost has shape {tuple(cost.shape)}, expected one number: reduce it, for example by tf.reduce_mean")
    return cost


def _traced(function, *arguments, jit_compile=False):
    """`function` as TensorFlow traced it. Raises ValueError when it uses a tensor of an earlier trace."""
    concrete = tf.function(function, jit_compile=jit_compile, autograph=False).get_concrete_function(*arguments)
    if any(map(tf.is_symbolic_tensor, concrete.captured_inputs)):
        raise ValueError(
            "the cost uses a tensor that a Python variable remembers from an earlier call, and it is not there any more: "
            "keep it in a weight of the model"
        )
    return concrete


@contextlib.contextmanager
def _silent_pfor():
    """Inside, what makes one graph of many runs raises its errors, and does not print them, too: where it cannot, runs go one by one."""
    logger, thread = tf.get_logger(), threading.get_ident()
    others = lambda record: not (record.module == "pfor" and record.thread == thread)  # noqa: E731
    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


def _operations(concrete):
    """The operations of a traced function and of the functions that it calls, as node definitions."""
    graph = concrete.graph.as_graph_def()
    return [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]


def _loops_or_picks(concrete):
    """Whether there is a loop in a traced function, or some of the runs are picked by a condition: as many as XLA cannot know."""
    return any(node.op in ("While", "StatelessWhile", "DynamicPartition") for node in _operations(concrete))


def _refuse_foreign(concrete):
    """Raise ValueError when an update uses random numbers or a variable that are not the model's own: runs would share them."""
    drawing = [node.op for node in _operations(concrete) if node.op.startswith(RANDOM)]
    drawing += [variable.name for variable in concrete.graph.variables if "seed_generator" in variable.name]
    if drawing:
        raise ValueError(
            f"the cost draws random numbers ({drawing[0]}) that are none of the run's own, so that it would not end the same again: "
            "draw them in draw(rng, count), or with a keras.random.SeedGenerator that is a part of the model"
        )
    for variable in concrete.graph.variables:
        raise ValueError(
            f"the cost uses the variable {variable.name!r}, which is none of the model's: every run would change it for the others; "
            "make it a weight of the model, or a plain number"
        )


_COMPILED: OrderedDict[Any, Any] = OrderedDict()  # what was compiled last, by what it computes
_COMPILED_LOCK = threading.Lock()
MAPS, MOST_MAPS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")  # Linux: pieces of memory in use, and how many there may be


class TooManyLoops(MemoryError):
    """There is no room for another compiled loop in this Python process; a new process has all of it again."""


def refuse_another_loop(share: float = 0.9) -> None:
    """Raise TooManyLoops when more than this share of the pieces of memory that Linux allows a process is taken.

    XLA keeps every loop for as long as the process lives, in some hundred pieces each, and without room it ends the process with all that
    was in it. On other systems nothing is counted.
    """
    with contextlib.suppress(OSError, ValueError):
        most = int(MOST_MAPS.read_text())
        with MAPS.open("rb") as lines:
            taken = sum(1 for _ in lines)
        if taken > share * most:
            raise TooManyLoops(
                f"this Python process has compiled so many loops that {taken:,} of its {most:,} pieces of memory are taken, and TensorFlow "
                "gives none back: restart the kernel, or start the command again; a table that was being written goes on from where it is"
            )


def _compiled_once(concrete):
    """`concrete`, or a function that was traced before and computes the same, which is compiled already."""
    key = (_fingerprint(concrete), *(id(tensor) for tensor in concrete.captured_inputs))
    with _COMPILED_LOCK:
        if key not in _COMPILED:
            refuse_another_loop()
        _COMPILED[key] = _COMPILED.pop(key, concrete)
        while len(_COMPILED) > 32:
            _COMPILED.popitem(last=False)
        return _COMPILED[key]


def _fingerprint(concrete):
    """A digest of what a traced function computes: its operations in order, without the names that tracing numbers anew each time.

    In place of its name a value is told by its place in the function, and a function by its place among those that are called.
    """
    graph, digest = concrete.graph.as_graph_def(), hashlib.sha256()
    functions = {function.signature.name: function for function in graph.library.function}
    met: list[str] = []  # functions in the order in which they are called

    def setting(name, value):
        """A node's setting as bytes: its value, or the functions that may be called."""
        called = [function.name for function in (value.func, *value.list.func) if function.name in functions]
        if not called:
            return value.SerializeToString(deterministic=True)
        met.extend(dict.fromkeys(function for function in called if function not in met))
        return " ".join([name, *(str(met.index(function)) for function in called)]).encode()

    def read(given, nodes, returned):
        """Take in one function: the names of its arguments, its nodes, and the names of what it returns."""
        places = {name: str(i) for i, name in enumerate([*given, *(node.name for node in nodes)])}

        def place(name):
            name, *output = name.lstrip("^").split(":")
            return ":".join([places[name], *output])

        for node in nodes:
            digest.update("\n".join([node.op, *map(place, node.input)]).encode())
            for name, value in sorted(node.attr.items()):
                if not name.startswith("_"):  # what begins so is a note of TensorFlow's own
                    digest.update(setting(name, value))
        digest.update("\n".join(map(place, returned)).encode())

    read([], graph.node, [tensor.name for tensor in concrete.outputs])
    for called in met:  # it grows while it is read
        function = functions[called]
        signature = function.signature
        read([i.name for i in signature.input_arg], function.node_def, [function.ret[o.name] for o in signature.output_arg])
    return digest.hexdigest()


def _diverged(cost, optimizer):
    """The error for costs [steps] that hold one that is not finite, cut off after the first such step."""
    cost = cost[: 1 + int(np.argmin(np.isfinite(cost)))]
    if len(cost) == 1:
        return TrainingDiverged(f"the cost is {cost[0]} at step 1: make the inputs smaller, or use dtype='float64'", cost)
    rate = optimizer._learning_rate
    mend = f"below {float(rate):g}" if isinstance(rate, keras.Variable) else "that is smaller"
    return TrainingDiverged(
        f"the cost is {cost[-1]} at step {len(cost)}, after {cost[-2]:.3g} at step {len(cost) - 1}: try a learning rate {mend}", cost
    )
