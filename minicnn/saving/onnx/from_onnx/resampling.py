"""Resizing as a product: each pixel of a result is a weighted sum of pixels along its row, and then
along its column. So whatever ONNX can say about places and weights is a matrix for each axis.
"""

from math import ceil

import numpy as np

from minicnn.types import Array

RADIUS = {"linear": 1, "cubic": 2}
TEMPORARY = 16  # numbers of 4 bytes that are there for a moment, for each pixel with a weight


def kernel(how: str, t: Array, a: float) -> Array:
    """The weight of a pixel at a distance; cubic is Keys' convolution with its coefficient a."""
    t = np.abs(t)
    if how == "linear":
        return np.maximum(1 - t, 0)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def picking(indices: Array, size: int) -> Array:
    """(size, out): each result is one pixel."""
    matrix = np.zeros((size, len(indices)))
    matrix[np.clip(indices, 0, size - 1).astype(int), np.arange(len(indices))] = 1
    return matrix


def around(how: str, stretch: float) -> range:
    """Which pixels have a weight, counted from the one below a place."""
    reach = ceil(RADIUS[how] * stretch)
    return range(-reach, reach + 2)


def weighing(
    how: str, places: Array, size: int, stretch: float, a: float, exclude_outside: bool
) -> Array:
    """(size, out): each result is a weighted mean of the pixels around its place.

    Args:
        how: "linear" or "cubic".
        stretch: by how much the kernel is wider than that of neighbouring pixels, from 1 on.
        exclude_outside: pixels outside have no weight; otherwise they are as the last inside.
    """
    pixels = np.floor(places) + np.array(around(how, stretch))[:, None]
    weights = kernel(how, (pixels - places) / stretch, a)
    if exclude_outside:
        weights = np.where((pixels >= 0) & (pixels < size), weights, 0)
    inside = np.clip(pixels, 0, size - 1).astype(int)
    matrix = np.zeros((size, len(places)))
    np.add.at(matrix, (inside, np.arange(len(places))), weights)
    return (matrix / matrix.sum(axis=0)).astype(np.float32)
