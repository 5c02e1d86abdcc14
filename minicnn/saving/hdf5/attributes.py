"""Attributes of an object in an HDF5 file, which in Keras' files are texts and lists of texts.

    version, flags, sizes of name, type and shape (2 each), then these, then the values;
    version 1 fills each of the three up to 8 bytes, version 3 says first how the name is written

Source: section IV.A.2.m.
"""

from math import prod
from typing import NamedTuple

from minicnn.saving.hdf5 import headers, trees
from minicnn.saving.hdf5.datatypes import shape_of, type_of
from minicnn.saving.hdf5.file import NOWHERE, Fields, File
from minicnn.saving.hdf5.fractal import Heap
from minicnn.saving.hdf5.headers import Messages
from minicnn.saving.hdf5.heaps import text

RECORD = 17  # bytes of a record: an identifier (8), flags, order, the name's sum
MOST_TEXT = 16 * 2**20  # bytes of all texts of an attribute


class Attribute(NamedTuple):
    """An attribute whose type, shape and values nobody has looked at yet."""

    shared: bool
    type: bytes
    shape: bytes
    values: bytes


def attributes(file: File, messages: Messages) -> dict[str, Attribute]:
    """Those of an object, by name."""
    found = messages.get(headers.ATTRIBUTE, [])
    for message in messages.get(headers.ATTRIBUTE_INFO, []):
        info = Fields(message)
        info.expect(b"\0", "the first version of attributes")
        info.take(2 if info.number(1) & 1 else 0)
        heap, names = info.number(), info.number()
        if heap != NOWHERE:
            inside = Heap(file, heap)
            found = [inside[record[:8]] for record in trees.records(file, names, RECORD)]
    return dict(_attribute(Fields(one)) for one in found)


def _attribute(fields: Fields) -> tuple[str, Attribute]:
    version, flags = fields.number(1), fields.number(1)
    if version not in (1, 2, 3):
        raise ValueError(f"there is no attribute of version {version}")
    sizes = [fields.number(2) for _ in range(3)]
    fields.take(1 if version == 3 else 0)
    name, kind, shape = (fields.take(size, 8 if version == 1 else 1) for size in sizes)
    shared = version > 1 and flags != 0
    return name.rstrip(b"\0").decode(), Attribute(shared, kind, shape, fields.take(fields.left))


def texts(file: File, name: str, found: Attribute) -> tuple[tuple[int, ...], list[str]]:
    """Shape and texts of an attribute. Raises ValueError for one that is no text or a long one."""
    if found.shared:
        raise file.unread(f"an attribute {name!r:.60} whose type is stored once for many")
    kind, shape = type_of(found.type), shape_of(found.shape)
    count = prod(shape) if shape is not None else 0
    if shape and not count:
        return shape, []
    if not kind.texts or shape is None:
        raise ValueError(f"expected text in {name!r:.60}, received {kind.name}")
    values = Fields(found.values)
    if count * kind.size > values.left:
        raise ValueError(f"expected {count:,} texts in {name!r:.60}, which ends before")
    received, total = [], 0
    for _ in range(count):
        one = values.take(kind.size)
        data = text(file, Fields(one)) if kind.texts == "a heap" else one
        total += len(data)
        if total > MOST_TEXT:
            raise ValueError(f"expected at most {MOST_TEXT:,} bytes in {name!r:.60}, received more")
        received.append(data.partition(b"\0")[0].decode())
    return shape, received
