from math import tau
from typing import Unpack

import numpy as np

from minicnn.layers.augmentation.base import span
from minicnn.layers.augmentation.geometric import FillingLayer, identities
from minicnn.layers.base import LayerOptions
from minicnn.types import Array


class RandomRotation(FillingLayer):
    """In training, turn each picture about its centre by a random angle; in inference, do nothing.

        angle = 360 degrees * u,   u uniform between the factor's bounds
        (u, v) = centre + (cos * dx - sin * dy, sin * dx + cos * dy)

    for the pixel (dx, dy) away from the centre. Positive angles turn counter-clockwise.
    RandomRotation(0.1) turns by -36 ... 36 degrees, which its repr says.

    Args:
        factor: share of a full turn, -1 ... 1: a number for -factor ... factor, or (lower, upper).
        fill_mode, interpolation, seed, fill_value: see FillingLayer in geometric.py.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: matrices (N, 3, 3), see geometric.py

    >>> repr(layers.RandomRotation(0.1)).split(": ")[1]
    '-36 to 36 degrees'
    """

    def __init__(
        self,
        factor: float | tuple[float, float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, **options)
        self.factor = factor
        self._bounds = span(factor, "factor", "RandomRotation")

    def matrices(self, count: int) -> Array:
        lower, upper = self._bounds
        angle = tau * (lower + (upper - lower) * self.draw(count)[0])
        cos, sin = np.cos(angle), np.sin(angle)
        H, W, _ = self.input_shape
        x, y = (W - 1) / 2, (H - 1) / 2
        result = identities(count)
        result[:, 0, 0], result[:, 0, 1], result[:, 0, 2] = cos, -sin, x - x * cos + y * sin
        result[:, 1, 0], result[:, 1, 1], result[:, 1, 2] = sin, cos, y - x * sin - y * cos
        return result

    def __repr__(self) -> str:
        lower, upper = (360 * bound for bound in self._bounds)
        return f"{super().__repr__()}: {lower:.4g} to {upper:.4g} degrees"
