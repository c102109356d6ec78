"""An agent that must step onto its goal at time T, neither sooner nor later: Trask et al. 2018, section 4.5.

A grid of 5 × 5 cells. The agent sees where it and its goal are, is told T once, before its first step, and has nothing but its own
state to count the steps that follow. An episode ends when it steps onto the goal; the reward is 1 if that is step T, else 0. Agents
learn by advantage actor-critic from T = 5 … 12 and are tested beyond; at the test each takes its most probable action.

Other than in the paper: rows and columns instead of an image of 56 × 56 pixels, one learner instead of A3C's many, no T too short
for the way to the goal (the paper's agents meet some), and the NAC counter, which is fed back: the paper passes T through a NAC once.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, ops
from numpy.typing import ArrayLike

from .._inputs import as_range, in_digits, one_of, refuse_memory, whole_number
from ..layers import NAC, Clip
from ..many import fit_many

COUNTERS = ("LSTM + linear counter", "LSTM + NAC counter", "LSTM + linear counter, U(±2)", "LSTM + NAC counter, U(±2)")
CONTROLS = (
    *("LSTM + bounded counter", "LSTM + bounded counter, U(±2)", "LSTM + fixed counter", "LSTM + unequal counter"),
    *(f"LSTM + quick {kind} counter{start}" for kind in ("NAC", "linear", "bounded") for start in ("", ", U(±2)")),
)
MODELS = ("random walk", "LSTM", "LSTM, NAC of T", *COUNTERS, *CONTROLS)
KEY, CHUNKS = ["model"], [(model,) for model in MODELS]
SEEDS, STEPS = 32, 2_000
SIZE, TRAIN = 5, (5, 12)  # cells a side; the T's to train on, both ends included
TIMES = (*range(5, 21), 25, 30, 40)  # the T's to test on
LONGEST = 1_000  # the longest T that is played: every step takes its time
MOVES = {"stay": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
UNITS, BATCH, EPISODES = 24, 128, 500
TICK = 0.05  # agents measure time in units of 20 steps, so that no T of the training saturates a gate


def moves(size: int) -> np.ndarray:
    """Where each move leads, [cells, 5]; cells are numbered row by row. A move into a wall leaves the agent where it is."""
    size = whole_number(size, "size", at_least=2)
    refuse_memory(100 * size**2, f"a grid world of size {in_digits(size)}")
    row, column = np.divmod(np.arange(size**2)[:, None], size)
    down, right = np.array(list(MOVES.values())).T
    return (np.clip(row + down, 0, size - 1) * size + np.clip(column + right, 0, size - 1)).astype("int32")


def distance(start: ArrayLike, goal: ArrayLike, size: int = SIZE) -> Any:
    """Steps from `start` to `goal` on the shortest way."""
    return sum(abs(a - b) for a, b in zip(np.divmod(start, size), np.divmod(goal, size), strict=True))


def episodes(rng: np.random.Generator, T: np.ndarray, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A start and a goal for every entry of T, of the same shape: two different cells, no more than T steps apart, all alike probable."""
    size = whole_number(size, "size", at_least=2)
    refuse_memory(40 * size**4, f"all pairs of cells of a grid world of size {in_digits(size)}")
    start, goal = np.divmod(np.arange(size**4, dtype="int32"), size**2)
    steps = distance(start, goal, size)
    near_first = np.argsort(steps, kind="stable")[size**2 :]  # those 0 steps apart left out
    within = np.searchsorted(steps[near_first], np.arange(np.max(T) + 1), side="right")
    chosen = near_first[(rng.random(np.shape(T)) * within[T]).astype(int)]
    return start[chosen], goal[chosen]


@keras.saving.register_keras_serializable("nalu_helpers")
class Quick(NAC):
    """A NAC with W = tanh(4 Ŵ)·σ(4 M̂) that starts at the same W: Adam, whose steps are of one size, moves what is in W four times as far.

    So it alone learns at four times the learning rate of its network. (Where gradients are clipped together, its count four times.)
    """

    tanh, sigmoid = staticmethod(lambda t: ops.tanh(4 * t)), staticmethod(lambda t: ops.sigmoid(4 * t))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        for weight in (self.W_hat, self.M_hat):
            weight.assign(weight / 4)


@keras.saving.register_keras_serializable("nalu_helpers")
class QuickLinear(layers.Dense):
    """A linear layer that learns as fast as `Quick`: y = x W with W = 4 · kernel."""

    @property
    def W(self) -> Any:
        """What it multiplies with, [in, units]."""
        return 4 * self.kernel

    def call(self, x: Any) -> Any:
        return 4 * super().call(x)


def agent(model: str, size: int = SIZE) -> keras.Model:
    """One step of an agent as a Keras model: sight [4·size], T [1], and the state h, c [units], n [1] → logits [5], value [1], h, c, n.

    T is told at the first step, and is 0 at the others. A counter adds NAC([T, tick]), or the same of a plain linear layer, to its n at
    every step, and n is what the LSTM hears of time. Counters of all kinds start from the same W = tanh(Ŵ)·σ(M̂), with Ŵ from U(−2, 2)
    and M̂ = 1, or both from U(−2, 2). A bounded counter is a linear one whose W is clipped to [−1, 1] after each update; a fixed one has
    W = [1, −1], an unequal one [1, −0.9], and these two do not learn. A quick counter learns as at four times the rate of the rest.
    "LSTM, NAC of T" hears T and NAC(T), as in the paper. Raises ValueError for an unknown model, or one that has no weights.
    """
    if one_of(model, MODELS, "model") == "random walk":
        raise ValueError("a 'random walk' has nothing to learn: choose one of the other models")
    sight, T, n = keras.Input((4 * size,)), keras.Input((1,)), keras.Input((1,))
    h, c = keras.Input((UNITS,)), keras.Input((UNITS,))
    kind = Quick if "quick" in model else NAC
    nac = kind(1, name="counter", M_hat_initializer=None if "U(±2)" in model else "ones")
    if model == "LSTM":
        time, count = [T], n
    elif model == "LSTM, NAC of T":
        time, count = [T, nac(T)], n
    else:
        nac.build((None, 2))
        counter = nac if "NAC" in model else _linear_counter(model, nac.W.numpy())
        count = n + counter(ops.concatenate([T, TICK * ops.ones_like(T)], -1))
        time = [count]
    seen = layers.Dense(UNITS, activation="relu")(sight)
    out, (new_h, new_c) = layers.LSTMCell(UNITS)(ops.concatenate([seen, *time], -1), [h, c])
    logits = layers.Dense(len(MOVES), kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name="policy")(out)
    return keras.Model([sight, T, h, c, n], [logits, layers.Dense(1, name="value")(out), new_h, new_c, count])


def _linear_counter(model, start):
    held = {"LSTM + fixed counter": [[1.0], [-1.0]], "LSTM + unequal counter": [[1.0], [-0.9]]}.get(model)
    times, kind = (4, QuickLinear) if "quick" in model else (1, layers.Dense)
    begin = keras.initializers.Constant(start / times if held is None else held)
    limit = Clip(-1 / times, 1 / times) if "bounded" in model else None
    return kind(1, use_bias=False, kernel_initializer=begin, kernel_constraint=limit, trainable=held is None, name="counter")


def live(
    step_of: Callable, start: tf.Tensor, goal: tf.Tensor, T: tf.Tensor, steps: int, choose: Callable, size: int = SIZE
) -> tuple[tf.Tensor, tf.Tensor, list[tuple]]:
    """Let episodes [rows] run for `steps`: the cells [steps + 1, rows], the step of arrival [rows] (0: never), and what the policy said.

    `step_of` is an `agent`; `choose(t, logits)` picks the moves [rows] of step t. What the policy said is a list of (log-probability
    of the move, entropy, value, 1 while the episode lasts), each [rows].
    """
    sees = np.eye(size, dtype="float32")
    table, sees = tf.constant(moves(size)), tf.constant(np.hstack([np.repeat(sees, size, 0), np.tile(sees, (size, 1))]))
    cells, said, lasts, arrival = [start], [], tf.ones_like(start, "float32"), tf.zeros_like(start)
    told = TICK * tf.cast(T, "float32")[:, None]
    h = c = tf.zeros((start.shape[0], UNITS))
    n = tf.zeros_like(told)
    for t in range(steps):
        sight = tf.concat([tf.gather(sees, cells[-1]), tf.gather(sees, goal)], -1)
        logits, value, h, c, n = step_of([sight, told if t == 0 else tf.zeros_like(told), h, c, n])
        move, logs = choose(t, logits), tf.nn.log_softmax(logits)
        said.append((tf.gather(logs, move, batch_dims=1), -tf.reduce_sum(tf.exp(logs) * logs, -1), value[:, 0], lasts))
        cells.append(tf.where(lasts > 0, tf.gather_nd(table, tf.stack([cells[-1], move], -1)), cells[-1]))
        arrives = (lasts > 0) & (cells[-1] == goal)
        arrival = tf.where(arrives, t + 1, arrival)
        lasts *= tf.cast(~arrives & (t + 1 < T), "float32")
    return tf.stack(cells), arrival, said


def sampled(uniform: tf.Tensor) -> Callable:
    """Moves drawn with the policy's probabilities, by `uniform` numbers [steps, rows]."""

    def choose(t, logits):
        below = uniform[t][:, None] > tf.cumsum(tf.nn.softmax(logits), -1)
        return tf.minimum(tf.reduce_sum(tf.cast(below, "int32"), -1), len(MOVES) - 1)

    return choose


def most_probable(t: int, logits: tf.Tensor) -> tf.Tensor:
    """The move that the policy likes best."""
    return tf.argmax(logits, -1, output_type="int32")


def train(
    model: str, seeds: Iterable[int], steps: int = STEPS, size: int = SIZE, times: tuple[int, int] = TRAIN, progress: Any = False
) -> Sequence[keras.Model]:
    """One trained agent for each of `seeds`, by advantage actor-critic on T from times[0] to times[1]; the same for the same seed.

    The cost of an episode is Σ −log π(move)·(reward − value) − 0.02·entropy + ½(reward − value)²; the advantage, reward − value, is held
    constant in the first term. Adam at 0.006, gradients cut to norm 1. Raises TypeError or ValueError when `times` are not two whole
    numbers from 1 to `LONGEST`, the shorter one first.
    """
    as_range(times, "times", or_equal=True)
    shortest, longest = _playable(times)

    def draw(rng, count):
        T = rng.integers(shortest, longest + 1, (count, BATCH), "int32")
        return *episodes(rng, T, size), T, rng.random((count, longest, BATCH), "float32")

    def cost(step_of, start, goal, T, uniform):
        _, arrival, said = live(step_of, start, goal, T, longest, sampled(uniform), size)
        reward = tf.cast(arrival == T, "float32")
        logs, entropy, value, lasts = (tf.stack(part) for part in zip(*said, strict=True))
        missed = reward - value
        each = -logs * tf.stop_gradient(missed) - 0.02 * entropy + 0.5 * missed**2
        return tf.reduce_sum(lasts * each) / tf.reduce_sum(lasts)

    adam = keras.optimizers.Adam(0.006, global_clipnorm=1.0)
    return fit_many(lambda: agent(model, size), draw, cost=cost, seeds=seeds, steps=steps, optimizer=adam, progress=progress).models


def play(step_of: keras.Model, start: int, goal: int, T: int, size: int = SIZE) -> np.ndarray:
    """The cells of one episode, from the start to the last step: the agent takes its most probable move until it arrives or time is up.

    Raises TypeError or ValueError when a cell is not on the grid, or when T is below 1, too short for the way, or above `LONGEST`.
    """
    return plays(step_of, start, goal, [T], size)[0]


def plays(step_of: keras.Model, start: int, goal: int, times: Iterable[int], size: int = SIZE) -> list[np.ndarray]:
    """What `play` returns, for each T of `times`, side by side."""
    refuse_no_way(start, goal, size)
    times = _playable(times)
    if min(times) < distance(start, goal, size):
        raise ValueError(f"T is {min(times)}, but the goal is {distance(start, goal, size)} steps away: give the agent at least as many")
    starts, goals = (tf.fill([len(times)], cell) for cell in (start, goal))
    cells, arrival, _ = live(step_of, starts, goals, tf.constant(times), max(times), most_probable, size)
    return [cells[: (int(arrived) or T) + 1, i].numpy() for i, (T, arrived) in enumerate(zip(times, arrival, strict=True))]


def refuse_no_way(start: int, goal: int, size: int) -> None:
    """Raise TypeError or ValueError when `start` and `goal` are not two different cells of a grid of `size` rows and columns."""
    size = whole_number(size, "size", at_least=2)
    for name, cell in (("start", start), ("goal", goal)):
        if whole_number(cell, name, at_least=0) >= size**2:
            raise ValueError(f"{name} is cell {cell}, expected one of 0 to {size**2 - 1}: this grid has {size} rows and columns")
    if start == goal:
        raise ValueError(f"start and goal are both cell {goal}: there is no way to go, choose two different cells")


def examine(
    step_of: keras.Model | None, rng: np.random.Generator, times: Sequence[int] = TIMES, size: int = SIZE, count: int = EPISODES
) -> np.ndarray:
    """The step of arrival (0: not by time T) of `count` fresh episodes for each T of `times`, [times, count]. No agent: a random walk.

    Raises TypeError or ValueError when a T is no whole number from 1 to `LONGEST`.
    """
    T = np.repeat(_playable(times), count).astype("int32")
    start, goal = map(tf.constant, episodes(rng, T, size))
    if step_of is None:
        step_of = lambda inputs: (tf.zeros((len(T), len(MOVES))), tf.zeros((len(T), 1)), *inputs[2:])  # noqa: E731
        choose = sampled(tf.constant(rng.random((max(times), len(T)), "float32")))
    else:
        choose = most_probable
    return live(step_of, start, goal, tf.constant(T), max(times), choose, size)[1].numpy().reshape(len(times), count)


def _playable(times):
    """`times` as a list of whole numbers from 1 to LONGEST, and at least one."""
    if not len(times):
        raise ValueError("there is no T to play: give at least one")
    return [whole_number(T, "T", at_most=LONGEST) for T in times]


def run(
    model: str,
    seeds: Iterable[int],
    steps: int = STEPS,
    progress: Any = False,
    size: int = SIZE,
    times: tuple[int, int] = TRAIN,
    tests: Sequence[int] = TIMES,
) -> pd.DataFrame:
    """Train `model` on every seed and test it at every T: a row each with the share that arrives at T (`success`), and before (`early`).

    `weight_T` and `weight_tick` are what a counter has learned of its two inputs, NaN without one. Raises ValueError for an
    unknown model, a size below 2, or a T below 1.
    """
    one_of(model, MODELS, "model")
    moves(size), _playable(times), _playable(tests)
    seeds = list(seeds)
    if model == "random walk":
        trained = [None] * len(seeds)
        if not isinstance(progress, bool):
            progress.update(len(seeds) * steps)
    else:
        trained = train(model, seeds, steps, size, times, progress)
    rows = []
    for seed, step_of in zip(seeds, trained, strict=True):
        weight_T, weight_tick = counter_weights(step_of) if "counter" in model else (np.nan, np.nan)
        for T, arrival in zip(tests, examine(step_of, np.random.default_rng([seed, 2]), tests, size), strict=True):
            measured = dict(success=np.mean(arrival == T), early=np.mean((arrival > 0) & (arrival < T)))
            rows.append(dict(model=model, seed=seed, T=T, **measured, weight_T=weight_T, weight_tick=weight_tick))
    return pd.DataFrame(rows)


def counter_weights(step_of: keras.Model) -> np.ndarray:
    """What the counter of an agent adds to n for T and for a tick, two numbers; a perfect countdown has one minus the other."""
    counter = step_of.get_layer("counter")
    return np.ravel(counter.W if isinstance(counter, (NAC, QuickLinear)) else counter.kernel)
