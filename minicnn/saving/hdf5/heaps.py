"""Heaps of an HDF5 file: names of a group's entries lie in a local one, texts in a global one.

    "HEAP", version 0, three bytes, size (8), free room (8), offset of the names (8)
    "GCOL", version 1, three bytes, size of the whole (8), then texts, each:
        its number (2), users (2), four bytes, length (8), and so many bytes, filled up to 8

A text of number 0 is free room, the last of a heap. Source: sections III.D and III.E.
"""

from minicnn.saving.hdf5.file import NOWHERE, Fields, File

HEAD = 16  # bytes in front of the texts of a heap, and of each


class Names:
    """The names of a group's entries, each of which ends with a byte of 0."""

    def __init__(self, file: File, at: int):
        self._file = file
        head = file.read(at, 32)
        head.expect(b"HEAP\0", "a heap of names")
        head.take(3)
        size = head.number()
        head.take(8)
        self._data = file.read(head.number(), size).take(size)

    def __getitem__(self, start: int) -> str:
        end = self._data.find(b"\0", start)
        if end < 0:
            raise ValueError(f"expected a name at byte {start:,} of {len(self._data):,}")
        self._file.spend(end - start)  # names may overlap
        return self._data[start:end].decode()


def text(file: File, reference: Fields) -> bytes:
    """The text that a reference of 16 bytes means: length (4), offset of the heap (8), number (4).

    Raises ValueError for one that the heap has not.
    """
    length, at, number = reference.number(4), reference.number(), reference.number(4)
    if not length or at in (0, NOWHERE):
        return b""
    if at not in file.heaps:
        file.heaps[at] = _places(file, at)
    start, size = file.heaps[at].get(number, (0, 0))
    if length > size:
        raise ValueError(f"expected a text of {length:,} bytes, its heap has {size:,}")
    return file.read(start, length).take(length)


def _places(file: File, at: int) -> dict[int, tuple[int, int]]:
    """(offset, length) of each text in a heap, by number."""
    head = file.read(at, HEAD)
    head.expect(b"GCOL\1", "a heap of texts")
    head.take(3)
    end = at + head.number()
    file.check(at, end - at)
    found: dict[int, tuple[int, int]] = {}
    at += HEAD
    while at + HEAD <= end:
        one = file.read(at, HEAD)
        number = one.number(2)
        one.take(6)
        length = one.number()
        at += HEAD
        if not number:
            break
        if length > end - at:
            raise ValueError(f"expected a text of at most {end - at:,} bytes, received {length:,}")
        found[number] = at, length
        at += -(-length // 8) * 8
    return found
