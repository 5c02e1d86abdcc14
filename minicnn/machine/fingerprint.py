"""Whether numbers are still what they were, for a twentieth of what it costs to do something with
them.

    sum over the 8-byte words w_i of  low(w_i + k_i) high(w_i + k_i)  mod 2^64,   k_i = k (i + 1)

low and high are a word's halves: with random keys k_i two different arrays have the same sum once
in 2^32 times. Keys that are no secret do as well, as nobody writes weights in order to deceive.
Source: Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC: fast and secure message
authentication", section 4 (NH).
"""

from collections.abc import Sequence

import numpy as np
from numba import carray

from minicnn.machine.call import pointer
from minicnn.machine.jit import jit
from minicnn.machine.record import address
from minicnn.types import Array

KEY, HALF, LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(0xFFFFFFFF)
WORDS = np.zeros(0, np.uint64)  # "like this"
BYTES = np.zeros(0, np.uint8)


class Fingerprint:
    """Of arrays that stay where they are, whoever writes to them."""

    def __init__(self, arrays: Sequence[Array]):
        assert all(array.flags.c_contiguous for array in arrays)
        self.arrays = arrays  # kept alive
        places = [(address(array), array.nbytes) for array in arrays]
        self.places = np.array(places, np.int64).reshape(-1, 2)

    def __call__(self) -> int:
        """An integer that another value of any number changes."""
        return int(fingerprint(self.places, WORDS, BYTES))


@jit
def fingerprint(places, words, numbers):
    """Of the bytes at these places (n, 2): address and length."""
    total = np.uint64(0)
    for place in range(len(places)):
        start, size = places[place, 0], places[place, 1]
        total = total * KEY + of_words(carray(pointer(start, words), size // 8))
        for byte in carray(pointer(start + size // 8 * 8, numbers), size % 8):
            total = total * KEY + np.uint64(byte)
    return total


@jit
def of_words(values):
    """The sum of these 8-byte words."""
    total, key = np.uint64(0), KEY
    for i in range(values.size):
        mixed = values[i] + key
        total += (mixed & LOW) * (mixed >> HALF)
        key += KEY
    return total
