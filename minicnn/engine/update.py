"""The Adam update of all parameters in one parallel region: kernels/adam.py on pieces of them."""

from collections.abc import Sequence
from itertools import chain
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.kernels.adam import adam
from minicnn.machine.call import view, word
from minicnn.machine.jit import ENABLED
from minicnn.machine.record import Record
from minicnn.machine.region import Region, Stages, Task
from minicnn.types import Array

PIECE = 8192  # numbers that a thread updates at a time
UPDATE = Stages(0)  # the only one


class Update(NamedTuple):
    """The pieces (address of value, grad, m and v; numbers) (n, 5), and step_size, rate_1, rate_2,
    epsilon.
    """

    pieces: Array
    number: int
    rates: Array


class AdamUpdate:
    """adam for a set of arrays, cut into pieces that threads share.

    Args:
        arrays: (value, grad, m, v) per parameter, all of one type. They are written in place; one
            that is not C-contiguous (none of minicnn's own) is updated in a copy and written back.

    Raises ValueError for arrays of another type, or of another shape than their value.
    """

    def __init__(self, arrays: Sequence[tuple[np.ndarray, ...]]):
        dtype = arrays[0][0].dtype
        for group in arrays:
            check_group(dtype, *group)
        self.arrays = arrays
        # kept: the pieces are in them
        self.contiguous = [
            tuple(np.require(array, requirements=["C", "A"]) for array in group) for group in arrays
        ]
        self.rates = np.zeros(4, dtype)
        pieces = [
            (
                *(array.reshape(-1)[start:].ctypes.data for array in group),
                min(PIECE, group[0].size - start),
            )
            for group in self.contiguous
            for start in range(0, group[0].size, PIECE)
        ]
        record = Record(update=Update(np.array(pieces, np.int64), len(pieces), self.rates))
        self.job = update_pieces.on(record, self.rates.dtype) if ENABLED else None
        self.region = Region()
        both = zip(chain(*arrays), chain(*self.contiguous), strict=True)
        self.copies = [(array, copy) for array, copy in both if copy is not array]

    def holds(self, arrays: Sequence[tuple[np.ndarray, ...]]) -> bool:
        """Whether it was made for these very arrays."""
        return len(arrays) == len(self.arrays) and all(
            map(is_, chain(*arrays), chain(*self.arrays))
        )

    def update(self, *rates: Any) -> None:
        """adam of all arrays, for step_size, rate_1, rate_2, epsilon in their type."""
        for array, copy in self.copies:
            copy[...] = array
        self.rates[:] = rates
        if self.job is not None:
            self.region.add(self.job, UPDATE)
        else:
            for group in self.contiguous:
                adam(*(array.reshape(-1) for array in group), *rates)
        for array, copy in self.copies:
            array[...] = copy


def check_group(dtype: np.dtype, value: Array, *others: Array) -> None:
    """Raise ValueError unless all have the value's shape and the type, and the value may be written
    to.
    """
    for array in (value, *others):
        if array.dtype != dtype or array.shape != value.shape or dtype.kind != "f":
            raise ValueError(
                f"Adam expected values, gradients and slots of shape {value.shape} in one type of "
                f"floats, {dtype}, received shape {array.shape} in {array.dtype}: bring them into "
                "one form"
            )
    if not value.flags.writeable:
        raise ValueError(
            f"Adam updates values in place, received a read-only one of shape {value.shape}: copy "
            "it"
        )


@Task
def update_pieces(records, like, stage, t, workers):  # noqa: ARG001
    """adam of the share of thread t."""
    r, numbers = carray(records, 1)[0].update, carray(like, 1)
    rates = view(r.rates, 4, numbers)
    for k in range(r.number * t // workers, r.number * (t + 1) // workers):
        size = word(r.pieces, 5 * k + 4)
        value, grad = (
            view(word(r.pieces, 5 * k), size, numbers),
            view(word(r.pieces, 5 * k + 1), size, numbers),
        )
        m, v = (
            view(word(r.pieces, 5 * k + 2), size, numbers),
            view(word(r.pieces, 5 * k + 3), size, numbers),
        )
        adam(value, grad, m, v, rates[0], rates[1], rates[2], rates[3])
