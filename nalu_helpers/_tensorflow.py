"""What keeps runs apart in TensorFlow and Keras, which are made for one model at a time: random numbers, optimizers, compiled loops.

Nothing here is needed to understand a training: `training` and `many` say what is learned, and this how it is kept out of others' way.
"""

import contextlib
import hashlib
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers import Optimizer
from keras.src.backend.common import global_state  # Keras' random state has no public handle
from keras.src.random import seed_generator
from tensorflow.python.eager import context  # nor has TensorFlow's

RANDOM = ("Random", "TruncatedNormal", "ParameterizedTruncatedNormal", "Multinomial", "Rng")  # how TensorFlow's stateful ones begin
EXCLUDED = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")  # what an optimizer's get_config leaves out

# Random numbers

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


@contextlib.contextmanager
def with_policy(policy: keras.DTypePolicy) -> Iterator[None]:
    """Inside, layers are made with the dtype policy `policy`: Keras keeps one for each thread."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


# Optimizers


def optimizer_like(optimizer: Optimizer, kind: type[Optimizer], learning_rate: Any) -> Optimizer:
    """A fresh optimizer of the class `kind` with the settings of `optimizer`, those of `exclude_from_weight_decay` too."""
    plain = object.__new__(type(optimizer))
    vars(plain).update({**vars(optimizer), "_learning_rate": keras.Variable(0.0)})  # a schedule would be asked for a config, too
    fresh = kind(**{**plain.get_config(), "learning_rate": learning_rate})
    vars(fresh).update({name: value for name, value in vars(optimizer).items() if name in EXCLUDED})
    return fresh


def without_assignments(optimizer: Optimizer) -> Optimizer:
    """A fresh optimizer like `optimizer` that works on values instead of variables.

    On TensorFlow an optimizer of Keras insists on variables, for the sake of tf.distribute; what Keras overrides for that is put back,
    below what the optimizer's own class overrides.
    """
    kind, tensorflow = type(optimizer), Optimizer.__mro__[1]
    base = next(cls for cls in Optimizer.__mro__ if cls.__name__ == "BaseOptimizer")
    methods = {name: getattr(base, name) for name in vars(tensorflow) if not name.startswith("__") and hasattr(base, name)}
    fresh = type(kind.__name__, (kind, type("Plain", (Optimizer,), methods)), {})
    rate = optimizer._learning_rate  # a schedule itself: one of the reader's own need not be registered with Keras
    return optimizer_like(optimizer, fresh, float(rate) if isinstance(rate, keras.Variable) else rate)


# What is traced and compiled


def trace(function: Callable, *arguments: Any, jit_compile: bool = False) -> Any:
    """`function` as TensorFlow traced it. Raises ValueError when it uses a tensor of an earlier trace."""
    concrete = tf.function(function, jit_compile=jit_compile, autograph=False).get_concrete_function(*arguments)
    if any(map(tf.is_symbolic_tensor, concrete.captured_inputs)):
        raise ValueError(
            "the cost uses a tensor that a Python variable remembers from an earlier call, and it is not there any more: "
            "keep it in a weight of the model"
        )
    return concrete


@contextlib.contextmanager
def silent_pfor() -> Iterator[None]:
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


def loops_or_picks(concrete: Any) -> bool:
    """Whether there is a loop in a traced function, or some of the runs are picked by a condition: as many as XLA cannot know."""
    return any(node.op in ("While", "StatelessWhile", "DynamicPartition") for node in _operations(concrete))


def refuse_foreign(concrete: Any) -> None:
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
            f"the cost uses the variable {variable.name!r}, which is none of the model's, or of a layer in it that was not built before: "
            "every run would change it for the others; make it a weight of the model, build all its layers, or use a plain number"
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


def compiled_once(concrete: Any) -> Any:
    """`concrete`, or a function that was traced before and computes the same, which is compiled already."""
    key = (fingerprint(concrete), *(id(tensor) for tensor in concrete.captured_inputs))
    with _COMPILED_LOCK:
        if key not in _COMPILED:
            refuse_another_loop()
        _COMPILED[key] = _COMPILED.pop(key, concrete)
        while len(_COMPILED) > 32:
            _COMPILED.popitem(last=False)
        return _COMPILED[key]


def fingerprint(concrete: Any) -> str:
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
