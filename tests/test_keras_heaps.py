"""Heaps of HDF5 files: what would make HDF5 walk for ever is refused before it begins."""

import io

import pytest

h5py = pytest.importorskip("h5py")

from minicnn.errors import ModelFileError  # noqa: E402
from minicnn.saving.keras import hdf5, heaps  # noqa: E402

AT_FIRST = 16  # bytes of a heap's own head, behind which is its first object


@pytest.fixture
def content():
    """An HDF5 file with a text in a heap, and where the heap begins."""
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file.attrs["model_config"] = "{}" * 40
    found = bytearray(made.getvalue())
    return found, found.index(b"GCOL")


def test_a_sound_file_is_read(content):
    found, _ = content
    with hdf5.opened("m.h5", io.BytesIO(found)) as root:
        assert root.text("model_config") == "{}" * 40


@pytest.mark.parametrize("size", [2**64 - 16, 2**63, 5000])
def test_an_object_that_does_not_fit_is_refused(content, size):
    found, heap = content
    at = heap + AT_FIRST
    found[at + 8 : at + 16] = size.to_bytes(8, "little")
    with pytest.raises(ModelFileError, match="'m.h5' is damaged: one of its texts") as caught:
        hdf5.opened("m.h5", io.BytesIO(found)).__enter__()
    print(caught.value)


def test_free_room_of_no_size_is_refused(content):
    found, heap = content
    at = heap + AT_FIRST
    found[at : at + 16] = bytes(16)
    with pytest.raises(ModelFileError, match="has 0 bytes"):
        heaps.check("m.h5", io.BytesIO(found))


def test_a_heap_is_found_across_two_parts_of_a_file(content, monkeypatch):
    found, heap = content
    found[heap + AT_FIRST : heap + AT_FIRST + 16] = bytes(16)
    for chunk in (heap + 1, heap + 2, heap + 3, heap + 4, 7):
        monkeypatch.setattr(heaps, "CHUNK", chunk)
        with pytest.raises(ModelFileError, match="is damaged"):
            heaps.check("m.h5", io.BytesIO(found))


def test_a_file_full_of_heaps_is_refused(monkeypatch):
    monkeypatch.setattr(heaps, "MOST_OBJECTS", 100)
    one = b"GCOL\1\0\0\0" + (10**6).to_bytes(8, "little") + bytes.fromhex("01" + 15 * "00")
    with pytest.raises(ModelFileError, match="of at most 100 texts"):
        heaps.check("m.h5", io.BytesIO(one * 99))
    with pytest.raises(ModelFileError, match="at most 100 heaps of texts"):
        heaps.check("m.h5", io.BytesIO(b"GCOL" * 101))


def test_a_heap_that_is_longer_than_its_file_ends_with_it(content):
    found, heap = content
    found[heap + 8 : heap + 16] = (2**64 - 1).to_bytes(8, "little")
    at = heap + AT_FIRST
    found[at + 8 : at + 16] = (2**63 - 64).to_bytes(8, "little")
    with pytest.raises(ModelFileError, match="is damaged"):
        heaps.check("m.h5", io.BytesIO(found))
