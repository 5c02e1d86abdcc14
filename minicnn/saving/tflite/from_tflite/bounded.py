"""Tables out of bytes that nobody trusts.

Every offset is added up and compared with the file's size before anything is read there. A table or
vector may be referred to by many, so that a small file could unfold into a large one: what is read
in all is at most four times the file's size. Tables that refer to
one another in a circle cannot be: the words of schema.py have none.
"""

import struct
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.tflite.schema import FIELDS, MEMBERS, NUMBERS, TABLES

SPARE = 10_000  # bytes that may be read beside four times the file's size
SIZES = {kind: np.dtype(name).itemsize for kind, name in NUMBERS.items()}


def unpacked(data: bytes, table: str, identifier: bytes) -> dict[str, Any]:
    """The table that a file is, as nested dictionaries: fields that are not there are missing,
    vectors of numbers are arrays, those of bytes are views. Raises ModelFileError.
    """
    reader = _Reader(data)
    if data[4:8] != identifier:
        raise ModelFileError(
            f"expected a file with {identifier.decode()!r} at byte 4, received {data[4:8]!r}"
        )
    return reader.table(table, reader.follow(0))


class _Reader:
    """A file and what may still be read of it."""

    def __init__(self, data: bytes):
        self.data = memoryview(data)
        self.room = 4 * len(data) + SPARE

    def take(self, position: int, size: int) -> None:
        """Raise ModelFileError unless so many bytes are there."""
        self.room -= size
        if position < 0 or size < 0 or position + size > len(self.data):
            raise ModelFileError(
                f"the .tflite file refers to {size:,} bytes at {position:,}, but ends at "
                f"{len(self.data):,}: it is damaged"
            )
        if self.room < 0:
            raise ModelFileError(
                "the .tflite file refers to the same bytes so often that it is larger than it is"
            )

    def number(self, kind: str, position: int) -> Any:
        self.take(position, struct.calcsize(kind))
        return struct.unpack_from(kind, self.data, position)[0]

    def follow(self, position: int) -> int:
        """Where the offset at a position leads."""
        return position + self.number("<I", position)

    def table(self, table: str, position: int) -> dict[str, Any]:
        vtable = position - self.number("<i", position)
        size, own = self.number("<H", vtable), self.number("<H", vtable + 2)
        self.take(vtable, size)
        self.take(position, own)
        found: dict[str, Any] = {}
        for field in FIELDS[table]:
            place = 4 + 2 * field.slot
            if place + 2 > size:
                break
            offset = struct.unpack_from("<H", self.data, vtable + place)[0]
            if not offset:
                continue
            kind = field.kind
            if offset + SIZES.get(kind, 4) > own:
                raise ModelFileError(f"the .tflite file has a {table} that is damaged")
            at = position + offset
            if kind in SIZES:
                found[field.name] = np.frombuffer(self.data, NUMBERS[kind], 1, at)[0].item()
            elif kind == "*":
                member = MEMBERS.get(found.get(f"{field.name}_type", 0))
                if member is not None:
                    found[field.name] = self.table(member, self.follow(at))
            else:
                found[field.name] = self.referred(kind, self.follow(at))
        return found

    def referred(self, kind: str, position: int) -> Any:
        """What is at a position: a string, a table or a vector."""
        if kind in TABLES:
            return self.table(kind, position)
        count, start = self.number("<I", position), position + 4
        if kind == "str":
            self.take(start, count)
            return bytes(self.data[start : start + count]).decode("utf-8", "replace")
        kind = kind[1:-1]
        size = SIZES.get(kind, 4) * count
        self.take(start, size)
        if kind == "u8":
            return self.data[start : start + size]
        if kind in SIZES:
            if not count:
                return np.empty(0, NUMBERS[kind])
            return np.frombuffer(self.data, NUMBERS[kind], count, start)
        return [self.table(kind, self.follow(start + 4 * n)) for n in range(count)]
