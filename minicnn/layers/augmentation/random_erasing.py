from math import tau
from typing import Any, Unpack

import numpy as np

from minicnn.layers.augmentation.base import RandomLayer, Span, check_value_range, span
from minicnn.layers.augmentation.draws import uniform
from minicnn.layers.base import LayerOptions
from minicnn.types import Array, Shape


class RandomErasing(RandomLayer):
    """In training, erase a rectangle of some pictures, so that no single part is relied on; in
    inference, do nothing.

        height = H * sqrt(a),  width = W * sqrt(b),   a, b uniform in scale; top, left uniform too
        y  = the fill where top <= i < top + height and left <= j < left + width, else x
        dx = 0 there, else dy

    Args:
        factor: chance that a picture is erased, drawn for each picture between 0 and factor for a
            number (so half of it on average), or between (lower, upper); (1, 1) erases all. As in
            Keras.
        scale: (least, most) share of the area. A number stands for (0, scale).
        fill_value: a number, or one for each channel; None fills with noise, normal with deviation
            `high` and cut off at the range, as in Keras.
        value_range: (low, high), which the fill is cut off at.
        seed: for draws of its own; None draws the layer's key from the model's seed.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: erased (N, H, W), True inside
    Source: Zhong et al. 2017, arXiv:1708.04896.
    """

    draws = 6

    def __init__(
        self,
        factor: float | Span = 1.0,
        scale: float | Span = (0.02, 0.33),
        fill_value: float | tuple[float, ...] | None = None,
        value_range: Span = (0, 255),
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        self.factor, self.scale, self.fill_value = factor, scale, fill_value
        self._factor = span(factor, "factor", "RandomErasing", least=0.0)
        self._scale = span(scale, "scale", "RandomErasing", least=0.0)
        self.value_range = check_value_range(value_range, "RandomErasing")

    def setup(self, input_shape: Shape) -> Shape:
        if isinstance(self.fill_value, tuple | list) and len(self.fill_value) != input_shape[-1]:
            raise ValueError(
                f"{self} expected fill_value to be None, a number or one for each of "
                f"{input_shape[-1]} channels, received {self.fill_value!r}"
            )
        return super().setup(input_shape)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if not training:
            self._cache = None
            return self.accept(x)
        y = self.accept_pictures(x).astype(self.dtype)
        seeds = self.seeds(len(x))
        erased = self._rectangles(seeds)
        self._cache = (erased,)
        fill: Any = self._noise(seeds, erased) if self.fill_value is None else self.fill_value
        y[erased] = np.clip(fill, *self.value_range)
        return y

    def backward(self, dy: Array) -> Array:
        dy, erased = self.take_cache(dy)
        return dy * ~erased[..., None]

    def _rectangles(self, seeds: Array) -> Array:
        """(N, H, W), True for the pixels to erase."""
        drawn = uniform(seeds, np.arange(self.draws)[:, None])
        chance = self._factor[0] + (self._factor[1] - self._factor[0]) * drawn[0]
        erased = (drawn[1] < chance)[:, None, None]
        for axis, share, place in ((0, drawn[2], drawn[3]), (1, drawn[4], drawn[5])):
            size = self.input_shape[axis]
            length = size * np.sqrt(self._scale[0] + (self._scale[1] - self._scale[0]) * share)
            start = place * (size - length)
            pixel = np.arange(size)
            within = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
            erased = erased & np.expand_dims(within, 2 - axis)
        return erased

    def _noise(self, seeds: Array, erased: Array) -> Array:
        """(pixels to erase, C) normal numbers, each from two uniform ones: Box and Muller 1958."""
        _, W, C = self.input_shape
        picture, row, column = np.nonzero(erased)
        first = self.draws + 2 * ((row * W + column)[:, None] * C + np.arange(C))
        u, v = (uniform(seeds[picture, None], first + k) for k in range(2))
        return self.value_range[1] * np.sqrt(-2 * np.log1p(-u)) * np.cos(tau * v)
