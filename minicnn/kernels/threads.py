"""The threads that parallel kernels run on: how many, how they wait, and one kernel at a time.

Two Python threads may train two models. Not every threading layer of Numba can run two parallel kernels at once
(workqueue ends the process), and none would be faster for it, so they take turns.
"""

import os
import threading
from functools import cache
from typing import Any

import numba
from numba.np.ufunc.parallel import get_thread_count

from minicnn.names import known_arguments

SPINS = "20000"  # turns of a waiting loop, some 50 microseconds: longer than the Python between two regions takes

_turn = threading.RLock()
_count: int | None = None  # what set_threads was given
_thread = threading.local()  # .count: what the calling thread has been told of it
_orphaned = False  # whether this process was forked from one whose threads it would need


@known_arguments
def set_threads(n: int) -> None:
    """Run the engine on n threads from now on, whichever thread of the program calls it. Results do not depend on n.

    Raises ValueError unless n is an integer from 1 to the number of threads that Numba starts: one per processor, or
    NUMBA_NUM_THREADS in the environment.
    """
    global _count
    most = get_thread_count()
    if not isinstance(n, int) or not 1 <= n <= most:
        raise ValueError(
            f"set_threads expected an integer from 1 to {most}, received {n!r}: "
            "NUMBA_NUM_THREADS in the environment, set before Python starts, allows more or fewer"
        )
    _count = n


def turn() -> threading.RLock:
    """What to hold while a parallel kernel runs. Raises RuntimeError in a forked process that has no threads for it."""
    if _orphaned:
        raise RuntimeError(
            "the engine expected to run in the process that started its threads, received a call in a fork of it, "
            'where GNU OpenMP has none: start processes with multiprocessing.get_context("spawn"), or fork before the '
            "first model runs"
        )
    start()
    if _count is not None and getattr(_thread, "count", None) != _count:
        numba.set_num_threads(_count)  # it holds for the calling thread only
        _thread.count = _count
    return _turn


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


def state() -> dict[str, Any]:
    """How many threads there are, how many of them are used, and which of Numba's threading layers they are of."""
    start()
    used = numba.get_num_threads() if _count is None else _count
    return {"available": get_thread_count(), "used": used, "layer": numba.threading_layer()}


def _note_fork() -> None:
    global _orphaned, _turn
    _turn = threading.RLock()  # whoever held it is not in this process
    try:
        _orphaned = numba.threading_layer() == "omp"
    except ValueError:  # no threads have been started, so none are missing
        pass


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_note_fork)
