"""Files that may be model files: neither folders nor pipes nor devices."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

from minicnn.errors import ModelFileError

NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[str, FileIO]]:
    """The name of a file, and the file open for reading; no folder, device or pipe.

    Raises FileNotFoundError when there is none, ModelFileError when it cannot be read.
    """
    name = os.fsdecode(path)
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):
            raise ModelFileError(
                f"{name!r} expected a model file, received a folder, a device or a pipe"
            )
        # Should a pipe take its place at this moment, NONBLOCK does not wait for its other end.
        descriptor = os.open(
            name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        if isinstance(error, OSError) and error.errno not in NOTHING_THERE:
            raise ModelFileError(f"{name!r} cannot be read: {error.strerror}") from error
        raise FileNotFoundError(f"there is no model file {name!r:.300}") from error
    with open(descriptor, "rb", buffering=0) as file:
        yield name, file


def contents(file: FileIO, most: int, ending: str) -> bytes:
    """All bytes of an open file. Raises ModelFileError for more than a file of that kind can have.

    ending: of its name, for messages.
    """
    size = os.fstat(file.fileno()).st_size
    if size > most:
        raise ModelFileError(
            f"expected a file {ending} of at most {most:,} bytes, received {size:,}"
        )
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
