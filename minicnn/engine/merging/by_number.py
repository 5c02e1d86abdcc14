"""Several arrays of one shape made one, number by number, by all threads."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numba import carray

from minicnn.engine.conv.layout import CHUNKS, NONE, share
from minicnn.engine.merging import kernels
from minicnn.machine.call import at, caller, word
from minicnn.machine.jit import jit_part
from minicnn.machine.record import Addresses, Record
from minicnn.machine.region import SERIAL, Region, Stages, Task
from minicnn.machine.shares import each_chunk, shares
from minicnn.machine.workspace import maps
from minicnn.types import Array, Shape

BLOCK = 2048  # numbers that stay in the first-level cache while one array after the other is added
STAGES, SINGLE = Stages(0), Stages(SERIAL)  # a single sample is one thread's work
call_combine = caller(kernels.Combine)


class Layout(NamedTuple):
    """N samples of `sample` numbers; addresses of kernels, the last one's with what follows it; the
    addresses of `inputs` arrays x, and y.
    """

    N: int
    sample: int
    inputs: int
    combine: int
    last: int
    x: Array
    y: Array


class ByNumber:
    """y = f(... f(f(x_1, x_2), x_3) ..., x_n) of arrays of one shape, then max(y, 0) with a ReLU.

    Args:
        shape: of a sample.
        count: n, at least 2.
        dtype: of all of them.
        how: what f is, one of kernels.WAYS.
        relu: whether a ReLU comes next.
    """

    def __init__(
        self, shape: Shape, count: int, dtype: np.dtype, how: str = "add", relu: bool = False
    ):
        self.shape, self.count, self.dtype = shape, count, dtype
        combine = kernels.combine(dtype.name, how, False)
        last = kernels.combine(dtype.name, how, relu)
        self.layout = Layout(0, prod(shape), count, combine, last, NONE, NONE)
        self.buffers: dict[int, Buffers] = {}

    def of(self, xs: Sequence[Array], region: Region) -> Array:
        """y (N, *shape), a buffer that the next call overwrites, when the region has run."""
        n = len(xs[0])
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        own = self.buffers[n]
        own.x.put(xs)
        region.add(own.job, SINGLE if n == 1 else STAGES)
        return own.y


class Buffers:
    """What ByNumber writes for n samples, and the record for its parallel regions."""

    def __init__(self, step: ByNumber, n: int):
        self.y = maps((n, *step.shape), step.dtype)
        self.x = Addresses([self.y.size] * step.count, step.dtype)
        layout = step.layout._replace(N=n, x=self.x.table, y=self.y)
        self.record = Record(layout=layout, shares=shares())
        self.job = by_number.on(self.record, step.dtype)


@jit_part
def combine_chunk(t, k, like):
    """y of the samples of chunk k."""
    end = t.sample * share(t.N, k + 1)
    for first in range(t.sample * share(t.N, k), end, BLOCK):
        size, y = min(BLOCK, end - first), at(t.y, first, like)
        before = at(word(t.x, 0), first, like)
        for i in range(1, t.inputs):
            kernel = t.last if i == t.inputs - 1 else t.combine
            x = at(word(t.x, i), first, like)
            call_combine(kernel, kernels.Combine(a=before, b=x, y=y, size=size))
            before = y


@Task
def by_number(records, like, stage, t, workers):  # noqa: ARG001
    """What thread t does: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    for k in each_chunk(r.shares, CHUNKS, t, workers):
        combine_chunk(r.layout, k, numbers)
