"""Random numbers that depend only on what they are for: SplitMix64 as a counter-based generator.

The n-th number (from 0) of a SplitMix64 generator with a seed is

    number(seed, n) = mix(seed + (n + 1) * GAMMA)                   all modulo 2^64

where mix stirs 64 bits until each output bit depends on all input bits. There is no state that one
draw leaves to the next, so any number can be had at any time, on its own. A number of one generator
seeds another:

    layer's key --epoch--> seed of the epoch --sample--> seed of the picture --n--> the picture's
    n-th number

So what happens to a picture in an epoch depends on the layer's key, the epoch and the picture's
number in the data, but not on batch size, order, threads, or whether training was interrupted in
between.

Sources: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64,
figure 19 and GAMMA); Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (why
counters).
"""

from functools import lru_cache

import numpy as np

from minicnn.types import Array

GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
TURNS = [
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
]


def numbers(seeds: Array, n: int | Array) -> Array:
    """The n-th numbers, 64 bits each, of the generators with these seeds (uint64); seeds and n
    broadcast.
    """
    z = (np.atleast_1d(np.asarray(n, np.uint64)) + np.uint64(1)) * GAMMA + seeds
    for shift, factor in TURNS:
        z ^= z >> shift
        z *= factor
    z ^= z >> np.uint64(31)
    return z


def uniform(seeds: Array, n: int | Array) -> Array:
    """The same numbers as float64 in [0, 1): their upper 53 bits."""
    return (numbers(seeds, n) >> np.uint64(11)) * 2.0**-53


def picture_seeds(key: int, epoch: int, samples: Array) -> Array:
    """(N,) seeds, uint64, for samples (N,) of an epoch."""
    return numbers(epoch_seed(key, epoch), samples)


@lru_cache(maxsize=64)  # asked for in every batch of the epoch, by each layer with its key
def epoch_seed(key: int, epoch: int) -> Array:
    """(1,), uint64."""
    return numbers(np.array([key % 2**64], np.uint64), epoch % 2**64)
