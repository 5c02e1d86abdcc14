"""B-trees of an HDF5 file. Those of version 1 lead to the nodes of a group and the chunks of an
array, those of version 2 to what is in a fractal heap.

    "TREE", what for (1 byte), level (1), entries (2), neighbours (8 + 8), then key, offset, key ...

    "BTHD", version 0, what for (1), bytes of a node (4), of a record (2), levels (2), two bytes,
        offset of the root (8), its records (2)
    "BTIN" or at the bottom "BTLF", version 0, what for (1), records, and in a BTIN for each child:
        offset (8), its records, and above other BTINs all records below it

Source: sections III.A.1 and III.A.2.
"""

from collections.abc import Iterator

from minicnn.saving.hdf5.file import NOWHERE, Fields, File

GROUPS, CHUNKS = 0, 1
HEAD = 24
AROUND = 10  # bytes of a node of version 2 that are no records
MOST_LEVELS = 16


def leaves(file: File, at: int, purpose: int, key: int) -> Iterator[tuple[Fields, int]]:
    """(key, offset) of whatever is at the bottom of a tree, in no order.

    Args:
        at: offset of the root.
        purpose: GROUPS or CHUNKS.
        key: bytes of a key.

    Raises ValueError for a tree whose levels do not go down one by one.
    """
    nodes: list[tuple[int, int | None]] = [(at, None)]
    while nodes:
        at, expected = nodes.pop()
        head = file.read(at, HEAD)
        head.expect(b"TREE" + bytes([purpose]), "a node of a B-tree")
        level, entries = head.number(1), head.number(2)
        if expected not in (None, level):
            raise ValueError(f"expected level {expected} of a B-tree, received {level}")
        fields = file.read(at + HEAD, entries * (key + 8))
        for _ in range(entries):
            found, child = Fields(fields.take(key)), fields.number()
            file.spend()
            if level:
                nodes.append((child, level - 1))
            else:
                yield found, child


def records(file: File, at: int, size: int) -> Iterator[bytes]:
    """The records of a tree of version 2, in no order.

    size: bytes of a record.

    Raises ValueError for a tree of other records.
    """
    head = file.read(at, 26)
    head.expect(b"BTHD\0", "a B-tree")
    head.take(1)
    node, found, levels = head.number(4), head.number(2), head.number(2)
    head.take(2)
    if found != size or levels > MOST_LEVELS:
        raise ValueError(f"expected a B-tree of {size} bytes each, received {found}")
    root, count = head.number(), head.number(2)
    widths = _widths(node, size, levels)
    nodes = [(root, count, levels)] if root != NOWHERE else []
    while nodes:
        at, count, level = nodes.pop()
        each = 8 + widths[0] + (widths[level - 1] if level > 1 else 0)
        fields = file.read(at, 6 + count * size + (count + 1) * (each if level else 0))
        fields.expect(b"BTIN\0" if level else b"BTLF\0", "a node of a B-tree")
        fields.take(1)
        for _ in range(count):
            yield fields.take(size)
        for _ in range(count + 1 if level else 0):
            child, inside = fields.number(), fields.number(widths[0])
            fields.take(each - 8 - widths[0])
            nodes.append((child, inside, level - 1))


def _widths(node: int, size: int, levels: int) -> list[int]:
    """In how many bytes it is written how many records are below a node, by its level."""
    most = (node - AROUND) // size
    widths = [_bytes_of(most)]
    for level in range(1, levels):
        each = 8 + widths[0] + (widths[level - 1] if level > 1 else 0)
        own = (node - AROUND - each) // (size + each)
        most = (own + 1) * most + own
        widths.append(_bytes_of(most))
    return widths


def _bytes_of(number: int) -> int:
    return max(-(-number.bit_length() // 8), 1)
