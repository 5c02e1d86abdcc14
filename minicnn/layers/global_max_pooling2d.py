from typing import Unpack

import numpy as np

from minicnn.expect import flag
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import check_picture
from minicnn.types import Array, Shape


class GlobalMaxPooling2D(Layer):
    """Take the largest value of every channel over the whole picture.

        y[n, c] = max over h, w of x[n, h, w, c]
        dx      = dy at the cell that won, 0 elsewhere

    Of equal values the first in row-major order wins.

    Args:
        keepdims: whether y keeps the axes of height and width, of size 1.

    Shapes: x (N, H, W, C); y (N, C), or (N, 1, 1, C) with keepdims
    Cache: argmax (N, 1, C), the winner's h*W + w
    Source: Oquab et al. 2015, "Is object localization for free?", section 3.

    >>> layers.GlobalMaxPooling2D()(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))
    array([[4.]], dtype=float32)
    """

    optional_arguments = ("keepdims",)

    def __init__(self, keepdims: bool = False, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.keepdims = flag(keepdims, "keepdims", "GlobalMaxPooling2D")

    def setup(self, input_shape: Shape) -> Shape:
        _, _, C = check_picture(input_shape, self)
        return (1, 1, C) if self.keepdims else (C,)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        cells = x.reshape(len(x), -1, x.shape[-1])  # (N, H*W, C)
        # NumPy's argmax takes the first, and NaN before any number
        argmax = cells.argmax(axis=1)[:, None, :]
        self._cache = (argmax,) if training else None
        return np.take_along_axis(cells, argmax, axis=1).reshape(len(x), *self.output_shape)

    def backward(self, dy: Array) -> Array:
        dy, argmax = self.take_cache(dy)
        H, W, C = self.input_shape
        dx = np.zeros((len(dy), H * W, C), self.dtype)
        np.put_along_axis(dx, argmax, dy.reshape(-1, 1, C), axis=1)
        return dx.reshape(len(dy), H, W, C)
