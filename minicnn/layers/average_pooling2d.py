from typing import Unpack

import numpy as np

from minicnn.expect import pair
from minicnn.kernels.pooling import average_pool, average_unpool
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import Window, check_padding
from minicnn.types import Array, Pair, Shape


class AveragePooling2D(Layer):
    """Take the mean of every window.

        y[n, i, j, c] = mean over the window's cells of x[n, :, :, c]
        dx            = dy / (number of cells), summed over the windows a cell lies in

    Cells of "same" padding are no cells: a window at the edge divides by what it really covers, as
    in Keras.

    Args:
        pool_size: the window, an int or a pair (rows, columns).
        strides: its step; None for pool_size, so that windows do not overlap.
        padding: "valid" (a ragged edge is dropped: 13 -> 6) or "same" (it is kept: 13 -> 7).

    Shapes: x (N, H, W, C); y (N, OH, OW, C)
    Cache: nothing but the fact that forward ran
    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section
        II.A.

    >>> layers.AveragePooling2D(2)(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))
    array([[[[2.5]]]], dtype=float32)
    """

    window: Window

    def __init__(
        self,
        pool_size: int | Pair,
        strides: int | Pair | None = None,
        padding: str = "valid",
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.pool_size = pair(pool_size, "pool_size", "AveragePooling2D")
        self.strides = (
            self.pool_size if strides is None else pair(strides, "strides", "AveragePooling2D")
        )
        self.padding = check_padding(padding, "AveragePooling2D")

    def setup(self, input_shape: Shape) -> Shape:
        self.window = Window.over(input_shape, self.pool_size, self.strides, self.padding, self)
        return (*self.window.output, input_shape[-1])

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = np.empty((len(x), *self.output_shape), self.dtype)
        average_pool(x, self.pool_size, self.strides, self.window.before, y)
        self._cache = () if training else None
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        dx = np.empty((len(dy), *self.input_shape), self.dtype)
        average_unpool(dy, self.pool_size, self.strides, self.window.before, dx)
        return dx
