from typing import Unpack

import numpy as np

from minicnn.layers.augmentation.base import RandomLayer, Span, check_value_range, span
from minicnn.layers.base import LayerOptions
from minicnn.types import Array


class RandomContrast(RandomLayer):
    """In training, spread each picture's values about their mean, or draw them together.

    In inference, do nothing.

        y  = clip(mean + f * (x - mean), low, high)
        dx = f * g + (1 - f) * mean of g,   g = dy where y was not clipped, else 0

    Means are over the pixels of a picture, channel by channel. f is uniform in 1 - lower ...
    1 + upper, one for a picture.

    Args:
        factor: 0 ... 1: a number for lower = upper = factor, as Keras' documentation has it (Keras
            3.15 itself takes lower = 0 then), or (lower, upper).
        value_range: (low, high) of the pictures that reach the layer; (0, 1) after Rescaling(1 /
            255).
        seed: for draws of its own; None draws the layer's key from the model's seed.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: y, f (N, 1, 1, 1)
    Raises ValueError in training for values outside value_range. Warns when all lie at its lower
    end.
    """

    def __init__(
        self,
        factor: float | Span,
        value_range: Span = (0, 255),
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        span(factor, "factor", "RandomContrast", least=0.0)
        self.factor = factor
        self.value_range = check_value_range(value_range, "RandomContrast")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if not training:
            self._cache = None
            return self.accept(x)
        x = self.accept_pictures(x)
        self.check_range(x, self.value_range)
        lower, upper = (
            self.factor if isinstance(self.factor, tuple | list) else (self.factor, self.factor)
        )
        factor = (1 - lower + (upper + lower) * self.draw(len(x))[0]).astype(self.dtype)[
            :, None, None, None
        ]
        mean = x.mean(axis=(1, 2), dtype=self.dtype, keepdims=True)
        y = np.subtract(x, mean, dtype=self.dtype)
        y *= factor
        y += mean
        np.clip(y, *self.value_range, out=y)
        self._cache = y, factor
        return y

    def backward(self, dy: Array) -> Array:
        dy, y, factor = self.take_cache(dy)
        low, high = self.value_range
        g = dy * ((low < y) & (y < high))
        return factor * g + (1 - factor) * g.mean(axis=(1, 2), keepdims=True)
