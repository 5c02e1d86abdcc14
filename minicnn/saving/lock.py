"""Files that one process holds at a time, until it lets go or ends, however it ends: the system
keeps the lock.

Some network folders know no locks. There everybody holds what he asks for, and nothing counts as
abandoned.
"""

import contextlib
import os
import sys

if sys.platform == "win32":
    import msvcrt

    FAR = 2**30  # bytes after the beginning: what is locked cannot be read by others

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


OPEN = os.O_RDWR | getattr(os, "O_BINARY", 0)


def hold(path: str, mode: int = 0o666, *, new: bool = False) -> int:
    """Open a file, made if there is none, and hold it: a descriptor, which lets go when it is
    closed.

    Args:
        mode: of a file that is made, before umask.
        new: whether it must not be there yet.

    Raises BlockingIOError when another descriptor holds it, FileExistsError for one that should be
    new.
    """
    while True:
        descriptor = os.open(path, OPEN | os.O_CREAT | (os.O_EXCL if new else 0), mode)
        try:
            _locked(descriptor)
            if _is_at(descriptor, path):  # otherwise it was removed before it was held
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def let_go(descriptor: int, path: str) -> None:
    """Remove a file that is held, unless another is at its place by now, and close it."""
    with contextlib.suppress(OSError):  # Windows removes no open file
        if _is_at(descriptor, path):
            os.unlink(path)
    with contextlib.suppress(OSError):
        os.close(descriptor)
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            os.unlink(path)


def remove_if_abandoned(path: str) -> None:
    """Remove a file that nobody holds; one of which that cannot be found out stays."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, OPEN)
        try:
            abandoned = _locked(descriptor)
        except OSError:
            abandoned = False
        if abandoned:
            let_go(descriptor, path)
        else:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock an open file; False where there are no locks.

    Raises BlockingIOError when another has it.
    """
    try:
        _lock(descriptor)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
