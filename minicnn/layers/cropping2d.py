from typing import Unpack

import numpy as np

from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import check_picture, frame
from minicnn.types import Array, Pair, Shape


class Cropping2D(Layer):
    """Cut a frame off a picture.

        y = x without its first `top`, last `bottom` rows and first `left`, last `right` columns
        dx = dy with zeros around it

    Args:
        cropping: one int for all sides, (rows, columns), or ((top, bottom), (left, right)).

    Shapes: x (N, H, W, C); y (N, H - top - bottom, W - left - right, C)
    Cache: nothing but the fact that forward ran

    >>> layers.Cropping2D(((1, 2), 3))(np.zeros((1, 32, 32, 3))).shape
    (1, 29, 26, 3)
    """

    def __init__(
        self,
        cropping: int | Pair | tuple[Pair, Pair] = ((0, 0), (0, 0)),
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.cropping = frame(cropping, "cropping", "Cropping2D")

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = check_picture(input_shape, self)
        height, width = H - sum(self.cropping[0]), W - sum(self.cropping[1])
        if min(height, width) < 1:
            raise ValueError(
                f"{self} receives pictures of {H}x{W}, of which cropping={self.cropping} leaves "
                "nothing"
            )
        return height, width, C

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        (top, _), (left, _) = self.cropping
        height, width, _ = self.output_shape
        return x[:, top : top + height, left : left + width]

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return np.pad(dy, ((0, 0), *self.cropping, (0, 0)))
