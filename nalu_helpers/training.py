"""Training: the one update that everything here learns by, and `fit`, which applies it to one model.

The update is the loop of notebook 03, with Keras' own optimizers: the gradient of cost + `model.losses` (penalties and regularizers),
clipped as the optimizer says, its step, and each weight's constraint. `Loop` compiles many of them into one, for one run or for some
runs side by side, so that no Python runs between two updates. `many.fit_many` trains with the same `Loop`: the same start, rows and
settings give the same weights, to the last bit.
"""

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import joblib
import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ._inputs import as_rows, one_of, positive_number, refuse_memory, whole_number
from ._tensorflow import compiled_once, fingerprint, loops_or_picks, optimizer_like, refuse_foreign, silent_pfor, trace, without_assignments
from .layers import Penalised

COSTS = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
STEPS_A_CALL = 250  # compiled updates between two moves of the progress bar, where a cost that is not finite is noticed
MOST_STEPS = 10**9
SMALL = 2_000  # weights up to which runs are compiled side by side, and larger models one by one
LONG_SUM = 2**15  # numbers, of all runs together, from which on XLA adds them on a CPU in another order
SUMS = ("Sum", "Mean", "BiasAddGrad", "Softmax", "LogSoftmax")  # what TensorFlow calls operations that add
CORES = joblib.cpu_count()  # those this process may use, also in a container
RATE = 0.05  # Adam's, where nothing is said and all rows are seen at every step
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
    the model's own (so float64 data into a float32 model is rounded). For sequences and images they are [rows, …]. `cost` is "sum" or
    "mean" of the squared errors, or a function (model, x, y) → one number, to which a flat y is [rows, 1]; the penalties in
    `model.losses` are added to it. Adam with `learning_rate`, a number or a Keras schedule (0.05 where nothing is said), unless
    `optimizer` is another one of Keras, such as `keras.optimizers.Adam(0.05, beta_2=0.99)`; where both are given, the number
    `learning_rate` holds. The model is changed in place; a second call goes on from where the first ended, with a fresh optimizer.

    `watch(seen)` is called before the first step, after every `every` of them and at the end, with a dict: "step" [1], "cost" [1] and
    "weights", a list of the trainable weights, each [1, …]. `progress` is True, False, or a bar of yours with `update(count)`.

    Raises ValueError or TypeError when x or y are empty, hold NaN or infinity (naming the first row) or do not fit each other or
    the model, or a setting is none; TrainingDiverged, a ValueError, when the cost is no longer finite. Then, and when Ctrl-C or `watch`
    ends it, the model keeps weights of at most 250 steps before.
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
                before = (state, done) if np.isfinite(costs[0, 0]) else before
                if watch and done % every == 0:
                    watch({"step": np.array([done]), "cost": costs[:1, 0], "weights": loop.weights(state, 1)})
                history.append(costs[:, 0])
                bar.update(count)
                if not np.isfinite(costs[:, 0]).all():
                    raise _diverged(np.concatenate(history), loop.optimizer)
                state, done = after, done + count
        cost_at_end = loop.run(state, steps, 1, (), own)[1][0, :1]  # one update more, for the cost that it starts from
        if not np.isfinite(cost_at_end):
            raise _diverged(np.concatenate([*history, cost_at_end]), loop.optimizer)
    except BaseException:  # Ctrl-C too, and whatever `watch` raises
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
    """The update of `model`, compiled for several runs side by side.

    A model with more than SMALL weights, a loop of its own or a `tf.cond` is compiled for one run at a time.

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
            why = "there is nothing to learn" if model.built else "build it first, for example with a keras.Input, or by .build(…)"
            raise ValueError(f"the {type(model).__name__} has no trainable weights: {why}")
        self.optimizer = without_assignments(optimizer)
        self.optimizer.build(self.trainable)
        self.updates, self.validations = ([getattr(unit, name) for unit in _penalised(model)] for name in ("updates", "validation"))
        self.others = _states(model)
        self.remembered = [v for v in self.optimizer.variables if v is not self.optimizer.iterations]
        self.variables = [*self.trainable, *self.others, *self.remembered]
        self.begun = [int(v) for v in self.updates]
        self.fresh = [v.numpy() for v in self.remembered]
        if any(np.ptp(value) for value in self.fresh if value.size):
            raise ValueError(
                f"{type(optimizer).__name__} begins with a copy of the weights, expected an optimizer that remembers nothing at first, "
                "such as keras.optimizers.AdamW: use model.fit for this one"
            )
        self.rate_place = next((i for i, v in enumerate(self.variables) if v is getattr(self.optimizer, "_learning_rate", None)), None)
        examples = [tf.convert_to_tensor(part) for part in (*drawn, *own)]
        one = tf.constant(0), tf.constant(0.0), self.values_of(model), examples  # what one update of one run begins with
        self.side_by_side, traced = self._tried(one, likely)
        self.likely, self.traced = likely if self.side_by_side else 1, traced  # so many runs are not traced again
        self.bytes_held = 2 * sum(value.nbytes for value in self.fresh)  # the optimizer's variables, and what they begin with
        self.bytes_a_run = self._bytes_of(traced)
        refuse_memory(self.bytes_held + self.bytes_a_run, "one step of one run")
        self.sums = self._sums_of(traced)
        refuse_foreign(traced)
        self._refuse_a_changing_cost(one)
        self._compiled: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def _tried(self, one, runs):
        """Whether runs can be computed side by side, and one update as TensorFlow traced it: of `runs` of them, or of one alone."""
        if sum(int(np.prod(variable.shape)) for variable in self.trainable) <= SMALL:
            some = tf.nest.map_structure(lambda part: tf.TensorSpec([runs, *part.shape], part.dtype), one[1:])
            with contextlib.suppress(Exception), silent_pfor():  # what is wrong with the cost itself is said below
                traced = trace(self._as_one_graph, one[0], *some)
                if not loops_or_picks(traced):
                    return True, traced
        return False, trace(self._update, *one)

    def _refuse_a_changing_cost(self, one):
        """Raise ValueError when the cost computes something else the second time: then Python or NumPy count or draw in it."""

        def cost(step, validation, values, examples):
            with self._holding(step, validation, values):
                return self._cost_of(examples)

        if len({fingerprint(trace(cost, *one)) for _ in range(2)}) > 1:
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
        except (AttributeError, NotImplementedError, TypeError) as error:
            if not any(words in str(error) for words in ("'numpy'", "to a numpy array", "Symbolic", "symbolic", "as a Python `bool`")):
                raise
            raise TypeError(
                "the cost asks for a tensor's numbers, and it has none while it is compiled: write it in tf or keras.ops, without NumPy, "
                "float(…) or a Python `if` (tf.where and tf.cond choose)"
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
                self._compiled[shapes] = compiled_once(trace(function, *arguments, jit_compile=True))
        return self._compiled[shapes]


# What both trainers ask of their input


def rows_for(model: keras.layers.Layer, x: Any, y: Any, picked: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """x and y as arrays of the model's own type, after every check; builds the model when it has no weights yet.

    What the model says is not checked when a cost of the reader's own has `picked` what to learn.
    """
    if not isinstance(model, keras.layers.Layer):
        raise TypeError(f"the model is {model!r}, expected a Keras layer or model such as NALU(1)")
    if isinstance(x, (list, tuple)) and len(x) == inputs_of(model) > 1 and np.ndim(x[0]) > 1:
        _refuse_several_inputs(model)
    x, y = as_pair(x, y, dtype_of(model))
    if picked:
        if inputs_of(model) == 1:
            model(x[:1])
        return x, y
    refuse_other_outputs(output_shape_of(model, x[:1]), y)
    return x, y


def as_pair(x: Any, y: Any, dtype: str, of: str = "") -> tuple[np.ndarray, np.ndarray]:
    """x [rows, in] and y [rows, out], or [rows, …] for sequences and images, or y [rows] for one output, as arrays of `dtype`.

    `of` is put behind their names in sentences.
    """
    x, y = as_rows(x, f"x{of}", dtype, sequences=True), as_rows(y, f"y{of}", dtype, sequences=True, or_column=True)
    if len(x) != len(y):
        raise ValueError(f"x{of} has {len(x)} rows and y{of} has {len(y)}: every row of x needs its own row of y")
    return x, y


def refuse_other_outputs(shape: tuple[int, ...], y: np.ndarray) -> None:
    """Raise ValueError when a row of y is not of the `shape` into which a model turns one row [1, …]."""
    if len(shape) != y.ndim or y.shape[1:] != shape[1:]:
        has = f"{y.shape[-1]} columns" if y.ndim == 2 else f"shape {y.shape}"
        raise ValueError(f"y has {has} and the model turns one row into shape {shape}: it must have as many outputs")


def inputs_of(model: keras.layers.Layer) -> int:
    """How many inputs `model` is called with."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    asked = [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.kind in places and parameter.default is parameter.empty and name not in ("training", "mask")
    ]
    return max(len(asked), len(getattr(model, "inputs", None) or []))


def output_shape_of(model: keras.layers.Layer, row: np.ndarray) -> tuple[int, ...]:
    """The shape that `model` turns one row [1, …] into. Raises ValueError or TypeError for several inputs or outputs."""
    if inputs_of(model) > 1:
        _refuse_several_inputs(model)
    takes = getattr(model, "input_shape", None) or row.shape
    if len(takes) == row.ndim and takes[-1] not in (None, row.shape[-1]):
        raise ValueError(f"x has {row.shape[-1]} columns and the model takes {takes[-1]}: it must have as many inputs")
    said = model(row)
    if not hasattr(said, "shape"):
        raise TypeError(
            f"the model says a {type(said).__name__}, expected one tensor [rows, out]: give rows (x, y) and a cost that picks what to learn"
        )
    return tuple(said.shape)


def _refuse_several_inputs(model):
    raise ValueError(f"the model has {inputs_of(model)} inputs, expected 1: use fit_many with draw and a cost that calls it")


def squared_error(cost: Cost) -> Callable:
    """`cost` as a function (model, x, y) → one number. Raises TypeError or ValueError when it is none."""
    if callable(cost):
        refuse_other_arguments(cost, "cost", "model, x, y", 3)
        return cost
    reduce = COSTS[one_of(cost, COSTS, "cost")]
    return lambda model, x, y: reduce((model(x, training=True) - y) ** 2)


def refuse_other_arguments(function: Callable, name: str, arguments: str, count: int) -> None:
    """Raise TypeError when `function`, which is called `name`, cannot be called with so many `arguments`."""
    if isinstance(function, keras.losses.Loss):
        raise TypeError(
            f"{name} is a {type(function).__name__}, which knows no model: write it as a function of {arguments}, "
            "such as lambda model, x, y: loss(y, model(x))"
        )
    with contextlib.suppress(ValueError):  # of some built-in functions nobody knows the arguments
        try:
            inspect.signature(function).bind(*range(count))
        except TypeError as error:
            raise TypeError(f"{name} is called with {arguments}, and it cannot be: {error}") from None


def optimizer_for(learning_rate: Any, optimizer: keras.optimizers.Optimizer | None = None) -> keras.optimizers.Optimizer:
    """The Keras optimizer that was asked for: `optimizer` or Adam, with `learning_rate`, a number or a schedule.

    Where that is None the optimizer's own holds, and 0.05 for Adam. Raises TypeError or ValueError for anything else, and
    for a schedule where both have a learning rate.
    """
    if optimizer is not None and not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(f"optimizer is {optimizer!r}, expected one of Keras such as keras.optimizers.Adam(0.05, beta_2=0.99)")
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or getattr(optimizer, "loss_scale_factor", None)
    if scales or getattr(optimizer, "gradient_accumulation_steps", None):
        raise ValueError(
            "optimizer scales the cost or accumulates gradients, expected one that makes each update from the gradient of its own step: "
            "give it without loss_scale_factor and gradient_accumulation_steps, and not in a LossScaleOptimizer"
        )
    if isinstance(optimizer, getattr(keras.optimizers, "MultiOptimizer", ())):
        raise ValueError("optimizer is a MultiOptimizer, one for each part of a model, expected a single one: use model.fit for several")
    if getattr(optimizer, "use_ema", False):
        raise ValueError("optimizer has use_ema, and no averages are taken here: give it without, or use model.fit")
    for rate in (learning_rate, getattr(optimizer, "_learning_rate", None)):
        if callable(rate) and not isinstance(rate, (keras.Variable, keras.optimizers.schedules.LearningRateSchedule)):
            raise TypeError(
                f"the learning rate is {rate!r}, which would be called once for all steps: expected a number or a schedule, one of "
                "keras.optimizers.schedules or a class of yours with __call__(self, step) that inherits from LearningRateSchedule there"
            )
    if optimizer is not None and learning_rate is None:
        return optimizer
    schedule = isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    if optimizer is not None and (schedule or not isinstance(optimizer._learning_rate, keras.Variable)):
        raise ValueError("both learning_rate and optimizer have a learning rate, and one is a schedule: give the optimizer alone")
    given = RATE if learning_rate is None else learning_rate
    rate = given if schedule else positive_number(given, "learning_rate", "0.05")
    if optimizer is None:
        return keras.optimizers.Adam(rate)
    return optimizer_like(optimizer, type(optimizer), rate)


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


# The parts of Loop


def _penalised(model):
    """The units in `model` that add a penalty to the cost: those that learn."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, Penalised) and layer.trainable_variables]


def _states(model):
    """What `model` keeps besides its trainable weights: frozen weights and states. The loop counts updates and validates by itself."""
    clocks = [variable for unit in _penalised(model) for variable in (unit.updates, unit.validation)]
    return [variable for variable in model.non_trainable_variables if not any(variable is clock for clock in clocks)]


def dtype_of(model: keras.layers.Layer) -> str:
    """The type in which `model` computes. Raises ValueError when that is neither float32 nor float64."""
    dtype = _computes_in(model)
    if dtype not in ("float32", "float64"):
        raise ValueError(f"the model computes in {dtype}, expected float32 or float64: make its layers with dtype='float32'")
    return dtype


def _computes_in(model):
    if isinstance(model, keras.Sequential) and model.layers:  # its own says nothing of its layers'
        return _computes_in(model.layers[-1])
    floats = [tensor.dtype for tensor in getattr(model, "outputs", None) or [] if "float" in tensor.dtype]  # nor does a functional model's
    return floats[0] if floats else getattr(model, "compute_dtype", None) or keras.config.floatx()


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
