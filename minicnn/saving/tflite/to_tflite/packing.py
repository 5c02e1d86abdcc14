"""Tables as bytes, with the library flatbuffers and the words of schema.py alone.

A FlatBuffer is written from its end to its beginning: what a table refers to comes first.
"""

from typing import Any

import numpy as np

from minicnn.saving.tflite.schema import FIELDS, NUMBERS, SLOTS, TABLES

ALIGNED = 16  # bytes: where LiteRT maps a file into memory, kernels read numbers where they lie
BUILDERS = {
    "u8": "Uint8",
    "i8": "Int8",
    "bool": "Bool",
    "u32": "Uint32",
    "i32": "Int32",
    "u64": "Uint64",
    "f32": "Float32",
}


def packed(table: str, value: dict[str, Any], identifier: bytes) -> bytes:
    """A table and all that it has, as nested dictionaries, as a file."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(_table(builder, table, value, {}), file_identifier=identifier)
    return bytes(builder.Output())


def _table(b: Any, table: str, value: dict[str, Any], written: dict[Any, int]) -> int:
    """Where a table is, counted from the end.

    written: where vectors of numbers are; one of the same numbers is not written again.
    """
    unknown = value.keys() - {field.name for field in FIELDS[table]}
    if unknown:
        raise KeyError(f"{table} has no {unknown}")
    offsets = {
        field.name: _referred(b, field.kind, value[field.name], written)
        for field in FIELDS[table]
        if field.name in value and field.kind not in BUILDERS
    }
    b.StartObject(SLOTS[table])
    for field in FIELDS[table]:
        if field.name in offsets:
            b.PrependUOffsetTRelativeSlot(field.slot, offsets[field.name], 0)
        elif field.name in value:
            prepend = getattr(b, f"Prepend{BUILDERS[field.kind]}Slot")
            prepend(field.slot, value[field.name], field.default)
    return b.EndObject()


def _referred(b: Any, kind: str, value: Any, written: dict[Any, int]) -> int:
    """Where a string, a vector, or a table is that a field refers to."""
    if kind == "str":
        return b.CreateString(value)
    if kind == "*":
        table, fields = value
        return _table(b, table, fields, written)
    if kind in TABLES:
        return _table(b, kind, value, written)
    kind = kind[1:-1]
    if kind == "u8":
        return _data(b, bytes(value))
    if kind in NUMBERS:
        numbers = np.asarray(value, NUMBERS[kind])
        if (kind, numbers.tobytes()) not in written:
            written[kind, numbers.tobytes()] = b.CreateNumpyVector(numbers)
        return written[kind, numbers.tobytes()]
    children = [_table(b, kind, child, written) for child in value]
    b.StartVector(4, len(children), 4)
    for child in reversed(children):
        b.PrependUOffsetTRelative(child)
    return b.EndVector()


def _data(b: Any, data: bytes) -> int:
    """The numbers of a tensor, aligned, which CreateByteVector does not see to."""
    b.StartVector(1, len(data), ALIGNED)
    b.head -= len(data)
    b.Bytes[b.head : b.head + len(data)] = data
    return b.EndVector()
