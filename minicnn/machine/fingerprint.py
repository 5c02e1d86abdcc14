"""Whether numbers are still what they were, for less than it costs to do something with them.

    sum over the 8-byte words w_i of  low(w_i + k_i) high(w_i + k_i)  mod 2^64,   k_i = k (i + 1)

low and high are a word's halves: with random keys k_i two different arrays have the same sum once
in 2^32 times. Keys that are no secret do as well, as nobody writes weights in order to deceive.
Source: Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC: fast and secure message
authentication", section 4 (NH).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import carray

from minicnn.machine.call import pointer, word
from minicnn.machine.jit import jit_part
from minicnn.machine.record import Record, address
from minicnn.machine.region import Stages, Task
from minicnn.types import Array

PARTS = 8  # of every array, which threads share
KEY, HALF, LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(0xFFFFFFFF)
WORDS, BYTES = np.zeros(0, np.uint64), np.zeros(0, np.uint8)  # "like this"


class Places(NamedTuple):
    """Where `size` arrays lie: addresses and lengths in bytes (size, 2); a sum of each part."""

    size: int
    places: Array
    sums: Array


class Fingerprint:
    """Of arrays that stay where they are, whoever writes to them; a job of a region.

    Attributes:
        job, stages: what to do.
        sums: what it has found; other numbers give other sums.
    """

    def __init__(self, arrays: Sequence[Array]):
        assert all(array.flags.c_contiguous for array in arrays)
        self.arrays = arrays  # kept alive
        places = [(address(array), array.nbytes) for array in arrays]
        table = np.array(places, np.int64).reshape(-1, 2)
        self.sums = np.zeros(PARTS, np.uint64)
        self.record = Record(places=Places(len(arrays), table, self.sums))
        self.job, self.stages = fingerprint.on(self.record, np.dtype(np.uint64)), Stages(0)


@Task
def fingerprint(records, like, stage, t, workers):  # noqa: ARG001
    """The sums of thread t's parts."""
    r = carray(records, 1)[0].places
    sums = carray(pointer(r.sums, WORDS), PARTS)
    for k in range(PARTS * t // workers, PARTS * (t + 1) // workers):
        total = np.uint64(0)
        for place in range(r.size):
            start, size = word(r.places, 2 * place), word(r.places, 2 * place + 1)
            whole = size // 8
            first, last = whole * k // PARTS, whole * (k + 1) // PARTS
            words = carray(pointer(start + 8 * first, WORDS), last - first)
            total = total * KEY + of_words(words)
            if k == PARTS - 1:
                for byte in carray(pointer(start + 8 * whole, BYTES), size % 8):
                    total = total * KEY + np.uint64(byte)
        sums[k] = total


@jit_part
def of_words(values):
    """The sum of these words."""
    total, key = np.uint64(0), KEY
    for i in range(values.size):
        mixed = values[i] + key
        total += (mixed & LOW) * (mixed >> HALF)
        key += KEY
    return total
