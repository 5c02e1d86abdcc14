"""The Numba decorators of the package, and the only place with Numba flags."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

ENABLED = not getattr(numba.config, "DISABLE_JIT", False)  # NUMBA_DISABLE_JIT=1 runs kernels as plain Python


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop to machine code at its first call and keep the result on disk.

    `nogil` lets other Python threads run meanwhile; `error_model="numpy"` makes a division by zero give inf, as
    NumPy does, instead of a branch in the loop. No fastmath: NaN survives, and sums keep their order. Loops over
    channels vectorise without it, and with it a kernel just compiled could round otherwise than the same one from disk.
    """
    return _compiled(function)


def parallel_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """jit for drivers whose `prange` runs on all threads.

    Bounds checks vanish under `parallel`, so what a driver does beyond cutting the work is done in jit functions.
    """
    return _compiled(function, parallel=True)


def _compiled(function: Callable[..., Any], **flags: Any) -> Callable[..., Any]:
    flags |= {"nogil": True, "error_model": "numpy"}
    try:
        kernel = numba.njit(cache=True, **flags)(function)
    except RuntimeError:  # "no locator available": neither beside the source nor in the user's cache can be written
        return numba.njit(**flags)(function)
    # Numba keeps a kernel until *its* file changes, and would miss a change in a function of another file that it
    # calls. So the stamp it compares is extended by all sources that kernels are made of.
    index = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if index is not None:
        index._source_stamp = (index._source_stamp, _sources())
    return kernel


@cache
def _sources() -> str:
    """A digest of the source of all kernels, the engine's generators included."""
    package = Path(__file__).parent.parent
    files = sorted([*package.glob("kernels/*.py"), *package.glob("engine/*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
