from typing import Unpack

import numpy as np

from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class LogSoftmax(Layer):
    """Turn K scores into the logarithms of K probabilities; `activation="log_softmax"` runs it.

        y_k = x_k - log(sum_j exp(x_j))
        dx  = dy - exp(y) * sum_j dy_j       because dy_k/dx_j = delta_kj - exp(y_j)

    The largest score is subtracted first, as in Softmax.

    Args:
        axis: the axis of the K scores, counted with N.

    Shapes: x, y (N, ..., K)
    Cache: y (N, ..., K)
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.axis = axis

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite scores are NaN, as in Softmax
            below = x - x.max(axis=self.axis, keepdims=True)
            y = below - np.log(np.exp(below).sum(axis=self.axis, keepdims=True))
        self._cache = (y,) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.take_cache(dy)
        return dy - np.exp(y) * dy.sum(axis=self.axis, keepdims=True)
