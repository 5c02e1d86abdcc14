from math import pi, sqrt
from typing import Unpack

import numpy as np

from minicnn.expect import flag
from minicnn.kernels.gelu import erfc
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class GELU(Layer):
    """Weigh each input by the share of a normal distribution that lies below it.

        y    = x * P(x),        P(x) = erfc(-x / sqrt(2)) / 2
        dx   = dy * (P(x) + x * p(x)),   p(x) = exp(-x^2 / 2) / sqrt(2 pi)

    approximate=True replaces P by (1 + tanh(u)) / 2 with u = sqrt(2 / pi) * (x + 0.044715 x^3), and
    then
        x * dP/dx = x * (1 - tanh(u)^2) / 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 x^2)

    Args:
        approximate: use the tanh form; Keras' default is the exact one.

    Shapes: x, y (N, ...)
    Cache: derivative dy/dx (N, ...)
    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2.

    >>> layers.GELU()(np.array([[-1.0, 0.0, 1.0]])).round(3)
    array([[-0.159,  0.   ,  0.841]], dtype=float32)
    """

    def __init__(self, approximate: bool = False, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.approximate = flag(approximate, "approximate", "GELU")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        if self.approximate:
            near = np.clip(x, -100, 100)  # where P is long 0 or 1; powers of more may be infinite
            tanh = np.tanh(sqrt(2 / pi) * (near + 0.044715 * near**3))
            below = (1 + tanh) / 2
            slope = (1 - tanh**2) / 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 * near**2)  # dP/dx
        else:
            below = np.empty_like(x)
            erfc((x / -sqrt(2)).ravel(), below.reshape(-1))
            below /= 2
            with np.errstate(over="ignore"):  # a large x^2 is infinite, and exp(-inf) = 0
                slope = np.exp(-(x**2) / 2) / sqrt(2 * pi)
        self._cache = (below + x * slope,) if training else None
        return x * below

    def backward(self, dy: Array) -> Array:
        dy, derivative = self.take_cache(dy)
        return dy * derivative
