"""Model files: arrays in a safetensors container, everything else as JSON text in its header.

    8 bytes     n, little-endian
    n bytes     {"__metadata__": {}, name: {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}
    the rest    the numbers of all arrays, one array after the other, little-endian

The container holds numbers and text and nothing that could be executed, and every program that
knows safetensors can take the numbers out. In "__metadata__" are

    format      "minicnn"
    version     "2", or "1", which has no digests and was written until then
    config      JSON text: what else is to be kept
    data        SHA-256 of the rest
    digest      SHA-256 of the first 8 + n bytes, with 64 zeros in this place

so that in version 2 no bit can change unnoticed. Nothing of a file is believed before it is checked
here: the header when the file is opened, the numbers when they are read. Both happen once, in one
    open file.
Source: https://github.com/huggingface/safetensors#format
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving import atomic, regular
from minicnn.saving.keras_files import refuse_contents
from minicnn.saving.strict_json import parse
from minicnn.types import Array

FORMAT, VERSION = "minicnn", 2
METADATA = {
    1: {"format", "version", "config"},
    2: {"format", "version", "config", "data", "digest"},
}
BLANK = "0" * 64
HEADER = 16 * 2**20  # bytes at most
CHUNK = 4 * 2**20  # bytes that are read and hashed at once
TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
NAMES = {np.dtype(numpy): name for name, numpy in TYPES.items()}

Buffer = bytearray | memoryview


class Stored(NamedTuple):
    """Type, shape and place of an array in a file."""

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    end: int


def write(
    path: str | os.PathLike[str], config: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write a model file; an existing file at `path` is replaced whole or, if anything fails, not
    at all.

    Raises TypeError for what JSON does not know, ValueError for what could not be read again,
    OSError.
    """
    ordered = {name: _little_endian(arrays[name]) for name in sorted(arrays)}
    # so that all are aligned
    ordered = dict(sorted(ordered.items(), key=lambda item: -item[1].itemsize))
    header: dict[str, Any] = {"__metadata__": {}}
    end, hashed = 0, hashlib.sha256()
    for name, array in ordered.items():
        if array.dtype not in NAMES:
            raise TypeError(
                f"a model file holds arrays of {', '.join(TYPES)}, received {name!r} of "
                f"{array.dtype}"
            )
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": array.shape,
            "data_offsets": (start, end),
        }
        hashed.update(_bytes(array))
    text = json.dumps(config, default=_python_number)
    described = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": text,
        "data": hashed.hexdigest(),
    }
    header["__metadata__"] = described | {"digest": BLANK}
    blank = _with_length(json.dumps(header).encode())
    if len(blank) > HEADER:
        raise ValueError(
            f"a model file has room for a description of {HEADER:,} bytes, received {len(blank):,}"
        )
    parse(text)
    digest = hashlib.sha256(blank).hexdigest()
    head = blank.replace(f'"digest": "{BLANK}"'.encode(), f'"digest": "{digest}"'.encode())
    atomic.write(path, [head, *map(_bytes, ordered.values())])


class ModelFile:
    """A model file that is open, and of which the header is checked.

    Attributes:
        path: for messages.
        config: what was written beside the arrays.
        arrays: type and shape of each array, by name.
    """

    def __init__(self, path: str, file: FileIO):
        self.path, self._file = path, file
        size = os.fstat(file.fileno()).st_size
        start = bytes(self._fill(bytearray(8)))
        refuse_contents(path, start)
        length = int.from_bytes(start, "little")
        if not 2 <= length <= min(HEADER, size - 8):
            raise self.damaged(f"a header of {length:,} bytes in a file of {size:,}")
        self._size = size - 8 - length
        try:
            self._read_header(length.to_bytes(8, "little") + self._fill(bytearray(length)))
        except ModelFileError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self.damaged(str(error)) from error

    def _read_header(self, head: bytes) -> None:
        """Set config and arrays. Raises ModelFileError, or anything for what is no header."""
        header = parse(head[8:].decode())
        metadata = header.pop("__metadata__", {})
        self._check_metadata(metadata, head)
        self._data = metadata.get("data")
        self.arrays = dict(arrays_in(header, self._size))
        self.config: dict[str, Any] = parse(metadata["config"])

    def _check_metadata(self, metadata: Any, head: bytes) -> None:
        """Raise ModelFileError for a file of another format or a newer one, ValueError for a
        damaged one.
        """
        if metadata.get("format") != FORMAT:
            received = metadata.get("format")
            raise ModelFileError(
                f"{self.path!r} expected a file of format {FORMAT!r}, received {received!r:.40}"
            )
        versions = {str(version): version for version in METADATA}
        if metadata.get("version") not in versions:
            raise ModelFileError(
                f"{self.path!r} is a minicnn file of version {metadata.get('version')!s:.40}, this "
                f"minicnn reads 1 to {VERSION}: update minicnn"
            )
        version = versions[metadata["version"]]
        if set(metadata) != METADATA[version]:
            raise ValueError(
                f"version {version} expected {sorted(METADATA[version])}, received "
                f"{sorted(metadata)}"
            )
        if version > 1:
            digest = metadata["digest"].encode()
            blank = head.replace(digest, BLANK.encode()) if len(digest) == len(BLANK) else b""
            if hashlib.sha256(blank).hexdigest().encode() != digest or head.count(digest) != 1:
                raise ValueError("its header is not what was written")

    def read(self) -> dict[str, Array]:
        """All arrays, over one piece of memory.

        Raises ModelFileError unless they are what was written.
        """
        try:
            data = np.empty(self._size, np.uint8)
        except MemoryError as error:
            raise ModelFileError(
                f"{self.path!r} has {self._size:,} bytes, for which there is no memory"
            ) from error
        hashed = hashlib.sha256()
        self._fill(data.data, hashed.update if self._data else None)
        if self._data and hashed.hexdigest() != self._data:
            raise self.damaged("its numbers are not what was written")
        return {
            name: data[start:end].view(dtype).reshape(shape)
            for name, (dtype, shape, start, end) in self.arrays.items()
        }

    def damaged(self, why: str) -> ModelFileError:
        """The error to raise when the contents cannot be right."""
        return ModelFileError(
            f"{self.path!r} is damaged or no model file ({why:.300}): save the model again"
        )

    def _fill(self, buffer: Buffer, seen: Callable[[memoryview], Any] | None = None) -> Buffer:
        """Read into all of a buffer; `seen` is called with each part of it."""
        rest = memoryview(buffer)
        while rest:
            try:
                count = self._file.readinto(rest[:CHUNK])
            except OSError as error:
                raise ModelFileError(f"{self.path!r} cannot be read: {error.strerror}") from error
            if not count:
                raise self.damaged("it ends too early")
            if seen is not None:
                seen(rest[:count])
            rest = rest[count:]
        return buffer


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[ModelFile]:
    """Open a model file.

    Raises FileNotFoundError when there is none, ModelFileError when it is damaged or not minicnn's.
    """
    with regular.opened(path) as (name, file):
        yield ModelFile(name, file)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The config and the arrays of a model file. Raises what `opened` raises."""
    with opened(path) as file:
        return file.config, file.read()


def arrays_in(header: Mapping[str, Any], size: int) -> Iterator[tuple[str, Stored]]:
    """What the header says of the arrays.

    Raises ValueError unless they fill `size` bytes without gap or overlap.
    """
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if set(entry) != {"dtype", "shape", "data_offsets"} or entry["dtype"] not in TYPES:
            raise ValueError(
                f"array {name!r} expected a type, one of {', '.join(TYPES)}, received {entry!r:.80}"
            )
        dtype, shape, (start, stop) = (
            np.dtype(TYPES[entry["dtype"]]),
            entry["shape"],
            entry["data_offsets"],
        )
        if (
            not all(type(n) is int and 0 <= n < 2**48 for n in (*shape, start, stop))
            or len(shape) > 32
        ):
            raise ValueError(f"array {name!r} expected whole numbers, received {entry!r:.80}")
        if start != end or start % dtype.itemsize or stop - start != prod(shape) * dtype.itemsize:
            raise ValueError(f"array {name!r} is not where it must be, received {entry!r:.80}")
        end = stop
        yield name, Stored(dtype, tuple(shape), start, stop)
    if end != size:
        raise ValueError(f"its arrays have {end:,} bytes, received {size:,}")


def _with_length(header: bytes) -> bytes:
    """The header and what precedes it, filled up with spaces so that the numbers begin at a
    multiple of 8.
    """
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def _little_endian(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _python_number(value: Any) -> Any:
    """NumPy's numbers as Python's, which is all that JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} is not JSON serializable")
