"""Layers with kernels. ONNX has those of a convolution as (F, C, KH, KW)."""

from typing import Any

from minicnn.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, SeparableConv2D
from minicnn.layers.window import Window
from minicnn.saving.onnx.to_onnx.activations import activated
from minicnn.saving.onnx.to_onnx.graph import FIRST, FLAT, LAST, Graph, Value
from minicnn.types import Array, Shape


def around(window: Window, picture: Shape) -> list[int]:
    """The cells that a window sees outside of a picture: above, left, below, right."""
    after = []
    for n, size, stride, dilation, before, out in zip(
        picture, window.size, window.strides, window.dilation, window.before, window.output,
        strict=False,
    ):  # fmt: skip
        after.append(max((out - 1) * stride + (size - 1) * dilation + 1 - n - before, 0))
    return [*window.before, *after]


def _conv(graph: Graph, x: Value, kernel: str, bias: list[str], window: Window, groups: int) -> str:
    return graph.node(
        "Conv",
        x.name,
        kernel,
        *bias,
        kernel_shape=list(window.size),
        strides=list(window.strides),
        dilations=list(window.dilation),
        pads=around(window, x.shape),
        group=groups,
    )


def _bias(graph: Graph, layer: Any) -> list[str]:
    return [graph.floats("bias", layer.params["bias"])] if layer.use_bias else []


def conv2d(graph: Graph, layer: Conv2D, x: Value) -> Value:
    """(KH, KW, C/G, F) as (F, C/G, KH, KW)."""
    x = graph.first(x)
    kernel = graph.floats("kernel", layer.params["kernel"].transpose(3, 2, 0, 1))
    y = _conv(graph, x, kernel, _bias(graph, layer), layer.window, layer.groups)
    return activated(graph, layer, Value(y, layer.output_shape, FIRST))


def _depthwise(kernel: Array) -> Array:
    """(KH, KW, C, M) as (C*M, 1, KH, KW), a group for each channel."""
    KH, KW, C, M = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(C * M, 1, KH, KW)


def depthwise_conv2d(graph: Graph, layer: DepthwiseConv2D, x: Value) -> Value:
    """A convolution with as many groups as channels."""
    x = graph.first(x)
    kernel = graph.floats("kernel", _depthwise(layer.params["kernel"]))
    y = _conv(graph, x, kernel, _bias(graph, layer), layer.window, x.shape[-1])
    return activated(graph, layer, Value(y, layer.output_shape, FIRST))


def separable_conv2d(graph: Graph, layer: SeparableConv2D, x: Value) -> Value:
    """A depthwise convolution, and one of single pixels."""
    x = graph.first(x)
    kernel = graph.floats("depthwise_kernel", _depthwise(layer.params["depthwise_kernel"]))
    z = _conv(graph, x, kernel, [], layer.window, x.shape[-1])
    pointwise = layer.params["pointwise_kernel"].transpose(3, 2, 0, 1)
    kernel = graph.floats("pointwise_kernel", pointwise)
    y = graph.node("Conv", z, kernel, *_bias(graph, layer), kernel_shape=[1, 1])
    return activated(graph, layer, Value(y, layer.output_shape, FIRST))


def conv2d_transpose(graph: Graph, layer: Conv2DTranspose, x: Value) -> Value:
    """(KH, KW, F, C) as (C, F, KH, KW). What the middle leaves out is ONNX's padding; what is
    beyond the last stamp, its output_padding.
    """
    x = graph.first(x)
    kernel = graph.floats("kernel", layer.params["kernel"].transpose(3, 2, 0, 1))
    after, more = [], []
    for axis in (0, 1):
        extent = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
        stamped = (x.shape[axis] - 1) * layer.strides[axis] + extent
        rest = stamped - layer.window.before[axis] - layer.output_shape[axis]
        after.append(max(rest, 0))
        more.append(max(-rest, 0))
    y = graph.node(
        "ConvTranspose",
        x.name,
        kernel,
        *_bias(graph, layer),
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        pads=[*layer.window.before, *after],
        output_padding=more,
    )
    return activated(graph, layer, Value(y, layer.output_shape, FIRST))


def dense(graph: Graph, layer: Dense, x: Value) -> Value:
    """A matrix product; of pictures, a convolution of single pixels.

    Where the vectors were made of pictures, channels first, the rows of the kernel are put into
    that order, once.
    """
    kernel, shape = layer.params["kernel"], layer.output_shape
    if x.rank == 4:
        x = graph.first(x)
        weights = graph.floats("kernel", kernel.T[:, :, None, None])
        y = graph.node("Conv", x.name, weights, *_bias(graph, layer), kernel_shape=[1, 1])
        return activated(graph, layer, Value(y, shape, FIRST))
    if x.order == FLAT:
        maps = kernel.reshape(*x.maps, -1).transpose(2, 0, 1, 3)
        weights = graph.floats("kernel", maps.reshape(kernel.shape))
    else:
        weights = graph.floats("kernel", kernel)
    if x.rank == 2:
        y = graph.node("Gemm", x.name, weights, *_bias(graph, layer))
    else:
        y = graph.node("MatMul", x.name, weights)
        for bias in _bias(graph, layer):
            y = graph.node("Add", y, bias)
    return activated(graph, layer, Value(y, shape, LAST))


CONVOLUTIONS = {
    Conv2D: conv2d,
    DepthwiseConv2D: depthwise_conv2d,
    SeparableConv2D: separable_conv2d,
    Conv2DTranspose: conv2d_transpose,
    Dense: dense,
}
