"""For the tests of MNIST, Fashion-MNIST and CIFAR-100: miniatures in exactly the layouts of the
originals.
"""

import dataclasses
import gzip
import hashlib
import io
import struct
from pathlib import Path

import cifar_files
import numpy as np

from minicnn.datasets import cifar100, fashion_mnist, finding, idx, mnist

ROWS = {"train": 12, "test": 5}
SETS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar100": cifar100}


def digits(seed=0):
    """What mnist and fashion_mnist load: four arrays by Keras' names."""
    rng = np.random.default_rng(seed)
    x = {f"x_{part}": rng.integers(0, 256, (n, 28, 28), np.uint8) for part, n in ROWS.items()}
    return x | {f"y_{part}": rng.integers(0, 10, n).astype(np.uint8) for part, n in ROWS.items()}


def photographs(seed=0):
    """What cifar100 loads: pictures, and labels of both kinds."""
    rng = np.random.default_rng(seed)
    return {
        part: (
            rng.integers(0, 256, (n, 32, 32, 3), np.uint8),
            rng.integers(0, 100, n),
            rng.integers(0, 20, n),
        )
        for part, n in ROWS.items()
    }


def npz(arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def idx_files(arrays):
    """The four files: their bytes by name."""
    files = {}
    for name, key in idx.IDX.items():
        array = arrays[key]
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        files[name] = gzip.compress(header + array.tobytes(), mtime=0)
    return files


def pickled(part, pixels, fine, coarse):
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), 3072)
    names = b"".join(cifar_files.string(f"frog_s_{n:06d}.png") for n in range(len(pixels)))
    return cifar_files.batch(
        cifar100.TITLES[part],
        filenames=b"]q\x0c(" + names + b"e",
        fine_labels=cifar_files.labels_list(fine.tolist()),
        coarse_labels=cifar_files.labels_list(coarse.tolist()),
        data=cifar_files.array(planes.tobytes(), cifar_files.shape(*planes.shape)),
    )


def cifar100_members(seed=0):
    files = {part: pickled(part, *arrays) for part, arrays in photographs(seed).items()}
    files |= {"meta": b"\x80\x02}q\x01.", "file.txt~": b""}
    return {f"cifar-100-python/{name}": files[name] for name in sorted(files)}


def cifar100_tar(seed=0):
    return cifar_files.tar(cifar_files.entries(cifar100_members(seed)))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(blob)
    return folder


def pin(monkeypatch):
    """Make the miniatures of seed 0 (of seed 1 for Fashion-MNIST) what is published."""
    monkeypatch.setattr(idx, "ROWS", ROWS)
    monkeypatch.setattr(cifar100, "ROWS", ROWS)
    clothes, handwriting = idx_files(digits(1)), idx_files(digits(0))
    sums = {
        title: {name: hashlib.sha256(blob).hexdigest() for name, blob in files.items()}
        for title, files in (("MNIST", handwriting), ("Fashion-MNIST", clothes))
    }
    monkeypatch.setattr(idx, "PUBLISHED", sums)
    sizes = {name: len(blob) for name, blob in clothes.items()}
    monkeypatch.setattr(fashion_mnist, "SIZES", sizes)
    monkeypatch.setattr(fashion_mnist, "ADDRESSES", ("file:///nowhere/",) * 2)
    monkeypatch.setattr(mnist, "DOWNLOAD", published(mnist.DOWNLOAD, npz(digits(0))))
    monkeypatch.setattr(cifar100, "DOWNLOAD", published(cifar100.DOWNLOAD, cifar100_tar()))
    members = cifar100_members()
    monkeypatch.setattr(
        cifar100,
        "SHA256",
        {part: hashlib.sha256(members[f"cifar-100-python/{part}"]).hexdigest() for part in ROWS},
    )


def published(download: finding.Published, blob: bytes) -> finding.Published:
    return dataclasses.replace(
        download,
        size=len(blob),
        sha256=hashlib.sha256(blob).hexdigest(),
        mirrors=("file:///nowhere",),
    )
