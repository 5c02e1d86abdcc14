"""The numbers in an .onnx file, and in files beside it; sizes are believed where the bytes are."""

import os
import stat
from math import prod
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import onnx

from minicnn.errors import ModelFileError
from minicnn.saving.graphs.limits import AXES, TEXT
from minicnn.types import Array

TYPES: dict[int, Any] = {
    onnx.TensorProto.FLOAT: "<f4",
    onnx.TensorProto.DOUBLE: "<f8",
    onnx.TensorProto.FLOAT16: "<f2",
    onnx.TensorProto.BFLOAT16: "<u2",  # the upper half of a float32
    onnx.TensorProto.INT64: "<i8",
    onnx.TensorProto.INT32: "<i4",
    onnx.TensorProto.INT16: "<i2",
    onnx.TensorProto.INT8: "|i1",
    onnx.TensorProto.UINT64: "<u8",
    onnx.TensorProto.UINT32: "<u4",
    onnx.TensorProto.UINT16: "<u2",
    onnx.TensorProto.UINT8: "|u1",
    onnx.TensorProto.BOOL: "|b1",
}
FIELDS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float_data",
    onnx.TensorProto.DOUBLE: "double_data",
    onnx.TensorProto.INT64: "int64_data",
    onnx.TensorProto.UINT64: "uint64_data",
    onnx.TensorProto.UINT32: "uint64_data",
}
NARROW = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)  # as whole numbers in int32_data

SHARED = 2  # how many times as much as there is may be read of a file beside


class Tensors:
    """Reads tensors.

    Args:
        folder: of the file, in which files beside it are.

    Attributes:
        numbers: how many have been read.
        taken: bytes that have been read of each file beside.
    """

    def __init__(self, folder: str):
        self.folder, self.numbers = folder, 0
        self.taken: dict[str, int] = {}

    def array(self, tensor: onnx.TensorProto) -> Array:
        """The tensor's numbers; floats as float32. Raises ModelFileError unless all are there."""
        name, dims = tensor.name, tuple(tensor.dims)
        if tensor.data_type not in TYPES or tensor.HasField("segment"):
            raise ModelFileError(
                f"the .onnx file has {name!r:.{TEXT}} of a type (number {tensor.data_type}) that "
                "is not read: expected numbers of 8 to 64 bits"
            )
        if len(dims) > AXES or not all(0 <= n < 2**40 for n in dims):
            raise ModelFileError(f"the .onnx file has {name!r:.{TEXT}} of shape {dims!s:.{TEXT}}")
        dtype, size = np.dtype(TYPES[tensor.data_type]), prod(dims)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            found = np.frombuffer(self._beside(tensor, size * dtype.itemsize), dtype)
        elif tensor.HasField("raw_data"):
            raw = tensor.raw_data
            if len(raw) != size * dtype.itemsize:
                raise ModelFileError(
                    f"the .onnx file has {len(raw):,} bytes of {name!r:.{TEXT}}, expected "
                    f"{size * dtype.itemsize:,}"
                )
            found = np.frombuffer(raw, dtype)
        else:
            listed = getattr(tensor, FIELDS.get(tensor.data_type, "int32_data"))
            if len(listed) != size:
                raise ModelFileError(
                    f"the .onnx file has {len(listed):,} numbers of {name!r:.{TEXT}}, expected "
                    f"{size:,}"
                )
            if tensor.data_type in NARROW:
                found = np.asarray(listed, np.int64).astype("<u2").view(dtype)
            else:
                found = np.asarray(listed).astype(dtype)
        self.numbers += size
        if tensor.data_type == onnx.TensorProto.BFLOAT16:
            found = (found.astype("<u4") << 16).view("<f4")
        if found.dtype.kind == "f":
            with np.errstate(over="ignore"):
                found = found.astype(np.float32, copy=False)
        return found.reshape(dims)

    def _beside(self, tensor: onnx.TensorProto, size: int) -> bytes:
        """That many bytes of a file beside: in the same folder or below it, and no link."""
        told = {entry.key: entry.value for entry in tensor.external_data}
        location = told.get("location", "")
        who = f"the .onnx file keeps {tensor.name!r:.{TEXT}} in {location!r:.{TEXT}}"
        parts = PurePosixPath(location).parts
        if not parts or location.startswith("/") or {"..", "\\", ":", "\0"} & {*parts, *location}:
            raise ModelFileError(f"{who}, expected a file beside it")
        path = self.folder
        for part in parts:
            path = os.path.join(path, part)
            if os.path.islink(path):
                raise ModelFileError(f"{who}, which is a link: expected a file beside it")
        try:
            start = int(told.get("offset") or 0)
            length = int(told.get("length") or size)
            if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting
                raise ModelFileError(f"{who}, which is no file")
            with open(path, "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if length != size or start < 0 or start + size > status.st_size:
                    raise ModelFileError(
                        f"{who}, {length:,} bytes from {start:,} on, expected {size:,} of the "
                        f"{status.st_size:,} that it has"
                    )
                self.taken[path] = self.taken.get(path, 0) + size
                if self.taken[path] > SHARED * status.st_size:
                    raise ModelFileError(
                        f"{who}, of which other tensors have read as much: expected a place of its "
                        "own"
                    )
                file.seek(start)
                found = file.read(size)
        except ModelFileError:
            raise
        except FileNotFoundError as error:
            raise ModelFileError(f"{who}, which is not beside it: copy both files") from error
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{who}, which cannot be read: {error!s:.80}") from error
        if len(found) != size:
            raise ModelFileError(f"{who}, which ends too early")
        return found
