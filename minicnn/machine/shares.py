"""How threads share the chunks of a stage: each has its own, and who is ready sooner helps the
others.

Processors are not equally fast when other programs use them too, or where some are built for speed
and some to save power. Then the fastest would wait for the slowest at the end of every stage.
"""

from typing import NamedTuple

import numpy as np
from numba.np.ufunc.parallel import get_thread_count

from minicnn.machine.call import fetch_add
from minicnn.machine.jit import jit_part
from minicnn.machine.workspace import LINE
from minicnn.types import Array


class Shares(NamedTuple):
    """taken: an integer per thread, a cache line apart: how often its share has been asked for a
    chunk, at first 0.
    """

    taken: Array


def shares() -> Shares:
    """For as many threads as there are."""
    return Shares(np.zeros(get_thread_count() * LINE, np.uint8))


@jit_part
def each_chunk(shares, chunks, t, workers):
    """The chunks that thread t does: its own, and then what is left of the others'."""
    for helped in range(workers):
        k = take(shares, chunks, t, helped, workers)
        while k >= 0:
            yield k
            k = take(shares, chunks, t, helped, workers)


@jit_part
def take(shares, chunks, t, helped, workers):
    """A chunk for thread t, from its own share if `helped` is 0, or from that of the thread so many
    further on; or -1.

    Every one of the `workers` asks each share until there is nothing left. Then nobody asks it any
    more, and the last one to come sets it back to 0, for the next stage.
    """
    owner = (t + helped) % workers
    first, last = chunks * owner // workers, chunks * (owner + 1) // workers
    taken = fetch_add(shares.taken + owner * LINE, 1)
    if taken < last - first:
        return first + taken
    if taken == last - first + workers - 1:
        fetch_add(shares.taken + owner * LINE, -taken - 1)
    return -1
