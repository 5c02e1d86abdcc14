"""What is known without any picture, computed at once: weights of 16 bits, and the shapes that
converters compute with, where the number of samples is open.
"""

from typing import Any

import numpy as np

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.types import Array

LONGEST = 64  # numbers of a shape


def shape(reader: Reader, operator: Operator) -> Array:
    """The shape of a value, N too, or of a constant."""
    x = reader.known(operator, 0)
    if x is None:
        operator.refuse("has nothing to tell the shape of")
    return np.array(reader.dims(x) if isinstance(x, Node) else x.shape, np.int32)


def dequantize(reader: Reader, operator: Operator) -> Array:
    """float16 as float32."""
    x = reader.optional(operator, 0, "numbers")
    if x is None or x.dtype != np.float16:
        operator.refuse("expected numbers of 16 bits")
    reader.work.take(x.size)
    return x.astype(np.float32)


def _small(reader: Reader, operator: Operator, place: int) -> Array:
    """A vector of a few whole numbers, or one."""
    return np.array(reader.integers(operator, place, "numbers of a shape"), np.int64)


def strided_slice(reader: Reader, operator: Operator) -> Array:
    """A part of a shape."""
    options = operator.expect_options("StridedSliceOptions")
    x, begin, end, step = (_small(reader, operator, place) for place in range(4))
    if not begin.size == end.size == step.size == 1 or step[0] == 0:
        operator.refuse("cuts a constant otherwise than along its only axis")
    if options.get("ellipsis_mask") or options.get("new_axis_mask"):
        operator.refuse("cuts a constant otherwise than along its only axis")
    if options.get("shrink_axis_mask", 0) & 1:
        if not -x.size <= begin[0] < x.size:
            operator.refuse(f"takes number {begin[0]} of {x.size}")
        return np.array(x[begin[0]], np.int32)
    start = None if options.get("begin_mask", 0) & 1 else int(begin[0])
    stop = None if options.get("end_mask", 0) & 1 else int(end[0])
    return x[start : stop : int(step[0])].astype(np.int32)


def pack(reader: Reader, operator: Operator) -> Array:
    """Numbers as a vector."""
    if len(operator.inputs) > LONGEST or operator.options.get("axis", 0):
        operator.refuse("joins more than a shape has numbers")
    parts = [_small(reader, operator, place) for place in range(len(operator.inputs))]
    if any(part.size != 1 for part in parts):
        operator.refuse("joins what are no numbers")
    return np.array([int(part[0]) for part in parts], np.int32)


def concatenation(reader: Reader, operator: Operator) -> Array:
    """Vectors, one after the other."""
    if not 0 < len(operator.inputs) <= LONGEST:
        operator.refuse("joins more than a shape has numbers")
    parts = [_small(reader, operator, place) for place in range(len(operator.inputs))]
    return np.concatenate(parts).astype(np.int32)


def product(reader: Reader, operator: Operator) -> Array:
    """The product of two numbers."""
    x, y = (_small(reader, operator, place) for place in (0, 1))
    if not x.size == y.size == 1 or max(abs(int(x[0])), abs(int(y[0]))) > 2**31:
        operator.refuse("multiplies what are no numbers of a shape")
    return np.array(int(x[0]) * int(y[0]), np.int64)


def reshape(reader: Reader, operator: Operator) -> Array:
    """A constant in another shape."""
    x = reader.optional(operator, 0, "numbers")
    target = reader.integers(operator, 1, "shape")
    if x is None:
        operator.refuse("has no numbers to reshape")
    if target.count(-1) > 1 or min(target, default=1) < -1 or max(target, default=1) > 2**31:
        operator.refuse(f"makes {target} out of {x.shape}")
    return x.reshape(target)


CONSTANTS: dict[str, Any] = {
    "SHAPE": shape,
    "DEQUANTIZE": dequantize,
    "STRIDED_SLICE": strided_slice,
    "PACK": pack,
    "CONCATENATION": concatenation,
    "MUL": product,
    "RESHAPE": reshape,
}
