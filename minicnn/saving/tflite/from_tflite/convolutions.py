"""Operators with kernels as the layers that they are."""

from typing import Any

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.saving.tflite.schema import SAME, VALID

PADDING = {SAME: "same", VALID: "valid"}


def pictures(reader: Reader, operator: Operator, place: int = 0) -> Node:
    """An input of pictures (H, W, C)."""
    x = reader.value(operator, place)
    if len(x.sample_shape) != 3:
        operator.refuse(f"expected pictures, received samples of shape {x.sample_shape}")
    return x


def sliding(operator: Operator, options: dict[str, Any], dilated: bool = True) -> dict[str, Any]:
    """How a window slides, in Keras' words."""
    padding = options.get("padding", SAME)
    if padding not in PADDING:
        operator.refuse(f"has the padding {padding}, expected 0 (SAME) or 1 (VALID)")
    found: dict[str, Any] = {
        "padding": PADDING[padding],
        "strides": (options.get("stride_h", 0), options.get("stride_w", 0)),
    }
    if dilated:
        rates = (options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1))
        found["dilation_rate"] = rates
    return found


def conv_2d(reader: Reader, operator: Operator) -> Node:
    """Conv2D: (F, KH, KW, C/G) as (KH, KW, C/G, F)."""
    options, x = operator.expect_options("Conv2DOptions"), pictures(reader, operator)
    kernel = reader.weight(operator, 1, "kernel", 4)
    F, KH, KW, C = kernel.shape
    channels = x.sample_shape[-1]
    if channels % C:
        operator.refuse(f"has a kernel for {C} channels, received pictures of {channels}")
    weights = {"kernel": kernel.transpose(1, 2, 3, 0)} | reader.bias(operator, 2, F)
    return reader.layer(
        "Conv2D",
        operator,
        x,
        weights,
        filters=F,
        kernel_size=(KH, KW),
        groups=channels // C,
        activation=operator.activation,
        use_bias="bias" in weights,
        **sliding(operator, options),
    )


def depthwise_conv_2d(reader: Reader, operator: Operator) -> Node:
    """DepthwiseConv2D: (1, KH, KW, C*M) as (KH, KW, C, M)."""
    options, x = operator.expect_options("DepthwiseConv2DOptions"), pictures(reader, operator)
    kernel = reader.weight(operator, 1, "kernel", 4)
    _, KH, KW, F = kernel.shape
    channels = x.sample_shape[-1]
    if kernel.shape[0] != 1 or F % channels:
        operator.refuse(f"has a kernel {kernel.shape}, received pictures of {channels} channels")
    M = F // channels
    shaped = kernel.reshape(KH, KW, channels, M)
    weights = {"kernel": shaped} | reader.bias(operator, 2, F)
    return reader.layer(
        "DepthwiseConv2D",
        operator,
        x,
        weights,
        kernel_size=(KH, KW),
        depth_multiplier=M,
        activation=operator.activation,
        use_bias="bias" in weights,
        **sliding(operator, options),
    )


def transpose_conv(reader: Reader, operator: Operator) -> Node:
    """Conv2DTranspose: (F, KH, KW, C) as (KH, KW, F, C), where the output's size, which is told, is
    the one that Keras' padding gives, or up to a stride larger.
    """
    options, x = operator.expect_options("TransposeConvOptions"), pictures(reader, operator, 2)
    size = reader.integers(operator, 0, "output shape")
    kernel = reader.weight(operator, 1, "kernel", 4)
    F, KH, KW, C = kernel.shape
    if len(size) != 4 or C != x.sample_shape[-1]:
        operator.refuse(f"has a kernel {kernel.shape} for pictures {x.sample_shape}")
    how = sliding(operator, options, dilated=False)
    if min(how["strides"]) < 1:
        operator.refuse(f"has the strides {how['strides']}")
    more = []
    for n, k, stride, wanted in zip(
        x.sample_shape, (KH, KW), how["strides"], size[1:3], strict=False
    ):
        least = (n - 1) * stride + (k if how["padding"] == "valid" else k % 2)
        more.append(wanted - least)
    usual = [
        n * stride - ((n - 1) * stride + k % 2) if how["padding"] == "same" else max(stride - k, 0)
        for n, k, stride in zip(x.sample_shape, (KH, KW), how["strides"], strict=False)
    ]
    weights = {"kernel": kernel.transpose(1, 2, 0, 3)} | reader.bias(operator, 3, F)
    y = reader.layer(
        "Conv2DTranspose",
        operator,
        x,
        weights,
        filters=F,
        kernel_size=(KH, KW),
        output_padding=None if more == usual else tuple(more),
        activation=operator.activation,
        use_bias="bias" in weights,
        **how,
    )
    if list(y.sample_shape) != [*size[1:3], F]:
        operator.refuse(f"makes pictures of {size[1:]}, which no padding of Keras does")
    return y


def fully_connected(reader: Reader, operator: Operator) -> Node:
    """Dense: (F, D) as (D, F). Samples of several axes are vectors first, unless told otherwise."""
    options, x = operator.expect_options("FullyConnectedOptions"), reader.value(operator)
    kernel = reader.weight(operator, 1, "kernel", 2)
    F, D = kernel.shape
    if options.get("weights_format", 0):
        operator.refuse("has shuffled weights, which only some processors read")
    if len(x.sample_shape) > 1 and not options.get("keep_num_dims"):
        x = reader.layer("Flatten", operator, x)
    if x.sample_shape[-1] != D:
        operator.refuse(f"expected vectors of {D} numbers, received {x.sample_shape}")
    weights = {"kernel": kernel.T} | reader.bias(operator, 2, F)
    return reader.layer(
        "Dense",
        operator,
        x,
        weights,
        units=F,
        activation=operator.activation,
        use_bias="bias" in weights,
    )


def _pooled(kind: str, reader: Reader, operator: Operator) -> Node:
    options, x = operator.expect_options("Pool2DOptions"), pictures(reader, operator)
    size = (options.get("filter_height", 0), options.get("filter_width", 0))
    how = sliding(operator, options, dilated=False)
    y = reader.layer(kind, operator, x, pool_size=size, **how)
    return reader.activated(operator, y, operator.activation)


def max_pool_2d(reader: Reader, operator: Operator) -> Node:
    """MaxPooling2D."""
    return _pooled("MaxPooling2D", reader, operator)


def average_pool_2d(reader: Reader, operator: Operator) -> Node:
    """AveragePooling2D."""
    return _pooled("AveragePooling2D", reader, operator)


CONVOLUTIONS: dict[str, Any] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": max_pool_2d,
    "AVERAGE_POOL_2D": average_pool_2d,
}
