"""MNIST: 70 000 handwritten digits, grey, of 28 x 28 pixels.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document
recognition, 1998; the file is the one that Keras publishes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from minicnn.datasets import cache, finding, idx
from minicnn.names import known_arguments
from minicnn.types import Samples

__all__ = ["load_data"]

TITLE, FILE = "MNIST", "mnist.npz"
DOWNLOAD = finding.Published(
    size=11_490_434,
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
)


@known_arguments
def load_data(
    path: str | os.PathLike[str] | None = None, *, offline: bool | None = None
) -> tuple[Samples, Samples]:
    """The arrays `((x_train, y_train), (x_test, y_test))`: 60 000 and 10 000 digits.

    Images are uint8 (n, 28, 28), white on black, labels uint8 (n,), as in Keras. The first call
    decodes and keeps the arrays on disk; later calls map those files.

    Args:
        path: mnist.npz, or a folder with it or with the four idx.gz files; by default the
            environment variable MINICNN_DATA. Without either, or for Keras' default "mnist.npz"
            where no such file is: a copy that this library, Keras or torchvision downloaded, if it
            is the published one byte for byte; and otherwise a download, from the addresses in
            MINICNN_MNIST_URL first.
        offline: True forbids the download; by default the environment variable MINICNN_OFFLINE=1
            does.

    A named file that is well formed but not the published one is read, with a warning when it is
    decoded. Raises DataError, in one line, for a file that is damaged, incomplete or something
    else, and when there is neither a copy nor a download.
    """
    if path is not None and os.fspath(path) == FILE and not Path(FILE).exists():
        path = None
    arrays = finding.load(_data_set(), path, offline)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _data_set() -> finding.DataSet:
    return finding.DataSet(
        name="mnist",
        title=TITLE,
        expected=f"{FILE}, or a folder with it or with {', '.join(idx.IDX)}",
        advice=f"get {DOWNLOAD.mirrors[0]}",
        sources=_sources,
        read=_read,
        files=idx.files,
        copies=(finding.keras_home() / FILE, Path("data") / "MNIST" / "raw"),
        downloads={FILE: DOWNLOAD},
        fetched=FILE,
        variable="MINICNN_MNIST_URL",
        kept_as="mnist-published",
    )


def _sources(place: Path) -> Iterator[Path]:
    """The files and folders of MNIST at this path or directly inside it."""
    if os.path.isfile(place):
        yield place
    if os.path.isfile(place / FILE):
        yield place / FILE
    yield from idx.folders(place, place / "mnist", place / "MNIST" / "raw")


def _read(source: Path) -> tuple[cache.Arrays, str]:
    """Decode a file or folder; also return a remark if it is not the published one."""
    if source.is_dir():
        return idx.read_folder(source, TITLE)
    arrays, sha256 = idx.read_npz(source)
    return arrays, "" if sha256 == DOWNLOAD.sha256 else idx.unpublished(source, TITLE)
