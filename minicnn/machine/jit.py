"""The Numba decorators of the package, and the only place with Numba flags.

A kernel is a loop that Numba compiles. Where there is no Numba, the function of the same name in
the folder twins/ beside it takes its place, which computes the same bits in NumPy. So whoever calls
a kernel, calls what can run here.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import numpy as np

from minicnn.machine import threads
from minicnn.machine.presence import NUMBA

if NUMBA:
    import numba
    from numba import prange  # kernels take it from here
    from numba.extending import register_jitable

    # The public get_num_threads holds an address of this process, and no kernel that calls it could
    # be kept on disk.
    from numba.np.ufunc.parallel import _iget_num_threads as thread_count  # noqa: F401

    from minicnn.machine.cache import KernelCache
    from minicnn.machine.parts import PartCompiler
else:
    prange = range  # type: ignore[misc]

# no_cfunc_wrapper: without the entry for C, which nobody uses. It is a twentieth of the compile
# time.
FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# whether there are compiled kernels, and with them the engine; NUMBA_DISABLE_JIT=1 runs the loops
# as plain Python, which a debugger can step through
ENABLED = NUMBA and not getattr(numba.config, "DISABLE_JIT", False)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop to machine code at its first call and keep the result on disk.

    `nogil` lets other Python threads run meanwhile; `error_model="numpy"` makes a division by zero
    give inf, as NumPy does, instead of a branch in the loop. No fastmath: NaN survives, and sums
    keep their order. Loops over channels vectorise without it, and with it a kernel just compiled
    could round otherwise than the same one from disk.
    """
    return _compiled(function)


def jit_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """For functions that only kernels call: compiled with each, not on their own, which saves time
    at the first run (parts.py).
    """
    if not NUMBA:
        return function
    return register_jitable(**FLAGS, pipeline_class=PartCompiler)(function)


def task_jit(function: Callable[..., Any]) -> Any:
    """For functions that are called by address: they need the entry for C."""
    return _compiled(function, no_cfunc_wrapper=False)


def parallel_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """jit for drivers whose `prange` runs on all threads; they are called from Python, one at a
    time (threads.py).

    Bounds checks vanish under `parallel`, so what a driver does beyond cutting the work is done in
    other functions.
    """
    kernel = _compiled(function, parallel=True)
    if not ENABLED:
        return kernel

    @wraps(function)
    def driver(*arguments: Any) -> Any:
        with threads.turn():
            return kernel(*arguments)

    return driver


def _compiled(function: Callable[..., Any], **flags: Any) -> Callable[..., Any]:
    if not NUMBA:
        return _twin(function)
    kernel = numba.njit(**(FLAGS | flags))(function)
    if ENABLED:
        kernel._cache = KernelCache(function)
    return kernel


def _twin(function: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel's twin, as silent as a loop about what is infinite or no number."""

    @wraps(function)
    def kernel(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return getattr(import_module(home), function.__name__)(*arguments)

    room, _, file = function.__module__.rpartition(".")
    home = f"{room}.twins.{file}"
    return kernel
