from typing import Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class LeakyReLU(Layer):
    """Let a little of what is negative through, so that no unit ever stops learning.

        y  = x where x > 0, else negative_slope * x
        dx = dy where x > 0, else negative_slope * dy

    Args:
        negative_slope: Keras' default is 0.3 for this layer but 0.2 for activation="leaky_relu";
            both are kept.

    Shapes: x, y (N, ...)
    Cache: slope (N, ...)
    Source: Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic
        models".

    >>> layers.LeakyReLU(0.25)(np.array([[-2.0, 0.0, 2.0]]))
    array([[-0.5,  0. ,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        number(negative_slope, "negative_slope", "LeakyReLU")
        self.negative_slope = negative_slope

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        # (N, ...)
        slope = np.where(x > 0, self.dtype.type(1), self.dtype.type(self.negative_slope))
        self._cache = (slope,) if training else None
        return slope * x

    def backward(self, dy: Array) -> Array:
        dy, slope = self.take_cache(dy)
        return slope * dy
