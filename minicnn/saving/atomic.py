"""Files that are replaced whole: whoever reads one meanwhile, or after a crash, sees the old
contents or the new ones.

The new contents are written beside the file, under a hidden name, and then take its name. What a
killed process left under such a name is removed by the next one that writes the same file; the lock
tells it from what is being written.
"""

import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from minicnn.saving import lock

LONGEST = 255  # bytes of a file's name, on nearly every system


def write(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Make a file, and missing folders above it, of these bytes, one part after the other.

    An existing file is replaced whole or, if anything fails, not at all, and the new one has its
    permissions and, where that is allowed, its owner; a new file has those that the system gives to
    new files. Of a symbolic link, the file that it points to is replaced.

    Raises OSError, among others when the path is a folder, a device or anything else that is no
    file.
    """
    target = os.path.realpath(path)
    before = _status(target, path)
    folder, name = os.path.split(target)
    os.makedirs(folder, exist_ok=True)
    start = f".{_shortened(name)}."
    _tidy(folder, start)
    descriptor, beside = _beside(folder, start, 0o666 if before is None else 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            _take_over(descriptor, before)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(descriptor)  # on disk before the name points to it
        if sys.platform == "win32":  # which renames no open file
            os.close(descriptor)
            descriptor = -1
        os.replace(beside, target)
    finally:
        lock.let_go(descriptor, beside)
    _keep_name(folder)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file of text in UTF-8."""
    write(path, [text.encode()])


def _status(target: str, path: str | os.PathLike[str]) -> os.stat_result | None:
    """What is there, if anything. Raises OSError unless it may be replaced by a file."""
    try:
        before = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(
            f"{os.fspath(path)!r} is a folder, expected the path of a file: add a file name"
        )
    if not stat.S_ISREG(before.st_mode):
        raise OSError(
            f"{os.fspath(path)!r} is a device, a pipe or a socket, which no file may replace: "
            "choose a file"
        )
    return before


def _shortened(name: str) -> str:
    """The name, or as much of its beginning as leaves room for what a hidden name adds."""
    return os.fsdecode(os.fsencode(Path(name))[: LONGEST - 20])


def _tidy(folder: str, start: str) -> None:
    """Remove what killed processes left."""
    # one may write where one may not look
    with (
        contextlib.suppress(OSError),
        os.scandir(folder) as entries,
    ):
        for entry in entries:
            if entry.name.startswith(start) and entry.name.endswith(".new"):
                lock.remove_if_abandoned(entry.path)


def _beside(folder: str, start: str, mode: int) -> tuple[int, str]:
    """A new file in the folder that this process holds: its descriptor and path."""
    while True:
        path = os.path.join(folder, f"{start}{secrets.token_hex(6)}.new")
        # another process was about to tidy it away
        with contextlib.suppress(FileExistsError, BlockingIOError):
            return lock.hold(path, mode, new=True), path


def _take_over(descriptor: int, before: os.stat_result | None) -> None:
    """Give the file the owner and the permissions of the one before."""
    if before is not None and sys.platform != "win32":
        # others' files may be replaced, but not be given to them
        with contextlib.suppress(OSError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
        with contextlib.suppress(OSError):  # some file systems know no permissions
            os.fchmod(descriptor, before.st_mode & 0o777)


def _keep_name(folder: str) -> None:
    """Have the folder's new entry on disk as well."""
    # Windows has no such thing; not every file system allows it
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
