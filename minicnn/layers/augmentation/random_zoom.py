from typing import Unpack

from minicnn.layers.augmentation.base import span
from minicnn.layers.augmentation.geometric import FillingLayer, identities
from minicnn.layers.base import LayerOptions
from minicnn.types import Array


class RandomZoom(FillingLayer):
    """In training, shrink or enlarge each picture about its centre; in inference, do nothing.

        (u, v) = centre + ((1 + w) * dx, (1 + h) * dy)   for the pixel (dx, dy) away from the centre

    h and w are uniform between the factors' bounds. Positive zooms out: the picture shrinks, and
    the frame around it is filled. Negative zooms in.

    Args:
        height_factor, width_factor: -1 ... 1: a number for -factor ... factor, or (lower, upper).
            Without width_factor, w = h and the aspect is kept.
        fill_mode, interpolation, seed, fill_value: see FillingLayer in geometric.py.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: matrices (N, 3, 3), see geometric.py
    """

    draws = 2

    def __init__(
        self,
        height_factor: float | tuple[float, float],
        width_factor: float | tuple[float, float] | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = span(height_factor, "height_factor", "RandomZoom")
        self._width = (
            None if width_factor is None else span(width_factor, "width_factor", "RandomZoom")
        )

    def matrices(self, count: int) -> Array:
        H, W, _ = self.input_shape
        vertical, horizontal = self.draw(count)
        width, horizontal = (
            (self._height, vertical) if self._width is None else (self._width, horizontal)
        )
        result = identities(count)
        for axis, size, (lower, upper), drawn in (
            (0, W, width, horizontal),
            (1, H, self._height, vertical),
        ):
            scale = 1 + lower + (upper - lower) * drawn
            result[:, axis, axis], result[:, axis, 2] = scale, (size - 1) / 2 * (1 - scale)
        return result
