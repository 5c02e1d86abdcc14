"""The group of this process: made when it is first asked for, and of MPI only if MPI started it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from minicnn.ranks.group import ALONE, Group
from minicnn.ranks.launched import launched

_apart = 0  # how many `apart` are open


def current() -> Group:
    """The group that fit, evaluate and predict share their work in.

    Raises ImportError where MPI started this process and mpi4py is missing.
    """
    return ALONE if _apart else _world()


def rank() -> int:
    """The number of this process, from 0 on; 0 where it is alone."""
    return current().rank


def size() -> int:
    """How many ranks there are; 1 where this process is alone."""
    return current().size


@contextmanager
def apart() -> Iterator[None]:
    """While this context is open, this rank works by itself: what it trains, evaluates or predicts
    is not shared with the others, who need not do the same.

    >>> with apart():
    ...     size()
    1
    """
    global _apart
    _apart += 1
    try:
        yield
    finally:
        _apart -= 1


def made() -> Group:
    """The group of this process if somebody has asked for it; where an error is to be told, nobody
    wants another.
    """
    return _world() if _world.cache_info().currsize else ALONE


@cache
def _world() -> Group:
    if not launched():
        return ALONE
    from minicnn.ranks.mpi import world  # which imports mpi4py

    return world()
