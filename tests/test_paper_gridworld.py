"""The grid world: walls, ways and arrivals with known answers, a countdown that holds at any T, and agents that repeat themselves."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from nalu_helpers import NAC, fit, plots
from nalu_helpers._tensorflow import seeded
from nalu_helpers.paper import gridworld

SMALL = dict(size=2, times=(2, 3), tests=(2, 5))


def scripted(*names):
    """An agent that makes these moves, one after the other, whatever it sees; its state n counts the steps."""
    script = tf.constant([list(gridworld.MOVES).index(name) for name in names])

    def step_of(inputs):
        *_, n = inputs
        move = tf.gather(script, tf.cast(n[:, 0], "int32") % len(names))
        return tf.one_hot(move, 5, on_value=9.0), tf.zeros_like(n), *inputs[2:4], n + 1

    return step_of


def test_walls_stop_the_agent():
    table = gridworld.moves(3)
    assert table[0].tolist() == [0, 0, 3, 0, 1]  # stay, up, down, left, right
    assert table[4].tolist() == [4, 1, 7, 3, 5]
    assert table[8].tolist() == [8, 5, 8, 7, 8]


def test_the_shortest_way_counts_rows_and_columns():
    assert gridworld.distance(0, 24) == 8
    assert gridworld.distance(6, 18) == 4
    assert gridworld.distance(7, 7) == 0


@pytest.mark.parametrize("T", [1, 3, 8])
def test_every_goal_can_be_reached_in_time_and_every_pair_comes_up(T):
    start, goal = gridworld.episodes(np.random.default_rng(0), np.full(20_000, T))
    steps = gridworld.distance(start, goal)
    assert steps.min() == 1 and steps.max() == T
    everywhere = [(a, b) for a in range(25) for b in range(25) if 1 <= gridworld.distance(a, b) <= T]
    assert set(zip(start.tolist(), goal.tolist(), strict=True)) == set(everywhere)


def test_episodes_are_the_same_for_the_same_seed():
    T = np.array([[5, 6], [7, 12]])
    first, again, other = (gridworld.episodes(np.random.default_rng(seed), T) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.shape(first) == (2, 2, 2) and np.any(np.array(first) != other)


@pytest.mark.parametrize(
    "script, T, cells",
    [
        (["right", "right"], 2, [0, 1, 2]),  # on time
        (["right", "right"], 4, [0, 1, 2]),  # too early: the episode is over
        (["stay", "right", "right"], 3, [0, 0, 1, 2]),
        (["stay", "stay", "right"], 3, [0, 0, 0, 1]),  # time is up on the way
        (["up", "left", "down", "right"], 3, [0, 0, 0, 3]),  # bumps into two walls
    ],
)
def test_an_episode_ends_at_the_goal_or_at_T(script, T, cells):
    assert gridworld.play(scripted(*script), 0, 2, T, size=3).tolist() == cells


def test_only_an_arrival_at_T_earns_the_reward():
    T = tf.constant([2, 3, 4])
    _, arrival, said = gridworld.live(scripted("stay", "right", "right"), 0 * T, 0 * T + 2, T, 4, gridworld.most_probable, size=3)
    assert arrival.numpy().tolist() == [0, 3, 3] and (arrival == T).numpy().tolist() == [False, True, False]
    lasts = np.array([part[3] for part in said])
    assert lasts.sum(axis=0).tolist() == [2, 3, 3]  # no step after the end is learned from


def test_moves_are_drawn_with_the_policys_probabilities():
    uniform = np.linspace(0, 1, 1000, endpoint=False, dtype="float32")[None]
    logits = tf.constant(np.log([[0.5, 0.2, 0.1, 0.1, 0.1]] * 1000), "float32")
    drawn = gridworld.sampled(tf.constant(uniform))(0, logits).numpy()
    np.testing.assert_allclose(np.bincount(drawn) / 1000, [0.5, 0.2, 0.1, 0.1, 0.1], atol=0.002)


@pytest.mark.parametrize("T", [1, 12, 1000])
def test_a_counter_with_weights_1_and_minus_1_holds_the_steps_that_remain(T):
    agent = gridworld.agent("LSTM + NAC counter")
    counter = agent.get_layer("counter")
    counter.W_hat.assign([[20.0], [-20.0]])
    counter.M_hat.assign([[20.0], [20.0]])
    assert gridworld.counter_weights(agent).tolist() == [1, -1]
    n, state = tf.zeros((1, 1)), [tf.zeros((1, gridworld.UNITS))] * 2
    for step in range(1, min(T, 50) + 1):
        told = tf.fill((1, 1), gridworld.TICK * T * (step == 1))
        n = agent([tf.zeros((1, 20)), told, *state, n])[-1]
        np.testing.assert_allclose(n, gridworld.TICK * (T - step), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["random walk", "LSTM + linear counter"])
def test_run_gives_a_row_for_each_seed_and_each_T(model):
    table = gridworld.run(model, range(2), steps=2, **SMALL)
    assert list(table.columns) == ["model", "seed", "T", "success", "early", "weight_T", "weight_tick"]
    assert table[["model", "seed", "T"]].values.tolist() == [[model, seed, T] for seed in range(2) for T in (2, 5)]
    assert table["success"].between(0, 1).all() and (table["success"] + table["early"] <= 1).all()
    assert table["weight_T"].notna().all() == table["weight_tick"].notna().all() == ("counter" in model)


@pytest.mark.parametrize("start", ["", ", U(±2)"])
def test_counters_of_all_kinds_start_from_the_same_weights(start):
    kinds = [quick + kind for quick in ("", "quick ") for kind in ("NAC", "linear", "bounded")]
    nac, *others = (_made(f"LSTM + {kind} counter{start}", 3) for kind in kinds)
    for other in others:
        np.testing.assert_array_equal(gridworld.counter_weights(nac), gridworld.counter_weights(other))
        for one, same in zip(nac.layers, other.layers, strict=True):
            if one.name != "counter":
                assert all(map(np.array_equal, one.get_weights(), same.get_weights()))
    other_seed = _made(f"LSTM + linear counter{start}", 4)
    assert not np.array_equal(gridworld.counter_weights(nac), gridworld.counter_weights(other_seed))


def test_a_bounded_counter_stays_between_its_bounds_and_a_fixed_one_as_it_is():
    kernel = _made("LSTM + bounded counter", 3).get_layer("counter").kernel
    np.testing.assert_array_equal(kernel.constraint(tf.constant([[1.5], [-3.0]])), [[1.0], [-1.0]])
    quick = _made("LSTM + quick bounded counter", 3).get_layer("counter")
    quick.kernel.assign(quick.kernel.constraint(tf.constant([[1.5], [-3.0]])))
    np.testing.assert_array_equal([quick.W, quick(np.eye(2))], [[[1.0], [-1.0]]] * 2)
    for model, tick in {"LSTM + fixed counter": -1, "LSTM + unequal counter": -0.9}.items():
        held = _made(model, 3)
        np.testing.assert_allclose(gridworld.counter_weights(held), [1, tick])
        assert not held.get_layer("counter").trainable_weights


@pytest.mark.parametrize("slow, quick", [(NAC, gridworld.Quick), (keras.layers.Dense, gridworld.QuickLinear)])
def test_what_is_in_w_of_a_quick_counter_goes_four_times_as_far_at_an_update(slow, quick):
    moved = {}
    for kind, times in ((slow, 1), (quick, 4)):
        with seeded(3):
            unit = kind(1)
            unit.build((None, 2))
        before = [weight.numpy() for weight in unit.trainable_variables]
        fit(unit, [[1.0, 2.0]], [[30.0]], steps=1, learning_rate=0.006, progress=False)
        moved[kind] = np.hstack([times * np.ravel(weight - begun) for weight, begun in zip(unit.trainable_variables, before, strict=True)])
    np.testing.assert_allclose(moved[quick], 4 * moved[slow], rtol=1e-3)
    np.testing.assert_allclose(np.abs(moved[slow]), 0.006, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("model, tick", [("LSTM + fixed counter", -1), ("LSTM + unequal counter", -0.9)])
def test_a_held_counter_is_the_same_after_a_training(model, tick):
    (held,) = gridworld.train(model, [3], steps=2, size=2, times=(2, 3))
    np.testing.assert_allclose(gridworld.counter_weights(held), [1, tick])


def _made(model, seed):
    with seeded(seed):
        return gridworld.agent(model, size=3)


@pytest.mark.parametrize("model", gridworld.MODELS[1:])
def test_every_agent_says_five_logits_and_a_value_and_keeps_its_state(model):
    units = gridworld.UNITS
    said = gridworld.agent(model, size=3)([tf.ones((7, 12)), tf.ones((7, 1)), tf.zeros((7, units)), tf.zeros((7, units)), tf.zeros((7, 1))])
    assert [tuple(part.shape) for part in said] == [(7, 5), (7, 1), (7, units), (7, units), (7, 1)]


def test_seed_curves_have_a_line_for_each_seed_and_one_for_the_median():
    picture = plots.seed_curves([1, 2, 3], {"one": np.eye(3), "other": np.zeros((4, 3))}, inside=(1, 2), title="two models")
    assert [len(ax.lines) for ax in picture.axes] == [4, 5]
    three = plots.seed_curves([1, 2], {name: np.eye(2) for name in "abc"}, inside=(1, 2), columns=2, xlabel="T")
    assert [ax.get_visible() for ax in three.axes] == [True, True, True, False]
    assert [ax.get_xlabel() for ax in three.axes[:3]] == ["", "T", "T"]


@pytest.mark.slow
def test_a_seed_ends_the_same_whatever_runs_beside_it():
    both, alone = (gridworld.run("LSTM + NAC counter", seeds, steps=2, **SMALL) for seeds in ([0, 1], [1]))
    pd.testing.assert_frame_equal(both[both.seed == 1].reset_index(drop=True), alone)


def test_a_random_walk_is_seldom_on_time():
    walks = gridworld.run("random walk", range(3), tests=(5, 12, 20))
    assert walks["success"].max() < 0.1 and walks["early"].min() > 0.02


@pytest.mark.parametrize(
    "ask, error, words",
    [
        (lambda: gridworld.run("GRU", [0]), ValueError, "model is 'GRU', known are: 'random walk', 'LSTM'"),
        (lambda: gridworld.agent("random walk"), ValueError, "a 'random walk' has nothing to learn"),
        (lambda: gridworld.run("LSTM", [0], tests=(0,)), ValueError, "T is 0, expected a whole number of at least 1"),
        (lambda: gridworld.run("LSTM", [0], size=1), ValueError, "size is 1, expected a whole number of at least 2"),
        (lambda: gridworld.train("LSTM", [0], times=(0, 2)), ValueError, "T is 0, expected a whole number of at least 1"),
        (lambda: gridworld.train("LSTM", [0], times=(12, 5)), ValueError, r"times is \(12, 5\), .* write \(5, 12\)"),
        (lambda: gridworld.train("LSTM", [0], times=5), TypeError, r"times is 5, expected two numbers \(low, high\)"),
        (lambda: gridworld.plays(None, 0, 1, []), ValueError, "there is no T to play: give at least one"),
        (lambda: gridworld.play(None, 0, 1, 0), ValueError, "T is 0, expected a whole number of at least 1"),
        (lambda: gridworld.play(None, 0, 1, 2.5), TypeError, "T is 2.5, expected a whole number"),
        (lambda: gridworld.play(None, 0, 24, 7), ValueError, "T is 7, but the goal is 8 steps away: give the agent at least as many"),
        (lambda: gridworld.play(None, 0, 1, 10**6), ValueError, "T is 1,000,000, expected at most 1,000"),
        (lambda: gridworld.examine(None, None, [5, 1001]), ValueError, "T is 1,001, expected at most 1,000"),
        (lambda: gridworld.play(None, 0, 25, 9), ValueError, "goal is cell 25, expected one of 0 to 24"),
        (lambda: gridworld.play(None, 3, 3, 9), ValueError, "start and goal are both cell 3"),
        (lambda: gridworld.play(None, 0, 1, 9, size=1), ValueError, "size is 1"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(ask, error, words):
    with pytest.raises(error, match=words) as raised:
        ask()
    assert "\n" not in str(raised.value)


def test_a_cell_says_when_the_agent_was_there():
    cells = [0, 0, 0, 1, 4, 1, 4, 1, 4, 1, 2]
    picture = plots.grid_paths({"T = 10": (cells, 2)}, size=3, title="a path")
    words = [text.get_text() for text in picture.axes[0].texts]
    assert words == ["0–2", "3, … 9", "4, 6, 8", "10"]
