from typing import Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class ReLU(Layer):
    """Cut off what is negative.

        y  = max(x, 0)              (and at most max_value)
        dx = dy where 0 < x (< max_value), else 0

    The derivative at exactly 0 is taken as 0, as everywhere. NaN stays NaN.

    Args:
        max_value: upper limit, 6 for "ReLU6"; None for no limit.

    Shapes: x, y (N, ...)
    Cache: passes (N, ...) bool, where the input passed unchanged
    Source: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".

    >>> layers.ReLU(max_value=6)(np.array([[-1.0, 2.0, 8.0]]))
    array([[0., 2., 6.]], dtype=float32)
    """

    def __init__(self, max_value: float | None = None, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        if max_value is not None and number(max_value, "max_value", "ReLU") <= 0:
            raise ValueError(f"ReLU expected max_value above 0 or None, received {max_value!r}")
        self.max_value = max_value

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = np.maximum(x, 0) if self.max_value is None else np.clip(x, 0, self.max_value)
        self._cache = (self._passes(x),) if training else None
        return y

    def _passes(self, x: Array) -> Array:
        return x > 0 if self.max_value is None else (x > 0) & (x < self.max_value)

    def backward(self, dy: Array) -> Array:
        dy, passes = self.take_cache(dy)
        return dy * passes
