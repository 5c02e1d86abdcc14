"""Fashion-MNIST: 70 000 pictures of clothes, grey, of 28 x 28 pixels, in ten classes.

Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking
Machine Learning Algorithms, arXiv:1708.07747; https://github.com/zalandoresearch/fashion-mnist.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from minicnn.datasets import finding, idx
from minicnn.names import known_arguments
from minicnn.types import Samples

__all__ = ["CLASS_NAMES", "load_data"]

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

TITLE, FOLDER = "Fashion-MNIST", "fashion-mnist"
ADDRESSES = (  # Keras' and the authors' own
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
SIZES = {  # bytes
    "train-images-idx3-ubyte.gz": 26_421_880,
    "train-labels-idx1-ubyte.gz": 29_515,
    "t10k-images-idx3-ubyte.gz": 4_422_102,
    "t10k-labels-idx1-ubyte.gz": 5_148,
}


@known_arguments
def load_data(
    path: str | os.PathLike[str] | None = None, *, offline: bool | None = None
) -> tuple[Samples, Samples]:
    """The arrays `((x_train, y_train), (x_test, y_test))`: 60 000 and 10 000 pictures.

    Images are uint8 (n, 28, 28), white on black, labels uint8 (n,), the position in `CLASS_NAMES`,
    as in Keras. The first call decodes and keeps the arrays on disk; later calls map those files.

    Args:
        path: a folder with the four idx.gz files; by default the environment variable MINICNN_DATA.
            Without either: a copy that this library, Keras or torchvision downloaded, if it is the
            published one byte for byte; and otherwise a download, from the folders whose addresses
            are in MINICNN_FASHION_MNIST_URL first.
        offline: True forbids the download; by default the environment variable MINICNN_OFFLINE=1
            does.

    Named files that are well formed but not the published ones are read, with a warning when they
    are decoded, but for those of MNIST, which have the same names. Raises DataError, in one line,
    for files that are damaged, incomplete or something else, and when there is neither a copy nor a
    download.
    """
    arrays = finding.load(_data_set(), path, offline)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _data_set() -> finding.DataSet:
    return finding.DataSet(
        name="fashion_mnist",
        title=TITLE,
        expected=f"a folder with {', '.join(idx.IDX)}",
        advice=f"get its four files from {ADDRESSES[1]} into a folder",
        sources=_sources,
        read=lambda folder: idx.read_folder(folder, TITLE),
        files=idx.files,
        copies=(finding.keras_home() / FOLDER, Path("data") / "FashionMNIST" / "raw"),
        downloads={
            f"{FOLDER}/{name}": finding.Published(
                SIZES[name], sha256, tuple(address + name for address in ADDRESSES)
            )
            for name, sha256 in idx.PUBLISHED[TITLE].items()
        },
        fetched=FOLDER,
        variable="MINICNN_FASHION_MNIST_URL",
        kept_as="fashion_mnist-published",
    )


def _sources(place: Path) -> Iterator[Path]:
    """The folders of Fashion-MNIST at this path or directly inside it."""
    yield from idx.folders(place, place / FOLDER, place / "FashionMNIST" / "raw")
