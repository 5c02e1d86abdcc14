"""Files are replaced whole, whatever is at their place and whatever goes wrong; folders are held by
one training.
"""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, callbacks, layers
from minicnn.models import load_model
from minicnn.plots.base import Plot, new_figure
from minicnn.saving import atomic, lock
from minicnn.training.checkpoint import FILE, LOCK, held

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has other permissions and special files"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "folder" / "file"


def alone(path: Path) -> bool:
    """Whether nothing but the file is in its folder."""
    return [one.name for one in path.parent.iterdir()] == [path.name]


def test_parts_are_written_one_after_the_other(path):
    atomic.write(path, [b"old"])
    atomic.write(str(path), [b"ne", memoryview(b"w")])
    assert path.read_bytes() == b"new" and alone(path)
    atomic.write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()


def test_a_name_without_a_folder_is_in_this_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atomic.write("file", [b"here"])
    assert (tmp_path / "file").read_bytes() == b"here"


@pytest.mark.parametrize("length", [240, 245, 250, 255])
@pytest.mark.parametrize("letter", ["n", "é"])
def test_names_as_long_as_a_folder_takes(letter, length, tmp_path):
    name = letter * (length // len(letter.encode()))
    for content in (b"old", b"new"):
        atomic.write(tmp_path / name, [content])
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(name, b"new")]


@posix
def test_a_new_file_has_the_permissions_that_umask_leaves(tmp_path):
    before = os.umask(0o077)
    try:
        for mask, expected in ((0o077, 0o600), (0o022, 0o644), (0o002, 0o664)):
            os.umask(mask)
            atomic.write(tmp_path / str(mask), [b""])
            assert mode(tmp_path / str(mask)) == expected
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o444, 0o777])
def test_permissions_stay(permissions, path):
    atomic.write(path, [b"old"])
    path.chmod(permissions)
    atomic.write(path, [b"new"])
    assert mode(path) == permissions and path.read_bytes() == b"new"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)
def test_the_owner_stays(path):
    atomic.write(path, [b"old"])
    os.chown(path, 1234, 4321)
    atomic.write(path, [b"new"])
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@posix
def test_nobody_else_can_read_a_private_file_while_it_is_written(path):
    atomic.write(path, [b"old"])
    path.chmod(0o600)
    seen = []

    def parts():
        seen.extend(mode(one) for one in path.parent.iterdir())
        yield b"new"

    atomic.write(path, parts())
    assert seen == [0o600, 0o600]


@posix
def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "file"
    link.symlink_to(Path("there") / "file")
    for content in (b"new", b"newer"):  # at first it points to nothing
        atomic.write(link, [content])
        assert link.is_symlink() and target.read_bytes() == content and alone(target)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="[Ss]ymbolic link"):
        atomic.write(tmp_path / "loop", [b""])


@posix
def test_a_folder_a_pipe_and_a_socket_are_left_alone(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        kinds = {
            name: stat.S_IFMT((tmp_path / name).stat().st_mode)
            for name in ("folder", "pipe", "socket")
        }
        for name in kinds:
            with pytest.raises(
                OSError, match=f"{name}' is (a folder|a device, a pipe or a socket)"
            ):
                atomic.write(tmp_path / name, [b""])
        assert kinds == {name: stat.S_IFMT((tmp_path / name).stat().st_mode) for name in kinds}
        assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes devices")
def test_a_device_stays_a_device(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices in this container")
    model = Sequential([Input((3,)), layers.Dense(2)])
    for save in (model.save, model.save_weights):
        with pytest.raises(
            OSError, match="null' is a device, a pipe or a socket, which no file may replace"
        ):
            save(device)
    assert stat.S_ISCHR(device.stat().st_mode) and alone(device)


# What goes wrong


@pytest.mark.parametrize(
    "call", ["write", "fsync", "fchmod", "replace", "close", "open", "stat", "unlink"]
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_whatever_fails_the_file_is_the_old_one_or_the_new_one_and_says_which(
    call, number, path, monkeypatch
):
    """After an error the file is the old one; without one, the new one."""
    if not hasattr(os, call):
        pytest.skip("not here")
    atomic.write(path, [b"old"])
    original, calls = getattr(os, call), []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(5, "input/output error")
        return original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        try:
            atomic.write(path, [b"new"])
            expected = b"new"
        except OSError:
            expected = b"old"
    assert path.read_bytes() == expected
    atomic.write(path, [b"newest"])
    assert path.read_bytes() == b"newest"
    assert alone(path)  # the next one tidies up at the latest


def test_an_error_of_the_contents_leaves_the_old_file(path):
    def parts():
        yield b"ne"
        raise KeyboardInterrupt

    atomic.write(path, [b"old"])
    with pytest.raises(KeyboardInterrupt):
        atomic.write(path, parts())
    assert path.read_bytes() == b"old" and alone(path)


@posix
def test_the_file_and_then_its_folder_are_on_disk(path, monkeypatch):
    atomic.write(path, [b"old"])
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("name"), replace(*names))[1])
    atomic.write(path, [b"new"])
    assert done == ["file", "name", "folder"]


KILLED = """
import os, signal, sys
from minicnn.saving import atomic
def parts():
    yield b"x" * 100_000
    os.kill(os.getpid(), signal.SIGKILL)
atomic.write(sys.argv[1], parts())
"""


def python(code: str, *arguments, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(Path(minicnn.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment, **options
    )


@posix
def test_what_a_killed_process_left_goes_with_the_next_save(path):
    atomic.write(path, [b"old"])
    assert python(KILLED, path).wait() == -9
    assert path.read_bytes() == b"old" and len(list(path.parent.iterdir())) == 2
    atomic.write(path.with_name("file2"), [b"another's"])
    assert len(list(path.parent.iterdir())) == 3
    atomic.write(path, [b"new"])
    assert sorted(one.name for one in path.parent.iterdir()) == ["file", "file2"]


def test_what_is_being_written_is_not_tidied_away(path):
    """By another save to the same name, at any moment."""

    def parts():
        atomic.write(path, [b"between"])
        assert path.read_bytes() == b"between"
        yield b"last"

    atomic.write(path, parts())
    assert path.read_bytes() == b"last" and alone(path)


@posix
def test_where_there_are_no_locks_files_are_written_and_nothing_is_tidied(path, monkeypatch):
    def no_locks(_):
        raise OSError(95, "not supported")

    atomic.write(path, [b"old"])
    left = path.with_name(".file.0123456789ab.new")
    left.write_bytes(b"")
    monkeypatch.setattr(lock, "_lock", no_locks)
    atomic.write(path, [b"new"])
    assert path.read_bytes() == b"new" and left.exists()


@posix
def test_a_file_that_is_tidied_before_it_is_held_is_made_again(path, monkeypatch):
    """The moment between making and locking it belongs to another process."""
    real, names = lock._lock, []

    def removed_meanwhile(descriptor):
        names.extend(one.name for one in path.parent.iterdir() if one.name.endswith(".new"))
        if len(names) == 1:
            (path.parent / names[0]).unlink()
        real(descriptor)

    path.parent.mkdir()
    monkeypatch.setattr(lock, "_lock", removed_meanwhile)
    atomic.write(path, [b"new"])
    assert path.read_bytes() == b"new" and alone(path) and len(names) == 2


@posix
def test_every_file_that_is_replaced_is_replaced_so(tmp_path):
    """Models, weights, checkpoints, callbacks' files, runs' texts and plots follow a link."""
    x, y = np.eye(3, dtype=np.float32), np.arange(3)
    model = Sequential([Input((3,)), layers.Dense(3, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    watch = [callbacks.ModelCheckpoint(tmp_path / "best", monitor="loss"), logger]
    writers = {
        "model": model.save,
        "weights": model.save_weights,
        "text": lambda path: atomic.write_text(path, "text"),
        "plot": Plot(new_figure(2, 2, "title", ""), {}, "").save,
        FILE: lambda path: model.fit(x, y, resume=path.parent, callbacks=watch, verbose=0),
        "best": lambda _: model.fit(x, y, callbacks=watch, verbose=0),
        "log.csv": lambda _: logger.set_state({"text": "a,b", "columns": ["a", "b"]}),
    }
    (tmp_path / "real").mkdir()
    for name, write in writers.items():
        link, target = tmp_path / name, tmp_path / "real" / name
        if link.exists():
            link.unlink()
        link.symlink_to(target)
        write(link)
        assert link.is_symlink() and target.stat().st_size > 0, name
    assert load_model(tmp_path / "best").built


# A folder is one training's


HOLDS = """
import sys
from minicnn.training.checkpoint import held
with held(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_a_second_training_is_told_who_trains_in_the_folder(end, tmp_path):
    model = Sequential([Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with python(HOLDS, tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline()  # it holds the folder now
        with pytest.raises(
            ValueError, match=rf"that no other training uses, .*process {other.pid} trains: wait"
        ):
            model.fit(np.eye(3), np.arange(3), resume=tmp_path, verbose=0)
        if end == "killed":
            other.kill()
    model.fit(np.eye(3), np.arange(3), resume=tmp_path, verbose=0)
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


def test_a_training_within_a_training_is_told_too(tmp_path):
    with (
        held(tmp_path),
        pytest.raises(ValueError, match=rf"where process {os.getpid()} trains"),
        held(tmp_path),
    ):
        pass
    with held(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert not list(tmp_path.iterdir())


def test_a_training_that_fails_lets_go(tmp_path):
    with pytest.raises(KeyError), held(tmp_path):
        raise KeyError
    with held(tmp_path):
        pass
