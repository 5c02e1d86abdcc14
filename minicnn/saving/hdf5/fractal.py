"""Fractal heaps of an HDF5 file, in which the entries of a group are when they are many, and the
attributes of an object, in the newer format; in Keras' files those of layers whose names are not
ASCII.

A heap is one range of bytes, cut into blocks. A table has rows of blocks, which are twice as large
from row to row but for the first two, and from some size on such tables themselves.

Source: section III.G.
"""

from minicnn.saving.hdf5.file import File

MANAGED = 0  # the kind of what lies in the blocks


class Heap:
    """Objects by their identifiers: kind (1 byte), where in the heap, how long."""

    def __init__(self, file: File, at: int):
        self._file = file
        head = file.read(at, 142)
        head.expect(b"FRHP\0", "a heap of entries")
        head.take(2)
        if head.number(2):
            raise file.unread("a heap of entries that is compressed")
        head.take(101)  # flags, sizes, what is elsewhere, free room
        self._width, self._first, self._largest = head.number(2), head.number(), head.number()
        self._offset = -(-head.number(2) // 8)  # bytes of a place in the heap
        head.take(2)
        self._root, self._rows = head.number(), head.number(2)
        if not self._width or not self._first:
            raise ValueError("a heap of entries has blocks of no size")

    def __getitem__(self, identifier: bytes) -> bytes:
        if identifier[0] >> 4 & 3 != MANAGED:
            raise self._file.unread(
                "a name or an attribute of more than 4 kB in HDF5's newer format"
            )
        place = int.from_bytes(identifier[1 : 1 + self._offset], "little")
        length = int.from_bytes(identifier[1 + self._offset :], "little")
        return self._file.read(self._address(place), length).take(length)

    def _address(self, place: int) -> int:
        """Where in the file a place in the heap is."""
        at, rows = self._root, self._rows
        while rows:
            row, size = 0, self._first
            while place >= self._width * size:
                place -= self._width * size
                size *= 2 if row else 1
                row += 1
            if row >= rows:
                raise ValueError("a heap of entries ends before one of them")
            column, place = divmod(place, size)
            entry = 13 + self._offset + 8 * (row * self._width + column)
            at = self._file.read(at + entry, 8).number()
            whole = size // (self._first * self._width)
            rows = whole.bit_length() if size > self._largest else 0
        return at + place
