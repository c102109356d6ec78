"""The units of the walkthrough, as Keras layers. One equation, one place.

Row vectors throughout: x is [..., in], a weight is [in, units], and y = x W is [..., units]. Every layer takes `units` first,
works in float32 (the default) and, with `dtype="float64"`, in float64, and can be saved and loaded with the model it is in.
Lists, integers and arrays of another float type are converted to the layer's own type when it is called. Everything is written
in `keras.ops`, so the units run on JAX too, where Keras computes in float32 whatever is asked for; masks, empty batches and
`inputs=` are what they are for `Dense`.

The paper's units, NAC and NALU, come first; those that followed stand below in the order of their years. Some of them add a
penalty to the cost while they are trained (see `Penalised`), or keep their weights in a range by a Keras constraint.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from ._inputs import as_floats, as_range, is_tensor, positive_number, whole_number

Tensor: TypeAlias = Any  # a tensor of the backend that Keras runs on
Shape: TypeAlias = tuple[int | None, ...]
EPSILON = 2.0**-23  # float32's machine epsilon
Initializer: TypeAlias = str | dict | Callable | None  # what keras.initializers.get accepts; None is the unit's own


class Unit(keras.layers.Layer):
    """What all units share: `units` outputs, and an input that is checked before any arithmetic.

    Raises TypeError or ValueError when `units` is not a whole number of at least 1, and, when called, when x is a list or an array of
    other than finite numbers (the numbers of a tensor are not looked at) or has another number of columns than the unit was built for.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = whole_number(units, "units")
        self.supports_masking = True  # each row is computed alone, so a mask stays what it is

    def __getattr__(self, name: str) -> Any:
        """Python asks this for what a unit does not have, such as its weights before it is built."""
        kind = type(self).__name__
        if not vars(self).get("built"):
            raise AttributeError(f"this {kind} has no {name}, nor weights yet: call it on data first, or .build((None, in))")
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    def __call__(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return super().__call__(self._checked(inputs), *args, **kwargs)

    def _checked(self, x: Tensor) -> Tensor:
        if not is_tensor(x):
            x = ops.convert_to_tensor(as_floats(x, "x", self.compute_dtype, empty=True))
        elif not keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
            x = ops.cast(x, self.compute_dtype)
        if len(x.shape) == 0:
            raise ValueError(f"x is a single number, expected [..., in]: write [[{x}]] for one row with one column")
        if self.built and x.shape[-1] != self.columns:
            raise ValueError(
                f"x has {x.shape[-1]} columns, expected {self.columns}: this {type(self).__name__} was built for {self.columns} "
                f"inputs; give it [..., {self.columns}], or make a new {type(self).__name__}({self.units})"
            )
        if not x.shape[-1]:
            columns = "an unknown number of columns" if x.shape[-1] is None else "no columns"
            raise ValueError(f"x has {columns}, its shape is {tuple(x.shape)}, expected [..., in] with at least one: give it its columns")
        return x

    def build(self, input_shape: Shape) -> None:
        self.columns: int = whole_number(input_shape[-1], "the number of columns")

    def weight(self, name: str, initializer: Initializer, shape: Shape | None = None, constraint: Callable | None = None) -> keras.Variable:
        """A trainable weight called `name`, of shape [in, units] unless `shape` says otherwise."""
        return self.add_weight(shape=shape or (self.columns, self.units), initializer=initializer, name=name, constraint=constraint)

    def matrices(self) -> list[Tensor]:
        """The weights that ought to be −1, 0 or 1, as a list of [in, units]: what `metrics.sparsity_error` looks at.

        Of a unit that does not say so: its W, or none where it has no W.
        """
        return [self.W] if hasattr(self, "W") or not self.built else []  # one that is not built says so when it is asked for W

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Penalised(Unit):
    """A unit that adds a penalty to the cost while it is trained: one of the losses in Keras' `layer.losses` and `model.losses`.

    So it counts in `model.fit`, and in any loop that adds `model.losses` to its cost. It depends on how many updates were made before,
    `updates`, and on the mean squared error of the last validation, `validation`. These are two variables of the layer that are
    saved with it, but are no weights. An update is counted when the losses are read after a call with `training=True`, once however
    often the layer was called: `model.fit` does just that. `validation` is 0 until a trainer assigns it.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(units, **kwargs)
        self._in_training = False

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.updates = self.add_weight(dtype="int32", initializer="zeros", trainable=False, name="updates")
        self.validation = self.add_weight(initializer="zeros", trainable=False, name="validation")

    def weight(self, name: str, initializer: Initializer, shape: Shape | None = None, constraint: Callable | None = None) -> keras.Variable:
        """As in `Unit`. The first weight carries the penalty of all as its Keras regularizer: wherever the unit is, it counts once."""
        first = not self.weights
        made = super().weight(name, initializer, shape, constraint)
        made.regularizer = self._penalty_of_this_update if first else None
        return made

    @property
    def weights(self) -> list[keras.Variable]:
        """The weights alone, without `updates` and `validation`."""
        return [weight for weight in super().weights if weight.name not in ("updates", "validation")]

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        self._in_training = bool(training)
        return self.answer(x, training)

    def answer(self, x: Tensor, training: bool) -> Tensor:
        """What the unit says: [..., in] → [..., units]."""
        raise NotImplementedError

    def penalty(self, step: Tensor, validation: Tensor) -> Tensor:
        """What training adds to the cost of update number `step` (from 0), given the mean squared error of the last validation."""
        raise NotImplementedError

    def _penalty_of_this_update(self, weight: Tensor) -> Tensor:
        penalty = self.penalty(ops.convert_to_tensor(self.updates), ops.convert_to_tensor(self.validation))
        if self._in_training:
            self._in_training = False
            self.updates.assign_add(1)
        return penalty


@keras.saving.register_keras_serializable("nalu_helpers")
class NAC(Unit):
    """Neural accumulator: y = x W with W = tanh(Ŵ) ⊙ σ(M̂), so that every weight lies between −1 and 1.

    [..., in] → [..., units]. Weights `W_hat` and `M_hat`, both [in, units], start uniform in (−2, 2) as in the article's code
    unless `W_hat_initializer` or `M_hat_initializer` says otherwise. Source: Trask et al. 2018, section 2, arXiv 1808.00508.
    """

    tanh, sigmoid = staticmethod(ops.tanh), staticmethod(ops.sigmoid)

    def __init__(self, units: int, W_hat_initializer: Initializer = None, M_hat_initializer: Initializer = None, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.W_hat_initializer = _initializer(W_hat_initializer, keras.initializers.RandomUniform(-2, 2))
        self.M_hat_initializer = _initializer(M_hat_initializer, keras.initializers.RandomUniform(-2, 2))
        if self.M_hat_initializer is self.W_hat_initializer:
            self.M_hat_initializer = _again(self.W_hat_initializer)  # or Ŵ and M̂ would start with the same numbers

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.W_hat = self.weight("W_hat", self.W_hat_initializer)
        self.M_hat = self.weight("M_hat", self.M_hat_initializer)

    @property
    def W(self) -> Tensor:
        """What the unit has learned: tanh(Ŵ) ⊙ σ(M̂), [in, units], each entry between −1 and 1."""
        return self.tanh(self.W_hat) * self.sigmoid(self.M_hat)

    def call(self, x: Tensor) -> Tensor:
        return _times(x, self.W)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "W_hat_initializer": keras.initializers.serialize(self.W_hat_initializer),
            "M_hat_initializer": keras.initializers.serialize(self.M_hat_initializer),
        }


@keras.saving.register_keras_serializable("nalu_helpers")
class NALU(NAC):
    """Neural arithmetic logic unit: adds on one path, multiplies on the other, and a gate mixes the two.

        a = x W
        m = exp(log(|x| + ε) W)
        g = σ(x G)
        y = g ⊙ a + (1 − g) ⊙ m

    [..., in] → [..., units]. One W = tanh(Ŵ) ⊙ σ(M̂) serves both paths. Weights `W_hat`, `M_hat` and `G`, all [in, units]; Ŵ and
    M̂ start as in `NAC`, G Glorot uniform. `epsilon` keeps log away from 0 and must be above 0.
    Source: Trask et al. 2018, section 2, arXiv 1808.00508.

    Two common repairs: `separate_weights=True` gives the path that multiplies a W of its own, from `W_m_hat` and `M_m_hat`;
    `input_independent_gate=True` makes G a vector [units] that starts at 0 and g = σ(G), the same for every input.
    """

    def __init__(
        self,
        units: int,
        epsilon: float = 1e-7,
        G_initializer: Initializer = None,
        separate_weights: bool = False,
        input_independent_gate: bool = False,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.epsilon = positive_number(epsilon, "epsilon", "1e-7")
        self.separate_weights, self.input_independent_gate = bool(separate_weights), bool(input_independent_gate)
        self.G_initializer = _initializer(G_initializer, "zeros" if input_independent_gate else keras.initializers.GlorotUniform())

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.G = self.weight("G", self.G_initializer, shape=(self.units,) if self.input_independent_gate else None)
        if self.separate_weights:
            self.W_m_hat = self.weight("W_m_hat", _again(self.W_hat_initializer, by=1_000))  # far from M̂, whose seed may be the next one
            self.M_m_hat = self.weight("M_m_hat", _again(self.M_hat_initializer, by=1_000))

    @property
    def W_m(self) -> Tensor:
        """The weights of the path that multiplies, [in, units]: W itself, unless the weights are separate."""
        return self.tanh(self.W_m_hat) * self.sigmoid(self.M_m_hat) if self.separate_weights else self.W

    def matrices(self) -> list[Tensor]:
        return [self.W, self.W_m] if self.separate_weights else [self.W]

    def paths(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The sum a, the product m and the gate g, each [..., units]: what y = g ⊙ a + (1 − g) ⊙ m is made of."""
        x = ops.cast(self._checked(x), self.compute_dtype)
        a = _times(x, self.W)
        m = ops.exp(_times(ops.log(ops.abs(x) + self.epsilon), self.W_m))
        g = self.sigmoid(ops.zeros_like(a) + self.G if self.input_independent_gate else _times(x, self.G))
        return a, m, g

    def call(self, x: Tensor) -> Tensor:
        a, m, g = self.paths(x)
        return g * a + (1 - g) * m

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "G_initializer": keras.initializers.serialize(self.G_initializer),
            "separate_weights": self.separate_weights,
            "input_independent_gate": self.input_independent_gate,
        }


@keras.saving.register_keras_serializable("nalu_helpers")
class NACLog(NAC):
    """NAC in log space, or NAC•: y = exp(log(|x| + ε) W), a product where the NAC has a sum; signs are lost.

    [..., in] → [..., units]. Weights and starts as in `NAC`; `epsilon` must be above 0. Source: Trask et al. 2018, section 2.
    """

    def __init__(self, units: int, epsilon: float = 1e-7, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.epsilon = positive_number(epsilon, "epsilon", "1e-7")

    def call(self, x: Tensor) -> Tensor:
        return ops.exp(_times(ops.log(ops.abs(x) + self.epsilon), self.W))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("nalu_helpers")
class GNALU(NALU):
    """Golden NALU: a NALU with the golden ratio φ = (1 + √5)/2 in the place of every e, which flattens each curve.

        W = tanh_φ(Ŵ) ⊙ σ_φ(M̂)
        m = φ^(log_φ(|x| + ε) W)
        g = σ_φ(x G)

    with tanh_φ(t) = (φ^2t − 1)/(φ^2t + 1) and σ_φ(t) = 1/(1 + φ^−t). Since φ^t = e^(t ln φ), tanh_φ(t) = tanh(t ln φ), σ_φ(t) =
    σ(t ln φ), and m is the same as in the NALU. [..., in] → [..., units]. Weights and starts as in `NALU`.
    Source: Rana et al. 2019.
    """

    LN_PHI = math.log((1 + math.sqrt(5)) / 2)

    def tanh(self, t: Tensor) -> Tensor:
        return ops.tanh(self.LN_PHI * t)

    def sigmoid(self, t: Tensor) -> Tensor:
        return ops.sigmoid(self.LN_PHI * t)


@keras.saving.register_keras_serializable("nalu_helpers")
class NAU(Penalised):
    """Neural addition unit: y = x W, a linear layer whose W is clipped to [−1, 1] after every update.

    [..., in] → [..., units]. Weight `W` [in, units] starts uniform in (−r, r) with r = min(0.5, √(6/(in + units))). Training adds
    λ(t)·mean(min(|W|, |1 − |W||)): `penalty_size` times a ramp from 0 at the first of `penalty_steps` to 1 at the second.
    Source: Madsen & Johansen 2020, arXiv 2001.05016.
    """

    def __init__(self, units: int, penalty_size: float = 0.01, penalty_steps: tuple[float, float] = (20_000, 35_000), **kwargs: Any):
        super().__init__(units, **kwargs)
        self.penalty_size = positive_number(penalty_size, "penalty_size", "0.01", or_0=True)
        self.penalty_steps = as_range(penalty_steps, "penalty_steps")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.W = self.weight("W", _glorot_below_a_half(self.columns, self.units), constraint=Clip(-1, 1))

    def answer(self, x: Tensor, training: bool) -> Tensor:
        return _times(x, self.W)

    def penalty(self, step: Tensor, validation: Tensor) -> Tensor:
        size = ops.abs(self.W)
        return self.penalty_size * _ramp(step, self.penalty_steps, self.variable_dtype) * ops.mean(ops.minimum(size, ops.abs(1 - size)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "penalty_size": self.penalty_size, "penalty_steps": self.penalty_steps}


@keras.saving.register_keras_serializable("nalu_helpers")
class NMU(NAU):
    """Neural multiplication unit: y_o = Π_i (W_io x_i + 1 − W_io). A weight of 1 multiplies by x_i, one of 0 by 1; no log, no lost sign.

    [..., in] → [..., units]. Weight `W` [in, units] starts uniform in (0.25, 0.75) and is clipped to [0, 1] after every update.
    The penalty is as in `NAU`, with a size of 10. Source: Madsen & Johansen 2020, arXiv 2001.05016.
    """

    def __init__(self, units: int, penalty_size: float = 10.0, **kwargs: Any):
        super().__init__(units, penalty_size, **kwargs)

    def build(self, input_shape: Shape) -> None:
        Penalised.build(self, input_shape)
        self.W = self.weight("W", keras.initializers.RandomUniform(0.25, 0.75), constraint=Clip(0, 1))

    def answer(self, x: Tensor, training: bool) -> Tensor:
        return _product(ops.expand_dims(x, -1) * self.W + 1 - self.W)


@keras.saving.register_keras_serializable("nalu_helpers")
class INALU(Penalised):
    """Improved NALU: separate weights, a gate that does not look at the input, a bounded product that keeps its sign.

        a = x W_a
        m = exp(min(log(max(|x|, ε)) W_m, ω))
        s_o = Π_i (sign(x_i)·|W_m,io| + 1 − |W_m,io|)
        g = σ(ĝ)
        y = g ⊙ a + (1 − g) ⊙ m ⊙ s

    [..., in] → [..., units]. W_a and W_m are each tanh ⊙ σ, from `W_a_hat` and `M_a_hat`, `W_m_hat` and `M_m_hat`, all [in, units];
    the gate is `g` [units]. Ŵ ~ N(0.88, 0.2), M̂ ~ N(0.5, 0.2), ĝ ~ N(0, 0.2). `epsilon` and `omega` must be above 0.
    Training adds 0.05·Σ mean(max(20 − |p|, 0)) over all weights p, after update 10,000 and while the validation is below 1; where no
    trainer says what the validation is, as in `model.fit`, from update 10,001 on.
    Source: Schlör et al. 2020, arXiv 2003.07629.
    """

    def __init__(self, units: int, epsilon: float = 1e-7, omega: float = 20.0, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.epsilon, self.omega = positive_number(epsilon, "epsilon", "1e-7"), positive_number(omega, "omega", "20")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        W_start, M_start, g_start = (keras.initializers.RandomNormal(mean, 0.2) for mean in (0.88, 0.5, 0.0))
        self.W_a_hat, self.M_a_hat = self.weight("W_a_hat", W_start), self.weight("M_a_hat", M_start)
        self.W_m_hat, self.M_m_hat = self.weight("W_m_hat", _again(W_start)), self.weight("M_m_hat", _again(M_start))
        self.g = self.weight("g", g_start, shape=(self.units,))

    def matrices(self) -> list[Tensor]:
        """W_a and W_m, each [in, units]."""
        return [ops.tanh(self.W_a_hat) * ops.sigmoid(self.M_a_hat), ops.tanh(self.W_m_hat) * ops.sigmoid(self.M_m_hat)]

    def answer(self, x: Tensor, training: bool) -> Tensor:
        W_a, W_m = self.matrices()
        m = ops.exp(ops.minimum(_times(ops.log(ops.maximum(ops.abs(x), self.epsilon)), W_m), self.omega))
        sign = _product(ops.expand_dims(ops.sign(x), -1) * ops.abs(W_m) + 1 - ops.abs(W_m))
        g = ops.sigmoid(self.g)
        return g * _times(x, W_a) + (1 - g) * m * sign

    def penalty(self, step: Tensor, validation: Tensor) -> Tensor:
        size = sum(ops.mean(ops.maximum(20 - ops.abs(ops.convert_to_tensor(p)), 0)) for p in self.trainable_variables)
        return ops.where(ops.logical_and(step > 10_000, validation < 1), 0.05 * size, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "omega": self.omega}


@keras.saving.register_keras_serializable("nalu_helpers")
class RealNPU(Penalised):
    """Real neural power unit: a product of powers that knows about signs, with a gate that takes an input out of it.

        g = clip(ĝ, 0, 1)
        r = g ⊙ (|x| + ε) + 1 − g
        k_i = π g_i if x_i < 0 else 0
        y = exp(log(r) W) ⊙ cos(k W)

    [..., in] → [..., units]. Weight `W` [in, units] starts Glorot uniform, the gate `g` [in] at 0.5; ε is float32's machine
    epsilon. Training adds β·Σ|p| over all weights p: β is the first of `penalty_sizes` and grows ten times every 10,000
    updates up to the second; (1e-7, 1e-5) is meant for ×, (1e-9, 1e-7) for ÷. Source: Heim et al. 2020, arXiv 2006.01681.
    """

    def __init__(self, units: int, penalty_sizes: tuple[float, float] = (1e-7, 1e-5), **kwargs: Any):
        super().__init__(units, **kwargs)
        self.penalty_sizes = as_range(penalty_sizes, "penalty_sizes", or_equal=True)
        if self.penalty_sizes[0] < 0:
            raise ValueError(f"penalty_sizes is {self.penalty_sizes}, expected both ends of at least 0 such as (1e-7, 1e-5)")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.W = self.weight("W", keras.initializers.GlorotUniform())
        self.g = self.weight("g", keras.initializers.Constant(0.5), shape=(self.columns,))

    def log_r_and_k(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithm of the gated size and the gated angle of x, each [..., in]."""
        g = ops.clip(self.g, 0, 1)
        return ops.log(g * (ops.abs(x) + EPSILON) + 1 - g), math.pi * g * ops.cast(x < 0, self.compute_dtype)

    def answer(self, x: Tensor, training: bool) -> Tensor:
        log_r, k = self.log_r_and_k(x)
        return ops.exp(_times(log_r, self.W)) * ops.cos(_times(k, self.W))

    def penalty(self, step: Tensor, validation: Tensor) -> Tensor:
        first, last = self.penalty_sizes
        tens = ops.minimum(ops.floor(ops.cast(step, self.variable_dtype) / 10_000), 38)  # 10³⁸ is the last that float32 can hold
        beta = ops.minimum(first * 10.0**tens, last)
        return beta * sum(ops.sum(ops.abs(ops.convert_to_tensor(p))) for p in self.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "penalty_sizes": self.penalty_sizes}


@keras.saving.register_keras_serializable("nalu_helpers")
class NPU(RealNPU):
    """Neural power unit: a Real NPU whose weights are complex, W_r + i W_i.

        y = exp(log(r) W_r − k W_i) ⊙ cos(log(r) W_i + k W_r)

    [..., in] → [..., units]. Weights `W_real` (Glorot uniform) and `W_imag` (0), both [in, units], and the gate `g` [in] at 0.5.
    g, r, k and the penalty are as in `RealNPU`. Source: Heim et al. 2020, arXiv 2006.01681.
    """

    def build(self, input_shape: Shape) -> None:
        Penalised.build(self, input_shape)
        self.W_real = self.weight("W_real", keras.initializers.GlorotUniform())
        self.W_imag = self.weight("W_imag", "zeros")
        self.g = self.weight("g", keras.initializers.Constant(0.5), shape=(self.columns,))

    def matrices(self) -> list[Tensor]:
        """W_real and W_imag, each [in, units]."""
        return [self.W_real, self.W_imag]

    def answer(self, x: Tensor, training: bool) -> Tensor:
        log_r, k = self.log_r_and_k(x)
        size = ops.exp(_times(log_r, self.W_real) - _times(k, self.W_imag))
        return size * ops.cos(_times(log_r, self.W_imag) + _times(k, self.W_real))


@keras.saving.register_keras_serializable("nalu_helpers")
class MCFC(Unit):
    """Mass-conserving fully connected layer: each output gets a share R of every input, and a gate o lets part of it out.

        R = softmax of R̂ over the outputs
        o = σ(v + b)
        y = o ⊙ (x R)

    With `multiply` the same in log space, with a bias c; the sign s is put back as in `INALU`:

        y = exp(o ⊙ (log(max(|x|, ε)) R) + c) ⊙ s
        s_o = Π_i (sign(x_i)·R_io + 1 − R_io)

    [..., in] → [..., units]. Told in advance: the shares of an input sum to 1, so that with one output R is 1 whatever is learned.
    Such a unit adds, or multiplies, by construction, and cannot leave an input out; it learns only how far to open its gate.
    Weights `R_hat` [in, units] (orthogonal, or the identity when in = units), `v` [units] (orthogonal: ±1 for one unit), `b` [units]
    (0) and, with `multiply`, `c` [units] (0). `epsilon` must be above 0. Source: Hoedt et al. 2021, arXiv 2101.05186, and their code, where
    the gate is as here. Their product takes log(x), without signs, and has one output more, which is dropped; with signs and without
    that output it is the field's benchmark's (Mistry, Farrahi & Hare 2022), which calls it MulMCFCSignINALU.
    """

    def __init__(self, units: int, multiply: bool = False, epsilon: float = 1e-7, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.multiply, self.epsilon = bool(multiply), positive_number(epsilon, "epsilon", "1e-7")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        square = self.columns == self.units
        self.R_hat = self.weight("R_hat", keras.initializers.Identity() if square else keras.initializers.Orthogonal())
        column = keras.initializers.Orthogonal()
        self.v = self.weight("v", lambda shape, dtype=None: ops.reshape(column((*shape, 1), dtype), shape), shape=(self.units,))
        self.b = self.weight("b", "zeros", shape=(self.units,))
        if self.multiply:
            self.c = self.weight("c", "zeros", shape=(self.units,))

    @property
    def R(self) -> Tensor:
        """What share of each input goes to each output, [in, units]; every row sums to 1."""
        return ops.exp(self.R_hat - ops.logsumexp(self.R_hat, axis=-1, keepdims=True))  # ops.softmax warns when there is one output

    def matrices(self) -> list[Tensor]:
        """R, [in, units]."""
        return [self.R]

    def call(self, x: Tensor) -> Tensor:
        R, gate = self.R, ops.sigmoid(self.v + self.b)
        if not self.multiply:
            return gate * _times(x, R)
        sign = _product(ops.expand_dims(ops.sign(x), -1) * R + 1 - R)
        return ops.exp(gate * _times(ops.log(ops.maximum(ops.abs(x), self.epsilon)), R) + self.c) * sign

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "multiply": self.multiply, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("nalu_helpers")
class SNMU(NMU):
    """Stochastic NMU: in training it sees x times a noise n, and divides what the noise would give by itself out of its answer.

        y_o = Π_i (W_io n_i x_i + 1 − W_io) / Π_i (W_io n_i + 1 − W_io)

    n is drawn anew for every entry of x, uniformly from the range `noise`, whenever the unit is called with `training=True`; at any
    other time the unit is an `NMU`, with the same weight, start, clipping and penalty. Where W is 0 or 1 the noise cancels; elsewhere
    it shakes the unit out of places where it stands still. [..., in] → [..., units]. `seed` is that of the noise, as in
    `keras.layers.Dropout`. Source: Mistry, Farrahi & Hare 2022, arXiv 2211.05624.
    """

    def __init__(self, units: int, noise: tuple[float, float] = (1, 5), seed: int | None = None, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.noise, self.seed = as_range(noise, "noise"), seed
        if self.noise[0] <= 0:
            raise ValueError(f"noise is {self.noise}, expected both ends above 0 such as (1, 5): the answer is divided by what it gives")
        self.seed_generator = keras.random.SeedGenerator(seed)

    def answer(self, x: Tensor, training: bool) -> Tensor:
        if not training:
            return super().answer(x, training)
        n = keras.random.uniform(ops.shape(x), *self.noise, dtype=self.compute_dtype, seed=self.seed_generator)
        return super().answer(n * x, training) / super().answer(n, training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "noise": self.noise, "seed": self.seed}


@keras.saving.register_keras_serializable("nalu_helpers")
class RealNPUModified(RealNPU):
    """Real NPU as modified for division: weights that stay in a range, and a late penalty that makes them whole.

    The equations of `RealNPU`, [..., in] → [..., units]. W starts uniform in (−r, r) with r = min(0.5, √(6/(in + units))) and is clipped to
    [−1, 1] after every update; g starts at 0.5 and is clipped to [0, 1]. Training adds, to the penalty of `RealNPU` for ÷,
    λ(t)·(mean(|1 − |W||) + mean(min(|g|, |1 − g|))): `penalty_size` times a ramp from 0 at the first of `penalty_steps` to 1 at the second.
    Told in advance: W is to be −1 or 1, and an input is left out by its gate alone.
    Source: Mistry, Farrahi & Hare 2022, TMLR (openreview HjelcW6wio).
    """

    def __init__(
        self,
        units: int,
        penalty_sizes: tuple[float, float] = (1e-9, 1e-7),
        penalty_size: float = 1.0,
        penalty_steps: tuple[float, float] = (40_000, 50_000),
        **kwargs: Any,
    ):
        super().__init__(units, penalty_sizes, **kwargs)
        self.penalty_size = positive_number(penalty_size, "penalty_size", "0.01", or_0=True)
        self.penalty_steps = as_range(penalty_steps, "penalty_steps")

    def build(self, input_shape: Shape) -> None:
        Penalised.build(self, input_shape)
        self.W = self.weight("W", _glorot_below_a_half(self.columns, self.units), constraint=Clip(-1, 1))
        self.g = self.weight("g", keras.initializers.Constant(0.5), shape=(self.columns,), constraint=Clip(0, 1))

    def penalty(self, step: Tensor, validation: Tensor) -> Tensor:
        W, g = ops.abs(self.W), ops.abs(self.g)
        unwhole = ops.mean(ops.abs(1 - W)) + ops.mean(ops.minimum(g, ops.abs(1 - g)))
        return super().penalty(step, validation) + self.penalty_size * _ramp(step, self.penalty_steps, self.variable_dtype) * unwhole

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "penalty_size": self.penalty_size, "penalty_steps": self.penalty_steps}


@keras.saving.register_keras_serializable("nalu_helpers")
class NRU(NAU):
    """Neural reciprocal unit: a product of powers between x⁻¹ and x¹, in which a weight of 0 leaves its input out.

        y_o = Π_i (sign(x_i)·|x_i|^W_io · a_io + 1 − a_io)
        a = tanh(1000 W)² in training, |W| at any other time

    [..., in] → [..., units]. Weight `W` [in, units] starts, and is clipped to [−1, 1], as in `NAU`; so is its penalty, with a size of 10.
    Where a weight divides, an x of exactly 0 counts as float32's machine epsilon, so that no answer is NaN.
    Source: Mistry, Farrahi & Hare 2022, TMLR (openreview HjelcW6wio), who train it with a learning rate of 1.
    """

    def __init__(self, units: int, penalty_size: float = 10.0, **kwargs: Any):
        super().__init__(units, penalty_size, **kwargs)

    def answer(self, x: Tensor, training: bool) -> Tensor:
        a = ops.square(ops.tanh(1000 * self.W)) if training else ops.abs(self.W)
        x = ops.expand_dims(x, -1)
        sign = 1 - 2 * ops.cast(x < 0, self.compute_dtype)
        size = ops.where(x == 0, EPSILON, ops.abs(x))  # a power of 0 itself would have NaN as its gradient
        power = ops.where(ops.logical_and(x == 0, self.W >= 0), ops.cast(self.W == 0, self.compute_dtype), ops.power(size, self.W))
        return _product(sign * power * a + 1 - a)


@keras.saving.register_keras_serializable("nalu_helpers")
class NMRU(NMU):
    """Neural multiplicative reciprocal unit: an NMU that sees every input and its reciprocal, and puts the sign back by a cosine.

        z = [x, 1/x]
        y_o = Π_i (W_io |z_i| + 1 − W_io) · cos(π Σ_i W_io [z_i < 0])

    [..., in] → [..., units]. Weight `W` [2·in, units], first those of x, then those of 1/x; start, clipping to [0, 1] and penalty are as
    in `NMU`. In training the reciprocal is that of x + ε, with ε float32's machine epsilon; a denominator of exactly 0 counts as ε.
    Told in advance: that there is division. Source: Mistry, Farrahi & Hare 2022, TMLR (openreview HjelcW6wio), who clip the norm of
    its gradients to 1.
    """

    def build(self, input_shape: Shape) -> None:
        Penalised.build(self, input_shape)
        start = keras.initializers.RandomUniform(0.25, 0.75)
        self.W = self.weight("W", start, shape=(2 * self.columns, self.units), constraint=Clip(0, 1))

    def answer(self, x: Tensor, training: bool) -> Tensor:
        below = x + EPSILON if training else x
        z = ops.concatenate([x, 1 / ops.where(below == 0, EPSILON, below)], axis=-1)
        turns = _times(ops.cast(z < 0, self.compute_dtype), self.W)
        return super().answer(ops.abs(z), training) * ops.cos(math.pi * turns)


@keras.saving.register_keras_serializable("nalu_helpers")
class DMU(Unit):
    """Domain mixed unit: a sum and the same sum in log space, with signs that are given; one gate that mixes the two is all it learns.

        R = Σ_i o_i x_i
        L = Σ_i o_i log(max(|x_i|, 1e-11))
        g = σ(ĝ)
        size = g·√(R² + 1e-8) + (1 − g)·exp(L)
        sign = g·tanh(R / 1e-4) + (1 − g)·cos(π Σ_i |o_i| [x_i < 0])
        y = sign ⊙ size

    [..., in] → [..., units], where in is the number of `signs` o: (1, 1) is the paper's DMU add, for + and ×, (1, −1) its DMU sub, for
    − and ÷. Told in advance: which inputs matter, and which is added and which subtracted. Weight `g` [units], ĝ in the formula, starts
    uniform in (−0.1, 0.1); how near to 0 the paper does not say. Source: Curry 2025, arXiv 2509.08180.
    """

    def __init__(self, units: int, signs: Sequence[int] = (1, 1), **kwargs: Any):
        super().__init__(units, **kwargs)
        self.signs = tuple(as_floats(signs, "signs").ravel().astype(int).tolist())
        if any(sign not in (-1, 0, 1) for sign in np.ravel(signs)):
            raise ValueError(f"signs is {signs!r}, expected -1, 0 or 1 for each input, such as (1, -1)")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.columns != len(self.signs):
            raise ValueError(
                f"x has {self.columns} columns and signs is {self.signs}: give a sign for each column, such as signs={(1,) * self.columns}"
            )
        self.g = self.weight("g", keras.initializers.RandomUniform(-0.1, 0.1), shape=(self.units,))

    def matrices(self) -> list[Tensor]:
        """The gate σ(ĝ), which ought to be 0 or 1, as [1, units]."""
        return [ops.expand_dims(ops.sigmoid(self.g), 0)]

    def call(self, x: Tensor) -> Tensor:
        g, o = ops.sigmoid(self.g), ops.cast(ops.expand_dims(self.signs, -1), self.compute_dtype)
        R, L = _times(x, o), _times(ops.log(ops.maximum(ops.abs(x), 1e-11)), o)
        turns = _times(ops.cast(x < 0, self.compute_dtype), ops.abs(o))
        size = g * ops.sqrt(ops.square(R) + 1e-8) + (1 - g) * ops.exp(L)
        return (g * ops.tanh(R / 1e-4) + (1 - g) * ops.cos(math.pi * turns)) * size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "signs": self.signs}


@keras.saving.register_keras_serializable("nalu_helpers")
class Clip(keras.constraints.Constraint):
    """A Keras constraint: after every update, each entry of the weight is clipped to [low, high]."""

    def __init__(self, low: float, high: float):
        self.low, self.high = as_range((low, high), "the range to clip to")

    def __call__(self, w: Tensor) -> Tensor:
        return ops.clip(w, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high}


def benchmark_start(columns: int, units: int) -> keras.initializers.Initializer:
    """The initializer of Ŵ and M̂ in the field's benchmark: U(−r, r) whose W = tanh(Ŵ) ⊙ σ(M̂) has the variance that Glorot asks for.

    Solves (in + units)·Var[W](r) = 2, counting in + units as at least 5, with Var[W](r) = (1 − tanh(r)/r)(r − tanh(r/2))/(2r).
    Source: Madsen & Johansen 2020.
    """
    from scipy.optimize import brentq

    fan = max(columns + units, 5)
    r = brentq(lambda r: fan * (1 - math.tanh(r) / r) * (r - math.tanh(r / 2)) / (2 * r) - 2, 1e-3, 10)
    return keras.initializers.RandomUniform(-r, r)


def _glorot_below_a_half(columns: int, units: int) -> keras.initializers.Initializer:
    """U(−r, r) with the variance that Glorot asks for, but r at most ½: the start of the NAU and its relatives."""
    r = min(0.5, math.sqrt(6 / (columns + units)))
    return keras.initializers.RandomUniform(-r, r)


def _ramp(step: Tensor, steps: tuple[float, float], dtype: str) -> Tensor:
    """A number that grows from 0 at the first of `steps` to 1 at the second, and stays there."""
    start, end = steps
    return ops.clip((ops.cast(step, dtype) - start) / (end - start), 0, 1)


def _times(x: Tensor, W: Tensor) -> Tensor:
    """x W. Few columns are multiplied and summed: XLA makes one loop of that, and a call of its own of every matmul."""
    return ops.sum(ops.expand_dims(x, -1) * W, axis=-2) if W.shape[0] <= 8 else ops.matmul(x, W)


def _product(z: Tensor) -> Tensor:
    """The product of z [..., in, units] over its inputs, [..., units]; its gradient is right where a factor is 0."""
    return functools.reduce(operator.mul, ops.unstack(z, axis=-2))


def _initializer(given: Initializer, default: Initializer) -> Callable:
    return keras.initializers.get(default if given is None else given)


def _again(initializer: Callable, by: int = 1) -> Callable:
    """The same distribution with another seed, larger `by` so much, since an initializer of Keras gives the same numbers every time.

    One that holds a `keras.random.SeedGenerator`, or is a plain function, can simply be asked again.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" not in config or isinstance(initializer.seed, keras.random.SeedGenerator):
        return initializer
    if config["seed"] is not None:
        config["seed"] += by
    return type(initializer).from_config(config)
