"""The two forms in which MNIST and its like are published: four idx files, and Keras' mnist.npz.

An idx file is a header, two zero bytes, the type (8 for bytes), the number of axes, their lengths
as big-endian 32-bit integers, and the numbers. An npz file is a zip archive of .npy files. Both are
read into memory that is bounded before, and neither can name anything that would be run.

Source: Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist (the idx format);
numpy.lib.format (the npy format).
"""

import ast
import gzip
import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minicnn.datasets import cache
from minicnn.datasets.archive import GZIP_MAGIC, beginning, looks_like
from minicnn.errors import DataError

SIDE, CLASSES = 28, 10
ROWS = {"train": 60_000, "test": 10_000}
IDX = {  # the array in each file
    "train-images-idx3-ubyte.gz": "x_train",
    "train-labels-idx1-ubyte.gz": "y_train",
    "t10k-images-idx3-ubyte.gz": "x_test",
    "t10k-labels-idx1-ubyte.gz": "y_test",
}
# the SHA-256 of each file as it is published; those of the two data sets have the same names
PUBLISHED = {
    "MNIST": {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    "Fashion-MNIST": {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
}
ROOM = 4096  # bytes in a file beside its numbers
LARGEST = 64_000_000  # bytes of a packed file; the largest has 26 421 880
# what zipfile and zlib raise when a file is damaged, or made by a program that has other codes
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def shapes() -> dict[str, tuple[int, ...]]:
    """The shape of each array, all of them uint8."""
    pictures = {f"x_{part}": (rows, SIDE, SIDE) for part, rows in ROWS.items()}
    return pictures | {f"y_{part}": (rows,) for part, rows in ROWS.items()}


def folders(*places: Path) -> Iterator[Path]:
    """Those of the places that hold the four idx files."""
    yield from (place for place in places if len(files(place)) == len(IDX))


def files(source: Path) -> list[Path]:
    """The files that make up a source, itself or those in it."""
    if source.is_file():
        return [source]
    return [source / name for name in IDX if os.path.isfile(source / name)]


def read_folder(folder: Path, title: str) -> tuple[cache.Arrays, str]:
    """The four arrays in a folder of idx.gz files, and a remark if they are not what is published
    under the title.
    """
    arrays, sums = {}, {}
    for name, key in IDX.items():
        with (folder / name).open("rb") as file:
            packed = file.read(LARGEST + 1)
        arrays[key] = _idx(packed, shapes()[key], folder / name)
        sums[name] = hashlib.sha256(packed).hexdigest()
    for other, published in PUBLISHED.items():
        if sums == published and other != title:
            raise DataError(
                f"{folder}: expected {title}, received {other}, whose files have the same names: "
                "name another folder"
            )
    return _checked(arrays, folder), "" if sums == PUBLISHED[title] else unpublished(folder, title)


def unpublished(source: Path, title: str) -> str:
    """The remark on files that are not the published ones."""
    return f"{source} is not the {title} that is published: accuracies on it may not compare"


def _idx(packed: bytes, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """The array in an idx.gz file, which must have this shape."""
    if len(packed) > LARGEST or not packed.startswith(GZIP_MAGIC):
        raise DataError(
            f"{path}: expected an idx file, packed with gzip, of at most {LARGEST} bytes, received "
            f"{looks_like(packed)}"
        )
    size = int(np.prod(shape))
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(size + ROOM)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: expected a whole gzip file, received a damaged one ({error}): get it again"
        ) from error
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    if not content.startswith(header) or len(content) != len(header) + size:
        raise DataError(
            f"{path}: expected an idx file of {shape} bytes, received {len(content)} bytes that "
            f"start with {content[:16].hex(' ')}: is it another data set?"
        )
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def read_npz(path: Path) -> tuple[cache.Arrays, str]:
    """The four arrays in Keras' mnist.npz, and the SHA-256 of the file."""
    start = beginning(path)
    if not start.startswith(b"PK"):
        raise DataError(f"{path}: expected mnist.npz, received {looks_like(start)}")
    arrays = {}
    try:
        with path.open("rb") as file:
            received = hashlib.file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as whole:
            for key, shape in shapes().items():
                with whole.open(f"{key}.npy") as member:
                    content = member.read(int(np.prod(shape)) + ROOM)
                arrays[key] = _npy(content, shape, f"{path}: {key}")
    except DAMAGE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path}: expected mnist.npz with {', '.join(shapes())}, received another or a damaged "
            f"file ({error}): get it again"
        ) from error
    return _checked(arrays, path), received


def _npy(content: bytes, shape: tuple[int, ...], name: str) -> np.ndarray:
    """The array in a .npy file, which must be of bytes and of this shape."""
    wide = content[6:7] != b"\x01"  # version 1.0 has two bytes for the header's length
    first = 12 if wide else 10
    length = int.from_bytes(content[8:first], "little")
    try:
        header = ast.literal_eval(content[first : first + length].decode("latin-1").strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        header = None
    expected = {"descr": "|u1", "fortran_order": False, "shape": shape}
    data = content[first + length :]
    if (
        not content.startswith(b"\x93NUMPY")
        or length > ROOM
        or header != expected
        or len(data) != np.prod(shape)
    ):
        received = f"{header!r:.80}" if isinstance(header, dict) else repr(content[:40])
        raise DataError(f"{name}: expected {expected}, received {received}: get it again")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _checked(arrays: cache.Arrays, source: Path) -> cache.Arrays:
    """The same arrays. Raises DataError where a label is no class."""
    for part in ROWS:
        greatest = arrays[f"y_{part}"].max()
        if greatest >= CLASSES:
            raise DataError(
                f"{source}: expected labels from 0 to {CLASSES - 1}, received {greatest}: get it "
                "again"
            )
    return arrays
