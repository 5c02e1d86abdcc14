"""The workspace: memory for what a pass makes for itself, the same for all blocks of all models.

Parallel regions take turns (machine/threads.py), and nothing in here outlives the region that made
it. So it need only be as large as the largest block wants it, and what one block leaves in the
cache the next one overwrites there. With memory of their own, the blocks of a network would push
each other's activations out of the cache.
"""

import weakref
from math import prod

import numpy as np

from minicnn.types import Array

LINE = 64  # bytes of a cache line

_memory = weakref.ref(np.zeros(0, np.uint8))


def workspace(size: int) -> Array:
    """At least so many bytes, aligned to cache lines.

    They are freed when nobody holds them any more.
    """
    global _memory
    memory = _memory()
    if memory is None or len(memory) < size:
        memory = aligned(size, np.dtype(np.uint8))
        _memory = weakref.ref(memory)
    return memory


def maps(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Zeros, from the beginning of a cache line on: registers as wide as a line would else be read
    and written in two.
    """
    count = prod(shape)
    return aligned(count, dtype)[:count].reshape(shape)


def aligned(count: int, dtype: np.dtype) -> Array:
    """So many zeros, from the beginning of a cache line on, with a line to spare."""
    memory = np.zeros(count * dtype.itemsize + 2 * LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + count * dtype.itemsize + LINE].view(dtype)
