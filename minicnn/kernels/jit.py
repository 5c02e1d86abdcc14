"""The one Numba decorator of the package, and the only place with Numba flags."""

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., None]) -> Callable[..., None]:
    """Compile a loop to machine code at its first call and keep the result on disk.

    `nogil` lets other Python threads run meanwhile; `error_model="numpy"` makes a division by zero give inf, as
    NumPy does, instead of a branch in the loop. No fastmath: sums keep their order and NaN survives.
    Where nothing can be written beside the source or in the user's cache folder, Numba refuses to decorate
    (RuntimeError, "no locator available"); the kernel is then compiled anew in every process.
    """
    flags: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError:
        return numba.njit(**flags)(function)
