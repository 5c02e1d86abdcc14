from typing import Unpack

import numpy as np

from minicnn.expect import flag
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import check_picture
from minicnn.types import Array, Shape


class GlobalAveragePooling2D(Layer):
    """Take the mean of every channel over the whole picture.

        y[n, c] = mean over h, w of x[n, h, w, c]
        dx      = dy / (H * W), spread over the picture

    Args:
        keepdims: whether y keeps the axes of height and width, of size 1.

    Shapes: x (N, H, W, C); y (N, C), or (N, 1, 1, C) with keepdims
    Cache: nothing but the fact that forward ran
    Source: Lin, Chen, Yan 2013, arXiv:1312.4400, section 3.2.

    >>> layers.GlobalAveragePooling2D()(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))
    array([[2.5]], dtype=float32)
    """

    optional_arguments = ("keepdims",)

    def __init__(self, keepdims: bool = False, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.keepdims = flag(keepdims, "keepdims", "GlobalAveragePooling2D")

    def setup(self, input_shape: Shape) -> Shape:
        _, _, C = check_picture(input_shape, self)
        return (1, 1, C) if self.keepdims else (C,)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        y = x.mean(axis=(1, 2), dtype=np.float64, keepdims=self.keepdims)
        return y.astype(self.dtype)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        H, W, C = self.input_shape
        return np.broadcast_to(dy.reshape(-1, 1, 1, C) / (H * W), (len(dy), H, W, C))
