"""All derivatives of a function of arrays, by differences: what every candidate is compared with.

    dy/dp = (8 (y(+h) - y(-h)) - (y(+2h) - y(-2h))) / (12 h)                       error O(h^4)

of every y for every number p. Near a corner (a ReLU at 0) there is nothing to compare with; it
shows as in differences.py, and Corner is raised: another input is drawn then.
"""

from collections.abc import Callable, Iterator

import numpy as np

from minicnn.types import Array

STEP = 1e-4  # h
BEND = 1e-6  # S(2h) - 2 S(h) of differences.py above which there is a corner


class Corner(ValueError):
    """Forward has a corner near this input."""


def slopes(forward: Callable[[], Array], array: Array) -> Iterator[tuple[tuple, Array]]:
    """Each index of the array, and dy/d(array[index]) (y.shape). Raises Corner."""
    y = forward().copy()
    for index in np.ndindex(array.shape):
        value, change = array[index], {}
        for steps in (-2, -1, 1, 2):
            array[index] = value + steps * STEP
            change[steps] = forward() - y
        array[index] = value
        near, far = change[1] - change[-1], change[2] - change[-2]
        bend = (change[2] + change[-2]) / 2 - 2 * (change[1] + change[-1])
        slope = (8 * near - far) / (12 * STEP)
        if np.abs(bend).max(initial=0) > BEND * STEP * max(1.0, np.abs(slope).max(initial=0)):
            raise Corner
        yield index, slope


def jacobian(forward: Callable[[], Array], array: Array) -> Array:
    """dy/d(array) (*array.shape, *y.shape). Raises Corner."""
    rows = [slope for _, slope in slopes(forward, array)]
    return np.array(rows).reshape(*array.shape, *forward().shape)


def pulled_back(derivatives: Array, dy: Array) -> Array:
    """The gradient of sum(y * dy), for dy/d(array) (*array.shape, *dy.shape)."""
    return np.tensordot(derivatives, dy, axes=dy.ndim)
