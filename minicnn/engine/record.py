"""What a parallel region is handed: one record of integers and addresses.

Numba takes arrays as well, but spends time on each: some 0.1 s of compiling per array and region, and at every call a
tenth of a microsecond to take it apart. A record costs nothing, however much is in it. Whoever makes one keeps the
arrays, which are C-contiguous, alive.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers.base import Array

WORD = 8  # bytes of an integer


def address(array: Array) -> int:
    """Of its first number."""
    return array.__array_interface__["data"][0]


class Record:
    """Named tuples of numbers and arrays as one NumPy record (in an array of one), arrays as their addresses."""

    def __init__(self, **parts: Any):
        self.parts = parts
        self.memory = np.zeros(1, [(name, dtype_of(type(part))) for name, part in parts.items()])
        for name, part in parts.items():
            self.put(name, part)

    def put(self, name: str, part: Any) -> None:
        """Replace a part."""
        self.parts[name] = part  # keeps its arrays alive
        self.memory[name] = tuple(address(value) if isinstance(value, np.ndarray) else value for value in part)

    def place(self, part: str, field: str | None = None) -> Array:
        """Where a part of integers, or one of its fields, lies, as an array (n,) to be written to."""
        lies = self.memory[part] if field is None else self.memory[part][field]  # a view into memory
        start = (address(lies) - address(self.memory)) // WORD
        return self.memory.view(np.int64)[start : start + lies.dtype.itemsize // WORD]


class Operands:
    """Fields of a record's part for arrays that change from call to call; it keeps the last ones alive."""

    def __init__(self, record: Record, part: str, names: Iterable[str]):
        self.places = {name: record.place(part, name) for name in names}
        self.arrays: dict[str, Array] = {}

    def put(self, **arrays: Array) -> None:
        """Let these be the arrays of those names; to look up an address takes a microsecond, so only of new ones."""
        for name, array in arrays.items():
            if self.arrays.get(name) is not array:
                self.arrays[name] = array
                self.places[name][0] = address(array)


def dtype_of(kind: type[NamedTuple]) -> np.dtype:
    """A field for each of the tuple's."""
    return np.dtype([(name, np.float64 if hint is float else np.int64) for name, hint in kind.__annotations__.items()])
