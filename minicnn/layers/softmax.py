from typing import Unpack

import numpy as np

from minicnn.kernels import cross_entropy
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class Softmax(Layer):
    """Turn K scores into K probabilities.

        y_k = exp(x_k) / sum_j exp(x_j)
        dx  = y * (dy - sum_j dy_j y_j)          because dy_k/dx_j = y_k (delta_kj - y_j)

    The largest score is subtracted first: it cancels in the quotient, and exp no longer overflows.
    As the last layer of a model that trains with a cross-entropy it is left to the loss, which
    needs the scores themselves to be exact (see losses.py).

    Args:
        axis: the axis of the K scores, counted with N.

    Shapes: x, y (N, ..., K)
    Cache: y (N, ..., K)
    Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network
        outputs".

    >>> layers.Softmax()(np.log([[1.0, 3.0]])).round(6)
    array([[0.25, 0.75]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.axis = axis

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = softmax(x, self.axis)
        self._cache = (y,) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.take_cache(dy)
        return y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis, without overflow."""
    if x.ndim == 2 and axis in (-1, 1) and x.dtype in (np.float32, np.float64):  # as usual
        y = np.empty_like(x, order="C")
        cross_entropy.softmax(np.ascontiguousarray(x), y)
        return y
    # A difference beyond the largest number is -inf, and exp of that is 0; infinite scores are NaN,
    # and that shows.
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
