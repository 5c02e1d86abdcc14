"""Pooling, and means and maxima over whole axes."""

from collections.abc import Callable
from math import prod

import numpy as np

from minicnn.layers.node import Node
from minicnn.saving.onnx.from_onnx.affine import applied
from minicnn.saving.onnx.from_onnx.layouts import PICTURES, axes_of, lying, pictures, plain
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.saving.onnx.from_onnx.windows import Slide, framed, slide
from minicnn.types import Array, Shape

Function = Callable[[Reader, Operator], None]


def max_pool(reader: Reader, operator: Operator) -> None:
    """MaxPooling2D. Other padding than Keras' is zeros, where no number is below 0; otherwise each
    pixel's maximum is taken, "same", and of these every s-th.
    """
    x = pictures(reader, operator, reader.value(operator))
    operator.ignore("storage_order")
    one = slide(operator, (x.dims[2], x.dims[3]))
    if one.dilation != (1, 1):
        operator.refuse(f"expected dilations=(1, 1), received {one.dilation}")
    tensor, padding = x.tensor, one.padding
    if padding is None and not x.positive:
        tensor = _every(reader, operator, x, one)
    else:
        if padding is None:
            tensor = framed(reader, operator, tensor, one)
        tensor = reader.layer(
            "MaxPooling2D",
            operator,
            tensor,
            pool_size=one.size,
            strides=one.strides,
            padding=padding or "valid",
        )
    dims = (*x.dims[:2], *one.output)
    reader.put(operator, Value(tensor, dims, x.perm, positive=x.positive))


def _every(reader: Reader, operator: Operator, x: Value, one: Slide) -> Node:
    """The maximum around each pixel, then those where a window lies: from the middle of the first
    on, in the steps of the strides.
    """
    middle = [(one.size[n] - 1) // 2 - one.before[n] for n in (0, 1)]
    rest = [x.dims[2 + n] - middle[n] - (one.output[n] - 1) * one.strides[n] - 1 for n in (0, 1)]
    if min(middle) < 0 or min(rest) < 0:
        operator.refuse(
            f"has pads of {one.before} before and {one.after} after a window of {one.size}, more "
            "than half of it"
        )
    tensor = reader.layer(
        "MaxPooling2D", operator, x.tensor, pool_size=one.size, strides=1, padding="same"
    )
    cropping = tuple((middle[n], rest[n]) for n in (0, 1))
    if cropping != ((0, 0), (0, 0)):
        tensor = reader.layer("Cropping2D", operator, tensor, cropping=cropping)
    if one.strides != (1, 1):
        tensor = reader.layer("MaxPooling2D", operator, tensor, pool_size=1, strides=one.strides)
    return tensor


def average_pool(reader: Reader, operator: Operator) -> None:
    """AveragePooling2D. Where cells of the padding count, they are zeros like others; where they do
    not, and padding is not Keras', each window's mean is put right for the cells that it has.
    """
    x = pictures(reader, operator, reader.value(operator))
    counted = operator.get("count_include_pad", 0)
    one = slide(operator, (x.dims[2], x.dims[3]))
    if one.dilation != (1, 1):
        operator.refuse(f"expected dilations=(1, 1), received {one.dilation}")
    pads = operator.get("pads", [0, 0, 0, 0])
    beyond = any(one.after[n] > pads[n + 2] for n in (0, 1)) and operator.get("ceil_mode", 0)
    tensor, padding = x.tensor, one.padding
    share = None
    if padding != "valid" and (counted or padding is None):
        tensor = framed(reader, operator, tensor, one)
        padding = "valid"
        if not counted or beyond:
            reader.room.take(prod(one.output))
            share = _share(x, one, pads if counted else [0, 0, 0, 0])
    tensor = reader.layer(
        "AveragePooling2D",
        operator,
        tensor,
        pool_size=one.size,
        strides=one.strides,
        padding=padding,
    )
    y = Value(tensor, (*x.dims[:2], *one.output), x.perm, positive=x.positive)
    if share is not None:
        y = applied(reader, operator, y, share, np.zeros((1, 1, 1, 1)))
    reader.put(operator, y)


def _share(x: Value, one: Slide, pads: list[int]) -> Array:
    """(1, 1, OH, OW): all cells of a window, for each of those that count, from `pads` before to
    `pads` after the picture.
    """
    sides = []
    for n in (0, 1):
        start = np.arange(one.output[n]) * one.strides[n] - one.before[n]
        end = np.minimum(start + one.size[n], x.dims[2 + n] + pads[n + 2])
        sides.append(one.size[n] / (end - np.maximum(start, -pads[n])))
    return (sides[0][:, None] * sides[1])[None, None]


def _reduced(
    reader: Reader, operator: Operator, x: Value, kind: str, axes: list[int], keep: bool
) -> Value:
    """The mean or the largest number over some axes of ONNX: all pixels of a picture that has them
    as its rows and columns.
    """
    x = plain(reader, operator, x)
    if x.batch in axes:
        operator.refuse("works along the axis of the samples")
    rest = [axis for axis in range(x.rank) if axis not in (*axes, x.batch)]
    if x.rank == 4 and sorted(x.perm[1:3]) == axes:
        tensor = x.tensor  # pictures as they are
    else:
        tensor = lying(reader, operator, x, (x.batch, *axes, *rest)).tensor
        wide: Shape = (prod(x.dims[axis] for axis in axes), 1, prod(x.dims[n] for n in rest))
        if tensor.sample_shape != wide:
            tensor = reader.layer("Reshape", operator, tensor, target_shape=wide)
    if keep:
        dims = tuple(1 if axis in axes else n for axis, n in enumerate(x.dims))
        perm = PICTURES if x.rank == 4 and axes == [2, 3] else (x.batch, *axes, *rest)
    else:
        left = [axis for axis in range(x.rank) if axis not in axes]
        if len(left) < 2:
            operator.refuse("leaves one number of each sample, without an axis")
        dims = tuple(x.dims[axis] for axis in left)
        perm = tuple(left.index(axis) for axis in (x.batch, *rest))
    shape = tuple(dims[axis] for axis in perm[1:])
    tensor = reader.layer(kind, operator, tensor, keepdims=keep and shape[:2] == (1, 1))
    if tensor.sample_shape != shape:
        tensor = reader.layer("Reshape", operator, tensor, target_shape=shape)
    return Value(tensor, dims, perm, positive=x.positive)


def _global(kind: str) -> Function:
    def function(reader: Reader, operator: Operator) -> None:
        x = reader.value(operator)
        if x.rank != 4:
            operator.refuse(f"expected pictures (N, C, H, W), received an input of {x.rank} axes")
        reader.put(operator, _reduced(reader, operator, x, kind, [2, 3], True))

    return function


def _over_axes(kind: str, is_sum: bool = False) -> Function:
    def function(reader: Reader, operator: Operator) -> None:
        x = reader.value(operator)
        axes = reader.integers(operator, 1, "axes")
        axes = operator.get("axes") if axes is None else axes
        nothing = operator.get("noop_with_empty_axes", 0)
        keep = bool(operator.get("keepdims", 1))
        operator.ignore("axes")
        if not axes:
            if nothing:
                reader.put(operator, x)
                return
            axes = list(range(x.rank))
        found = axes_of(x, axes, operator)
        y = _reduced(reader, operator, x, kind, found, keep)
        if is_sum:
            number = np.full((1,) * y.rank, float(prod(x.dims[axis] for axis in found)))
            y = applied(reader, operator, y, number, 0 * number)
        reader.put(operator, y)

    return function


POOLING = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": _global("GlobalAveragePooling2D"),
    "GlobalMaxPool": _global("GlobalMaxPooling2D"),
    "ReduceMean": _over_axes("GlobalAveragePooling2D"),
    "ReduceMax": _over_axes("GlobalMaxPooling2D"),
    "ReduceSum": _over_axes("GlobalAveragePooling2D", is_sum=True),
}
