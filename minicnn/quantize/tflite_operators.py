"""What each operator of a .tflite file of whole numbers is: kind, settings and weights."""

from typing import Any

import numpy as np

from minicnn.quantize.tflite_tensors import Whole
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.schema import SAME, VALID
from minicnn.types import Array

PADDING = {SAME: "same", VALID: "valid"}
POOLS = {"MAX_POOL_2D": "max_pooling2d", "AVERAGE_POOL_2D": "average_pooling2d"}
Tensors = list[Whole]
OF_ALL = {"MEAN": "global_average", "REDUCE_MAX": "global_max"}


def _kernel(tensors: Tensors, operator: Operator, axes: int, axis: int) -> Whole:
    """The kernel, whose filters are along an axis."""
    found = _constant(tensors, operator, 1, np.int8, axes)
    if found.zeros.any() or (found.scales.size > 1 and found.axis != axis):
        operator.refuse("has a kernel with zero points, or with scales along another axis")
    return found


def _weights(tensors: Tensors, operator: Operator, kernel: Array, found: Whole) -> dict[str, Any]:
    """Kernel (..., F), bias and scales."""
    filters = found.data.shape[found.axis] if found.scales.size > 1 else kernel.shape[-1]
    if operator.kind == "DEPTHWISE_CONV_2D":
        filters = kernel.shape[-1] * kernel.shape[-2]
    bias = np.zeros(filters, np.int32)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias = _constant(tensors, operator, 2, np.int32, 1).data
    scale = np.broadcast_to(found.scales, filters).astype(np.float32)
    return {"kernel": np.ascontiguousarray(kernel), "bias": bias, "kernel_scale": scale}


def _constant(tensors: Tensors, operator: Operator, place: int, dtype: type, axes: int) -> Whole:
    number = operator.inputs[place] if place < len(operator.inputs) else -1
    found = tensors[number] if number >= 0 else None
    if found is None or found.data is None or found.dtype != dtype or found.data.ndim != axes:
        operator.refuse(f"expected a constant of {np.dtype(dtype)} with {axes} axes")
    return found


def _numbers(tensors: Tensors, operator: Operator, place: int) -> list[int]:
    """A constant of a few whole numbers."""
    number = operator.inputs[place] if place < len(operator.inputs) else -1
    data = tensors[number].data if number >= 0 else None
    if data is None or data.dtype.kind != "i" or data.size > 64:
        operator.refuse("expected a few whole numbers")
    return [int(n) for n in data.reshape(-1)]


def _slides(operator: Operator, dilated: bool) -> dict[str, Any]:
    options = operator.options
    padding = options.get("padding", SAME)
    if padding not in PADDING:
        operator.refuse(f"has the padding {padding}")
    found: dict[str, Any] = {
        "strides": (options.get("stride_h", 0), options.get("stride_w", 0)),
        "padding": PADDING[padding],
    }
    if dilated:
        rates = (options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1))
        return found | {"dilation_rate": rates}
    return found | {"pool_size": (options.get("filter_height", 0), options.get("filter_width", 0))}


def _conv2d(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    operator.expect_options("Conv2DOptions")
    found = _kernel(tensors, operator, 4, 0)
    channels = tensors[operator.inputs[0]].sample[-1]
    kernel = found.data.transpose(1, 2, 3, 0)
    groups = channels // max(kernel.shape[2], 1)
    told = {"kind": "conv2d", "groups": groups, **_slides(operator, True)}
    return told | _weights(tensors, operator, kernel, found)


def _depthwise(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    operator.expect_options("DepthwiseConv2DOptions")
    found = _kernel(tensors, operator, 4, 3)
    channels = tensors[operator.inputs[0]].sample[-1]
    _, KH, KW, F = found.data.shape
    if found.data.shape[0] != 1 or F % channels:
        operator.refuse(f"has a kernel {found.data.shape} for {channels} channels")
    kernel = found.data.reshape(KH, KW, channels, F // channels)
    told = {"kind": "depthwise_conv2d", **_slides(operator, True)}
    return told | _weights(tensors, operator, kernel, found)


def _dense(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    options = operator.expect_options("FullyConnectedOptions")
    if options.get("weights_format", 0):
        operator.refuse("has shuffled weights")
    found = _kernel(tensors, operator, 2, 0)
    return {"kind": "dense", **_weights(tensors, operator, found.data.T, found)}


def _pool(tensors: Tensors, operator: Operator) -> dict[str, Any]:  # noqa: ARG001
    operator.expect_options("Pool2DOptions")
    return {"kind": POOLS[operator.kind], **_slides(operator, False)}


def _of_all(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    operator.expect_options("ReducerOptions")
    axes = sorted(axis % 4 for axis in _numbers(tensors, operator, 1))
    if axes != [1, 2]:
        operator.refuse(f"is over the axes {axes}, expected rows and columns")
    return {"kind": OF_ALL[operator.kind]}


def _padding(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    sides = _numbers(tensors, operator, 1)
    if len(sides) != 8 or any(sides[:2] + sides[6:]):
        operator.refuse(f"pads by {sides}, expected rows and columns")
    frame = ((sides[2], sides[3]), (sides[4], sides[5]))
    return {"kind": "zero_padding2d", "frame": frame}


def _concatenate(tensors: Tensors, operator: Operator) -> dict[str, Any]:
    axis = operator.expect_options("ConcatenationOptions").get("axis", 0)
    rank = len(tensors[operator.outputs[0]].sample) + 1
    if not -rank <= axis < rank:
        operator.refuse(f"joins along axis {axis}")
    return {"kind": "concatenate", "axis": axis % rank}


def _plain(kind: str, **more: Any) -> Any:
    return lambda tensors, operator: {"kind": kind, **more}  # noqa: ARG005


READERS: dict[str, Any] = {
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "ADD": _plain("add"),
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "MEAN": _of_all,
    "REDUCE_MAX": _of_all,
    "PAD": _padding,
    "RESHAPE": _plain("reshape"),
    "CONCATENATION": _concatenate,
    "RELU": _plain("relu", activation="relu"),
    "RELU6": _plain("relu", activation="relu6"),
}
