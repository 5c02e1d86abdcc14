"""For the tests of CIFAR-10: miniature files in exactly the layout of the originals, and parts of
wrong ones.
"""

import gzip
import io
import struct
import tarfile
import warnings
from pathlib import Path

import numpy as np

from minicnn.datasets import cifar10

ROWS = 4  # images in each batch of a miniature
TITLES = [*(f"training batch {k} of 5" for k in range(1, 6)), "testing batch 1 of 1"]
NOT_TORONTO = "not the CIFAR-10 that Toronto publishes"
NAMES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


def images(seed: int = 0, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Six batches: uint8 (6, rows, 32, 32, 3) and labels uint8 (6, rows)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (6, rows, 32, 32, 3), np.uint8), rng.integers(
        0, 10, (6, rows), np.uint8
    )


def string(text: str | bytes) -> bytes:
    """A string as Python 2 pickled it: SHORT_BINSTRING."""
    text = text.encode() if isinstance(text, str) else text
    return b"U" + bytes([len(text)]) + text


def array(
    data: bytes,
    shape: bytes,
    *,
    element: bytes = b"u1",
    first: bytes = b"K\x00\x85",
    fortran: bytes = b"\x89",
) -> bytes:
    """The opcodes that Python 2 wrote for a NumPy array; the arguments are opcodes too, to make
    wrong ones.
    """
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08"
        + first + b"U\x01b\x87Rq\x09(K\x01" + shape
        + b"cnumpy\ndtype\nq\nU" + bytes([len(element)]) + element
        + b"K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
        + fortran + b"T" + struct.pack("<i", len(data)) + data + b"tb"
    )  # fmt: skip


def shape(*sides: int) -> bytes:
    return b"".join(b"M" + struct.pack("<H", side) for side in sides) + b"\x86"


def labels_list(labels: np.ndarray | list[int]) -> bytes:
    return b"]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"


def batch(title: str, **parts: bytes) -> bytes:
    """A pickled batch from the opcodes of its values, in the original's order of keys."""
    parts = {"batch_label": string(title), **parts}
    body = b"".join(string(key) + b"q\x04" + value for key, value in parts.items() if value)
    return b"\x80\x02}q\x01(" + body + b"u."


def python_batch(title: str, pixels: np.ndarray, labels: np.ndarray) -> bytes:
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), 3072)
    chunks = [range(start, min(start + 1000, len(labels))) for start in range(0, len(labels), 1000)]
    names = b"".join(
        b"(" + b"".join(string(f"frog_s_{k:06d}.png") for k in chunk) + b"e" for chunk in chunks
    )
    return batch(
        title,
        labels=labels_list(labels),
        data=array(planes.tobytes(), shape(*planes.shape)),
        filenames=b"]q\x0c" + names,
    )


def python_members(seed: int = 0) -> dict[str, bytes]:
    pixels, labels = images(seed)
    files = {"batches.meta": b"\x80\x02}q\x01.", "readme.html": b"<html>CIFAR-10</html>"}
    files |= {
        name: python_batch(title, x, y)
        for name, title, x, y in zip(NAMES, TITLES, pixels, labels, strict=True)
    }
    return {f"cifar-10-batches-py/{name}": files[name] for name in sorted(files, reverse=True)}


def binary_members(seed: int = 0) -> dict[str, bytes]:
    pixels, labels = images(seed)
    files = {"batches.meta.txt": b"airplane\n", "readme.html": b"<html>CIFAR-10</html>"}
    for name, x, y in zip(NAMES, pixels, labels, strict=True):
        records = np.concatenate(
            [y[:, None], x.transpose(0, 3, 1, 2).reshape(len(x), 3072)], axis=1
        )
        files[f"{name}.bin"] = records.tobytes()
    return {f"cifar-10-batches-bin/{name}": blob for name, blob in files.items()}


def header(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar(
    members: list[tuple[tarfile.TarInfo, bytes]],
    *,
    zipped: bool = True,
    form: int = tarfile.USTAR_FORMAT,
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, blob in members:
            info.size = len(blob)
            archive.addfile(info, io.BytesIO(blob))
    return gzip.compress(out.getvalue(), 1, mtime=0) if zipped else out.getvalue()


def entries(members: dict[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    folder = next(iter(members)).split("/")[0]
    return [
        (header(folder, type=tarfile.DIRTYPE), b""),
        *((header(name), blob) for name, blob in members.items()),
    ]


def write_tar(path: Path, members: dict[str, bytes] | None = None, **options: object) -> Path:
    path.write_bytes(tar(entries(python_members() if members is None else members), **options))
    return path


def write_folder(parent: Path, members: dict[str, bytes]) -> Path:
    for name, blob in members.items():
        (parent / name).parent.mkdir(parents=True, exist_ok=True)
        (parent / name).write_bytes(blob)
    return parent / next(iter(members)).split("/")[0]


FORMS = {
    "python tarball": lambda d: write_tar(d / "cifar-10-python.tar.gz"),
    "binary tarball": lambda d: write_tar(d / "cifar-10-binary.tar.gz", binary_members()),
    "any name": lambda d: write_tar(d / "cifar-10-batches-py-target_archive"),
    "gunzipped": lambda d: write_tar(d / "cifar-10-python.tar", zipped=False),
    "GNU tar": lambda d: write_tar(d / "a.tgz", form=tarfile.GNU_FORMAT),
    "python folder": lambda d: write_folder(d, python_members()),
    "binary folder": lambda d: write_folder(d, binary_members()),
    "parent of a python folder": lambda d: write_folder(d, python_members()).parent,
    "parent of a binary folder": lambda d: write_folder(d, binary_members()).parent,
    "parent of a python tarball": lambda d: write_tar(d / "cifar-10-python.tar.gz").parent,
    "parent of a binary tarball": lambda d: (
        write_tar(d / "cifar-10-binary.tar.gz", binary_members()).parent
    ),
    "renamed folder": lambda d: write_folder(d, python_members()).rename(d / "mine"),
}


def load(path=None, **options):
    """load_data without the warning about files that are not Toronto's."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f".*{NOT_TORONTO}")
        return cifar10.load_data(path, **options)


def assert_is_seed(data, seed):
    pixels, labels = images(seed)
    (x_train, y_train), (x_test, y_test) = data
    assert np.array_equal(x_train, pixels[:5].reshape(-1, 32, 32, 3)) and np.array_equal(
        x_test, pixels[5]
    )
    assert np.array_equal(y_train[:, 0], labels[:5].ravel()) and np.array_equal(
        y_test[:, 0], labels[5]
    )
