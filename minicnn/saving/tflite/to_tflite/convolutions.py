"""Layers with kernels. LiteRT has that of a convolution as (F, KH, KW, C), of a depthwise one as
(1, KH, KW, F), of a dense layer as (F, D); each has a bias, which may be 0.
"""

from typing import Any

import numpy as np

from minicnn.layers import Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, SeparableConv2D
from minicnn.saving.tflite.schema import SAME, VALID
from minicnn.saving.tflite.to_tflite.activations import activated
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.shapes import framed, reshaped
from minicnn.types import Array, Pair, Shape

PADDING = {"same": SAME, "valid": VALID}  # LiteRT's are Keras'


def _bias(graph: Graph, layer: Any, filters: int) -> int:
    return graph.floats("bias", layer.params["bias"] if layer.use_bias else np.zeros(filters))


def _sliding(strides: Pair, padding: str, dilation: Pair) -> dict[str, Any]:
    """The options of a window."""
    return {
        "padding": PADDING[padding],
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilation[0],
        "dilation_w_factor": dilation[1],
    }


def _conv(
    graph: Graph, x: Value, kernel: Array, bias: int, shape: Shape, name: str = "kernel", **how: Any
) -> Value:
    """CONV_2D with a kernel (KH, KW, C, F)."""
    weights = graph.floats(name, kernel.transpose(3, 0, 1, 2))
    options = _sliding(**({"strides": (1, 1), "padding": "valid", "dilation": (1, 1)} | how))
    version = 1 if kernel.shape[2] == x.shape[-1] else 6  # with groups
    return graph.node(
        "CONV_2D", [x.tensor, weights, bias], shape, "Conv2DOptions", version, **options
    )


def _depthwise(
    graph: Graph, layer: Any, x: Value, kernel: Array, bias: int, name: str = "kernel"
) -> Value:
    """DEPTHWISE_CONV_2D with a kernel (KH, KW, C, M), whose output channel is c*M + m."""
    KH, KW, C, M = kernel.shape
    weights = graph.floats(name, kernel.reshape(1, KH, KW, C * M))
    dilation = layer.dilation_rate
    return graph.node(
        "DEPTHWISE_CONV_2D",
        [x.tensor, weights, bias],
        (*layer.window.output, C * M),
        "DepthwiseConv2DOptions",
        1 if dilation == (1, 1) else 2,
        depth_multiplier=M,
        **_sliding(layer.strides, layer.padding, dilation),
    )


def conv2d(graph: Graph, layer: Conv2D, x: Value) -> Value:
    """CONV_2D, with groups where its kernel has fewer channels than the pictures."""
    how: dict[str, Any] = {
        "strides": layer.strides,
        "padding": layer.padding,
        "dilation": layer.dilation_rate,
    }
    bias = _bias(graph, layer, layer.filters)
    y = _conv(graph, x, layer.params["kernel"], bias, layer.output_shape, **how)
    return activated(graph, layer, y)


def depthwise_conv2d(graph: Graph, layer: DepthwiseConv2D, x: Value) -> Value:
    """DEPTHWISE_CONV_2D."""
    bias = _bias(graph, layer, layer.output_shape[-1])
    return activated(graph, layer, _depthwise(graph, layer, x, layer.params["kernel"], bias))


def separable_conv2d(graph: Graph, layer: SeparableConv2D, x: Value) -> Value:
    """A depthwise convolution, and one of single pixels."""
    kernel = layer.params["depthwise_kernel"]
    none = graph.floats("depthwise_bias", np.zeros(kernel.shape[2] * kernel.shape[3]))
    z = _depthwise(graph, layer, x, kernel, none, "depthwise_kernel")
    bias = _bias(graph, layer, layer.filters)
    pointwise = layer.params["pointwise_kernel"]
    y = _conv(graph, z, pointwise, bias, layer.output_shape, "pointwise_kernel")
    return activated(graph, layer, y)


def _spread(graph: Graph, x: Value, strides: Pair) -> Value:
    """x with strides - 1 rows, and columns, of zeros behind each of its own: a frame on the right
    of pictures in which each row is one pixel of a row, and then each pixel.
    """
    H, W, C = x.shape
    SH, SW = strides
    if SH > 1:
        x = framed(graph, reshaped(graph, x, (H, 1, W * C)), ((0, 0), (0, SH - 1)))
    if SW > 1:
        x = framed(graph, reshaped(graph, x, (H * SH * W, 1, C)), ((0, 0), (0, SW - 1)))
    return reshaped(graph, x, (H * SH, W * SW, C))


def conv2d_transpose(graph: Graph, layer: Conv2DTranspose, x: Value) -> Value:
    """The convolution that it is of pictures with zeros between their pixels.

    y[i*S - top + k*D] += x[i] K[k] is a sum over places j = i*S of a spread picture z, z[j] = x[i]:
    y[o] = sum over k of z[o + top - k*D] K[k], a convolution with the kernel turned round, and with
    (k - 1)*D - top zeros before z. TRANSPOSE_CONV would need the number of samples in the file.
    """
    SH, SW = layer.strides
    z = _spread(graph, x, (SH, SW)) if (SH, SW) != (1, 1) else x
    sides = []
    for axis in (0, 1):
        reach = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis]
        before = reach - layer.window.before[axis]
        sides.append((before, layer.output_shape[axis] + reach - before - z.shape[axis]))
    z = framed(graph, z, (sides[0], sides[1]))
    kernel = layer.params["kernel"][::-1, ::-1].transpose(0, 1, 3, 2)
    bias = _bias(graph, layer, layer.filters)
    y = _conv(graph, z, kernel, bias, layer.output_shape, dilation=layer.dilation_rate)
    return activated(graph, layer, y)


def dense(graph: Graph, layer: Dense, x: Value) -> Value:
    """FULLY_CONNECTED; of pictures, a convolution of single pixels."""
    kernel, bias = layer.params["kernel"], _bias(graph, layer, layer.units)
    shape = layer.output_shape
    if x.rank == 4:
        return activated(graph, layer, _conv(graph, x, kernel[None, None], bias, shape))
    weights = graph.floats("kernel", kernel.T)
    y = graph.node(
        "FULLY_CONNECTED",
        [x.tensor, weights, bias],
        shape,
        "FullyConnectedOptions",
        1 if x.rank == 2 else 5,
        keep_num_dims=x.rank > 2,
    )
    return activated(graph, layer, y)


CONVOLUTIONS: dict[type, Any] = {
    Conv2D: conv2d,
    DepthwiseConv2D: depthwise_conv2d,
    SeparableConv2D: separable_conv2d,
    Conv2DTranspose: conv2d_transpose,
    Dense: dense,
}
