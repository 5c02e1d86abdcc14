"""Types and shapes in an HDF5 file.

    type    class and version (4 bits each), bits (3 bytes), size of an element (4), and more
    shape   version 1: rank (1), flags (1), five bytes, sizes (8 each)
            version 2: rank (1), flags (1), what it is (1), sizes (8 each)

Source: sections IV.A.2.b and IV.A.2.d.
"""

import struct
from math import prod
from typing import NamedTuple

import numpy as np

from minicnn.saving.hdf5.file import Fields
from minicnn.wording import counted

CLASSES = ("whole numbers", "floats", "times", "text", "bits", "opaque bytes", "records",
           "references", "a list of words", "text or lists of any length", "arrays",
           "complex numbers")  # fmt: skip
WHOLE, FLOAT, TEXT, VARIABLE = 0, 1, 3, 9
# where exponent and fraction of a float are: first bit and number of bits each, then what the
# exponent is too large by
IEEE = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
MOST_AXES, MOST_NUMBERS = 32, 2**60


class Type(NamedTuple):
    """Of an array, or of an attribute.

    Attributes:
        name: for messages.
        size: bytes of an element.
        dtype: NumPy's, of numbers.
        texts: elements are texts: "here", or in "a heap".
    """

    name: str
    size: int
    dtype: np.dtype | None = None
    texts: str = ""


def type_of(data: bytes) -> Type:
    """Raises ValueError for a type that is damaged."""
    fields = Fields(data)
    kind, bits, size = fields.number(1) & 15, fields.number(3), fields.number(4)
    if kind >= len(CLASSES) or not size:
        raise ValueError(f"there is no type {kind} of {size} bytes")
    name = f"{CLASSES[kind]} of {counted(size, 'byte')} each"
    if kind == TEXT:
        return Type(name, size, texts="here")
    if kind == VARIABLE and bits & 15 == 1 and size == 16:
        return Type(name, size, texts="a heap")
    if kind not in (WHOLE, FLOAT) or size not in (1, 2, 4, 8):
        return Type(name, size)
    order = ">" if bits & 1 else "<"
    offset, precision = fields.number(2), fields.number(2)
    if (offset, precision) != (0, 8 * size):
        return Type(name, size)
    if kind == WHOLE:
        return Type(name, size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    if bits & 64 or struct.unpack("<4BI", fields.take(8)) != IEEE.get(size):
        return Type(name, size)  # the order of a VAX; bfloat16
    return Type(name, size, np.dtype(f"{order}f{size}"))


def shape_of(data: bytes) -> tuple[int, ...] | None:
    """The shape, () of a single value, None of none at all. Raises ValueError."""
    fields = Fields(data)
    version, rank, _ = fields.number(1), fields.number(1), fields.number(1)
    if version not in (1, 2) or rank > MOST_AXES:
        raise ValueError(f"expected a shape, received one of version {version}, {rank} axes")
    what = fields.number(1)
    if version == 2 and what == 2:
        return None
    fields.take(4 if version == 1 else 0)
    shape = tuple(fields.number() for _ in range(rank))
    if prod(shape) >= MOST_NUMBERS:
        raise ValueError(f"no array of {rank} axes has so many numbers")
    return shape
