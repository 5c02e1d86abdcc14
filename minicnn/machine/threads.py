"""The threads that parallel kernels run on: how many, how they wait, and one thing at a time.

Threads of a program may share a model, and models may share layers. All of them hold `alone` while
they run,
change or copy a network: a batch of a prediction, a whole training step from its forward to its
update. So nobody meets numbers that are half of one batch and half of another. There is one lock
for all networks, not one for each, because parallel kernels take turns anyway: workqueue, one of
Numba's threading layers, ends the process when two of them meet, and none would be faster for it.

A fork waits for its turn too. A child has only the thread that forked; what the others were doing
would stay half done in it, and what they held, held for ever.
"""

import os
import threading
from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from minicnn.machine.presence import NUMBA, needed
from minicnn.names import known_arguments

if NUMBA:
    import numba
    from numba.core.compiler_lock import global_compiler_lock
    from numba.np.ufunc.parallel import get_thread_count

    parallel: Any = import_module("numba.np.ufunc.parallel")

P = ParamSpec("P")
R = TypeVar("R")
# turns of a waiting loop, some 50 microseconds: longer than the Python between two regions takes
SPINS = "20000"

alone = threading.RLock()  # in C: `with` takes and returns it whole, whenever a Ctrl-C comes
_count: int | None = None  # what set_threads was given
_times_set = 0
_thread = threading.local()  # .count: what the calling thread has been told of it
_orphaned = False  # whether this process was forked from one whose threads it would need


def one_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function one that is `alone` while it runs."""

    @wraps(function)
    def in_turn(*arguments: P.args, **options: P.kwargs) -> R:
        with alone:
            return function(*arguments, **options)

    return in_turn


@known_arguments
def set_threads(n: int) -> None:
    """Run the engine on n threads from now on, whichever thread of the program calls it. Results do
    not depend on n.

    Raises ValueError unless n is an integer from 1 to the number of threads that Numba starts: one
    per processor, or NUMBA_NUM_THREADS in the environment. Raises ImportError where there is no
    Numba.
    """
    global _count, _times_set
    if not NUMBA:
        raise needed("set_threads, which says how many threads run compiled kernels,")
    most = get_thread_count()
    if not isinstance(n, int) or not 1 <= n <= most:
        raise ValueError(
            f"set_threads expected an integer from 1 to {most}, received {n!r}: "
            "NUMBA_NUM_THREADS in the environment, set before Python starts, allows more or fewer"
        )
    _count = n
    _times_set += 1


def times_set() -> int:
    """How often set_threads, or use, has been called."""
    return _times_set


def turn() -> threading.RLock:
    """What to hold while a parallel kernel runs.

    Raises RuntimeError in a forked process that has no threads for it.
    """
    if _orphaned:
        raise RuntimeError(
            "the engine expected to run in the process that started its threads, received a call "
            "in a fork of it, "
            'where GNU OpenMP has none: start processes with multiprocessing.get_context("spawn"), '
            "or fork before the "
            "first model runs"
        )
    start()
    count = _untold()
    if count is not None:
        _mask(count)  # it holds for the calling thread only
        _thread.count = count
    return alone


def _untold() -> int | None:
    """What set_threads was given, while the calling thread has not been told of it."""
    return None if getattr(_thread, "count", None) == _count else _count


def used() -> int:
    """How many threads kernels run on when the calling thread calls them; 1 before they have been
    started.
    """
    if _orphaned or not start.cache_info().currsize:
        return 1
    count = _untold()
    return parallel._get_num_threads() if count is None else count


def use(n: int) -> None:
    """Let the calling thread run kernels on n threads from now on, until set_threads says
    otherwise.
    """
    global _times_set
    _times_set += 1
    with turn():
        _mask(n)


def _mask(n: int) -> None:
    """Let the calling thread use n of the threads that have been started.

    numba.set_num_threads, and get_num_threads, take a lock in Python each time, to see whether they
    have been started: a Ctrl-C in the middle of that leaves it taken, and all other threads would
    wait for ever. What they call then takes none.
    """
    if not 1 <= n <= get_thread_count():
        raise ValueError(f"expected 1 to {get_thread_count()} threads, received {n}")
    parallel._set_num_threads(n)


@cache
def start() -> None:
    """Start Numba's threads, so that they spin for a moment between two regions and then sleep.

    Where Numba uses GNU OpenMP, a waiting thread by default spins for milliseconds. On a machine
    that has other work it uses up its turn with waiting, and is not running when its part of the
    next region is due: a training step was seen to take ten times as long. Sleeping at once costs a
    tenth of a step on an idle machine. The setting is read when the threads start, and is taken
    back afterwards; one of the user's own is left alone.
    """
    with alone:
        if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
            _launch()
            return
        os.environ["GOMP_SPINCOUNT"] = SPINS
        try:
            _launch()
        finally:
            del os.environ["GOMP_SPINCOUNT"]


def _launch() -> None:
    try:
        numba.get_num_threads()
    except ValueError as error:
        names = ("NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY")
        settings = ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
        raise ValueError(
            "the engine expected Numba to start threads, received "
            f"{' '.join(str(error).split())!r} with {settings or 'the layers that are installed'}: "
            "unset it, or choose a layer that is there, such as workqueue"
        ) from None


def state() -> dict[str, Any]:
    """How many threads there are, how many of them are used, and which of Numba's threading layers
    they are of; without Numba one, of none.
    """
    if not NUMBA:
        return {"available": 1, "used": 1, "layer": None}
    start()
    return {"available": get_thread_count(), "used": used(), "layer": numba.threading_layer()}


def _before_fork() -> None:
    alone.acquire()
    if NUMBA:
        global_compiler_lock.acquire()  # Numba's own, which a child would wait for, too


def _after_fork() -> None:
    try:
        if NUMBA:
            global_compiler_lock.release()
    finally:
        alone.release()


def _after_fork_in_child() -> None:
    global _orphaned
    try:
        _after_fork()
    # Ctrl-C has ended the wait for a lock, and who holds it is not in this process
    except RuntimeError:
        lock: Any = alone  # whose type does not tell of this method, which logging uses likewise
        lock._at_fork_reinit()
        _orphaned = True
    try:
        _orphaned = _orphaned or NUMBA and numba.threading_layer() == "omp"
    except ValueError:  # no threads have been started, so none are missing
        pass


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
