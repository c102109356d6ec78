"""`fit_stream`: any Keras model and any cost, on examples that never end."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from nalu_helpers import NAC, NAU, TrainingDiverged, fit_stream


def pairs(rng, count):
    return (rng.random((count, 16, 2), "float32"),)


def sum_error(model, x):
    return tf.reduce_mean((model(x) - x[:, :1] - x[:, 1:]) ** 2)


def built(layer):
    layer.build((None, 2))
    return layer


def train(make=lambda: built(NAC(1)), draw=pairs, cost=sum_error, **settings):
    return fit_stream(make, draw, cost, **{"seeds": [0, 1], "steps": 30, "progress": False, "learning_rate": 0.05, **settings})


def test_a_nac_learns_to_add_from_fresh_numbers():
    models, cost = train(steps=2000)
    assert cost.shape == (2000, 2) and (cost[-1] < 1e-3).all()
    assert all(abs(float(model([[5.0, 7.0]])[0, 0]) - 12) < 0.2 for model in models)


def test_a_seed_ends_the_same_whatever_runs_beside_it():
    models, cost = train(seeds=[3, 1])
    alone, cost_alone = train(seeds=[1])
    np.testing.assert_array_equal(cost[:, 1], cost_alone[:, 0])
    for together, single in zip(models[1].get_weights(), alone[0].get_weights()):
        np.testing.assert_array_equal(together, single)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_it_is_what_keras_adam_does_with_the_same_examples(jit_compile):
    (model,), cost = train(seeds=[0], steps=7, every=3, jit_compile=jit_compile)
    keras.utils.set_random_seed(0)
    other, adam, rng = built(NAC(1)), keras.optimizers.Adam(0.05, epsilon=1e-8), np.random.default_rng([0, 1])
    batches = np.concatenate([pairs(rng, 3)[0] for _ in range(3)])
    for step in range(7):
        with tf.GradientTape() as tape:
            value = sum_error(other, tf.constant(batches[step]))
        assert float(value) == pytest.approx(cost[step, 0], rel=1e-4)
        adam.apply(tape.gradient(value, other.trainable_variables), other.trainable_variables)
    for ours, theirs in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_an_embedding_and_a_recurrence_learn_too():
    """The last of six tokens, told by an LSTM: gradients of an embedding come as slices, and are taken all the same."""
    parts = [keras.layers.Embedding(4, 8), keras.layers.LSTM(8), keras.layers.Dense(1)]
    make = lambda: keras.Sequential([keras.Input((6,), dtype="int32"), *[type(part).from_config(part.get_config()) for part in parts]])  # noqa: E731
    draw = lambda rng, count: (rng.integers(0, 4, (count, 32, 6), "int32"),)  # noqa: E731
    cost = lambda model, x: tf.reduce_mean((model(x)[:, 0] - tf.cast(x[:, -1], "float32")) ** 2)  # noqa: E731
    _, measured = train(make, draw, cost, steps=500, learning_rate=0.01)
    assert (measured[-1] < 0.2 * measured[0]).all()


def test_constraints_hold_after_every_update_and_long_gradients_are_shortened():
    seen = []
    train(lambda: built(NAU(1)), learning_rate=1.0, steps=4, every=1, watch=lambda seed, step, weights: seen.append(weights[0]))
    assert all(np.abs(W).max() <= 1 for W in seen) and np.abs(seen[-1]).max() == 1
    huge = lambda model, x: 1e6 * sum_error(model, x)  # noqa: E731
    _, free = train(cost=huge, steps=50)
    _, clipped = train(cost=huge, steps=50, clip_norm=1e-9)  # Adam divides by the size, but not once it is below its own ε
    assert free[-1].mean() < clipped[-1].mean()


def test_watch_sees_the_first_weights_and_every_so_many():
    seen = []
    train(steps=25, every=10, seeds=[4], watch=lambda seed, step, weights: seen.append((seed, step)))
    assert seen == [(4, 0), (4, 10), (4, 20), (4, 25)]


def test_a_cost_that_is_no_longer_finite_names_seed_and_step():
    with pytest.raises(TrainingDiverged, match=r"the cost of seed 0 is (nan|inf) at step \d+, .* try a learning rate below 1e\+30"):
        train(learning_rate=1e30, make=lambda: built(keras.layers.Dense(1)), seeds=[0])
    with pytest.raises(TrainingDiverged, match="the cost of seed 0 is nan at step 1"):
        train(cost=lambda model, x: tf.reduce_sum(model(x)) * np.nan, seeds=[0])


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [-1]}, "a seed is -1"),
        ({"steps": 0}, "steps is 0"),
        ({"every": 0}, "every is 0"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"clip_norm": 0}, "clip_norm is 0"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        train(**settings)
