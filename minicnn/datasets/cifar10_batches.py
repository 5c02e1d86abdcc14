"""CIFAR-10's files: the two versions that Toronto publishes, six batches of pictures in each, and
how they are found and read.

Source: https://www.cs.toronto.edu/~kriz/cifar.html (the versions and their layout).
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minicnn.datasets import archive, cache
from minicnn.datasets.unpickle import IMAGE_BYTES, read_batch
from minicnn.errors import DataError
from minicnn.types import Samples

ROWS = 10_000  # pictures in each of the six batches


TITLES = (*(f"training batch {k} of 5" for k in range(1, 6)), "testing batch 1 of 1")


@dataclass(frozen=True)
class Version:
    """One of the two forms in which Toronto publishes the same pictures."""

    archive: str
    folder: str
    batches: dict[str, str]  # the five training batches, then the test batch: name -> SHA-256
    others: tuple[str, ...]  # the other files in it, which are not needed


PYTHON = Version(
    archive="cifar-10-python.tar.gz",
    folder="cifar-10-batches-py",
    batches={
        "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
        "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
        "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
        "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
        "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
        "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
    },
    others=("batches.meta", "readme.html"),
)


BINARY = Version(
    archive="cifar-10-binary.tar.gz",
    folder="cifar-10-batches-bin",
    batches={
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    others=("batches.meta.txt", "readme.html"),
)


VERSIONS = (BINARY, PYTHON)  # the first is preferred where both are there: it needs no unpickling


def read(source: Path) -> tuple[cache.Arrays, str]:
    """Decode an archive or an unpacked folder; also return a remark if it is not Toronto's ("" if
    it is).
    """
    if source.is_dir():
        unpacked = next(version for version in VERSIONS if is_unpacked(source, version))
        members = archive.read_folder(source, list(unpacked.batches))
    else:
        names = [
            f"{version.folder}/{name}"
            for version in VERSIONS
            for name in (*version.batches, *version.others)
        ]
        members = archive.read_tar(source, names)
    x = np.empty((6, ROWS, 32, 32, 3), np.uint8)
    y = np.empty((6, ROWS, 1), np.uint8)
    missing, remark = dict(enumerate(TITLES)), ""
    for member, blob in members:
        name = member.rpartition("/")[2]
        version = next((version for version in VERSIONS if name in version.batches), None)
        if version is None:  # one of the other files
            continue
        index = list(version.batches).index(name)
        decode = read_records if version is BINARY else read_batch
        pixels, labels = decode(blob, f"{source}: {name}", ROWS, missing.pop(index, TITLES[index]))
        x[index] = pixels.reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1)  # planes to channels last
        y[index, :, 0] = labels
        received = hashlib.sha256(blob).hexdigest()
        if received != version.batches[name] and not remark:
            remark = (
                f"{source} is not the CIFAR-10 that Toronto publishes: accuracies on it may not "
                "compare"
            )
    if missing:
        raise DataError(
            f"{source}: expected six batches, received no {', no '.join(missing.values())}: get it "
            "again"
        )
    x_train, y_train = x[:5].reshape(-1, 32, 32, 3), y[:5].reshape(-1, 1)
    return {"x_train": x_train, "y_train": y_train, "x_test": x[5], "y_test": y[5]}, remark


def read_records(blob: bytes, name: str, rows: int, title: str) -> Samples:
    """The pixels and labels of a batch of the binary version, whose records are one label and 3072
    pixels.
    """
    expected = rows * (1 + IMAGE_BYTES)
    if len(blob) != expected:
        raise DataError(
            f"{name}: expected the {title} with {expected} bytes, received {len(blob)}: get it "
            "again"
        )
    records = np.frombuffer(blob, np.uint8).reshape(rows, 1 + IMAGE_BYTES)
    if records[:, 0].max() > 9:
        raise DataError(
            f"{name}: expected labels from 0 to 9, received {records[:, 0].max()}: get it again"
        )
    return records[:, 1:], records[:, 0]


def sources(place: Path) -> Iterator[Path]:
    """The archives and unpacked folders of CIFAR-10 at this path or directly inside it."""
    if os.path.isfile(place):
        yield place
    for version in VERSIONS:
        yield from (
            folder for folder in (place, place / version.folder) if is_unpacked(folder, version)
        )
    yield from (
        place / version.archive for version in VERSIONS if os.path.isfile(place / version.archive)
    )


def is_unpacked(folder: Path, version: Version) -> bool:
    """Whether a folder has a batch of that version, one at least."""
    return any(os.path.isfile(folder / name) for name in version.batches)


def files(source: Path) -> list[Path]:
    """The files that make up a source."""
    if source.is_file():
        return [source]
    parts = (source / name for version in VERSIONS for name in version.batches)
    return [part for part in parts if part.is_file()]
