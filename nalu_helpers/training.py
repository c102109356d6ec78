"""Training with Adam: `fit` for one model, `fit_many` for many seeds of one model side by side.

Both run the loop that notebook 03 writes out by hand, compiled by `tf.function`, so that no Python runs between two epochs.
"""

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from ._inputs import as_rows, one_of, positive_number, whole_number

LOSSES = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
EPOCHS_A_CALL = 250  # compiled epochs between two moves of the progress bar, where a cost that is not finite is noticed


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


def fit(model, x, y, *, epochs, learning_rate=0.05, loss="sum", progress=True):
    """Train `model`, a Keras model or layer, on all rows at once; return its cost before each update, shape [epochs].

    x [rows, in] and y [rows, out], or [rows] for one output, may be lists or arrays of any number type: they are converted to
    the model's own (so float64 data into a float32 model is rounded). `loss` is "sum" or "mean" of the squared errors. The
    model is changed in place; a second call goes on from where the first ended, with a fresh Adam.

    Raises ValueError or TypeError when x or y are empty, hold NaN or infinity (naming the first row) or do not fit each other or
    the model, epochs is below 1, the learning rate is not above 0, or the loss is unknown; TrainingDiverged, a ValueError, when the
    cost is no longer finite.
    """
    x, y = _data_for(model, x, y)
    reduce = LOSSES[one_of(loss, LOSSES, "loss")]
    return _descend(lambda: reduce((model(x) - y) ** 2), model.trainable_variables, epochs, learning_rate, progress)


def fit_many(make_model, x, y, *, seeds, epochs, learning_rate=0.05, loss="sum", progress=True):
    """Train one model for each of `seeds` side by side; return the models and their costs, shape [epochs, seeds].

    `make_model` is a function of no arguments, such as `lambda: NALU(1)`, called once after each seed is set: what a seed starts
    from does not depend on the others. The models share nothing but the data, and each learns what `fit` would teach it alone.
    Everything else, and what is raised, is as in `fit`; a cost that is no longer finite is reported with its seed.
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
        cost = _descend(cost_of_each, together, epochs, learning_rate, progress, seeds)
    finally:
        for model, *weights in zip(models, *(variable.numpy() for variable in together)):
            model.set_weights(weights)
    return models, cost


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


def _descend(cost_of, variables, epochs, learning_rate, progress, seeds=None):
    """Adam on `variables`, down the cost that `cost_of()` gives: a number, or one for each of `seeds`."""
    epochs = whole_number(epochs, "epochs")
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
            history.append(run(tf.constant(min(EPOCHS_A_CALL, epochs - done))).numpy())
            bar.update(len(history[-1]))
            if not np.isfinite(history[-1]).all():
                for variable, value in zip(variables, last_good):
                    variable.assign(value)
                raise _diverged(np.concatenate(history), learning_rate, seeds)
    return np.concatenate(history)


def _diverged(cost, learning_rate, seeds):
    """The error for costs [epochs] or [epochs, seeds] that hold one that is not finite, cut off after the first such epoch."""
    cost = cost[: 1 + int(np.argmin(np.isfinite(cost).reshape(len(cost), -1).all(axis=1)))]
    seed = None if seeds is None else int(np.argmin(np.isfinite(cost[-1])))
    whose, own = ("", cost) if seeds is None else (f" of seed {seeds[seed]}", cost[:, seed])
    if len(own) == 1:
        return TrainingDiverged(f"the cost{whose} is {own[0]} at epoch 1: make the inputs smaller, or use dtype='float64'", cost)
    return TrainingDiverged(
        f"the cost{whose} is {own[-1]} at epoch {len(own)}, after {own[-2]:.3g} at epoch {len(own) - 1}: "
        f"try a learning rate below {learning_rate:g}",
        cost,
    )
