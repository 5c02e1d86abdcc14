"""The folder that outlives a run, and the decoded data sets in it.

An entry is a folder with one .npy file per array, an about.json with their digests, and a seal,
which is a digest of that and of the entry's name. The name says what it was made from, so it is
never changed, only made and removed, and
it appears whole, by one rename: processes may race, die or fill the disk at will. Nothing of it is
    looked at before
its digest has been compared: what was damaged since is made again.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from minicnn.errors import warn

Arrays = dict[str, np.ndarray]

ABOUT, SEAL = "about.json", "seal"


def home() -> Path:
    """MINICNN_HOME, or the platform's folder for caches: ~/.cache/minicnn on Linux.

    It need not exist.
    """
    if named := os.environ.get("MINICNN_HOME"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "minicnn"


def cached(
    name: str, version: str, make: Callable[[Path], tuple[Arrays, str]]
) -> tuple[Arrays, str]:
    """The arrays of this name and version and a remark about them, calling `make` only where they
    are not kept.

    The arrays are memory-mapped copy-on-write: loading reads their files once, for the digests (a
    quarter of a second for CIFAR-10), and takes no memory until they are read; writing to them
    changes this process's copy, never the file. One process makes an entry while others wait for
    it; `make` is given a folder where it may keep files of its own. Older versions are removed.
    """
    if entry := _load(home() / f"{name}-{version}"):
        return entry
    with _workplace(name) as folder:
        if entry := _load(folder / f"{name}-{version}"):  # another process made it meanwhile
            return entry
        arrays, remark = make(folder)
        kept = folder == home() and _store(folder, name, version, arrays, remark)
        return kept or (arrays, remark)


def kept(name: str, version: str = "*") -> tuple[Arrays, str] | None:
    """The entry of this name, of this version or whichever there is; None where none is kept."""
    return next(filter(None, map(_load, sorted(home().glob(f"{name}-{version}")))), None)


def _load(path: Path) -> tuple[Arrays, str] | None:
    """An entry; None where there is none, or a damaged one."""
    try:
        content = (path / ABOUT).read_bytes()
        if (path / SEAL).read_bytes() != _seal(path.name, content):
            return None
        about = json.loads(content)
        files = {name: path / f"{name}.npy" for name in about["arrays"]}
        if {name: _digest(file) for name, file in files.items()} != about["arrays"]:
            return None
        # asarray: plain arrays over the maps, without the attributes that numpy.memmap passes on to
        # every slice
        maps = {
            name: np.asarray(np.lib.format.open_memmap(file, mode="c"))
            for name, file in files.items()
        }
        return maps, about["remark"]
    except OSError:
        return None


def _seal(name: str, about: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + about).hexdigest().encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(
    folder: Path, name: str, version: str, arrays: Arrays, remark: str
) -> tuple[Arrays, str] | None:
    """Write an entry and return it as loaded; None, with a warning, where that fails."""
    # versions, and what a killed process left
    for old in (
        *folder.glob(f"{name}-*"),
        *folder.glob(f".{name}-*"),
    ):
        shutil.rmtree(old, ignore_errors=True)
    temporary, path = folder / f".{name}-{secrets.token_hex(8)}", folder / f"{name}-{version}"
    try:
        temporary.mkdir()
        digests = {}
        for key, array in arrays.items():
            with open(temporary / f"{key}.npy", "wb") as file:
                np.save(file, array)
                os.fsync(file.fileno())
            digests[key] = _digest(temporary / f"{key}.npy")
        about = json.dumps({"remark": remark, "arrays": digests}).encode()
        (temporary / ABOUT).write_bytes(about)
        (temporary / SEAL).write_bytes(_seal(path.name, about))
        temporary.rename(path)
    except OSError as error:
        warn(f"{path} could not be written ({error}): the next start decodes the data again.")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _load(path)


@contextlib.contextmanager
def _workplace(name: str) -> Iterator[Path]:
    """The home folder, for one process at a time; where it cannot be written, a temporary one, with
    a warning.

    The lock ends with the process that holds it, however that ends; its empty file stays.
    """
    with contextlib.ExitStack() as stack:
        try:
            home().mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(open(home() / f"{name}.lock", "wb"))
        except OSError as error:
            warn(
                f"{home()} cannot be written ({error}): decoded data is not kept and the next "
                "start decodes it again; set MINICNN_HOME to a folder that can."
            )
            yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minicnn-")))
            return
        # a network folder may know no locks: then work is done twice, safely
        with contextlib.suppress(OSError):
            _lock(lock.fileno())
        yield home()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            try:
                return msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError as error:  # it gives up after ten seconds
                if error.errno != errno.EDEADLK:
                    raise
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
