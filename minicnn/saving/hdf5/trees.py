"""B-trees of version 1, in which the nodes of a group and the chunks of an array are found.

    "TREE", what for (1 byte), level (1), entries (2), neighbours (8 + 8), then key, offset, key ...

Source: section III.A.1.
"""

from collections.abc import Iterator

from minicnn.saving.hdf5.file import Fields, File

GROUPS, CHUNKS = 0, 1
HEAD = 24


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
