"""The gradient of a value with several users, as a job of the engine: the sum of what they give."""

from collections.abc import Sequence

import numpy as np

from minicnn.engine.merging.by_number import ByNumber
from minicnn.machine.region import Region
from minicnn.types import Array


class Forks:
    """Adds up gradients, in the order in which they are given.

    It writes to arrays of its own alone: what a step or a layer has given may be the gradient of
    other values too.

    Args:
        region: to which sums are added as jobs.
        dtype: of the steps.
    """

    def __init__(self, region: Region, dtype: np.dtype):
        self.region, self.dtype = region, dtype
        self.sums: dict[tuple[int, int], ByNumber] = {}

    def total(self, value: int, given: Sequence[Array]) -> Array:
        """The sum of these gradients of the value of that number, when the region has run: a
        buffer that the next backward overwrites.
        """
        # What is not in order is a layer's, and there already.
        parts = [np.ascontiguousarray(one, self.dtype) for one in given]
        key, shape = (value, len(parts)), parts[0].shape[1:]
        if key not in self.sums:
            self.sums[key] = ByNumber(shape, len(parts), self.dtype)
        return self.sums[key].of(parts, self.region)
