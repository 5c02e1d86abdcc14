from typing import Unpack

import numpy as np

from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import check_picture, frame
from minicnn.types import Array, Pair, Shape


class ZeroPadding2D(Layer):
    """Put a frame of zeros around a picture.

        y = x with `top`, `bottom` rows and `left`, `right` columns of zeros around it
        dx = dy without its frame

    Args:
        padding: one int for all sides, (rows, columns), or ((top, bottom), (left, right)).

    Shapes: x (N, H, W, C); y (N, top + H + bottom, left + W + right, C)
    Cache: nothing but the fact that forward ran

    >>> layers.ZeroPadding2D(((1, 2), 3))(np.zeros((1, 32, 32, 3))).shape
    (1, 35, 38, 3)
    """

    def __init__(
        self, padding: int | Pair | tuple[Pair, Pair] = (1, 1), **options: Unpack[LayerOptions]
    ):
        super().__init__(**options)
        self.padding = frame(padding, "padding", "ZeroPadding2D")

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = check_picture(input_shape, self)
        return H + sum(self.padding[0]), W + sum(self.padding[1]), C

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return np.pad(x, ((0, 0), *self.padding, (0, 0)))

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        H, W, _ = self.input_shape
        (top, _), (left, _) = self.padding
        return dy[:, top : top + H, left : left + W]
