from typing import Unpack

from minicnn.layers.augmentation.base import span
from minicnn.layers.augmentation.geometric import FillingLayer, identities
from minicnn.layers.base import LayerOptions
from minicnn.types import Array


class RandomTranslation(FillingLayer):
    """In training, shift each picture by a random share of its size; in inference, do nothing.

        (u, v) = (j - W * w, i - H * h),   h, w uniform between the factors' bounds

    Positive is down, and right.

    Args:
        height_factor, width_factor: shares of height and width, -1 ... 1: a number for -factor ...
            factor, or (lower, upper).
        fill_mode, interpolation, seed, fill_value: see FillingLayer in geometric.py.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: matrices (N, 3, 3), see geometric.py
    """

    draws = 2

    def __init__(
        self,
        height_factor: float | tuple[float, float],
        width_factor: float | tuple[float, float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = span(height_factor, "height_factor", "RandomTranslation")
        self._width = span(width_factor, "width_factor", "RandomTranslation")

    def matrices(self, count: int) -> Array:
        H, W, _ = self.input_shape
        down, right = self.draw(count)
        result = identities(count)
        for axis, size, (lower, upper), drawn in (
            (0, W, self._width, right),
            (1, H, self._height, down),
        ):
            result[:, axis, 2] = -size * (lower + (upper - lower) * drawn)
        return result
