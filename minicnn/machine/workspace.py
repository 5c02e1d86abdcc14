"""The workspace: memory for what a pass makes for itself, the same for all blocks of all models.

Parallel regions take turns (machine/threads.py), and nothing in here outlives the region that made
it. So it need only be as large as the largest block wants it, and what one block leaves in the
cache the next one overwrites there. With memory of their own, the blocks of a network would push
each other's activations out of the cache.
"""

import weakref

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
        memory = np.zeros(size + LINE, np.uint8)
        memory = memory[-memory.ctypes.data % LINE :]
        _memory = weakref.ref(memory)
    return memory
