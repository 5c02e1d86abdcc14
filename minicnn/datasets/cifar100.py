"""CIFAR-100: 60 000 colour photographs of 32 x 32 pixels in a hundred classes of twenty kinds.

Source: Alex Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, section 3;
https://www.cs.toronto.edu/~kriz/cifar.html (the files and their layout).
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minicnn.datasets import archive, cache, finding
from minicnn.datasets.unpickle import read_batch
from minicnn.errors import DataError, did_you_mean
from minicnn.expect import is_word_of
from minicnn.names import known_arguments
from minicnn.types import Samples

__all__ = ["load_data"]

ARCHIVE, FOLDER = "cifar-100-python.tar.gz", "cifar-100-python"
ROWS = {"train": 50_000, "test": 10_000}
TITLES = {"train": "training batch 1 of 1", "test": "testing batch 1 of 1"}
SHA256 = {
    "train": "735e79b04f092ca3d2e6d07f368c0a7d70d48c48d28865950cc24454cf45129b",
    "test": "4b67687d9933c4db8f0831104447f15b93774f4f464bd0516f0f0f2ac83b7864",
}
OTHERS = ("meta", "file.txt~")  # in the archive, and not needed
LARGEST = 160_000_000  # bytes; the training batch has 155 249 918
LABELS = {b"fine_labels": 100, b"coarse_labels": 20}  # how many classes
DOWNLOAD = finding.Published(
    size=169_001_437,
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    mirrors=("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
)


@known_arguments
def load_data(
    label_mode: str = "fine",
    path: str | os.PathLike[str] | None = None,
    *,
    offline: bool | None = None,
) -> tuple[Samples, Samples]:
    """The arrays `((x_train, y_train), (x_test, y_test))`: 50 000 and 10 000 images, in Toronto's
    order.

    Images are uint8 (n, 32, 32, 3), labels int64 (n, 1), as in Keras. The first call decodes and
    keeps the arrays on disk; later calls map those files.

    Args:
        label_mode: "fine" for the hundred classes, "coarse" for their twenty kinds.
        path: cifar-100-python.tar.gz, or a folder where it is, packed or unpacked; by default the
            environment variable MINICNN_DATA. Without either: a copy that this library, Keras or
            torchvision downloaded, if it is Toronto's byte for byte; and otherwise a download, from
            the addresses in MINICNN_CIFAR100_URL first.
        offline: True forbids the download; by default the environment variable MINICNN_OFFLINE=1
            does.

    A named file that is well formed but not Toronto's is read, with a warning when it is decoded.
    Raises ValueError for another label_mode, and DataError, in one line, for a file that is
    damaged, incomplete or something else, and when there is neither a copy nor a download.
    """
    if not is_word_of(label_mode, ("fine", "coarse")):
        raise ValueError(
            f"cifar100.load_data expected label_mode 'fine' or 'coarse', received {label_mode!r}."
            + did_you_mean(str(label_mode), ("fine", "coarse"))
        )
    arrays = finding.load(_data_set(), path, offline)
    train, test = (
        (arrays[f"x_{part}"], arrays[f"{label_mode}_{part}"].astype(np.int64)) for part in ROWS
    )
    return train, test


def _data_set() -> finding.DataSet:
    keras = finding.keras_home()
    return finding.DataSet(
        name="cifar100",
        title="CIFAR-100",
        expected=f"{ARCHIVE} or a folder with it or its files",
        advice=f"get {ARCHIVE} from https://www.cs.toronto.edu/~kriz/cifar.html",
        sources=_sources,
        read=_read,
        files=_files,
        copies=(
            keras / "cifar-100-python-target",
            keras / "cifar-100-python-target_archive",
            keras / FOLDER,
            keras / ARCHIVE,
            Path("data") / FOLDER,  # torchvision's examples
            Path("data") / ARCHIVE,
        ),
        downloads={ARCHIVE: DOWNLOAD},
        fetched=ARCHIVE,
        variable="MINICNN_CIFAR100_URL",
        kept_as="cifar100-toronto",
    )


def _sources(place: Path) -> Iterator[Path]:
    """The archives and unpacked folders of CIFAR-100 at this path or directly inside it."""
    if os.path.isfile(place):
        yield place
    yield from (folder for folder in (place, place / FOLDER) if _files_in(folder))
    if os.path.isfile(place / ARCHIVE):
        yield place / ARCHIVE


def _files(source: Path) -> list[Path]:
    return [source] if source.is_file() else _files_in(source)


def _files_in(folder: Path) -> list[Path]:
    """The batches in a folder, if it has both of them: many folders have a test or a train."""
    files = [folder / part for part in ROWS]
    return files if all(os.path.isfile(file) for file in files) else []


def _read(source: Path) -> tuple[cache.Arrays, str]:
    """Decode an archive or an unpacked folder; also return a remark if it is not Toronto's."""
    if source.is_dir():
        members = archive.read_folder(source, list(ROWS), LARGEST)
    else:
        names = [f"{FOLDER}/{name}" for name in (*ROWS, *OTHERS)]
        members = archive.read_tar(source, names, LARGEST)
    arrays: cache.Arrays = {}
    remark = ""
    for member, blob in members:
        part = member.rpartition("/")[2]
        if part not in ROWS:
            continue
        rows = ROWS[part]
        pixels, fine, coarse = read_batch(blob, f"{source}: {part}", rows, TITLES[part], LABELS)
        planes = pixels.reshape(rows, 3, 32, 32)
        arrays[f"x_{part}"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        arrays[f"fine_{part}"], arrays[f"coarse_{part}"] = fine[:, None], coarse[:, None]
        if hashlib.sha256(blob).hexdigest() != SHA256[part] and not remark:
            remark = (
                f"{source} is not the CIFAR-100 that Toronto publishes: accuracies on it may not "
                "compare"
            )
    if missing := [TITLES[part] for part in ROWS if f"x_{part}" not in arrays]:
        raise DataError(
            f"{source}: expected two batches, received no {', no '.join(missing)}: get it again"
        )
    return arrays, remark
