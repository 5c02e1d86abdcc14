"""The reader of HDF5 files, with HDF5's own library as the oracle."""

import io
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
from golden import make_keras_files as golden
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.errors import ModelFileError
from minicnn.saving import hdf5

TYPES = ("<f2", "<f4", "<f8", ">f4", ">f8", "i1", "u1", "<i4", "<i8", ">i2", "<u8")
NAMES = st.text("ab.:_ é漢", min_size=1, max_size=5).filter(lambda name: name.strip("."))
TEXTS = st.text("xy {}é漢\n", max_size=12)
SETTINGS = {"newer": {"libver": "latest"}, "ordered": {"track_order": True}, "older": {}}


def written(fill, **how):
    """The bytes of an HDF5 file that a function fills."""
    made = io.BytesIO()
    with h5py.File(made, "w", **how) as file:
        fill(file)
    return made.getvalue()


def opened(data):
    return hdf5.opened("m.h5", io.BytesIO(data))


def text(value):
    return value if isinstance(value, str) else value.decode()


def compare(theirs, ours):
    """Count what is in both; all must be the same."""
    count = 0
    assert sorted(theirs) == sorted(ours.names())
    for name, value in theirs.attrs.items():
        if np.ndim(value):
            assert ours.texts(name) == [text(one) for one in value]
        else:
            assert ours.text(name) == text(value)
    for name, found in theirs.items():
        assert name in ours
        if isinstance(found, h5py.Group):
            count += compare(found, ours.group(name))
        else:
            mine = ours.dataset(name)
            assert (mine.dtype, mine.shape) == (found.dtype, found.shape)
            assert mine.read(found.dtype).tobytes() == found[()].tobytes()
            count += 1
    return count


def same(data):
    """Count the arrays of a file, all of which must be read as by HDF5."""
    with h5py.File(io.BytesIO(data)) as theirs, opened(data) as ours:
        return compare(theirs, ours)


@pytest.mark.parametrize("writer", ["keras", "tf_keras", "tensorflow"])
def test_files_of_keras_are_read_as_hdf5_reads_them(writer):
    count = 0
    for content in golden.contents(writer).values():
        data = content.tobytes()
        if data.startswith(b"PK"):
            data = zipfile.ZipFile(io.BytesIO(data)).read("model.weights.h5")
        if data.startswith(b"\x89HDF"):
            count += same(data)
    assert count > 500


@st.composite
def arrays(draw):
    """(numbers, how they are stored)"""
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    values = np.arange(np.prod(shape, dtype=int)).astype(draw(st.sampled_from(TYPES)))
    how = {}
    if shape and 0 not in shape and draw(st.booleans()):
        how["chunks"] = tuple(draw(st.integers(1, length)) for length in shape)
        how["compression"] = draw(st.sampled_from([None, "gzip"]))
        how["shuffle"] = draw(st.booleans())
        how["maxshape"] = draw(st.sampled_from([None, (None,) * len(shape)]))
    return values.reshape(shape), how


ENTRIES = st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), arrays()), max_size=5)
ATTRIBUTES = st.one_of(
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.lists(TEXTS.map(str.encode), max_size=3).map(lambda texts: np.array(texts, "S")),
)


@given(ENTRIES, st.dictionaries(NAMES, ATTRIBUTES, max_size=3))
@settings(max_examples=60, deadline=None)
def test_whatever_h5py_writes_is_read_as_hdf5_reads_it(entries, attributes):
    """Groups inside one another, arrays of any type and shape, in chunks, compressed or not."""

    def fill(file):
        for path, (values, how) in entries:
            groups = ["/".join(path[:n]) for n in range(1, len(path))]
            if "/".join(path) in file or any(isinstance(file.get(g), h5py.Dataset) for g in groups):
                continue
            file.create_dataset("/".join(path), data=values, **how)
            for name, value in attributes.items():
                file[path[0]].parent.attrs[name] = value

    same(written(fill))


@pytest.mark.parametrize("how", SETTINGS)
def test_the_newer_format_is_read_too(how):
    def few(file):
        for name in "abcd":
            group = file.create_group(f"{name}/{name}", track_order=how == "ordered")
            group.create_dataset("0", data=np.arange(6.0).reshape(2, 3))
            group.attrs["name"], group.attrs["names"] = "x" * 500, ["y", "é"]
            group.attrs["bytes"] = np.array([b"one", b"three"])
            group.create_dataset("1", data=np.float32(3))
            group.create_dataset("none", (0, 3), "i4")

    assert same(written(few, **SETTINGS[how])) == 12


def test_many_entries_and_long_lists_are_read():
    def many(file):
        for n in range(700):
            file.create_dataset(f"group/{n}", data=np.full(2, n))
        file["group"].attrs["names"] = [f"layer_{n}" for n in range(700)]
        file["group"].attrs["bytes"] = np.array([b"%060d" % n for n in range(1000)])
        file.attrs["long"] = "{}" * 300_000

    assert same(written(many)) == 700


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("count", [9, 100, 1200])
def test_many_entries_of_the_newer_format_are_read(how, count):
    """Also of a file in the older one, where a name is not ASCII: its heap has tables of blocks,
    and its tree several levels.
    """

    def many(file):
        for n in range(count):
            file.create_group(f"é/layer_é_{n}" + n % 50 * "x")
        file["é"].create_dataset("kernel:0", data=np.arange(3.0))
        for n in range(min(count, 100)):
            file["é"].attrs[f"name{n}"] = f"text {n}"

    assert same(written(many, **SETTINGS[how])) == 1


def compact(file):
    """An array whose numbers are in its header."""
    kept = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kept.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    made = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, kept)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(3, dtype=np.float32))


def test_numbers_in_a_header_are_read():
    assert same(written(compact)) == 1


# Left out, each by name


def committed(file):
    file["type"] = np.dtype("f4")
    file.create_dataset("x", (2,), file["type"])


def array(*values, **how):
    return lambda file: file.create_dataset("x", *values, **how)


SAVE = "which Keras does not write and minicnn does not read: open it with Keras and save it again"
LEFT_OUT = {
    "chunks": (array((99,), "f4", chunks=(3,)), {"libver": "latest"}, "'/x' whose layout is of v"),
    "filter": (
        array((99,), "f4", fletcher32=True),
        {},
        f"has numbers that are packed .* 3, {SAVE}",
    ),
    "shared": (committed, {}, f"has something that is stored once for many objects, {SAVE}"),
    "opaque": (
        array(data=np.zeros(3, "V2")),
        {},
        r"'m.h5' has '/x' as opaque bytes of 2 bytes each",
    ),
    "text": (array(data="text"), {}, "'/x' as text or lists .*, expected numbers of 1, 2, 4 or 8"),
    "empty": (array(data=h5py.Empty("f4")), {}, "'/x' as nothing at all, expected numbers"),
    "bool": (array(data=np.ones(3, bool)), {}, "'/x' as a list of words .*, expected numbers"),
    "complex": (
        array(data=np.ones(3, complex)),
        {},
        "'/x' as (records|complex numbers) .*, expect",
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_keras_does_not_write_is_named(case):
    made, how, message = LEFT_OUT[case]
    with opened(written(made, **how)) as root, pytest.raises(ModelFileError, match=message) as one:
        root.dataset("x")
    assert "\n" not in str(one.value)
    print(one.value)


def test_attributes_that_are_elsewhere_or_no_texts_are_named():
    def large(file):
        file.attrs["names"] = np.array([b"x" * 1000] * 70)

    with opened(written(large, libver="latest")) as root:
        with pytest.raises(ModelFileError, match="has a name or an attribute of more than 4 kB"):
            root.texts("names")

    def numbers(file):
        file.attrs["one"], file.attrs["two"], file.attrs["none"] = 3.5, "text", []

    data = written(numbers)
    with pytest.raises(ModelFileError, match="expected text in 'one', received floats"):
        with opened(data) as root:
            root.text("one")
    with opened(data) as root:
        assert (root.text("three"), root.texts("three"), root.texts("none")) == (None, [], [])
        assert root.texts("two") == ["text"]


def test_numbers_that_nobody_wrote_are_refused():
    """HDF5 would make zeros of them."""
    for how in ({}, {"chunks": (2,)}):
        with opened(written(array((4,), "f4", **how))) as root:
            found = root.dataset("x")
            with pytest.raises(ValueError, match="its numbers have 0|expected 24 bytes at byte"):
                found.read("f4")


# Damage


def sound(**how):
    """A file with something of everything, as small as it can be."""

    def some(file):
        file.attrs["text"], file.attrs["texts"] = "a text", np.array([b"one", b"two"])
        file.create_dataset("a/x", data=np.arange(3, dtype=np.float32))
        if not how:
            file.create_dataset("c", data=np.arange(9.0), chunks=(4,), compression="gzip")
        compact(file)

    return written(some, **how)


def read_all(data):
    """Ask for everything in a file, at most so deep; True where all is sound."""

    def look(group, depth):
        group.text("text"), group.texts("texts")
        for name in group.names():
            try:
                look(group.group(name), depth + 1) if depth < 3 else None
            except ModelFileError:
                group.dataset(name).read("f4")

    try:
        with opened(data) as root:
            look(root, 0)
    except ModelFileError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return False
    return True


def many():
    """A file with a fractal heap of entries, and one of attributes."""

    def some(file):
        for n in range(9):
            file.create_group(f"a/{n}")
            file["a"].attrs["text" if n else "texts"] = file.attrs[f"{n}"] = f"{n}"

    return written(some, libver="latest")


DAMAGED = {"older": sound(), "newer": sound(libver="latest"), "heaps": many()}


@pytest.mark.parametrize("which", DAMAGED)
def test_every_byte_may_be_damaged(which):
    data = DAMAGED[which]
    assert read_all(data)
    told = [n for n, byte in enumerate(data) if byte]
    refused = 0
    for n in told:
        for value in (0, 255, data[n] ^ 1, data[n] ^ 128):
            refused += not read_all(data[:n] + bytes([value]) + data[n + 1 :])
    assert refused > len(told)


@pytest.mark.parametrize("which", DAMAGED)
def test_a_file_may_end_anywhere(which):
    data = DAMAGED[which]
    for length in range(0, len(data) - 1, 7):
        assert not read_all(data[:length])
    with pytest.raises(ModelFileError, match=r"expected [\d,]+ bytes, received [\d,]+: it is cut"):
        opened(data[:-1]).__enter__()


def put(data, at, *numbers):
    """The file with other numbers of 8 bytes there."""
    new = b"".join(number.to_bytes(8, "little") for number in numbers)
    return data[:at] + new + data[at + len(new) :]


def refused(data, ask, message):
    """Assert that a question raises the error, which is one line."""
    with pytest.raises(ModelFileError, match=message) as caught, opened(data) as root:
        ask(root)
    assert "\n" not in str(caught.value)
    print(caught.value)


def texts_file():
    """A file with two texts in one heap, and where the heap begins."""

    def some(file):
        file.attrs["text"], file.attrs["texts"] = "{}" * 40, ["a" * 1000] * 500

    data = written(some)
    return data, data.index(b"GCOL")


@pytest.mark.parametrize("size", [2**64 - 16, 2**63, 5000])
def test_a_text_that_does_not_fit_into_its_heap_is_refused(size):
    """HDF5 walks through such a heap for ever."""
    data, heap = texts_file()
    refused(
        put(data, heap + 24, size), lambda root: root.text("text"), "expected a text of at most"
    )


def test_free_room_of_no_size_ends_a_heap():
    data, heap = texts_file()
    message = "expected a text of 80 bytes, its heap has 0"
    refused(put(data, heap + 16, 0, 0), lambda root: root.text("text"), message)


def test_a_heap_that_is_longer_than_its_file_is_refused():
    data, heap = texts_file()
    refused(
        put(data, heap + 8, 2**40), lambda root: root.text("text"), "expected 1,099,511,627,776"
    )


def test_texts_that_are_one_and_the_same_do_not_unfold():
    """References of 16 bytes to a text of 60,000."""

    def some(file):
        file.attrs["text"], file.attrs["texts"] = "x" * 60_000, ["y"] * 4000

    data = bytearray(written(some))
    heap = data.index(b"GCOL").to_bytes(8, "little")
    long = data.index((60_000).to_bytes(4, "little") + heap)
    at = 0
    while (at := data.find(b"\1\0\0\0", at + 1)) >= 0:
        place = int.from_bytes(data[at + 4 : at + 12], "little")
        if data[place : place + 4] == b"GCOL":
            data[at : at + 16] = data[long : long + 16]
    refused(bytes(data), lambda root: root.texts("texts"), "unfolds to more than its")


def test_a_tree_that_leads_back_to_itself_is_refused():
    data = written(lambda file: [file.create_group(str(n)) for n in range(3)])
    tree = data.index(b"TREE")
    looped = data[: tree + 5] + b"\1" + data[tree + 6 :]  # one level higher
    refused(put(looped, tree + 32, tree), lambda root: root.names(), "expected level 0 of a B-tree")


def test_blocks_of_messages_that_lead_back_to_themselves_are_refused():
    data = bytearray(sound())
    at = int.from_bytes(data[64:72], "little") + 16  # the first message of the root
    data[at : at + 4] = b"\x10\0\x10\0"
    refused(put(bytes(data), at + 8, at, 24), lambda root: root.names(), "unfolds to more than its")


def test_a_group_inside_itself_takes_little_memory():
    """A path goes through it, and with each step names would become longer."""
    name = "x" * 60

    def some(file):
        file[name] = file["/"]
        file.attrs["text"] = "/".join([name] * 20_000)

    data = written(some)
    tracemalloc.start()
    try:
        refused(data, lambda root: root.group(root.text("text")), "unfolds to more than its")
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data) + 25e6
    finally:
        tracemalloc.stop()


def test_names_that_overlap_do_not_unfold():
    """Each entry's name is the rest of one long name."""
    count = 600

    def some(file):
        for n in range(count):
            file.create_group(f"{n:0100d}")

    data = bytearray(written(some))
    heap = data.index(b"HEAP", data.index(b"HEAP"))
    names = int.from_bytes(data[heap + 24 : heap + 32], "little")
    size = int.from_bytes(data[heap + 8 : heap + 16], "little")
    data[names : names + size] = b"x" * (size - 1) + b"\0"
    refused(
        bytes(data), lambda root: root.names(), "unfolds to more than its|two entries are called"
    )


def test_shapes_and_chunks_are_believed_when_they_fit():
    data = written(array(data=np.arange(9.0), chunks=(4,), compression="gzip"))
    shape = data.index((9).to_bytes(8, "little"))
    ask = lambda root: root.dataset("x").read("f8")  # noqa: E731
    refused(put(data, shape, 2**50), ask, "the array '/x' has 9,007,199,254,740,992 bytes")
    refused(put(data, shape, 2**60), ask, "no array of 1 axes has so many numbers")
    refused(put(data, shape, 13), ask, "expected 4 chunks, received 3")
    refused(put(data, shape, 5), ask, "expected 2 chunks, received 3")
    side = data.index((4).to_bytes(4, "little") + (8).to_bytes(4, "little"))
    wide = data[:side] + (2**20).to_bytes(4, "little") + data[side + 4 :]
    refused(wide, ask, "chunks of 8,388,608 bytes are too large for 72")
    one = written(array(data=np.arange(9.0)))
    shape = one.index((9).to_bytes(8, "little"))
    refused(put(one, shape, 8), ask, "the array '/x' has 64 bytes, its numbers have 72")


def test_a_chunk_unpacks_to_no_more_than_its_bytes():
    values = np.zeros(1_000_003, np.uint8)
    data = written(array(data=values, chunks=values.shape, compression="gzip"))
    assert same(data) == 1
    packed = data.index(b"\x78", data.rindex(b"TREE"))
    ask = lambda root: root.dataset("x").read("u1")  # noqa: E731
    refused(data[:packed] + b"\0" + data[packed + 1 :], ask, "a chunk is damaged")
    data = data.replace((1_000_003).to_bytes(4, "little"), (1027).to_bytes(4, "little"))
    with opened(data) as root:
        assert root.dataset("x").read("u1").shape == (1027,)


def test_what_is_no_hdf5_is_refused():
    refused(b"", lambda root: root, "expected 8 bytes more, received 0")
    refused(bytes(100), lambda root: root, "expected HDF5's signature")
    data = sound()
    refused(data[:8] + b"\7" + data[9:], lambda root: root, "has a superblock of version 7")
    refused(data[:13] + b"\4" + data[14:], lambda root: root, "has offsets and lengths of 4 and 8")
    refused(data[:13] + b"\0" + data[14:], lambda root: root, "there are no offsets and .* 0 and 8")
    refused(put(data, 24, 512), lambda root: root, "has 512 bytes in front")
    refused(put(data, 64, 2**64 - 1), lambda root: root, "expected 0 bytes|received 0")
