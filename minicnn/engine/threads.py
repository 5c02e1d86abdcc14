"""How the engine's threads wait for work."""

import os
from functools import cache

import numba

SPINS = "20000"  # turns of a waiting loop, some 50 microseconds: longer than the Python between two regions takes


@cache
def start() -> None:
    """Start Numba's threads, so that they spin for a moment between two regions and then sleep.

    Where Numba uses GNU OpenMP, a waiting thread by default spins for milliseconds. On a machine that has other work it
    so uses up its turn with waiting, and is not running when its part of the next region is due: a training step was
    seen to take ten times as long. Sleeping at once costs a tenth of a step on an idle machine. The setting is read
    when the threads start, and is taken back afterwards; one of the user's own is left alone.
    """
    if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        numba.get_num_threads()  # starts them
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        numba.get_num_threads()
    finally:
        del os.environ["GOMP_SPINCOUNT"]
