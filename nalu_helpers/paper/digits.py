"""Counting and adding handwritten digits, end to end: Trask et al. 2018, section 4.2, on scikit-learn's 8 × 8 digits or on MNIST.

A small convnet turns each image into features, and a recurrent cell reads them one after the other. It is told only how many of each
digit a sequence of 10 images held, or what they sum to, never what a single image is; it is examined on 10, 100 and 1,000 images
that it has not seen. Our reading of "a recurrent NAC": the state is a running total, s ← s + NAC(features). The other
reading, s ← NAC([features, s]), in which the total passes through the unit at every step, is there as "NAC of all".

Against them stand cells whose state is bounded (LSTM, GRU, RNN), cells whose state is not (a ReLU in the place of tanh, started as
usual or, as Le, Jaitly & Hinton 2015 propose, from the identity; an LSTM whose inner c is read), and a Transformer's encoder, whose
answers for the images are averaged, or added up.

Two smaller tasks stand beside: the product of the digits 1 to 9, learned from two images at a time (Madsen & Johansen 2020), and whether
a single digit is odd, with a unit as the last layer (Trask et al. 2018, section 4.6).
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from .. import data
from .._inputs import as_floats, in_digits, is_tensor, one_of, refuse_memory, whole_number
from ..layers import NAC, NALU, NMU, NACLog, Shape, Tensor
from ..many import Runs, fit_many
from .functions import Recurrent

SOURCES = ("sklearn", "mnist")
FEATURES, STATE, BATCH = 16, 32, 32


@keras.saving.register_keras_serializable("nalu_helpers")
def at_least_zero(x: Tensor) -> Tensor:
    """ReLU, in a form that TensorFlow does not try to fuse: in an unrolled loop it fails at that, with a page of warnings."""
    return keras.ops.maximum(x, 0.0)


CELLS = {
    "NAC": lambda outputs: Total(NAC(outputs)),
    "NALU": lambda outputs: Total(NALU(outputs)),
    "linear": lambda outputs: Total(keras.layers.Dense(outputs, use_bias=False)),
    "NAC of all": lambda outputs: Recurrent(NAC(outputs)),
    "LSTM": lambda outputs: keras.layers.LSTMCell(STATE),
    "LSTM by its c": lambda outputs: ByItsC(STATE),
    "GRU": lambda outputs: keras.layers.GRUCell(STATE),
    "RNN": lambda outputs: keras.layers.SimpleRNNCell(STATE),
    "ReLU-RNN": lambda outputs: keras.layers.SimpleRNNCell(STATE, activation=at_least_zero),
    "identity-RNN": lambda outputs: keras.layers.SimpleRNNCell(STATE, activation=at_least_zero, recurrent_initializer="identity"),
    "Transformer": lambda outputs: Encoder(STATE),
    "Transformer total": lambda outputs: Encoder(outputs, total=True),
    "running product": lambda outputs: Product(),
    "NMU of all": lambda outputs: Product(NMU(outputs, penalty_steps=(1_000, 2_000))),
    "NACLog of all": lambda outputs: Product(NACLog(outputs)),
}
OF_PRODUCTS = ["running product", "NMU of all", "NACLog of all"]
OF_SUMS = [name for name in CELLS if name not in OF_PRODUCTS]


class Asked(NamedTuple):
    """A task: how many numbers are the answer, and to how many images; to how many in the test; and which CELLS are asked.

    With `fewest`, that many or more of the places of a sequence hold an image in training, and the others are blank.
    """

    outputs: int
    length: int
    lengths: tuple[int, ...]
    cells: list[str]
    fewest: int | None = None


TASKS = {
    "counting": Asked(10, 10, (10, 100, 1_000), OF_SUMS),
    "counting 1 to 20": Asked(10, 20, (10, 20, 50, 100, 200), ["NAC", "LSTM", "LSTM by its c"], fewest=1),
    "addition": Asked(1, 10, (10, 100, 1_000), OF_SUMS),
    "product": Asked(1, 2, (1, 2, 5, 10, 20), [*OF_PRODUCTS, "LSTM", "Transformer"]),
    "parity": Asked(1, 1, (1,), ["linear", "NAC", "NALU"]),
}
COUNTING = ["counting", "counting 1 to 20"]
SCALES = {**dict.fromkeys(COUNTING, (1, 0)), "addition": (9, 45), "product": (20, 25)}  # about the spread and the mean of the answers

KEY = ["task", "model"]
CHUNKS = [(task, model) for task, asked in TASKS.items() for model in asked.cells]
SEEDS, STEPS = 10, 4_000
LENGTHS, SEQUENCES = TASKS["counting"].lengths, 200
AT_ONCE, UNROLLED = 10_000, 10  # images that are attended to at once, and that are read without a loop


def load(source: str = "sklearn", test_share: float = 0.25) -> data.Task:
    """Images of handwritten digits as a Task: x [images, height, width, 1] float32 from 0 to 1, and their labels, 0 to 9, as y [images].

    "sklearn": the 1,797 images of 8 × 8 that come with scikit-learn; `test_share` of each digit is kept for the test, always the same
    images, and none of them is in the training part. "mnist": the 60,000 and 10,000 images of 28 × 28 of MNIST, in its own split, which
    Keras downloads once. Raises ValueError for another source and for a cached download that is broken, OSError without a network.
    """
    if one_of(source, SOURCES, "source") == "mnist":
        (x_train, y_train), (x_test, y_test) = _mnist()
        return _images(x_train / 255, y_train, x_test / 255, y_test)
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if not (isinstance(test_share, float) and 0.01 <= test_share <= 0.9):
        raise ValueError(f"test_share is {test_share!r}, expected a share of the images between 0.01 and 0.9, such as 0.25")
    images, labels = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=test_share, stratify=labels, random_state=0)
    return _images(x_train.reshape(-1, 8, 8) / 16, y_train, x_test.reshape(-1, 8, 8) / 16, y_test)


def _images(x_train, y_train, x_test, y_test):
    x_train, x_test = (images[..., None].astype("float32") for images in (x_train, x_test))
    return data.Task(x_train, y_train.astype("int32"), x_test, y_test.astype("int32"))


def _mnist():
    """What Keras' own loader returns. It raises whatever its parts raise; here that becomes one sentence."""
    from keras.datasets import mnist

    instead = "or take source='sklearn', whose images are on this machine already"
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
        if x_train.shape[1:] != (28, 28) or x_test.shape[1:] != (28, 28):
            raise ValueError(f"images of {x_train.shape[1:]}")
        return (x_train, y_train), (x_test, y_test)
    except Exception as error:
        said = " ".join(str(error).split())[:200].rstrip(".")
        if "URL fetch failure" in said or isinstance(error, (ConnectionError, TimeoutError)):
            raise OSError(f"MNIST is not on this machine and could not be downloaded ({said}): connect to a network, {instead}") from None
        raise ValueError(
            f"the downloaded copy of MNIST is broken ({said}): delete datasets/mnist.npz from Keras' folder (~/.keras unless KERAS_HOME "
            f"names another) and try again, {instead}"
        ) from None


@keras.saving.register_keras_serializable("nalu_helpers")
class Total(keras.layers.Layer):
    """A recurrent cell whose state is a running total: s ← s + unit(f). f is [rows, features]."""

    def __init__(self, unit: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.unit, self.state_size, self.output_size = unit, unit.units, unit.units

    def build(self, input_shape: Shape) -> None:
        if not self.unit.built:  # one that was loaded is
            self.unit.build(input_shape)

    def call(self, f: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        total = states[0] + self.unit(f)
        return total, [total]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit": keras.saving.serialize_keras_object(self.unit)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Total":
        return cls(keras.saving.deserialize_keras_object(config.pop("unit")), **config)


@keras.saving.register_keras_serializable("nalu_helpers")
class Product(keras.layers.Layer):
    """A recurrent cell whose state is a product that begins at 1: f becomes one number, and s ← unit([number, s]); s · number without."""

    start = 1.0

    def __init__(self, unit: keras.layers.Layer | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.unit, self.number, self.state_size, self.output_size = unit, keras.layers.Dense(1), 1, 1

    def build(self, input_shape: Shape) -> None:
        self.number.build(input_shape)
        if self.unit is not None and not self.unit.built:
            self.unit.build((*input_shape[:-1], 2))

    def call(self, f: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        pair = [self.number(f), states[0]]
        product = pair[0] * pair[1] if self.unit is None else self.unit(keras.ops.concatenate(pair, axis=-1))
        return product, [product]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unit": self.unit and keras.saving.serialize_keras_object(self.unit)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Product":
        unit = config.pop("unit")
        return cls(unit and keras.saving.deserialize_keras_object(unit), **config)


@keras.saving.register_keras_serializable("nalu_helpers")
class ByItsC(keras.layers.LSTMCell):
    """An LSTM that is read by its c, which is not bounded, and not by h = o · tanh(c), which is: its states are [c, h]."""

    def call(self, f: Tensor, states: list[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        _, (h, c) = super().call(f, states[::-1], training=training)
        return c, [c, h]


@keras.saving.register_keras_serializable("nalu_helpers")
class Encoder(keras.layers.Layer):
    """One block of a Transformer's encoder, then the mean or, with `total`, the sum over all images: [rows, length, f] → [rows, units].

    Each image attends to all; nothing says which place it has, since a count does not depend on it. Source: Vaswani et al. 2017.
    """

    def __init__(self, units: int, total: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = self.output_size = whole_number(units, "units")
        self.total = bool(total)
        self.embedding, self.last = keras.layers.Dense(STATE), keras.layers.Dense(self.units)
        self.attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=STATE // 2)
        self.wide, self.narrow = keras.layers.Dense(2 * STATE, activation="relu"), keras.layers.Dense(STATE)
        self.norms = [keras.layers.LayerNormalization(), keras.layers.LayerNormalization()]

    def build(self, input_shape: Shape) -> None:
        inside = (*input_shape[:-1], STATE)
        self.embedding.build(input_shape), self.attention.build(inside, inside)
        self.wide.build(inside), self.narrow.build((*input_shape[:-1], 2 * STATE)), self.last.build(inside)
        for norm in self.norms:
            norm.build(inside)

    def call(self, f: Tensor) -> Tensor:
        h = self.embedding(f)
        h = self.norms[0](h + self.attention(h, h))
        h = self.last(self.norms[1](h + self.narrow(self.wide(h))))
        return (keras.ops.sum if self.total else keras.ops.mean)(h, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "total": self.total}


def make_convnet() -> keras.Sequential:
    """What looks at each image: [images, height, width, 1] → [images, FEATURES]. softplus, so that the NALU's logarithm loses no sign."""
    conv = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")
    hidden, features = keras.layers.Dense(64, activation="relu"), keras.layers.Dense(FEATURES, activation="softplus")
    return keras.Sequential([conv, keras.layers.Flatten(), hidden, features])


@keras.saving.register_keras_serializable("nalu_helpers")
class Reader(keras.Model):
    """A convnet that looks at each image, and a recurrent `cell` that reads what it says: [rows, length, height, width, 1] → [rows, out].

    A cell without a state, such as an Encoder, reads the whole sequence at once. Raises ValueError for a sequence of length 0 and for
    images of another size than the first ones it saw.
    """

    def __init__(self, convnet: keras.Model, cell: keras.layers.Layer, readout: keras.layers.Layer | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.convnet, self.cell, self.readout = convnet, cell, readout or keras.layers.Identity()

    def get_config(self) -> dict[str, Any]:
        parts = {"convnet": self.convnet, "cell": self.cell, "readout": self.readout}
        return {**super().get_config(), **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Reader":
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("convnet", "cell", "readout")}
        return cls(**parts, **config)

    def __call__(self, images: Any) -> Tensor:
        if not is_tensor(images) and 0 not in getattr(images, "shape", ()):
            images = as_floats(images, "images")
        if len(images.shape) != 5:
            raise ValueError(f"images have shape {tuple(images.shape)}, expected [rows, length, height, width, 1]: images[None] is one row")
        self._refuse_no_length(images.shape[1])
        self._refuse_other_size(images.shape[2:])
        return super().__call__(images)

    def call(self, images: Tensor) -> Tensor:
        length, *size = images.shape[1:]
        return self.read(tf.reshape(self.convnet(tf.reshape(images, [-1, *size])), [-1, length, FEATURES]))

    def look(self, images: Tensor) -> Tensor:
        """The features of single images: [images, height, width, 1] → [images, FEATURES]."""
        self._refuse_other_size(images.shape[1:])
        return self.convnet(images)

    def read(self, features: Tensor) -> Tensor:
        """What the cell says after reading `features`: [rows, length, FEATURES] → [rows, out]."""
        length = features.shape[1]
        self._refuse_no_length(length)
        if not self._is_recurrent:
            return self.readout(self.cell(features))
        first = getattr(self.cell, "start", 0.0)
        start = [tf.fill([tf.shape(features)[0], size], first) for size in np.ravel(self.cell.state_size)]
        step = lambda states, f: self.cell(f, states)[1]  # noqa: E731
        in_time = tf.transpose(features, [1, 0, 2])
        few = length is not None and length <= UNROLLED
        return self.readout((functools.reduce(step, tf.unstack(in_time), start) if few else tf.foldl(step, in_time, start))[0])

    def answer(self, images: Tensor, chosen: np.ndarray) -> np.ndarray:
        """What it says of sequences of `images`, given as places in them, [rows, length] → NumPy [rows, out]. Looks at each image once."""
        self._refuse_no_length(np.shape(chosen)[1])
        features = self.look(images)
        parts = 1 if self._is_recurrent else -(-np.size(chosen) // AT_ONCE)  # who attends to all of it takes length² numbers a row
        return np.concatenate([self._read_any(tf.gather(features, part)) for part in np.array_split(chosen, parts)])

    @property
    def _is_recurrent(self):
        return hasattr(self.cell, "state_size")

    @functools.cached_property
    def _read_any(self):
        """`read` as one compiled function, for any number of sequences of any length."""
        return tf.function(self.read, autograph=False).get_concrete_function(tf.TensorSpec([None, None, FEATURES]))

    def _refuse_no_length(self, length):
        if length == 0:
            raise ValueError("the sequences have length 0: give each at least one image")

    def _refuse_other_size(self, size):
        if self.convnet.built and tuple(size) != self.convnet.input_shape[1:]:
            given, known = (" × ".join(map(str, each)) for each in (size, self.convnet.input_shape[1:]))
            raise ValueError(f"an image is {given}, expected {known} as in the training: bring it to that size, or make a new Reader")


def make_reader(task: str, model: str, image_size: tuple[int, int, int] = (8, 8, 1)) -> Reader:
    """An untrained Reader for one of TASKS and one of the CELLS that it asks. Raises ValueError for another.

    What keeps no total and no product ends in a Dense layer, whose output is scaled to about the mean and the spread of the answers, which
    are slow to find else.
    """
    asked, readout = TASKS[one_of(task, TASKS, "task")], None
    cell = CELLS[one_of(model, asked.cells, "model")](asked.outputs)
    if cell.output_size != asked.outputs:
        readout = keras.Sequential([keras.layers.Dense(asked.outputs), keras.layers.Rescaling(*SCALES[task])])
    reader = Reader(make_convnet(), cell, readout)
    reader(np.zeros((1, asked.length, *image_size), "float32"))
    return reader


def worth(task: str, labels: np.ndarray) -> np.ndarray:
    """What each image gives to the answer: labels [images] → float32 [images, outputs]: ten counts, its value, or 1 if it is odd.

    Raises ValueError when a product is asked for and one of `labels` is 0.
    """
    labels = np.asarray(labels)[:, None]
    if one_of(task, TASKS, "task") == "product" and not labels.all():
        raise ValueError("some of the images are a 0, with which every product is 0: pass without_zeros(digits)")
    if task in COUNTING:
        return (labels == np.arange(10)).astype("float32")
    return (labels % 2 if task == "parity" else labels).astype("float32")


def without_zeros(digits: data.Task) -> data.Task:
    """`digits` without the images of a 0."""
    (x_train, y_train), (x_test, y_test) = (
        (x[y > 0], y[y > 0]) for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test))
    )
    return data.Task(x_train, y_train, x_test, y_test)


def train(task: str, model: str, digits: data.Task, *, seeds: Iterable[int], steps: int = STEPS, progress: Any = True) -> Runs:
    """Train a Reader for each of `seeds` on sequences of training images of `digits`, what `load` returns; what `fit_many` returns.

    The cost is the squared error of the answer, a sum or a product: nothing is said of a single image. Raises ValueError or TypeError.
    """
    asked, blank = TASKS[one_of(task, TASKS, "task")], len(digits.x_train)
    images, each = (tf.pad(part, [[0, 1]] + [[0, 0]] * (part.ndim - 1)) for part in (digits.x_train, worth(task, digits.y_train)))
    whole = tf.reduce_prod if task == "product" else tf.reduce_sum

    def draw(rng, count):
        chosen = rng.integers(blank, size=(count, BATCH, asked.length), dtype="int32")
        if asked.fewest:
            there = rng.random(chosen.shape).argsort(axis=-1) < rng.integers(asked.fewest, asked.length, (count, BATCH, 1), endpoint=True)
            chosen = np.where(there, chosen, blank).astype("int32")
        return (chosen,)

    def cost(reader, chosen):
        return tf.reduce_mean((reader(tf.gather(images, chosen)) - whole(tf.gather(each, chosen), axis=1)) ** 2)

    make = functools.partial(make_reader, task, model, digits.x_train.shape[1:])
    adam = keras.optimizers.Adam(3e-3, global_clipnorm=1.0)
    return fit_many(make, draw, cost=cost, seeds=seeds, steps=steps, optimizer=adam, progress=progress)


def some_sequences(digits: data.Task, length: int, sequences: int = SEQUENCES) -> np.ndarray:
    """Places of test images, [sequences, length], the same ones every time. Raises TypeError or ValueError for a length below 1."""
    length, sequences = whole_number(length, "length"), whole_number(sequences, "sequences")
    refuse_memory(8 * sequences * length, f"{in_digits(sequences)} sequences of {in_digits(length)} images")
    return np.random.default_rng([2018, length]).integers(len(digits.x_test), size=(sequences, length))


def examine(reader: Reader, task: str, digits: data.Task, lengths: Iterable[int] | None = None) -> pd.DataFrame:
    """What a trained reader is worth on test images: a row for each of `lengths`, with the columns length, error, exact and accuracy.

    error is the mean absolute error (of a count, of a sum, of 1 for odd; of a product its share of the product), exact the share of
    sequences whose answer is right after rounding, and accuracy the share of single images whose answer is, read off a sequence of one.
    """
    each, single = worth(task, digits.y_test), reader.answer(digits.x_test, np.arange(len(digits.x_test))[:, None])
    right = single.argmax(axis=1) == digits.y_test if task in COUNTING else (np.round(single) == each)[:, 0]
    rows = []
    for length in TASKS[task].lengths if lengths is None else lengths:
        chosen = some_sequences(digits, length)
        whole = np.prod if task == "product" else np.sum
        said, truth = reader.answer(digits.x_test, chosen), whole(each[chosen], axis=1, dtype="float64")
        error = np.nan_to_num(np.abs(said - truth) / (truth if task == "product" else 1), nan=np.inf, posinf=np.inf)
        exact = (np.round(said) == truth).all(axis=1).mean()
        rows.append({"length": length, "error": error.mean(), "exact": exact, "accuracy": right.mean()})
    return pd.DataFrame(rows)


def run(task: str, model: str, seeds: Iterable[int], steps: int = STEPS, progress: Any = False, source: str = "sklearn") -> pd.DataFrame:
    """Train and examine one model on one task: KEY, seed, and the columns of `examine`, a row for each seed and each length.

    `source` is what `load` takes. Raises ValueError or TypeError for what it cannot use, OSError for MNIST without a network.
    """
    seeds, digits = list(seeds), without_zeros(load(source)) if task == "product" else load(source)
    readers = train(task, model, digits, seeds=seeds, steps=steps, progress=progress).models
    tables = [examine(reader, task, digits).assign(task=task, model=model, seed=seed) for seed, reader in zip(seeds, readers, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    return table[[*KEY, "seed", *(name for name in table if name not in (*KEY, "seed"))]]
