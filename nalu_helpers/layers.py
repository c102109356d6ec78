"""The units of the walkthrough, as Keras layers. One equation, one place.

Row vectors throughout: x is [..., in], a weight is [in, units], and y = x W is [..., units]. Every layer takes `units` first,
works in float32 (the default) and, with `dtype="float64"`, in float64, and can be saved and loaded with the model it is in.
Lists, integers and arrays of another float type are converted to the layer's own type when it is called.
"""

import keras
import tensorflow as tf
from keras import ops

from ._inputs import as_floats, is_tensor, positive_number, whole_number


class Unit(keras.layers.Layer):
    """What all units share: `units` outputs, and an input that is checked before any arithmetic.

    Raises TypeError or ValueError when `units` is not a whole number of at least 1, and, when called, when x is not made of
    finite numbers or has another number of columns than the unit was built for.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = whole_number(units, "units")

    def __call__(self, x, *args, **kwargs):
        return super().__call__(self._checked(x), *args, **kwargs)

    def _checked(self, x):
        if not is_tensor(x) and not isinstance(x, keras.KerasTensor):
            x = tf.constant(as_floats(x, "x", self.compute_dtype))
        if len(x.shape) == 0:
            raise ValueError(f"x is a single number, expected [..., in]: write [[{x}]] for one row with one column")
        if self.built and x.shape[-1] != self.columns:
            raise ValueError(
                f"x has {x.shape[-1]} columns, expected {self.columns}: this {type(self).__name__} was built for {self.columns} "
                f"inputs; give it [..., {self.columns}], or make a new {type(self).__name__}({self.units})"
            )
        return x

    def build(self, input_shape):
        self.columns = input_shape[-1]

    def weight(self, name, initializer):
        """A trainable weight [in, units] called `name`."""
        return self.add_weight(shape=(self.columns, self.units), initializer=initializer, name=name)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("nalu_helpers")
class NAC(Unit):
    """Neural accumulator: y = x W with W = tanh(Ŵ) ⊙ σ(M̂), so that every weight leans towards −1, 0 or 1.

    [..., in] → [..., units]. Weights `W_hat` and `M_hat`, both [in, units], start uniform in (−2, 2) as in the article's code
    unless `W_hat_initializer` or `M_hat_initializer` says otherwise. Source: Trask et al. 2018, section 3, arXiv 1808.00508.
    """

    def __init__(self, units, W_hat_initializer=None, M_hat_initializer=None, **kwargs):
        super().__init__(units, **kwargs)
        self.W_hat_initializer = _initializer(W_hat_initializer, keras.initializers.RandomUniform(-2, 2))
        self.M_hat_initializer = _initializer(M_hat_initializer, keras.initializers.RandomUniform(-2, 2))

    def build(self, input_shape):
        super().build(input_shape)
        self.W_hat = self.weight("W_hat", self.W_hat_initializer)
        self.M_hat = self.weight("M_hat", self.M_hat_initializer)

    @property
    def W(self):
        """What the unit has learned: tanh(Ŵ) ⊙ σ(M̂), [in, units], each entry between −1 and 1."""
        if not self.built:
            raise ValueError(f"this {type(self).__name__} has no weights yet: call it on data first, or .build((None, in))")
        return ops.tanh(self.W_hat) * ops.sigmoid(self.M_hat)

    def call(self, x):
        return ops.matmul(x, self.W)

    def get_config(self):
        return {
            **super().get_config(),
            "W_hat_initializer": keras.initializers.serialize(self.W_hat_initializer),
            "M_hat_initializer": keras.initializers.serialize(self.M_hat_initializer),
        }


@keras.saving.register_keras_serializable("nalu_helpers")
class NALU(NAC):
    """Neural arithmetic logic unit: adds on one path, multiplies on the other, and a gate mixes the two.

        a = x W      m = exp(log(|x| + ε) W)      g = σ(x G)      y = g ⊙ a + (1 − g) ⊙ m

    [..., in] → [..., units]. One W = tanh(Ŵ) ⊙ σ(M̂) serves both paths. Weights `W_hat`, `M_hat` and `G`, all [in, units]; Ŵ and
    M̂ start as in `NAC`, G Glorot uniform. `epsilon` keeps log away from 0 and must be above 0.
    Source: Trask et al. 2018, section 3, arXiv 1808.00508.
    """

    def __init__(self, units, epsilon=1e-7, G_initializer=None, **kwargs):
        super().__init__(units, **kwargs)
        self.epsilon = positive_number(epsilon, "epsilon", "1e-7")
        self.G_initializer = _initializer(G_initializer, keras.initializers.GlorotUniform())

    def build(self, input_shape):
        super().build(input_shape)
        self.G = self.weight("G", self.G_initializer)

    def paths(self, x):
        """The sum a, the product m and the gate g, each [..., units]: what y = g ⊙ a + (1 − g) ⊙ m is made of."""
        x = ops.cast(self._checked(x), self.compute_dtype)
        W = self.W
        a = ops.matmul(x, W)
        m = ops.exp(ops.matmul(ops.log(ops.abs(x) + self.epsilon), W))
        g = ops.sigmoid(ops.matmul(x, self.G))
        return a, m, g

    def call(self, x):
        a, m, g = self.paths(x)
        return g * a + (1 - g) * m

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "G_initializer": keras.initializers.serialize(self.G_initializer)}


def _initializer(given, default):
    return default if given is None else keras.initializers.get(given)
