"""The Adam update of all parameters in one parallel region: kernels/adam.py on pieces of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.kernels.adam import adam
from minicnn.machine.call import view, word
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


class Pieces:
    """adam for a set of arrays, cut into pieces that threads share.

    Args:
        arrays: flat or not, C-contiguous, checked and kept by optimizers/adam_update.py.
    """

    def __init__(self, arrays: Sequence[tuple[np.ndarray, ...]]):
        self.rates = np.zeros(4, arrays[0][0].dtype)
        pieces = [
            (
                *(array.reshape(-1)[start:].ctypes.data for array in group),
                min(PIECE, group[0].size - start),
            )
            for group in arrays
            for start in range(0, group[0].size, PIECE)
        ]
        record = Record(update=Update(np.array(pieces, np.int64), len(pieces), self.rates))
        self.job = update_pieces.on(record, self.rates.dtype)
        self.region = Region()

    def update(self, *rates: Any) -> None:
        """adam of all of them, for step_size, rate_1, rate_2, epsilon in their type."""
        self.rates[:] = rates
        self.region.add(self.job, UPDATE)


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
