"""What a parallel region is handed: one record of integers and addresses.

Numba takes arrays as well, but spends time on each: some 0.1 s of compiling per array and region,
and at every call a tenth of a microsecond to take it apart. A record costs nothing, however much is
in it. Whoever makes one keeps the arrays, which are C-contiguous, alive.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minicnn.types import Array

WORD = 8  # bytes of an integer


def address(array: Array) -> int:
    """Of its first number."""
    return array.__array_interface__["data"][0]


def checked(array: Array, size: int, dtype: np.dtype, what: str, writable: bool = True) -> Array:
    """The array, whose address is about to be handed on: behind an address nobody looks at anything
    any more.

    Raises ValueError unless it has `size` numbers of the type, in row-major order, and may be
    written to.
    """
    flags = array.flags
    if (
        array.size != size
        or array.dtype != dtype
        or not (flags.carray if writable else flags.c_contiguous)
    ):
        kind = "read-only" if flags.c_contiguous else "not in row-major order"
        raise ValueError(
            f"the engine expected {what} as {size} numbers in {dtype}, in row-major order, "
            "received shape "
            f"{array.shape} in {array.dtype}{'' if flags.carray else ', ' + kind}: assign by "
            f"{what}[...] = values"
        )
    return array


class Record:
    """Named tuples of numbers and arrays as one NumPy record (in an array of one), arrays as their
    addresses.
    """

    def __init__(self, **parts: Any):
        self.parts = parts
        self.memory = np.zeros(1, [(name, dtype_of(type(part))) for name, part in parts.items()])
        for name, part in parts.items():
            self.put(name, part)

    def put(self, name: str, part: Any) -> None:
        """Replace a part. Its arrays are the engine's own, or `checked`."""
        assert all(value.flags.c_contiguous for value in part if isinstance(value, np.ndarray))
        self.parts[name] = part  # keeps its arrays alive
        self.memory[name] = tuple(
            address(value) if isinstance(value, np.ndarray) else value for value in part
        )

    def place(self, part: str, field: str | None = None) -> Array:
        """Where a part of integers, or a field of it, lies: an array (n,) to be written to."""
        # a view into memory
        lies = self.memory[part] if field is None else self.memory[part][field]
        start = (address(lies) - address(self.memory)) // WORD
        return self.memory.view(np.int64)[start : start + lies.dtype.itemsize // WORD]


class Operands:
    """Fields of a record's part for arrays that change from call to call; it keeps the last ones
    alive.

    Args:
        expected: of each field, how many numbers and of which type.
    """

    def __init__(self, record: Record, part: str, **expected: tuple[int, np.dtype]):
        self.places = {name: record.place(part, name) for name in expected}
        self.expected = expected
        self.arrays: dict[str, Array] = {}

    def put(self, **arrays: Array) -> None:
        """Let these be the arrays of those names; to look up an address takes a microsecond, so
        only of new ones.

        Raises ValueError for one that is not as expected.
        """
        for name, array in arrays.items():
            if self.arrays.get(name) is not array:
                self.places[name][0] = address(
                    checked(array, *self.expected[name], name, writable=False)
                )
                self.arrays[name] = array


class Addresses:
    """A table of the addresses of some arrays that change from call to call; it keeps the last ones
    alive.

    Args:
        sizes: how many numbers each array has.
        dtype: of the numbers.
    """

    def __init__(self, sizes: Sequence[int], dtype: np.dtype):
        self.sizes, self.dtype = sizes, dtype
        self.table = np.zeros(len(sizes), np.int64)
        self.arrays: list[Array | None] = [None] * len(sizes)

    def put(self, arrays: Sequence[Array]) -> None:
        """Let these be the arrays. Raises ValueError for one that is not as expected."""
        for n, array in enumerate(arrays):
            if self.arrays[n] is not array:
                what = f"array {n} of {len(self.sizes)}"
                self.table[n] = address(
                    checked(array, self.sizes[n], self.dtype, what, writable=False)
                )
                self.arrays[n] = array


def dtype_of(kind: type[NamedTuple]) -> np.dtype:
    """A field for each of the tuple's."""
    return np.dtype(
        [
            (name, np.float64 if hint is float else np.int64)
            for name, hint in kind.__annotations__.items()
        ]
    )
