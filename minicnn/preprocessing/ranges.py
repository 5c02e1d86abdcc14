"""The ranges that ImageDataGenerator draws from: what can be meant, and what is drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.kernels.resample import LONGEST
from minicnn.types import Array

Limit = float | Sequence[float]


def factors(value: Any, what: str, least: float) -> tuple[float, float]:
    """value as a pair of floats, the smaller first. Raises ValueError for anything else, or below
    `least`.

    No factor is above LONGEST either: no picture could be made smaller than that.
    """
    pair = tuple(value) if isinstance(value, Sequence) else ()
    if len(pair) != 2 or not all(
        isinstance(v, int | float) and least <= v <= LONGEST for v in pair
    ):
        raise ValueError(
            f"ImageDataGenerator expected {what} as (least, greatest), factors above 0 and at most "
            f"{LONGEST}, received {value!r}"
        )
    return min(pair), max(pair)


def shift_limit(limit: Any, what: str) -> Limit:
    """The limit itself.

    Raises ValueError unless it is a number, or a sequence of some, of pixels that can be meant.
    """
    several = isinstance(limit, Sequence) and not isinstance(limit, str)
    for value in limit if several else [limit]:
        number(value, what, "ImageDataGenerator", least=-LONGEST, most=LONGEST)
    if several and not limit:
        raise ValueError(
            f"ImageDataGenerator expected {what} with one shift or more, received {limit!r}"
        )
    return limit


def between(least: float, greatest: float, u: Array) -> Array:
    """What lies a share u of the way from one to the other."""
    return least + (greatest - least) * u


def shift(limit: Limit, size: int, u: Array, side: Array) -> Array:
    """Pixels: uniform up to a number, or one of a list, to either side; an integer n is the list 0
    ... n - 1.
    """
    choices = range(max(limit, 1)) if isinstance(limit, int) else limit
    pixels = (
        np.asarray(choices)[(len(choices) * u).astype(int)]
        if isinstance(choices, Sequence)
        else choices * u
    )
    return np.where(side < 0.5, -pixels, pixels) * (size if np.max(limit) < 1 else 1)
