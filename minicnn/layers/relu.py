from typing import Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class ReLU(Layer):
    """Cut off what is negative.

        y  = max(x, 0)                               (and at most max_value)
        dx = dy where 0 < x (< max_value), else 0

    With a threshold t and a negative slope s, as Keras has them:
        y  = x where x > t (and at most max_value), else s * (x - t)
        dx = dy where t < x (< max_value), s * dy where x <= t, else 0

    The derivative at exactly 0 is taken as 0, as everywhere. NaN stays NaN.

    Args:
        max_value: upper limit, 6 for "ReLU6"; None for no limit.
        negative_slope: s, at least 0.
        threshold: t, at least 0.

    Shapes: x, y (N, ...)
    Cache: slope (N, ...), dy/dx; bool where s is 0
    Source: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".

    >>> layers.ReLU(max_value=6)(np.array([[-1.0, 2.0, 8.0]]))
    array([[0., 2., 6.]], dtype=float32)
    """

    optional_arguments = ("negative_slope", "threshold")

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        if max_value is not None and number(max_value, "max_value", "ReLU") <= 0:
            raise ValueError(f"ReLU expected max_value above 0 or None, received {max_value!r}")
        number(negative_slope, "negative_slope", "ReLU", least=0)
        number(threshold, "threshold", "ReLU", least=0)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    @property
    def is_plain(self) -> bool:
        """Whether it computes max(x, 0) and nothing else."""
        return self.max_value is None and not self.negative_slope and not self.threshold

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = (self._slope(x),) if training else None
        if self.is_plain:
            return np.maximum(x, 0)
        y = x if self.max_value is None else np.minimum(x, self.max_value)
        below = self.negative_slope * (x - self.threshold) if self.negative_slope else 0
        return np.where(x <= self.threshold, below, y)

    def _slope(self, x: Array) -> Array:
        passes = x > self.threshold
        if self.max_value is not None:
            passes &= x < self.max_value
        if not self.negative_slope:
            return passes
        return np.where(x <= self.threshold, self.dtype.type(self.negative_slope), passes)

    def backward(self, dy: Array) -> Array:
        dy, slope = self.take_cache(dy)
        return dy * slope
