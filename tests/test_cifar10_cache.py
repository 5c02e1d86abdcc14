"""The decoded copy on disk: used when it can be, never stale, never half written."""

import errno
import os
import signal
import sys

import cifar_files as files
import numpy as np
import pytest
from cifar_files import FORMS, assert_is_seed, load

from minicnn.datasets import archive, cache, cifar10

pytest_plugins = ["cifar_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def no_decoding(monkeypatch):
    """Call it, and from then on nothing may be decoded."""

    def refuse(*_):
        raise AssertionError("the source was read again")

    def start():
        for module, name in (
            (cifar10, "read"),
            (archive, "read_tar"),
            (archive, "read_folder"),
            (cache, "_workplace"),
        ):
            monkeypatch.setattr(module, name, refuse)

    return start


@pytest.mark.parametrize("form", ["python tarball", "binary folder"])
def test_the_second_load_does_not_open_the_source(tmp_path, no_decoding, form):
    (tmp_path / "data").mkdir()
    path = FORMS[form](tmp_path / "data")
    first = load(path)
    no_decoding()
    second = load(path)
    assert_is_seed(first, 0)
    assert_is_seed(second, 0)
    assert type(second[0][0]) is np.ndarray and isinstance(second[0][0].base, np.memmap)


def test_another_tarball_is_never_mistaken(tmp_path):
    path = files.write_tar(tmp_path / "c.tar.gz")
    assert_is_seed(load(path), 0)
    state = path.stat()
    files.write_tar(path, files.python_members(seed=1))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert_is_seed(load(path), 1)
    other = files.write_tar(tmp_path / "d.tar.gz", files.python_members(seed=2))
    assert_is_seed(load(other), 2)
    assert_is_seed(load(path), 1)
    # the old one of c.tar.gz is gone
    assert len([entry for entry in cache.home().iterdir() if entry.is_dir()]) == 2


def test_a_changed_file_in_a_folder_is_noticed(tmp_path):
    folder = files.write_folder(tmp_path, files.python_members())
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    load(folder)
    files.write_folder(tmp_path, files.python_members(seed=1))
    for path, time in times.items():  # of equal size and time
        os.utime(path, ns=(time, time))
    assert_is_seed(load(folder), 1)


def test_arrays_may_be_written_to_and_the_cache_does_not_change(tmp_path):
    path = files.write_tar(tmp_path / "c.tar.gz")
    for _ in range(2):
        (x_train, y_train), _ = data = load(path)
        assert_is_seed(data, 0)
        x_train[:], y_train[:] = 7, 9
    assert_is_seed(load(path), 0)


def damage_truncate(entry):
    with (entry / "x_train.npy").open("r+b") as file:
        file.truncate(1000)


def damage_objects(entry):
    np.save(entry / "x_test.npy", np.array([{}], object), allow_pickle=True)


def damage_header(entry):
    """numpy reads it with Python's tokenizer, which has errors of its own."""
    path = entry / "y_test.npy"
    path.write_bytes(path.read_bytes().replace(b"{'descr", b"{('desc"))


DAMAGES = {
    "truncated": damage_truncate,
    "emptied": lambda entry: (entry / "y_test.npy").write_bytes(b""),
    "removed": lambda entry: (entry / "x_test.npy").unlink(),
    "overwritten": lambda entry: (entry / "x_test.npy").write_bytes(b"garbage" * 1000),
    "pickled": damage_objects,
    "no about": lambda entry: (entry / "about.json").unlink(),
    "bad about": lambda entry: (entry / "about.json").write_text("{]"),
    "odd about": lambda entry: (entry / "about.json").write_text("[]"),
    "deep about": lambda entry: (entry / "about.json").write_text("[" * 100_000),
    "no seal": lambda entry: (entry / "seal").unlink(),
    "other pixels": lambda entry: np.save(
        entry / "x_test.npy", np.zeros((10_000, 32, 32, 3), np.uint8)
    ),
    "odd header": damage_header,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_again(tmp_path, damage, no_decoding):
    path = files.write_tar(tmp_path / "c.tar.gz")
    load(path)
    (entry,) = (entry for entry in cache.home().iterdir() if entry.is_dir())
    DAMAGES[damage](entry)
    assert_is_seed(load(path), 0)
    no_decoding()
    assert_is_seed(load(path), 0)


SMALL = {"x": np.arange(90, dtype=np.uint8).reshape(10, 3, 3), "y": np.arange(10)}


def small(name="small", version="1"):
    """What is kept under this name, and whether it had to be made."""
    made = []
    arrays, remark = cache.cached(name, version, lambda _: made.append(1) or (SMALL, "a remark"))
    for key, array in SMALL.items():
        np.testing.assert_array_equal(arrays[key], array)
    assert list(arrays) == list(SMALL) and remark == "a remark"
    return bool(made)


def damaged(data, rng):
    """The bytes of a file after one of the things that happen to files."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 9))
    match rng.integers(4):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]
        case 1:
            return data[:at] + rng.bytes(length) + data[at:]
        case 2:
            return data[:at] + data[at + length :]
        case _:
            return data[:at]


def test_no_damage_goes_unnoticed():
    """600 entries, a file of each damaged somewhere: flipped, inserted, cut out, cut off."""
    rng = np.random.default_rng(0)
    assert small() and not small()
    entry = cache.home() / "small-1"
    whole = {path: path.read_bytes() for path in sorted(entry.iterdir())}
    assert {path.name for path in whole} == {"about.json", "seal", "x.npy", "y.npy"}
    for number in range(600):
        path = list(whole)[number % len(whole)]
        path.write_bytes(damaged(whole[path], rng))
        assert cache._load(entry) is None, f"damage {number}, of {path.name}"
        path.write_bytes(whole[path])
        assert cache._load(entry)
    path.write_bytes(b"")
    assert small() and not small()


def test_an_entry_under_another_name_is_not_believed():
    small("one")
    for name, version in (("one", "2"), ("two", "1")):
        (cache.home() / "one-1").rename(cache.home() / f"{name}-{version}")
        assert small(name, version) and not small(name, version)
        small("one")


def test_works_without_a_cache_where_home_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("a file, not a folder")
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "occupied" / "minicnn"))
    path = files.write_tar(tmp_path / "c.tar.gz")
    for _ in range(2):
        with pytest.warns(
            UserWarning,
            match="occupied/minicnn cannot be written .*decoded data is not kept.*MINICNN_HOME",
        ):
            data = load(path)
        assert_is_seed(data, 0)
        assert data[0][0].flags.writeable


def test_a_full_disk_costs_only_the_cache(tmp_path, monkeypatch):
    def full(file, _):
        file.write(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(
        UserWarning, match="could not be written .*No space left on device.* the next start decodes"
    ):
        assert_is_seed(load(files.write_tar(tmp_path / "c.tar.gz")), 0)
    assert [entry.suffix for entry in cache.home().iterdir()] == [".lock"]


def test_where_home_is(monkeypatch, tmp_path):
    assert cache.home() == tmp_path / "home"
    monkeypatch.setenv("MINICNN_HOME", "~/mine")
    assert cache.home() == tmp_path / "user" / "mine"
    monkeypatch.delenv("MINICNN_HOME")
    for platform, place in (
        ("linux", ".cache"),
        ("darwin", "Library/Caches"),
        ("win32", "AppData/Local"),
    ):
        monkeypatch.delenv("LOCALAPPDATA", raising=False)
        monkeypatch.setattr(sys, "platform", platform)
        assert cache.home() == tmp_path / "user" / place / "minicnn"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.home() == tmp_path / "xdg" / "minicnn"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_many_processes_decode_once(tmp_path, monkeypatch):
    path = files.write_tar(tmp_path / "c.tar.gz")
    counter = tmp_path / "decoded"
    read = cifar10.read

    def counted(source):
        with counter.open("ab", buffering=0) as file:
            file.write(b"x")
        return read(source)

    monkeypatch.setattr(cifar10, "read", counted)
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                assert_is_seed(load(path), 0)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    assert counter.read_bytes() == b"x"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("moment", ["decoding", "writing"])
def test_a_killed_process_blocks_nobody(tmp_path, monkeypatch, moment):
    path = files.write_tar(tmp_path / "c.tar.gz")
    ready, started = os.pipe()
    child = os.fork()
    if child == 0:

        def hang(*_):
            os.write(started, b"x")
            signal.pause()

        monkeypatch.setattr(
            *((cifar10, "read", hang) if moment == "decoding" else (np, "save", hang))
        )
        try:
            load(path)
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(started)
    assert_is_seed(load(path), 0)
    assert len(list(cache.home().iterdir())) == 2  # the entry and its lock, nothing half written
