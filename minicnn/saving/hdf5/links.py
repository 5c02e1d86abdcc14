"""What is in a group of an HDF5 file.

A group's header names a B-tree, whose leaves name up to eight entries each, with names from a heap;
or, newer, each of its messages is an entry, and where they are many they are in a fractal heap:

    "SNOD", version 1, one byte, entries (2), then each: name (8), header (8), what it is (4), ...

Source: sections III.B, III.C and IV.A.2.g.
"""

from minicnn.saving.hdf5 import headers, trees
from minicnn.saving.hdf5.file import NOWHERE, Fields, File
from minicnn.saving.hdf5.fractal import Heap
from minicnn.saving.hdf5.headers import Messages
from minicnn.saving.hdf5.heaps import Names

HEAD, ENTRY = 8, 40  # bytes
RECORD = 11  # bytes of a record: a name's sum (4), an identifier
SOFT = 2  # an entry that is a path

Links = dict[str, int | None]


def links(file: File, messages: Messages) -> Links:
    """The offset of each object in a group, by name; None for a link to elsewhere."""
    if headers.SYMBOL_TABLE in messages:
        return _older(file, Fields(messages[headers.SYMBOL_TABLE][0]))
    if headers.LINK_INFO not in messages:
        raise ValueError("expected a group or an array, received something else")
    info = Fields(messages[headers.LINK_INFO][0])
    info.expect(b"\0", "the first version of links")
    info.take(8 if info.number(1) & 1 else 0)
    heap, names = info.number(), info.number()
    entries = messages.get(headers.LINK, [])
    if heap != NOWHERE:
        inside = Heap(file, heap)
        entries = [inside[record[4:]] for record in trees.records(file, names, RECORD)]
    found: Links = {}
    for message in entries:
        _put(found, *_newer(Fields(message)))
    return found


def _older(file: File, table: Fields) -> Links:
    tree, names = table.number(), Names(file, table.number())
    found: Links = {}
    for _, at in trees.leaves(file, tree, trees.GROUPS, 8):
        head = file.read(at, HEAD)
        head.expect(b"SNOD\1", "a node of a group")
        head.take(1)
        count = head.number(2)
        entries = file.read(at + HEAD, count * ENTRY)
        for _ in range(count):
            name, place, kind = names[entries.number()], entries.number(), entries.number(4)
            entries.take(20)
            _put(found, name, None if kind == SOFT else place)
    return found


def _newer(fields: Fields) -> tuple[str, int | None]:
    fields.expect(b"\1", "a link")
    bits = fields.number(1)
    hard = not bits & 8 or fields.number(1) == 0
    fields.take((8 if bits & 4 else 0) + (1 if bits & 16 else 0))  # when it was made; its letters
    name = fields.take(fields.number(1 << (bits & 3))).decode()
    return name, fields.number() if hard else None


def _put(found: Links, name: str, place: int | None) -> None:
    if name in found:
        raise ValueError(f"two entries are called {name!r:.60}")
    found[name] = place
