"""What the tests of the layers need to run on TensorFlow, in float64, and on JAX, where Keras' operations compute in float32."""

import keras
import numpy as np

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
FLOAT = "float64" if ON_TENSORFLOW else "float32"


def assert_close(said, truth, rtol=1e-12):
    """Asserts that `said` is `truth` to `rtol`, or to what float32 can hold where that is all there is."""
    if not ON_TENSORFLOW:
        rtol = max(rtol, 2e-5)
    np.testing.assert_allclose(said, truth, rtol=rtol, atol=rtol * (1 if ON_TENSORFLOW else 1 + np.abs(truth).max()))


def gradients(cost, variables):
    """The gradients of the number `cost()` with respect to Keras variables."""
    if ON_TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = cost()
        return tape.gradient(value, [variable.value for variable in variables], unconnected_gradients="zero")
    import jax

    def cost_at(values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return cost()

    return jax.grad(cost_at)([variable.value for variable in variables])


def slopes(cost, weights, step=1e-6):
    """The slopes of the number `cost(*weights)`, written in NumPy, with respect to each array of weights: central differences."""
    weights = [np.asarray(weight, "float64") for weight in weights]
    for weight in weights:
        slope = np.zeros(weight.shape)
        for place in np.ndindex(*weight.shape):
            at, ends = weight[place], []
            for moved in (at + step, at - step):
                weight[place] = moved
                ends.append(cost(*weights))
            weight[place] = at
            slope[place] = (ends[0] - ends[1]) / (2 * step)
        yield slope


def assert_gradients_are_slopes(unit, x, formula):
    """Asserts that the gradients of a cost of what `unit` says of x are the slopes of the same cost of `formula(x, *weights)` in NumPy."""
    target = np.random.default_rng(1).normal(size=(len(x), unit.units))
    said = gradients(lambda: keras.ops.mean((unit(x) - target) ** 2), unit.trainable_variables)
    truth = slopes(lambda *weights: np.mean((formula(x, *weights) - target) ** 2), unit.get_weights())
    for gradient, slope in zip(said, truth, strict=True):
        rtol = 1e-5 if ON_TENSORFLOW else 1e-3
        np.testing.assert_allclose(gradient, slope, rtol=rtol, atol=rtol / 10 * (1 + np.abs(slope).max()))
