"""The heaps of an HDF5 file, in which its texts lie: HDF5 walks through one object by object, each
of which says how long it is, and in a damaged one it walks for ever. So they are walked here first.

    "GCOL", version 1, three bytes, size of the whole (8 bytes), then objects:
        index (2 bytes), users (2), four bytes, size (8), and so many bytes, filled up to 8

An object of index 0 is free room, whose size counts its own head. Source: HDF5 file format
specification 3.0, section III.E; its sizes have 8 bytes, as in all files of Keras.
"""

from collections.abc import Iterator
from io import SEEK_END
from itertools import islice
from typing import Any

from minicnn.errors import ModelFileError

SIGNATURE, HEAD = b"GCOL", 16
CHUNK = 2**20  # bytes that are searched at once
MOST_OBJECTS = 2**18  # of a file; each costs a microsecond


def check(path: str, file: Any) -> None:
    """Raise ModelFileError where a heap of an open file has an object that does not fit into it."""
    places = list(islice(_places(file), MOST_OBJECTS + 1))
    left, length = MOST_OBJECTS, file.seek(0, SEEK_END)
    if len(places) > left:
        raise ModelFileError(f"{path!r} expected at most {left:,} heaps of texts, received more")
    for start in places:
        head = _read(file, start)
        end = min(start + int.from_bytes(head[8:], "little"), length)
        at = start + HEAD
        while head[4:5] == b"\1" and at + HEAD <= end:
            one = _read(file, at)
            if len(one) < HEAD:  # the file ends here, which HDF5 sees itself
                break
            size = int.from_bytes(one[8:], "little")
            step = HEAD + -(-size // 8) * 8 if one[:2] != b"\0\0" else size
            left -= 1
            if step < HEAD or at + step > end or left < 0:
                raise ModelFileError(
                    f"{path!r} is damaged: one of its texts, at byte {at:,}, has {size:,} bytes, "
                    f"expected at most {max(end - at - HEAD, 0):,}, of at most {MOST_OBJECTS:,} "
                    "texts: get the file again"
                )
            at += step


def _places(file: Any) -> Iterator[int]:
    """Where something begins that looks like a heap."""
    file.seek(0)
    before, base = b"", 0  # what has been searched ends so, and the first byte's place
    while chunk := file.read(CHUNK):
        data = before + chunk
        at = data.find(SIGNATURE)
        while at >= 0:
            yield base + at
            at = data.find(SIGNATURE, at + 1)
        before = data[1 - len(SIGNATURE) :]
        base += len(data) - len(before)


def _read(file: Any, at: int) -> bytes:
    file.seek(at)
    found: bytes = file.read(HEAD)
    return found
