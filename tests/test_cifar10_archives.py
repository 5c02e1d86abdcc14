"""Archives and folders that are not what they should be: each is refused in one line."""

import errno
import gzip
import tarfile
import tracemalloc
from pathlib import Path

import cifar_files as files
import numpy as np
import pytest
from cifar_files import NOT_TORONTO, ROWS, entries, header, tar

from minicnn.datasets import archive, cifar10_batches
from minicnn.errors import DataError

pytest_plugins = ["cifar_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")


def refused(path, match):
    """The file is refused, in one line that names it, and nothing is written."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(DataError, match=match) as caught:
        cifar10_batches.read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert sorted(path.parent.rglob("*")) == before


def changed(replace=None, add=()):
    """A tarball with some members replaced or added."""
    members = entries(files.python_members() | (replace or {}))
    return tar([*members, *add])


def patched(offset, value):
    """An uncompressed tarball whose second header, of test_batch, has other bytes at the offset,
    but adds up.
    """
    blob = bytearray(tar(entries(files.python_members()), zipped=False))
    start = 512
    blob[start + offset : start + offset + len(value)] = value
    blob[start + 148 : start + 156] = b" " * 8
    blob[start + 148 : start + 156] = b"%06o\0 " % sum(blob[start : start + 512])
    return bytes(blob)


LINK = {"linkname": "/etc/passwd"}
BATCH = "cifar-10-batches-py/data_batch_1"
ARCHIVES = {
    "empty file": (b"", "expected a tar.gz archive, received a file that starts with b''"),
    "web page": (
        b"<!DOCTYPE html><p>No",
        "starts with b'<!DOCTYPE html><p>No': a web page was saved in its place",
    ),
    "zip": (
        b"PK\x03\x04" + bytes(600),
        r"expected a tar.gz archive, received a file that starts with b'PK",
    ),
    "gzip of text": (
        gzip.compress(b"hello" * 200),
        "expected the header of a tar member, received b'hellohello",
    ),
    "gzip of nothing": (
        gzip.compress(b""),
        "received no training batch 1 of 5, .* no testing batch 1 of 1",
    ),
    "dot dot": (
        changed(add=[(header("../../evil"), b"x")]),
        "plain files .* received '../../evil'",
    ),
    "hidden dot dot": (
        changed(add=[(header("cifar-10-batches-py/../evil"), b"x")]),
        "received 'cifar-10-batches-py/../evil'",
    ),
    "absolute": (changed(add=[(header("/tmp/evil"), b"x")]), "received '/tmp/evil'"),
    "unknown": (
        changed(add=[(header("cifar-10-batches-py/data_batch_6"), b"x")]),
        "received '.*data_batch_6'",
    ),
    "cifar-100": (
        tar([(header("cifar-100-python/train"), b"x")]),
        "'cifar-100-python/train' .*another data set",
    ),
    "symlink": (
        changed(add=[(header(BATCH, type=tarfile.SYMTYPE, **LINK), b"")]),
        "data_batch_1' .type b'2'",
    ),
    "hard link": (
        tar([(header(BATCH, type=tarfile.LNKTYPE, **LINK), b"")]),
        "data_batch_1' .type b'1'",
    ),
    "character device": (
        tar([(header(BATCH, type=tarfile.CHRTYPE), b"")]),
        "data_batch_1' .type b'3'",
    ),
    "block device": (tar([(header(BATCH, type=tarfile.BLKTYPE), b"")]), "data_batch_1' .type b'4'"),
    "fifo": (tar([(header(BATCH, type=tarfile.FIFOTYPE), b"")]), "data_batch_1' .type b'6'"),
    "sparse": (
        tar([(header(BATCH, type=tarfile.GNUTYPE_SPARSE), b"")]),
        "data_batch_1' .type b'S'",
    ),
    "other folder": (
        tar([(header("elsewhere", type=tarfile.DIRTYPE), b"")]),
        "received 'elsewhere/' .type b'5'",
    ),
    "long name": (tar([(header("x" * 300), b"")], form=tarfile.GNU_FORMAT), "LongLink' .type b'L'"),
    "pax path": (tar([(header("../" * 50), b"")], form=tarfile.PAX_FORMAT), r"received '\.\./"),
    "twice": (changed(add=[(header(BATCH), b"x")]), "each .* once, received '.*data_batch_1'"),
    "missing": (
        tar(
            [
                pair
                for pair in entries(files.python_members())
                if not pair[0].name.endswith("batch_2")
            ]
        ),
        "expected six batches, received no training batch 2 of 5: get it again",
    ),
    "too many headers": (
        tar([(header("cifar-10-batches-py", type=tarfile.DIRTYPE), b"")] * 200),
        "received 'cifar-10-batches-py/' .type b'5'",
    ),
    "huge size": (
        patched(124, b"77777777777\0"),
        "at most 32000000 bytes and once, received .* 8589934591 bytes",
    ),
    "base-256 size": (
        patched(124, b"\x80" + bytes(9) + b"\x01\x00"),
        "size of '.*' as octal digits, received b'.x80",
    ),
    "negative size": (
        patched(124, b"\xff" * 12),
        "size of 'cifar-10-batches-py/test_batch' as octal digits",
    ),
    "signed size": (patched(124, b"-0000000512\0"), "as octal digits, received b'-0000000512"),
    "underscores": (patched(124, b"0000_000_12\0"), "as octal digits, received b'0000_000_12"),
    "bad header sum": (
        patched(148, b"")[:700] + b"\1" + patched(148, b"")[701:],
        "expected the header of a tar member",
    ),
    "renamed batch": (
        changed({BATCH: files.python_members()["cifar-10-batches-py/test_batch"]}),
        "does not call itself",
    ),
    "text batch": (
        changed({BATCH: b"not a pickle"}),
        "data_batch_1: expected the training batch 1 of 5, pickled",
    ),
}


@pytest.mark.parametrize("fault", ARCHIVES)
def test_a_bad_archive_is_refused(tmp_path, fault):
    blob, match = ARCHIVES[fault]
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(blob)
    refused(path, match)


def test_a_gzip_bomb_is_refused_before_it_unfolds(tmp_path, monkeypatch):
    """In a member, in pax records and behind the end: what is read stays bounded."""
    monkeypatch.setattr(archive, "TOTAL_LIMIT", 1_000_000)
    record = header("cifar-10-batches-py", type=tarfile.XHDTYPE)
    for blob in (
        tar([(record, bytes(900_000))] * 3),
        gzip.compress(tar(entries(files.python_members()), zipped=False) + bytes(200_000_000), 1),
    ):
        path = tmp_path / "bomb.tar.gz"
        path.write_bytes(blob)
        tracemalloc.start()
        refused(path, "expected at most 1000000 bytes when unpacked, received more")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()


def test_truncations_are_refused(tmp_path):
    """A broken download, at 300 lengths: never a crash, never a partial data set."""
    blob = tar(entries(files.python_members()))
    path = tmp_path / "cifar-10-python.tar.gz"
    for length in np.linspace(0, len(blob) - 1, 300).astype(int):
        path.write_bytes(blob[:length])
        with pytest.raises(DataError, match="damaged|expected a tar.gz archive"):
            cifar10_batches.read(path)
    path.write_bytes(blob)
    cifar10_batches.read(path)


@pytest.mark.parametrize(("zipped", "flips"), [(True, 700), (False, 300)])
def test_flipped_bits_are_noticed(tmp_path, zipped, flips):
    """One wrong bit: gzip's checksum notices; without gzip, the data is refused or known not to be
    Toronto's.
    """
    good = tar(entries(files.python_members()), zipped=zipped)
    path = tmp_path / "cifar-10-python.tar.gz"
    pixels, labels = files.images()
    read = 0
    for bit in np.random.default_rng(1).integers(0, 8 * len(good), flips):
        blob = bytearray(good)
        blob[bit // 8] ^= 1 << bit % 8
        path.write_bytes(blob)
        try:
            arrays, remark = cifar10_batches.read(path)
        except DataError:
            continue
        read += 1
        # only the header of gzip itself, which says nothing about the data, is not covered by a
        # checksum
        if zipped:
            assert np.array_equal(arrays["x_train"].reshape(5, ROWS, 32, 32, 3), pixels[:5])
            assert np.array_equal(arrays["y_test"][:, 0], labels[5])
        assert NOT_TORONTO in remark
    assert read < (20 if zipped else flips)


def test_trailing_bytes_after_the_archive_are_refused(tmp_path):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(tar(entries(files.python_members())) + b"garbage")
    refused(path, "damaged")


def test_an_unreadable_archive_is_one_line(tmp_path, monkeypatch):
    path = files.write_tar(tmp_path / "c.tgz")

    def deny(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    refused(path, "Permission denied")


def test_a_folder_without_a_batch_is_refused(tmp_path):
    folder = files.write_folder(tmp_path, files.binary_members())
    (folder / "data_batch_3.bin").unlink()
    refused(folder, "received no training batch 3 of 5")


def test_a_huge_file_in_a_folder_is_refused(tmp_path):
    folder = files.write_folder(tmp_path, files.python_members())
    with (folder / "data_batch_1").open("r+b") as file:
        file.truncate(10 * archive.MEMBER_LIMIT)
    refused(folder, "data_batch_1: expected at most 32000000 bytes, received 320000000")


def test_records_of_a_wrong_size_are_refused(tmp_path):
    members = files.binary_members()
    members["cifar-10-batches-bin/test_batch.bin"] += b"x"
    refused(
        files.write_folder(tmp_path, members),
        "test_batch.bin: expected the testing batch 1 of 1 with 12292 bytes, received 12293",
    )


def test_records_with_wrong_labels_are_refused(tmp_path):
    members = files.binary_members()
    name = "cifar-10-batches-bin/data_batch_5.bin"
    members[name] = b"\x0a" + members[name][1:]
    refused(
        files.write_folder(tmp_path, members),
        "data_batch_5.bin: expected labels from 0 to 9, received 10",
    )
