"""What arguments are expected to be: each function returns the value in one form, or says who
expected what.
"""

from array import array as plain_array
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Set
from math import inf, isfinite
from typing import Any

import numpy as np

from minicnn.types import Pair

IN_MEMORY = (
    list,
    tuple,
    range,
    str,
    bytes,
    bytearray,
    memoryview,
    deque,
    plain_array,
    Mapping,
    Set,
)


def is_integer(value: Any, least: int = 1) -> bool:
    """Whether value is an integer, Python's or NumPy's, of at least `least`; True and False are
    none.
    """
    return (
        isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)
    )


def count(value: int, what: str, owner: str, least: int = 1) -> int:
    """value as an int. Raises ValueError when it is no integer of at least `least`."""
    if not is_integer(value, least):
        hint = "" if is_integer(value, value) else ", which is no whole number"
        raise ValueError(f"{owner} expected {what} of at least {least}, received {value!r}{hint}")
    return int(value)


def flag(value: Any, what: str, owner: str) -> bool:
    """value as a bool.

    Raises ValueError for anything but True and False, or 1 and 0: most words count as True.
    """
    if not (isinstance(value, bool | np.bool_) or (is_integer(value, 0) and value <= 1)):
        raise ValueError(f"{owner} expected {what} as True or False, received {value!r}")
    return bool(value)


def is_word_of(value: Any, words: Iterable[Any]) -> bool:
    """Whether value is among words; None may be one of them, arrays and lists never are."""
    return (value is None or isinstance(value, str)) and value in words


def pair(value: int | tuple[int, int] | list[int], what: str, owner: str, least: int = 1) -> Pair:
    """(value, value) for an int, else the two ints themselves.

    Raises ValueError for anything else or below `least`.
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or not all(is_integer(v, least) for v in values):
        raise ValueError(
            f"{owner} expected {what} to be an integer >= {least} or a pair of them, received "
            f"{value!r}"
        )
    return int(values[0]), int(values[1])


def number(
    value: Any,
    what: str,
    owner: str,
    least: float = -inf,
    above: float = -inf,
    most: float = inf,
    below: float = inf,
) -> float:
    """value as a float.

    Raises ValueError when it is no finite real number, or outside of what is asked for.
    """
    is_real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )
    if not (is_real and isfinite(value) and least <= value <= most and above < value < below):
        limits = (("above", above), ("of at least", least), ("at most", most), ("below", below))
        wanted = " and ".join(f"{words} {limit:g}" for words, limit in limits if isfinite(limit))
        raise ValueError(
            f"{owner} expected {what} as a finite number{wanted and ' ' + wanted}, received "
            f"{value!r}"
        )
    return float(value)


def sample_shape(shape: Any, owner: str) -> tuple[int, ...]:
    """shape as a tuple of positive ints.

    Raises ValueError for anything else, open axes (None) included.
    """
    axes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if not axes or not all(is_integer(n) for n in axes):
        raise ValueError(
            f"{owner} expected the shape of one sample, without the batch axis, such as (32, 32, "
            f"3), received {shape!r}"
        )
    return tuple(int(n) for n in axes)


def is_source(value: Any) -> bool:
    """Whether value makes batches, value[i] for i below len(value), rather than being an array or
    what becomes one.

    Such an object must never be unpacked or handed to NumPy: many, as Keras' iterators, go on
    without end.
    """
    return (
        not isinstance(value, IN_MEMORY)
        and hasattr(value, "__len__")
        and hasattr(value, "__getitem__")
        and not hasattr(value, "__array__")
    )


def array(value: Any, what: str, owner: str) -> np.ndarray:
    """value as an array.

    Raises ValueError for a source of batches, a generator, and parts of different shapes.
    """
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value
    kind = type(value).__name__
    if is_source(value):
        raise ValueError(
            f"{owner} expected {what} as an array, received a source of batches, {kind}: fit, "
            "evaluate, predict and lr_find take one in the place of x, and fit as validation_data; "
            "elsewhere hand over its arrays"
        )
    if (
        isinstance(value, Iterable)
        and not isinstance(value, IN_MEMORY)
        and not hasattr(value, "__array__")
    ):
        raise ValueError(
            f"{owner} expected {what} as an array, received {kind}, which gives its parts one "
            "after the other: make an array of them, or a class with __len__ and __getitem__ that "
            "gives batches"
        )
    try:
        result = np.asarray(value)
    except ValueError:  # NumPy's words for it are "inhomogeneous shape"
        result = None
    if result is None or (result.dtype == object and result.size and np.ndim(result.flat[0]) > 0):
        raise ValueError(
            f"{owner} expected {what} with parts of one shape, received {_shapes(value)}"
        )
    return result


def numbers(value: Any, what: str, owner: str) -> np.ndarray:
    """value as an array of numbers. Raises ValueError for words and other objects."""
    found = array(value, what, owner)
    if found.dtype.kind not in "fiub":
        raise ValueError(f"{owner} expected {what} as numbers, received {value!r:.80}")
    return found


def _shapes(parts: Iterable[Any]) -> str:
    """Which shapes the parts have, and how to make pictures alike."""
    try:
        counted = Counter(np.shape(part) for part in parts)
    except ValueError:
        return "lists of different lengths: make them equally long"
    shown = [f"{number} of shape {shape}" for shape, number in counted.most_common(3)]
    more = f" and {len(counted) - 3} more shapes" if len(counted) > 3 else ""
    return (
        f"{', '.join(shown)}{more}: data.from_directory reads pictures in one size, data.fit_image "
        "cuts and scales one"
    )
