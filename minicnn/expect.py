"""What arguments are expected to be: each function returns the value in one form, or says who expected what."""

from math import inf, isfinite
from typing import Any

import numpy as np

Pair = tuple[int, int]


def is_integer(value: Any, least: int = 1) -> bool:
    """Whether value is an integer, Python's or NumPy's, of at least `least`."""
    return isinstance(value, int | np.integer) and bool(value >= least)


def count(value: int, what: str, owner: str, least: int = 1) -> int:
    """value as an int. Raises ValueError when it is no integer of at least `least`."""
    if not is_integer(value, least):
        raise ValueError(f"{owner} expected {what} of at least {least}, received {value!r}")
    return int(value)


def pair(value: int | tuple[int, int] | list[int], what: str, owner: str, least: int = 1) -> Pair:
    """(value, value) for an int, else the two ints themselves. Raises ValueError for anything else or below `least`."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or not all(is_integer(v, least) for v in values):
        raise ValueError(f"{owner} expected {what} to be an integer >= {least} or a pair of them, received {value!r}")
    return int(values[0]), int(values[1])


def number(value: Any, what: str, owner: str, least: float = -inf, above: float = -inf, most: float = inf) -> float:
    """value as a float. Raises ValueError when it is no finite real number, or outside of what is asked for."""
    is_real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (is_real and isfinite(value) and least <= value <= most and value > above):
        limits = (("above", above), ("of at least", least), ("at most", most))
        wanted = " and ".join(f"{words} {limit:g}" for words, limit in limits if isfinite(limit))
        raise ValueError(f"{owner} expected {what} as a finite number{wanted and ' ' + wanted}, received {value!r}")
    return float(value)


def sample_shape(shape: Any, owner: str) -> tuple[int, ...]:
    """shape as a tuple of positive ints. Raises ValueError for anything else, open axes (None) included."""
    axes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if not axes or not all(is_integer(n) for n in axes):
        raise ValueError(
            f"{owner} expected the shape of one sample, without the batch axis, such as (32, 32, 3), received {shape!r}"
        )
    return tuple(int(n) for n in axes)
