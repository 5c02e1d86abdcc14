"""Bytes of an HDF5 file, with a bound on how many are read; where the file begins."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minicnn.errors import ModelFileError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOWHERE = 2**64 - 1  # the offset of what is not there
SPARE = 8 * 2**20  # bytes beyond the file's size that numbers may have: compressed ones do
ROOM, LITTLE = 3, 2**20  # times the file's size, and bytes, that reading its structure may count
COST = 64  # bytes that whatever is read or kept counts besides its own
SIZES = {2, 4, 8, 16, 32}  # bytes of an offset or a length, of which 8 are read here
LONGEST = 76  # bytes of a superblock, up to the offset of the root


@contextmanager
def failing(path: str) -> Iterator[None]:
    """Say of what goes wrong inside that the file is damaged, with a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        why = " ".join(str(error).split())
        raise ModelFileError(f"{path!r} is a damaged file of Keras ({why:.200})") from error


class Fields:
    """Bytes that are taken one after the other; numbers are little-endian. Raises ValueError where
    they end.
    """

    def __init__(self, data: bytes):
        self._data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, length: int, multiple: int = 1) -> bytes:
        """The next bytes; those that fill them up to a multiple are passed over."""
        filled = -(-length // multiple) * multiple
        if filled > self.left:
            raise ValueError(f"expected {filled:,} bytes more, received {self.left:,}")
        found = self._data[self.at : self.at + length]
        self.at += filled
        return found

    def number(self, length: int = 8) -> int:
        return int.from_bytes(self.take(length), "little")

    def expect(self, known: bytes, what: str) -> None:
        """Raise ValueError unless these bytes are next."""
        found = self.take(len(known))
        if found != known:
            raise ValueError(f"expected {what}, {known!r}, received {found!r}")


class File:
    """An HDF5 file that is open, or a part of a file that behaves so.

    What is read and kept of its structure is counted. Files of thousands of small layers come to
    one and a half times their size; a damaged one that leads round in a circle ends at ROOM times.

    Attributes:
        path: for messages.
        size: in bytes.
        heaps: where texts begin and how long they are, by heap and number (heaps.py).
    """

    def __init__(self, path: str, raw: Any):
        self.path, self._raw = path, raw
        self.size: int = raw.seek(0, io.SEEK_END)
        self._left = ROOM * self.size + LITTLE
        self.heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def spend(self, amount: int = 0) -> None:
        """Count what is kept. Raises ValueError where it is more than such a file can have."""
        self._left -= amount + COST
        if self._left < 0:
            raise ValueError(f"it unfolds to more than its {self.size:,} bytes can hold")

    def read(self, at: int, length: int) -> Fields:
        """Bytes of the file's structure. Raises ValueError where the file has not so many."""
        self.check(at, length)
        self.spend(length)
        found = bytearray(length)
        self.fill(at, memoryview(found))
        return Fields(bytes(found))

    def check(self, at: int, length: int) -> None:
        """Raise ValueError unless so many bytes are there."""
        if not 0 <= length <= self.size - at:
            raise ValueError(
                f"expected {length:,} bytes at byte {at:,}, received {max(self.size - at, 0):,}"
            )

    def fill(self, at: int, view: memoryview) -> None:
        """Read numbers to where they shall be."""
        self.check(at, len(view))
        self._raw.seek(at)
        while len(view):
            count = self._raw.readinto(view)
            if not count:
                raise ValueError("it ended while it was read")
            view = view[count:]

    def unread(self, what: str) -> ModelFileError:
        """The error for what HDF5 has and files of Keras have not: a singular noun phrase."""
        return ModelFileError(
            f"{self.path!r} has {what}, which Keras does not write and minicnn does not read: open "
            "it with Keras and save it again"
        )

    def root(self) -> int:
        """Where the header of the root group is. Raises ValueError for a file that is cut off.

        Source: section II.A, superblock.
        """
        fields = self.read(0, min(LONGEST, self.size))
        fields.expect(SIGNATURE, "HDF5's signature")
        version = fields.number(1)
        if version > 3:
            raise self.unread(f"a superblock of version {version}")
        if version < 2:
            fields.take(4)
        sizes = fields.take(2)
        if not set(sizes) <= SIZES:
            raise ValueError(f"there are no offsets and lengths of {sizes[0]} and {sizes[1]} bytes")
        if sizes != b"\x08\x08":
            raise self.unread(f"offsets and lengths of {sizes[0]} and {sizes[1]} bytes")
        # version 0: a byte, sizes of B-trees, flags; version 1: a size and two bytes more
        fields.take({0: 9, 1: 13}.get(version, 1))
        base, _, end = fields.number(), fields.number(), fields.number()
        if version < 2:
            fields.take(16)  # driver, and the offset of the root's name
        if base:
            raise self.unread(f"{base:,} bytes in front")
        if end > self.size:
            raise ValueError(f"expected {end:,} bytes, received {self.size:,}: it is cut off")
        return fields.number()
