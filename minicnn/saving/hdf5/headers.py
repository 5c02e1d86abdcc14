"""What an HDF5 file says of an object: messages, in one or several blocks.

Source: section IV.A, data object headers, both versions.
"""

from collections.abc import Iterator

from minicnn.saving.hdf5.file import Fields, File

DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL = 0x01, 0x02, 0x03, 0x06, 0x07
LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION = 0x08, 0x0B, 0x0C, 0x10
SYMBOL_TABLE, ATTRIBUTE_INFO = 0x11, 0x15
KEPT = {DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, SYMBOL_TABLE,
        ATTRIBUTE_INFO}  # fmt: skip
PREFIX = 34  # bytes in front of the first block, at most
SHARED = 2  # the flag of a message that is stored elsewhere, once for many objects

Messages = dict[int, list[bytes]]


def messages(file: File, at: int) -> Messages:
    """The messages of the object there, by their types."""
    found: Messages = {}
    start = file.read(at, min(PREFIX, max(file.size - at, 0)))
    mark = start.take(4)
    if mark[0] != 1 and mark != b"OHDR":
        raise ValueError(f"expected an object's header, received {mark!r}")
    for kind, flags, data in (_older if mark[0] == 1 else _newer)(file, at, start):
        if kind not in KEPT:
            continue
        if flags & SHARED:
            raise file.unread("something that is stored once for many objects")
        file.spend(len(data))
        found.setdefault(kind, []).append(data)
    return found


def _older(file: File, at: int, start: Fields) -> Iterator[tuple[int, int, bytes]]:
    """Version 1. Behind the number of messages: users (4), length of the first block (4)."""
    start.take(4)
    blocks = [(at + 16, start.number(4))]
    for place in blocks:
        block = file.read(*place)
        while block.left >= 8:
            kind, length, flags = block.number(2), block.number(2), block.number(1)
            block.take(3)
            data = block.take(length)
            if kind == CONTINUATION:
                blocks.append(_continued(data))
            yield kind, flags, data


def _newer(file: File, at: int, start: Fields) -> Iterator[tuple[int, int, bytes]]:
    """Version 2: a mark in front of each block, a sum of 4 bytes behind it."""
    start.expect(b"\2", "an object's header of version 2")
    bits = start.number(1)
    start.take((16 if bits & 32 else 0) + (4 if bits & 16 else 0))  # times, numbers of attributes
    length = start.number(1 << (bits & 3))
    head = 6 if bits & 4 else 4
    blocks = [(at + start.at, length)]
    for n, place in enumerate(blocks):
        block = file.read(*place)
        if n:
            block.expect(b"OCHK", "a block of messages")
        while block.left >= head:
            kind, size, flags = block.number(1), block.number(2), block.number(1)
            block.take(head - 4)
            data = block.take(size)
            if kind == CONTINUATION:
                start_of_next, length = _continued(data)
                blocks.append((start_of_next, length - 4))
            yield kind, flags, data


def _continued(data: bytes) -> tuple[int, int]:
    """Where the next block is, and how long."""
    fields = Fields(data)
    return fields.number(), fields.number()
