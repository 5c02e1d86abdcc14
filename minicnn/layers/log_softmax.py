import numpy as np

from minicnn.layers.base import Layer
from minicnn.types import Array


class LogSoftmax(Layer):
    """Turn K scores into the logarithms of K probabilities; `activation="log_softmax"` runs it.

        y_k = x_k - log(sum_j exp(x_j))
        dx  = dy - exp(y) * sum_j dy_j       because dy_k/dx_j = delta_kj - exp(y_j)

    The largest score is subtracted first, as in Softmax.

    Shapes: x, y (N, ..., K)
    Cache: y (N, ..., K)
    """

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite scores are NaN, as in Softmax
            below = x - x.max(axis=-1, keepdims=True)
            y = below - np.log(np.exp(below).sum(axis=-1, keepdims=True))
        self._cache = (y,) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.take_cache(dy)
        return dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)
