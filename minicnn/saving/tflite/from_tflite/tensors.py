"""The tensors of a file: what they are, and the numbers of those that are constants.

Numbers of 8 bits are refused here: minicnn.quantize reads networks of whole numbers.
"""

from math import prod
from typing import Any, NoReturn

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.graphs.limits import AXES, TEXT
from minicnn.saving.tflite.schema import TYPES
from minicnn.types import Array

KINDS = {TYPES[name]: np.dtype(name) for name in ("float32", "float16", "int32", "int64", "bool")}
EIGHT_BITS = (TYPES["int8"], TYPES["uint8"])


class Tensor:
    """A tensor of the file.

    Attributes:
        name: in the file, or "#3", its number.
        dtype: of its numbers.
        shape: as the file has it; its signature where there is one: -1 for what is open.
        data: the constant, or None.
    """

    def __init__(self, number: int, told: dict[str, Any], buffers: list[dict[str, Any]]):
        self.name = told.get("name") or f"#{number}"
        kind = told.get("type", 0)
        if kind in EIGHT_BITS:
            self.refuse(
                "has numbers of 8 bits, which are no part of a float network: quantize.load_model "
                "opens those of int8, and load_model the float file that it was made from"
            )
        if kind not in KINDS:
            self.refuse(f"has numbers of the type {kind}, which classifiers do not have")
        self.dtype = KINDS[kind]
        if told.get("is_variable") or "sparsity" in told:
            self.refuse("is a variable, or sparse, which no layer's weights are")
        self.shape = self._sizes(told.get("shape", []))
        signature = told.get("shape_signature", [])
        if len(signature):
            self.shape = self._sizes(signature)
        buffer = told.get("buffer", 0)
        if not 0 <= buffer < len(buffers):
            self.refuse(f"is in the buffer {buffer}, of {len(buffers)}")
        if buffers[buffer].get("offset", 0) > 1:
            self.refuse("has its numbers behind the file, as those of more than 2 GB have")
        data = buffers[buffer].get("data", b"")
        self.data = self._array(data) if len(data) else None

    def _sizes(self, sizes: Any) -> tuple[int, ...]:
        found = tuple(int(n) for n in sizes)
        if len(found) > AXES or any(n < -1 for n in found):
            self.refuse(f"has the shape {found}, expected at most {AXES} axes")
        return found

    def _array(self, data: Any) -> Array:
        count = prod(self.shape)
        if min(self.shape, default=1) < 0 or count * self.dtype.itemsize != len(data):
            self.refuse(f"has {len(data):,} bytes for {self.dtype} {self.shape}")
        if self.dtype == bool:
            return (np.frombuffer(data, np.uint8) != 0).reshape(self.shape)
        found = np.frombuffer(data, self.dtype.newbyteorder("<")).reshape(self.shape)
        return found.astype(self.dtype, copy=False)

    def refuse(self, why: str) -> NoReturn:
        """Raise the ModelFileError that names the tensor."""
        raise ModelFileError(f"the .tflite file's tensor {self.name!r:.{TEXT}} {why}")
