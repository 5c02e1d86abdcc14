"""The functions that an activation applies to every number on its own, and their derivatives.

Each row of FUNCTIONS is (y as a function of x, dy/dx as a function of x and y). No step overflows
where the result does not, NaN stays NaN, and arrays keep their type.
"""

from collections.abc import Callable
from typing import Unpack

import numpy as np

from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array

# The fixed point of Klambauer et al. 2017, arXiv:1706.02515, equation 14: activations keep mean 0
# and variance 1 from layer to layer.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def inside(x: Array, limit: float) -> Array:
    """1 where |x| < limit, else 0."""
    return (np.abs(x) < limit).astype(x.dtype)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with exp(-|x|), which is at most 1."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_slope(x: Array, y: Array, alpha: float = 1.0) -> Array:
    """1 where x > 0, else alpha * exp(x) = y + alpha."""
    return np.where(x > 0, 1, y + alpha)


def silu(x: Array) -> Array:
    """x * sigmoid(x), also called swish."""
    return x * sigmoid(x)


def silu_slope(x: Array, y: Array) -> Array:
    """s + x s (1 - s), which is s + y (1 - s), for s = sigmoid(x)."""
    s = sigmoid(x)
    return s + y * (1 - s)


def mish(x: Array) -> Array:
    """x * tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def mish_slope(x: Array, _: Array) -> Array:
    """t + x (1 - t^2) sigmoid(x) for t = tanh(softplus(x)), for softplus' derivative is sigmoid."""
    t = np.tanh(softplus(x))
    return t + x * (1 - t**2) * sigmoid(x)


def hard_sigmoid(x: Array) -> Array:
    """(x + 3) / 6, cut to 0 ... 1: three straight lines near the sigmoid."""
    return np.clip(x, -3, 3) / 6 + 0.5


def hard_silu(x: Array) -> Array:
    """x * hard_sigmoid(x), also called hard_swish."""
    return x * hard_sigmoid(x)


def hard_silu_slope(x: Array, _: Array) -> Array:
    """hard_sigmoid(x) + x / 6 where that is no constant."""
    return hard_sigmoid(x) + x * inside(x, 3) / 6


def squareplus(x: Array) -> Array:
    """(x + r) / 2 with r = sqrt(x^2 + 4); below 0, where these cancel, 2 / (r - x), the same."""
    r = np.hypot(x, 2)
    return np.where(x > 0, x / 2 + r / 2, 2 / (r - np.minimum(x, 0)))


def sparse_plus(x: Array) -> Array:
    """0 below -1, x above 1, and the parabola (x + 1)^2 / 4 between."""
    return np.where(x >= 1, x, (np.clip(x, -1, 1) + 1) ** 2 / 4)


def soft_shrink(x: Array) -> Array:
    """x moved by 1/2 towards 0, and 0 where it gets there."""
    return x - np.clip(x, -0.5, 0.5)


def hard_shrink(x: Array) -> Array:
    """x where |x| > 1/2, else 0."""
    return np.where(np.abs(x) <= 0.5, 0, x)


Function = tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]

FUNCTIONS: dict[str, Function] = {
    "sigmoid": (sigmoid, lambda _, y: y * (1 - y)),
    "tanh": (np.tanh, lambda _, y: 1 - y**2),
    "celu": (elu, elu_slope),  # alpha * (exp(x / alpha) - 1) below 0, with Keras' alpha = 1
    "selu": (
        lambda x: SELU_SCALE * elu(x, SELU_ALPHA),
        lambda x, y: np.where(x > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA),
    ),
    "softplus": (softplus, lambda x, _: sigmoid(x)),
    "softsign": (softsign, lambda x, _: 1 / (1 + np.abs(x)) ** 2),
    "silu": (silu, silu_slope),
    "swish": (silu, silu_slope),
    "mish": (mish, mish_slope),
    "exponential": (np.exp, lambda _, y: y),
    "hard_sigmoid": (hard_sigmoid, lambda x, _: inside(x, 3) / 6),
    "hard_silu": (hard_silu, hard_silu_slope),
    "hard_swish": (hard_silu, hard_silu_slope),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), lambda x, _: inside(x, 1)),
    "log_sigmoid": (lambda x: -softplus(-x), lambda x, _: sigmoid(-x)),
    "squareplus": (squareplus, lambda x, y: y / np.hypot(x, 2)),
    "sparse_plus": (sparse_plus, lambda x, _: (np.clip(x, -1, 1) + 1) / 2),
    "sparse_sigmoid": (lambda x: (np.clip(x, -1, 1) + 1) / 2, lambda x, _: inside(x, 1) / 2),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x, _: np.tanh(x) ** 2),
    "soft_shrink": (soft_shrink, lambda x, _: 1 - inside(x, 0.5)),
    "hard_shrink": (hard_shrink, lambda x, _: 1 - inside(x, 0.5)),
}


class Elementwise(Layer):
    """One of FUNCTIONS as a layer; `Activation("tanh")` and `activation="tanh"` run it.

        y = f(x),   dx = dy * f'(x)

    Args:
        function: its name.

    Shapes: x, y (N, ...)
    Cache: slope (N, ...), f'(x)
    """

    def __init__(self, function: str, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.function = function

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        function, derivative = FUNCTIONS[self.function]
        # exp of a large number is infinite, and so on: it shows in the result
        with np.errstate(over="ignore", invalid="ignore"):
            y = function(x)
            self._cache = (derivative(x, y),) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, slope = self.take_cache(dy)
        return dy * slope
