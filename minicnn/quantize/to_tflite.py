"""Whole numbers as a .tflite file, in which every kernel and every value is int8.

Real numbers go in and come out, with QUANTIZE behind the input and DEQUANTIZE before softmax or
sigmoid, which is in reals: LiteRT's softmax of whole numbers has steps of 1/256, and would be the
one operator that XNNPACK leaves to others.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.saving import atomic
from minicnn.saving.tflite.schema import NONE, RELU, RELU6, SAME, VALID
from minicnn.saving.tflite.to_tflite.file import as_bytes
from minicnn.saving.tflite.to_tflite.graph import Graph, Tensor
from minicnn.types import Array

FUSED = {None: NONE, "relu": RELU, "relu6": RELU6}
ENDINGS: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "softmax": ("SOFTMAX", "SoftmaxOptions", {"beta": 1.0}),
    "sigmoid": ("LOGISTIC", None, {}),
}
KERNEL_AXIS = {"conv2d": 0, "depthwise_conv2d": 3, "dense": 0}  # that of the filters


def write(path: str | os.PathLike[str], model: QuantizedModel) -> None:
    """Write the file. Raises OSError."""
    atomic.write(path, [written(model)])


def written(model: QuantizedModel) -> bytes:
    """The file's bytes."""
    graph = Graph()
    shape = model.computation.input_shape
    given = graph.tensor("input", (1, *shape))
    graph.scope = "input_int8"
    first = graph.node("QUANTIZE", [given], shape, None, 1, "int8").tensor
    _say(graph.tensors[first], model.of_input)
    tensors, quantizations = [first], [model.of_input]
    for operation in model.operations:
        graph.scope = operation.name
        reads = [tensors[n] for n in operation.reads]
        if operation.kernel is not None:
            reads += _weights(graph, operation, quantizations[operation.reads[0]])
        made = OPERATIONS[operation.kind](graph, operation, reads)
        _say(graph.tensors[made], operation.makes)
        tensors.append(made)
        quantizations.append(operation.makes)
    shape = model.operations[-1].shape
    graph.scope = "output"
    last = graph.node("DEQUANTIZE", [tensors[-1]], shape, None, 2).tensor
    if model.ends_in is not None:
        kind, table, told = ENDINGS[model.ends_in]
        graph.scope = model.ends_in
        last = graph.node(kind, [last], shape, table, **told).tensor
    return as_bytes(graph, model.name, {"input": given}, {"output": last}, model.class_names)


def _say(tensor: Tensor, of: Quantization) -> None:
    tensor.quantization = {"scale": [of.scale], "zero_point": [of.zero_point]}


def _weights(graph: Graph, operation: IntegerOperation, of: Quantization) -> list[int]:
    """The tensors of kernel and bias."""
    kernel, scale, bias = operation.kernel, operation.kernel_scale, operation.bias
    assert kernel is not None and scale is not None and bias is not None
    if operation.kind == "conv2d":
        kernel = kernel.transpose(3, 0, 1, 2)
    elif operation.kind == "depthwise_conv2d":
        kernel = kernel.reshape(1, *kernel.shape[:2], -1)
    else:
        kernel = kernel.T
    axis = KERNEL_AXIS[operation.kind]
    return [
        _constant(graph, f"{operation.name}/kernel", kernel, scale, axis),
        _constant(graph, f"{operation.name}/bias", bias, of.scale * scale, 0),
    ]


def _constant(graph: Graph, name: str, data: Array, scale: Array, axis: int) -> int:
    number = graph.tensor(name, data.shape, data.dtype.name)
    tensor = graph.tensors[number]
    tensor.data, tensor.fixed = np.ascontiguousarray(data), True
    zeros = np.zeros(len(scale), np.int64)
    tensor.quantization = {"scale": scale, "zero_point": zeros, "quantized_dimension": axis}
    return number


def _slides(operation: IntegerOperation) -> dict[str, Any]:
    told = operation.settings
    found = {
        "padding": SAME if told["padding"] == "same" else VALID,
        "stride_h": told["strides"][0],
        "stride_w": told["strides"][1],
    }
    if "dilation_rate" in told:
        found["dilation_h_factor"], found["dilation_w_factor"] = told["dilation_rate"]
        found["fused_activation_function"] = FUSED[operation.activation]
    else:
        found["filter_height"], found["filter_width"] = told["pool_size"]
    return found


def _convolution(kind: str, table: str, version: int) -> Callable[..., int]:
    def put(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
        told = _slides(one)
        if kind == "DEPTHWISE_CONV_2D":
            assert one.kernel is not None
            told["depth_multiplier"] = one.kernel.shape[-1]
        return graph.node(kind, reads, one.shape, table, version, "int8", **told).tensor

    return put


def _dense(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    told = {"fused_activation_function": FUSED[one.activation]}
    table = "FullyConnectedOptions"
    return graph.node("FULLY_CONNECTED", reads, one.shape, table, 4, "int8", **told).tensor


def _add(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    told = {"fused_activation_function": FUSED[one.activation]}
    return graph.node("ADD", reads, one.shape, "AddOptions", 2, "int8", **told).tensor


def _over_all(kind: str) -> Callable[..., int]:
    def put(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
        axes = graph.integers("axes", [1, 2])
        told = {"keep_dims": len(one.shape) == 3}
        return graph.node(
            kind, [*reads, axes], one.shape, "ReducerOptions", 2, "int8", **told
        ).tensor

    return put


def _pool(kind: str) -> Callable[..., int]:
    def put(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
        told = _slides(one)
        return graph.node(kind, reads, one.shape, "Pool2DOptions", 2, "int8", **told).tensor

    return put


def _padding(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    frame = graph.integers("padding", [(0, 0), *one.settings["frame"], (0, 0)])
    return graph.node("PAD", [*reads, frame], one.shape, "PadOptions", 2, "int8").tensor


def _reshape(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    target = [-1, *one.shape]
    inputs, told = [*reads, graph.integers("shape", target)], {"new_shape": target}
    return graph.node("RESHAPE", inputs, one.shape, "ReshapeOptions", 1, "int8", **told).tensor


def _concatenate(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    told, table = {"axis": one.settings["axis"]}, "ConcatenationOptions"
    return graph.node("CONCATENATION", reads, one.shape, table, 2, "int8", **told).tensor


def _relu(graph: Graph, one: IntegerOperation, reads: list[int]) -> int:
    kind = "RELU" if one.activation == "relu" else "RELU6"
    return graph.node(kind, reads, one.shape, None, 2, "int8").tensor


OPERATIONS: dict[str, Callable[[Graph, IntegerOperation, list[int]], int]] = {
    "conv2d": _convolution("CONV_2D", "Conv2DOptions", 3),
    "depthwise_conv2d": _convolution("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", 3),
    "dense": _dense,
    "add": _add,
    "global_average": _over_all("MEAN"),
    "global_max": _over_all("REDUCE_MAX"),
    "max_pooling2d": _pool("MAX_POOL_2D"),
    "average_pooling2d": _pool("AVERAGE_POOL_2D"),
    "zero_padding2d": _padding,
    "reshape": _reshape,
    "concatenate": _concatenate,
    "relu": _relu,
}
