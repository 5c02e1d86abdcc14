from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minicnn.expect import is_integer
from minicnn.kernels import cross_entropy
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array, Shape


class Softmax(Layer):
    """Turn K scores into K probabilities.

        y_k = exp(x_k) / sum_j exp(x_j)
        dx  = y * (dy - sum_j dy_j y_j)          because dy_k/dx_j = y_k (delta_kj - y_j)

    The largest score is subtracted first: it cancels in the quotient, and exp no longer overflows.
    As the last layer of a model that trains with a cross-entropy it is left to the loss, which
    needs the scores themselves to be exact (see losses.py).

    Args:
        axis: the axis of the K scores, or several, counted with N.

    Shapes: x, y (N, ..., K)
    Cache: y (N, ..., K)
    Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network
        outputs".

    >>> layers.Softmax()(np.log([[1.0, 3.0]])).round(6)
    array([[0.25, 0.75]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        axes: list = list(axis) if isinstance(axis, list | tuple) else [axis]
        if not axes or not all(is_integer(one, -9) for one in axes):
            raise ValueError(
                f"Softmax expected axis as an integer or a list of them, received {axis!r}"
            )
        self.axis: int | list[int] = axes if isinstance(axis, list | tuple) else axes[0]

    def setup(self, input_shape: Shape) -> Shape:
        rank = len(input_shape) + 1
        places = [axis % rank for axis in self._axes if -rank <= axis < rank]
        if len(set(places)) < len(self._axes) or 0 in places:
            raise ValueError(
                f"{self} expected axes of its samples, each once, counted with the batch axis, 1 "
                f"to {rank - 1}, received axis={self.axis}"
            )
        return input_shape

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(self.axis) if isinstance(self.axis, list) else (self.axis,)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = softmax(x, self._axes if isinstance(self.axis, list) else self.axis)
        self._cache = (y,) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.take_cache(dy)
        return y * (dy - (dy * y).sum(axis=self._axes, keepdims=True))


def softmax(x: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis, without overflow."""
    if x.ndim == 2 and axis in (-1, 1) and x.dtype.char in "fd":  # as usual
        y = np.empty_like(x, order="C")
        cross_entropy.softmax(np.ascontiguousarray(x), y)
        return y
    # A difference beyond the largest number is -inf, and exp of that is 0; infinite scores are NaN,
    # and that shows.
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
