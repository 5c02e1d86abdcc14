"""Which operations a layer is: each function takes the builder, the layer, and the number of the
value, or the numbers of those, that it is called on, and returns that of what it makes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Identity,
    MaxPooling2D,
    Normalization,
    RandomCrop,
    ReLU,
    Rescaling,
    Reshape,
    SeparableConv2D,
    ZeroPadding2D,
)
from minicnn.layers.base import Layer
from minicnn.quantize.builder import Builder
from minicnn.types import Array

KNOWN = (
    "Conv2D, DepthwiseConv2D, SeparableConv2D, Dense, BatchNormalization, pooling, Add, "
    "Concatenate, ReLU and softmax or sigmoid at the end"
)


def refused(layer: Layer, why: str) -> ValueError:
    """The error for a layer that has no whole numbers."""
    return ValueError(
        f"quantization expected layers that whole numbers can do, received {layer}: {why}"
    )


def _relu(layer: Layer, owner: Layer) -> str:
    """What a ReLU is called here."""
    if type(layer) is ReLU and not layer.negative_slope and not layer.threshold:
        if layer.max_value in (None, 6):
            return "relu" if layer.max_value is None else "relu6"
        raise refused(owner, "a ReLU has no upper limit, or 6: train with max_value=6")
    what = "softmax and sigmoid stand at the end" if type(layer).__name__ == "Softmax" else ""
    name = getattr(owner, "activation", None) or type(layer).__name__
    raise refused(
        owner,
        f"{what or f'{name!r} is no straight line'}; train with 'relu' or 'relu6' there",
    )


def activated(builder: Builder, layer: Any, value: int) -> int:
    """A value behind the activation that a layer has."""
    if layer.activation_layer is None:
        return value
    return builder.activated(value, _relu(layer.activation_layer, layer))


def _bias(layer: Any, filters: int) -> Array:
    return layer.params["bias"].astype(np.float64) if layer.use_bias else np.zeros(filters)


def _kernel(layer: Any, name: str = "kernel") -> Array:
    return layer.params[name].astype(np.float64)


def _slides(layer: Any) -> dict[str, Any]:
    return {
        "strides": tuple(layer.strides),
        "padding": layer.padding,
        "dilation_rate": tuple(layer.dilation_rate),
    }


def conv2d(builder: Builder, layer: Conv2D, x: int) -> int:
    """conv2d."""
    told = {"groups": layer.groups, **_slides(layer)}
    told |= {"kernel": _kernel(layer), "bias": _bias(layer, layer.filters)}
    return activated(builder, layer, builder.put("conv2d", [x], layer.output_shape, **told))


def depthwise_conv2d(builder: Builder, layer: DepthwiseConv2D, x: int) -> int:
    """depthwise_conv2d."""
    shape = layer.output_shape
    told = {"kernel": _kernel(layer), "bias": _bias(layer, shape[-1]), **_slides(layer)}
    return activated(builder, layer, builder.put("depthwise_conv2d", [x], shape, **told))


def separable_conv2d(builder: Builder, layer: SeparableConv2D, x: int) -> int:
    """Both of them."""
    kernel = _kernel(layer, "depthwise_kernel")
    between = kernel.shape[2] * kernel.shape[3]
    told = {"kernel": kernel, "bias": np.zeros(between), **_slides(layer)}
    z = builder.put("depthwise_conv2d", [x], (*layer.window.output, between), **told)
    y = _pointwise(builder, layer, z, _kernel(layer, "pointwise_kernel"), layer.filters)
    return activated(builder, layer, y)


def _pointwise(builder: Builder, layer: Any, x: int, kernel: Array, filters: int) -> int:
    return builder.put(
        "conv2d",
        [x],
        layer.output_shape,
        kernel=kernel,
        bias=_bias(layer, filters),
        strides=(1, 1),
        padding="valid",
        dilation_rate=(1, 1),
        groups=1,
    )


def dense(builder: Builder, layer: Dense, x: int) -> int:
    """dense; of pictures, a conv2d of single pixels."""
    axes = len(layer.input_shape)
    if axes not in (1, 3):
        raise refused(layer, f"its samples have {axes} axes; vectors and pictures can be done")
    kernel = _kernel(layer)
    if axes == 3:
        y = _pointwise(builder, layer, x, kernel[None, None], layer.units)
    else:
        bias = _bias(layer, layer.units)
        y = builder.put("dense", [x], layer.output_shape, kernel=kernel, bias=bias)
    return activated(builder, layer, y)


def batch_normalization(builder: Builder, layer: BatchNormalization, x: int) -> int:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta."""
    mean, variance = (layer.state[n].astype(np.float64) for n in ("moving_mean", "moving_variance"))
    a = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        a = a * layer.params["gamma"]
    b = -mean * a
    return builder.scaled(x, a, b + layer.params["beta"] if layer.center else b)


def normalization(builder: Builder, layer: Normalization, x: int) -> int:
    """(x - mean) / deviation."""
    a = 1 / layer._deviation().astype(np.float64)
    return builder.scaled(x, a, -layer.state["mean"] * a)


def rescaling(builder: Builder, layer: Rescaling, x: int) -> int:
    """scale x + offset."""
    channels = layer.output_shape[-1]
    a, b = (np.full(channels, float(one)) for one in (layer.scale, layer.offset))
    return builder.scaled(x, a, b)


def pooled(builder: Builder, layer: Any, x: int) -> int:
    """max_pooling2d or average_pooling2d."""
    kind = "max_pooling2d" if type(layer) is MaxPooling2D else "average_pooling2d"
    told = {"pool_size": tuple(layer.pool_size), "strides": tuple(layer.strides)}
    return builder.put(kind, [x], layer.output_shape, padding=layer.padding, **told)


def pooled_to_one(builder: Builder, layer: Any, x: int) -> int:
    """global_max or global_average."""
    kind = "global_max" if type(layer) is GlobalMaxPooling2D else "global_average"
    return builder.put(kind, [x], layer.output_shape)


def zero_padding2d(builder: Builder, layer: ZeroPadding2D, x: int) -> int:
    """zero_padding2d."""
    return builder.put("zero_padding2d", [x], layer.output_shape, frame=layer.padding)


def reshape(builder: Builder, layer: Any, x: int) -> int:
    """reshape."""
    return builder.reshaped(x, layer.output_shape)


def add(builder: Builder, layer: Add, xs: list[int]) -> int:
    """add, one after the other."""
    if len({builder.shape(x) for x in xs}) > 1:
        raise refused(layer, "it adds values of different shapes; repeat the smaller one first")
    total = xs[0]
    for x in xs[1:]:
        total = builder.put("add", [total, x], layer.output_shape)
    return total


def concatenate(builder: Builder, layer: Concatenate, xs: list[int]) -> int:
    """concatenate."""
    axis = layer.axis % (len(layer.output_shape) + 1)
    return builder.put("concatenate", xs, layer.output_shape, axis=axis)


def relu(builder: Builder, layer: ReLU, x: int) -> int:
    """relu, most often as a part of what makes x."""
    return builder.activated(x, _relu(layer, layer))


def identity(builder: Builder, layer: Layer, x: int) -> int:
    """Nothing, as a layer that acts in training only is in inference."""
    if builder.shape(x) != layer.output_shape:
        raise refused(layer, "it cuts pictures; give the network pictures of its size")
    return x


LAYERS: dict[type, Callable[..., int]] = {
    Conv2D: conv2d,
    DepthwiseConv2D: depthwise_conv2d,
    SeparableConv2D: separable_conv2d,
    Dense: dense,
    BatchNormalization: batch_normalization,
    Normalization: normalization,
    Rescaling: rescaling,
    MaxPooling2D: pooled,
    AveragePooling2D: pooled,
    GlobalAveragePooling2D: pooled_to_one,
    GlobalMaxPooling2D: pooled_to_one,
    ZeroPadding2D: zero_padding2d,
    Flatten: reshape,
    Reshape: reshape,
    Add: add,
    Concatenate: concatenate,
    ReLU: relu,
    Activation: activated,
    Identity: identity,
    RandomCrop: identity,
}
