from typing import Unpack

import numpy as np

from minicnn.expect import pair
from minicnn.kernels.pooling import max_pool, max_unpool
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import Window, check_padding
from minicnn.types import Array, Pair, Shape


class MaxPooling2D(Layer):
    """Keep the largest value of every window.

        y[n, i, j, c] = max over the window of x[n, :, :, c]
        dx            = dy at the cell that won, summed over the windows it won; 0 elsewhere

    Of equal values the first in row-major order wins. Padding never wins. NaN wins, so that it is
    seen.

    Args:
        pool_size: the window, an int or a pair (rows, columns).
        strides: its step; None for pool_size, so that windows do not overlap.
        padding: "valid" (a ragged edge is dropped: 13 -> 6) or "same" (it is kept: 13 -> 7).

    Shapes: x (N, H, W, C); y (N, OH, OW, C)
    Cache: argmax (N, OH, OW, C), the winner's h*W + w
    Source: Ranzato et al. 2007, "Unsupervised learning of invariant feature hierarchies".

    >>> layers.MaxPooling2D(2)(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))
    array([[[[4.]]]], dtype=float32)
    """

    window: Window

    def __init__(
        self,
        pool_size: int | Pair = (2, 2),
        strides: int | Pair | None = None,
        padding: str = "valid",
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.pool_size = pair(pool_size, "pool_size", "MaxPooling2D")
        self.strides = (
            self.pool_size if strides is None else pair(strides, "strides", "MaxPooling2D")
        )
        self.padding = check_padding(padding, "MaxPooling2D")

    def setup(self, input_shape: Shape) -> Shape:
        self.window = Window.over(input_shape, self.pool_size, self.strides, self.padding, self)
        return (*self.window.output, input_shape[-1])

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = np.empty((len(x), *self.output_shape), self.dtype)
        argmax = np.empty(y.shape, np.int32)
        max_pool(x, self.pool_size, self.strides, self.window.before, y, argmax)
        self._cache = (argmax,) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, argmax = self.take_cache(dy)
        dx = np.empty((len(dy), *self.input_shape), self.dtype)
        max_unpool(dy, argmax, dx)
        return dx
