"""Arrays in chunks, each of which may be compressed.

    layout  axes and 1 (1 byte), offset of a B-tree (8), sizes of a chunk and of a number (4 each)
    key     bytes in the file (4), filters left out (4), where in the array (8 each)

Source: sections III.A.1, IV.A.2.i and IV.A.2.l.
"""

import zlib
from math import prod

import numpy as np

from minicnn.saving.hdf5 import trees
from minicnn.saving.hdf5.file import Fields, File
from minicnn.types import Array

DEFLATE, SHUFFLE = 1, 2
NAMED = 256  # filters from here on have a name
MOST_FILTERS = 32
ROOM, SPARE = 4, 2**16  # all chunks have at most so many times the array's bytes, and these


def filters(file: File, data: bytes) -> list[int]:
    """What was done with each chunk, in turn. Raises ModelFileError for what is neither DEFLATE nor
    SHUFFLE.
    """
    fields = Fields(data)
    version, count = fields.number(1), fields.number(1)
    if version not in (1, 2) or count > MOST_FILTERS:
        raise ValueError(f"expected filters, received {count} of version {version}")
    fields.take(6 if version == 1 else 0)
    found = []
    for _ in range(count):
        kind = fields.number(2)
        if kind not in (DEFLATE, SHUFFLE):
            raise file.unread(f"numbers that are packed with filter {kind}")
        length = fields.number(2) if version == 1 or kind >= NAMED else 0
        fields.take(2)
        values = fields.number(2)
        fields.take(length)
        fields.take(4 * values, 8 if version == 1 else 1)
        found.append(kind)
    return found


def fill(file: File, layout: Fields, packing: list[int], values: Array) -> None:
    """Read all chunks into an array.

    Args:
        layout: the message, behind its class.
        packing: filters.

    Raises ValueError where chunks are missing, elsewhere, or too large.
    """
    axes, at = layout.number(1) - 1, layout.number()
    sides, size = [layout.number(4) for _ in range(axes)], layout.number(4)
    if axes != values.ndim or size != values.itemsize or 0 in sides:
        raise ValueError(f"chunks of shape {sides} do not fit an array of shape {values.shape}")
    grid = [-(-whole // side) for whole, side in zip(values.shape, sides, strict=True)]
    length, corners = prod(sides) * size, set()
    if prod(grid) * length > ROOM * values.nbytes + SPARE:
        raise ValueError(f"chunks of {length:,} bytes are too large for {values.nbytes:,} bytes")
    for key, place in trees.leaves(file, at, trees.CHUNKS, 16 + 8 * axes):
        stored, left_out = key.number(4), key.number(4)
        corner = tuple(key.number() for _ in range(axes))
        if any(start % side for start, side in zip(corner, sides, strict=True)):
            raise ValueError(f"expected a chunk at a multiple of {sides}, received {corner}")
        used = [kind for n, kind in enumerate(packing) if not left_out >> n & 1]
        data = _unpacked(file.read(place, stored).take(stored), used, length, size)
        there = tuple(slice(n, n + side) for n, side in zip(corner, sides, strict=True))
        here = tuple(slice(count) for count in values[there].shape)  # the last ones stand out
        values[there] = np.frombuffer(data, values.dtype).reshape(sides)[here]
        corners.add(corner)
    if len(corners) != prod(grid):
        raise ValueError(f"expected {prod(grid):,} chunks, received {len(corners):,}")


def _unpacked(data: bytes, used: list[int], length: int, size: int) -> bytes:
    """The numbers of a chunk, of so many bytes, of that size each."""
    for kind in reversed(used):
        if kind == DEFLATE:
            try:
                data = zlib.decompressobj().decompress(data, length)
            except zlib.error as error:
                raise ValueError(f"a chunk is damaged: {error}") from error
        elif len(data) == length:
            data = np.frombuffer(data, np.uint8).reshape(size, -1).T.tobytes()
    if len(data) != length:
        raise ValueError(f"expected a chunk of {length:,} bytes, received {len(data):,}")
    return data
