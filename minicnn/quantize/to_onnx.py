"""Whole numbers as an .onnx file.

Every operator stands between DequantizeLinear and QuantizeLinear, which programs that know whole
numbers, ONNX Runtime among them, take together with it. Others compute in reals between the same
roundings, and may round another way where they are halfway.

Pictures become channels first before they are rounded, with the one Transpose that there is.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from minicnn.quantize.arithmetic import window
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.saving import atomic
from minicnn.saving.onnx.to_onnx.convolutions import around
from minicnn.saving.onnx.to_onnx.file import as_model
from minicnn.saving.onnx.to_onnx.graph import FIRST, FLAT, Graph, Value
from minicnn.types import Array

ENDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "softmax": ("Softmax", {"axis": -1}),
    "sigmoid": ("Sigmoid", {}),
}


def write(path: str | os.PathLike[str], model: QuantizedModel) -> None:
    """Write the file. Raises OSError."""
    atomic.write(path, [proto(model).SerializeToString()])


def proto(model: QuantizedModel) -> Any:
    """The file's contents, which ONNX' own checker has passed."""
    graph = Graph()
    given = Value(graph.unique("input"), model.computation.input_shape)
    graph.taken.add("output")  # kept for what comes out
    graph.scope = "input_int8"
    first = graph.first(given) if given.rank == 4 else given
    values, quantizations = [_rounded(graph, first, model.of_input)], [model.of_input]
    for operation in model.operations:
        graph.scope = operation.name
        reads = [values[n] for n in operation.reads]
        made = _operation(graph, operation, reads, quantizations[operation.reads[0]])
        values.append(_rounded(graph, made, operation.makes))
        quantizations.append(operation.makes)
    last = values[-1]
    graph.scope = "reals"
    if model.ends_in is not None:
        kind, told = ENDINGS[model.ends_in]
        last = graph.last(last)
        last = graph.like(last, graph.node(kind, last.name, **told))
    return as_model(graph, model.name, [given], [graph.last(last)], ["output"], model.class_names)


def _rounded(graph: Graph, x: Value, of: Quantization) -> Value:
    """x behind QuantizeLinear and DequantizeLinear."""
    scale, zero = np.array(of.scale), np.array(of.zero_point, np.int8)
    told = [graph._constant("scale", scale), graph._constant("zero", zero)]
    q = graph.node("QuantizeLinear", x.name, *told)
    return replace(x, name=graph.node("DequantizeLinear", q, *told))


def _weights(
    graph: Graph, operation: IntegerOperation, kernel: Array, of: Quantization
) -> tuple[str, str]:
    """Kernel (F, ...) and bias, behind DequantizeLinear."""
    scale, bias = operation.kernel_scale, operation.bias
    assert scale is not None and bias is not None
    made = []
    parts: tuple[tuple[str, Array, Array], ...] = (
        ("kernel", kernel, scale),
        ("bias", bias, of.scale * scale),
    )
    for name, array, steps in parts:
        zeros = np.zeros(len(steps), array.dtype)
        given = [
            graph._constant(f"{name}{what}", part)
            for what, part in (("", array), ("_scale", steps), ("_zero", zeros))
        ]
        made.append(graph.node("DequantizeLinear", *given, axis=0))
    return made[0], made[1]


def _operation(graph: Graph, one: IntegerOperation, xs: list[Value], of: Quantization) -> Value:
    made = OPERATIONS[one.kind](graph, one, xs, of)
    if one.activation == "relu6":
        limits = [graph.floats("lowest", 0.0), graph.floats("highest", 6.0)]
        return replace(made, name=graph.node("Clip", made.name, *limits))
    return made if one.activation is None else replace(made, name=graph.node("Relu", made.name))


def _first(one: IntegerOperation, name: str) -> Value:
    """Pictures that an operator has made, channels first."""
    return Value(name, one.shape, FIRST)


def _convolution(graph: Graph, one: IntegerOperation, xs: list[Value], of: Quantization) -> Value:
    x, kernel = graph.first(xs[0]), one.kernel
    assert kernel is not None
    slides = window(one, x.shape)
    if one.kind == "conv2d":
        kernel, groups = kernel.transpose(3, 2, 0, 1), one.settings["groups"]
    else:
        KH, KW, groups, M = kernel.shape
        kernel = kernel.transpose(2, 3, 0, 1).reshape(groups * M, 1, KH, KW)
    name = graph.node(
        "Conv",
        x.name,
        *_weights(graph, one, kernel, of),
        kernel_shape=list(slides.size),
        strides=list(slides.strides),
        dilations=list(slides.dilation),
        pads=around(slides, x.shape),
        group=groups,
    )
    return _first(one, name)


def _dense(graph: Graph, one: IntegerOperation, xs: list[Value], of: Quantization) -> Value:
    x, kernel = xs[0], one.kernel
    assert kernel is not None
    if x.order == FLAT:
        kernel = kernel.reshape(*x.maps, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    name = graph.node("Gemm", x.name, *_weights(graph, one, kernel.T, of), transB=1)
    return Value(name, one.shape)


def _pooled(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:
    x = graph.first(xs[0])
    slides = window(one, x.shape)
    name = graph.node(
        "MaxPool" if one.kind == "max_pooling2d" else "AveragePool",
        x.name,
        kernel_shape=list(slides.size),
        strides=list(slides.strides),
        pads=around(slides, x.shape),
    )
    return _first(one, name)


def _of_all(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:
    kind = "GlobalAveragePool" if one.kind == "global_average" else "GlobalMaxPool"
    name = graph.node(kind, graph.first(xs[0]).name)
    if len(one.shape) == 3:
        return _first(one, name)
    return Value(graph.node("Flatten", name, axis=1), one.shape)


def _padded(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:
    (top, bottom), (left, right) = one.settings["frame"]
    pads = graph.integers("padding", [0, 0, top, left, 0, 0, bottom, right])
    return _first(one, graph.node("Pad", graph.first(xs[0]).name, pads))


def _reshaped(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:
    x = xs[0]
    if len(one.shape) == 1 and x.order == FIRST:
        name = graph.node("Flatten", x.name, axis=1)
        return Value(name, one.shape, FLAT, x.shape)
    x = graph.last(x)
    if len(x.shape) == 1 and one.shape == (1, 1, *x.shape):
        name = graph.node("Reshape", x.name, graph.integers("shape", [0, *x.shape, 1, 1]))
        return _first(one, name)
    return Value(graph.node("Reshape", x.name, graph.integers("shape", [0, *one.shape])), one.shape)


def _in_one_order(graph: Graph, xs: list[Value]) -> list[Value]:
    return [graph.first(x) if len(x.shape) == 3 else graph.last(x) for x in xs]


def _added(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:  # noqa: ARG001
    a, b = _in_one_order(graph, xs)
    return replace(a, name=graph.node("Add", a.name, b.name))


def _joined(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:
    xs = _in_one_order(graph, xs)
    names = [x.name for x in xs]
    name = graph.node("Concat", *names, axis=xs[0].axis(one.settings["axis"]))
    return graph.like(xs[0], name, one.shape)


def _kept(graph: Graph, one: IntegerOperation, xs: list[Value], _: Quantization) -> Value:  # noqa: ARG001
    return xs[0]


OPERATIONS: dict[str, Callable[..., Value]] = {
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "dense": _dense,
    "add": _added,
    "global_average": _of_all,
    "global_max": _of_all,
    "max_pooling2d": _pooled,
    "average_pooling2d": _pooled,
    "zero_padding2d": _padded,
    "reshape": _reshaped,
    "concatenate": _joined,
    "relu": _kept,
}
