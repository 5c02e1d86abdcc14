from typing import Unpack

import numpy as np

from minicnn.layers.augmentation.base import RandomLayer, check_value_range, span
from minicnn.layers.base import LayerOptions
from minicnn.types import Array


class RandomBrightness(RandomLayer):
    """In training, make each picture brighter or darker; in inference, do nothing.

        y  = clip(x + u * (high - low), low, high),   u uniform between the factor's bounds
        dx = dy where y was not clipped, else 0

    One u is drawn for a picture.

    Args:
        factor: share of the range of values, -1 ... 1: a number for -factor ... factor, or (lower,
            upper).
        value_range: (low, high) of the pictures that reach the layer; (0, 1) after Rescaling(1 /
            255).
        seed: for draws of its own; None draws the layer's key from the model's seed.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: y
    Raises ValueError in training for values outside value_range. Warns when all lie at its lower
    end.
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        self.factor = factor
        self._bounds = span(factor, "factor", "RandomBrightness")
        self.value_range = check_value_range(value_range, "RandomBrightness")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if not training:
            self._cache = None
            return self.accept(x)
        x = self.accept_pictures(x)
        self.check_range(x, self.value_range)
        (lower, upper), (low, high) = self._bounds, self.value_range
        added = (high - low) * (lower + (upper - lower) * self.draw(len(x))[0])
        y = np.add(x, added.astype(self.dtype)[:, None, None, None], dtype=self.dtype)
        np.clip(y, low, high, out=y)
        self._cache = (y,)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.take_cache(dy)
        low, high = self.value_range
        return dy * ((low < y) & (y < high))
