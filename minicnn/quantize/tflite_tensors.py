"""The tensors of a .tflite file of whole numbers."""

from math import prod
from typing import Any, NoReturn

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.quantize.numbers import HIGH, LOW, Quantization
from minicnn.saving.graphs.limits import AXES, LONGEST, TEXT
from minicnn.saving.tflite.schema import TYPES
from minicnn.types import Array, Shape

KINDS = {TYPES[name]: np.dtype(name) for name in ("float32", "int8", "int32", "int64")}


class Whole:
    """A tensor.

    Attributes:
        name: in the file, or "#3".
        dtype: of its numbers.
        sample: its shape without the first axis, which is N.
        data: the constant, or None.
        scales, zeros, axis: one scale and zero point, or one for each place along an axis; none
            where there are none.
    """

    data: Any

    def __init__(self, number: int, told: dict[str, Any], buffers: list[dict[str, Any]]):
        self.name = told.get("name") or f"#{number}"
        if told.get("type", 0) not in KINDS:
            self.refuse(f"has numbers of the type {told.get('type', 0)}, expected int8 or float32")
        self.dtype = KINDS[told.get("type", 0)]
        shape = tuple(int(n) for n in told.get("shape", []))
        if len(shape) > AXES or not all(-1 <= n <= LONGEST for n in shape):
            self.refuse(f"has the shape {shape}")
        self.sample: Shape = shape[1:]
        self.data = self._constant(told.get("buffer", 0), buffers, shape)
        found = told.get("quantization", {})
        self.scales: Array = np.asarray(found.get("scale", []), np.float32)
        self.zeros: Array = np.asarray(found.get("zero_point", []), np.int64)
        self.axis = found.get("quantized_dimension", 0)
        if self.scales.ndim != 1 or self.zeros.size not in (0, self.scales.size):
            self.refuse("has other numbers of scales and zero points")
        if self.data is not None and self.scales.size > 1:
            fits = 0 <= self.axis < len(shape) and shape[self.axis] == self.scales.size
            if not fits:
                self.refuse(f"has {self.scales.size} scales along axis {self.axis} of {shape}")

    def _constant(self, number: int, buffers: list[dict[str, Any]], shape: Shape) -> Any:
        if not 0 <= number < len(buffers):
            self.refuse(f"is in the buffer {number}, of {len(buffers)}")
        data = buffers[number].get("data", b"")
        if buffers[number].get("offset", 0) > 1 or not len(data):
            return None
        if min(shape, default=1) < 0 or prod(shape) * self.dtype.itemsize != len(data):
            self.refuse(f"has {len(data):,} bytes for {self.dtype} {shape}")
        found = np.frombuffer(data, self.dtype.newbyteorder("<")).reshape(shape)
        return found.astype(self.dtype)

    @property
    def quantization(self) -> Quantization:
        """How its numbers are meant. Raises ModelFileError where it is no value of int8."""
        if self.dtype != np.int8 or self.scales.size != 1 or self.data is not None:
            self.refuse(
                "is no value of int8 with one scale, as those of networks of whole numbers are"
            )
        zero = int(self.zeros[0]) if self.zeros.size else 0
        if not LOW <= zero <= HIGH:
            self.refuse(f"has the zero point {zero}")
        return Quantization(np.float32(self.scales[0]), zero)

    def refuse(self, why: str) -> NoReturn:
        """Raise the ModelFileError that names the tensor."""
        raise ModelFileError(f"the .tflite file's tensor {self.name!r:.{TEXT}} {why}")
