"""The gradient of a value with several users: the sum of what they give."""

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce

import numpy as np

from minicnn.engine.merging.by_number import ByNumber
from minicnn.machine.region import Region
from minicnn.types import Array


class Gradients:
    """What users have given so far of the gradients of values, by number.

    Attributes:
        given: of each value, in the order of being given.
    """

    def __init__(self) -> None:
        self.given: dict[int, list[Array]] = defaultdict(list)
        self._buffers: set[int] = set()

    def give(self, value: int, dx: Array, buffer: bool = False) -> None:
        """Another one; `buffer`: whether it is an array that nobody else reads."""
        self.given[value].append(dx)
        (self._buffers.add if buffer else self._buffers.discard)(value)

    def take_buffer(self, value: int) -> Array | None:
        """What has been given so far for the next user to add its own to, if that is one buffer;
        with which the user gives it back.
        """
        if value not in self._buffers or len(self.given[value]) > 1:
            return None
        self._buffers.remove(value)
        return self.given.pop(value)[0]


class Forks:
    """Adds up gradients, in the order in which they are given.

    It writes to arrays of its own alone: what a step or a layer has given may be the gradient of
    other values too.

    Args:
        region: to which sums are added as jobs; None adds at once, in NumPy.
        dtype: of the steps.
    """

    def __init__(self, region: Region | None, dtype: np.dtype):
        self.region, self.dtype = region, dtype
        self.sums: dict[tuple[int, int], ByNumber] = {}

    def total(self, value: int, given: Sequence[Array]) -> Array:
        """The sum of these gradients of the value of that number; with a region a buffer that the
        next backward overwrites, when the region has run.
        """
        if len(given) == 1:
            return given[0]
        if self.region is None:
            return reduce(np.add, given)
        # What is not in order is a layer's, and there already.
        parts = [np.ascontiguousarray(one, self.dtype) for one in given]
        key, shape = (value, len(parts)), parts[0].shape[1:]
        if key not in self.sums:
            self.sums[key] = ByNumber(shape, len(parts), self.dtype)
        return self.sums[key].of(parts, self.region)
