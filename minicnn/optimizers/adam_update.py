"""The Adam update of all parameters: kernels/adam.py on each of them, or on all threads where the
engine can run.
"""

from collections.abc import Sequence
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from minicnn.kernels.adam import adam
from minicnn.machine.jit import ENABLED
from minicnn.types import Array


class AdamUpdate:
    """adam for a set of arrays.

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
        # kept: the engine works with their addresses
        self.contiguous = [
            tuple(np.require(array, requirements=["C", "A"]) for array in group) for group in arrays
        ]
        both = zip(chain(*arrays), chain(*self.contiguous), strict=True)
        self.copies = [(array, copy) for array, copy in both if copy is not array]
        self.on_threads: Any = None
        if ENABLED:
            from minicnn.engine.update import Pieces  # only where it can run

            self.on_threads = Pieces(self.contiguous)

    def holds(self, arrays: Sequence[tuple[np.ndarray, ...]]) -> bool:
        """Whether it was made for these very arrays."""
        return len(arrays) == len(self.arrays) and all(
            map(is_, chain(*arrays), chain(*self.arrays))
        )

    def update(self, *rates: Any) -> None:
        """adam of all arrays, for step_size, rate_1, rate_2, epsilon in their type."""
        for array, copy in self.copies:
            copy[...] = array
        if self.on_threads is not None:
            self.on_threads.update(*rates)
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
