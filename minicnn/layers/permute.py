from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minicnn.expect import is_integer
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import with_batch
from minicnn.types import Array, Shape


class Permute(Layer):
    """Put the axes of each sample into another order.

        y = x.transpose(0, *dims),   dx = dy with its axes put back

    Args:
        dims: for each axis of y, that of x, counted from 1, as N is 0: (3, 1, 2) takes (H, W, C) to
            (C, H, W).

    Shapes: x (N, ...); y (N, ...), axis k being axis dims[k - 1] of x
    Cache: nothing but the fact that forward ran

    >>> layers.Permute((3, 1, 2))(np.zeros((2, 8, 9, 3))).shape
    (2, 3, 8, 9)
    """

    def __init__(self, dims: Sequence[int], **options: Unpack[LayerOptions]):
        super().__init__(**options)
        axes = tuple(dims) if isinstance(dims, tuple | list) else ()
        is_order = all(is_integer(axis) for axis in axes) and sorted(axes) == [
            *range(1, len(axes) + 1)
        ]
        if not axes or not is_order:
            raise ValueError(
                "Permute expected dims as the numbers from 1 on in another order, such as (3, 1, "
                f"2), received {dims!r}"
            )
        self.dims = tuple(int(axis) for axis in axes)

    def setup(self, input_shape: Shape) -> Shape:
        if len(self.dims) != len(input_shape):
            raise ValueError(
                f"{self} expected samples of {len(self.dims)} axes, as dims={self.dims} has, "
                f"received {with_batch(input_shape)}"
            )
        return tuple(input_shape[axis - 1] for axis in self.dims)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return np.ascontiguousarray(x.transpose(0, *self.dims))

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return np.ascontiguousarray(dy.transpose(np.argsort((0, *self.dims))))
