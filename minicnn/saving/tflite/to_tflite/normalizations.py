"""What is shifted and scaled: by fixed statistics, or by those of a sample itself."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minicnn.layers import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    LocalResponseNormalization,
    Normalization,
    Rescaling,
)
from minicnn.layers.normalization import SMALLEST_DEVIATION
from minicnn.saving.tflite.schema import VALID
from minicnn.saving.tflite.to_tflite.arithmetic import by_number, one, two
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.shapes import reshaped
from minicnn.types import Array


def batch_normalization(graph: Graph, layer: BatchNormalization, x: Value) -> Value:
    """x * scale + shift with scale = gamma / sqrt(moving_variance + epsilon), shift = beta -
    moving_mean * scale.

    A part of the layer before where that has a kernel and no activation, and nobody else reads it;
    of other pictures, a depthwise convolution of single pixels; else MUL and ADD.
    """
    scale = 1 / np.sqrt(layer.state["moving_variance"].astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * layer.params["gamma"]
    shift = -layer.state["moving_mean"] * scale
    if layer.center:
        shift = shift + layer.params["beta"]
    folded = graph.folded(x, scale, shift)
    if folded is not None:
        return folded
    if x.rank != 4:
        return by_number(graph, "ADD", by_number(graph, "MUL", x, "scale", scale), "shift", shift)
    inputs = [
        x.tensor,
        graph.floats("scale", scale.reshape(1, 1, 1, -1)),
        graph.floats("shift", shift),
    ]
    return graph.node(
        "DEPTHWISE_CONV_2D",
        inputs,
        x.shape,
        "DepthwiseConv2DOptions",
        padding=VALID,
        stride_h=1,
        stride_w=1,
        depth_multiplier=1,
    )


def normalization(graph: Graph, layer: Normalization, x: Value) -> Value:
    """SUB and DIV."""
    deviation = np.maximum(np.sqrt(layer.state["variance"]), SMALLEST_DEVIATION)
    centred = by_number(graph, "SUB", x, "mean", layer.state["mean"])
    return by_number(graph, "DIV", centred, "deviation", deviation)


def rescaling(graph: Graph, layer: Rescaling, x: Value) -> Value:
    """MUL, and ADD where there is an offset."""
    y = by_number(graph, "MUL", x, "scale", layer.scale)
    return by_number(graph, "ADD", y, "offset", layer.offset) if np.any(layer.offset) else y


def standardized(graph: Graph, x: Value, axes: Sequence[int], epsilon: float) -> Value:
    """(x - mean) / sqrt(variance + epsilon), mean and variance over some axes."""
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape, 1))
    over = graph.integers("axes", list(axes))

    def mean(y: Value) -> Value:
        return graph.node("MEAN", [y.tensor, over], shape, "ReducerOptions", keep_dims=True)

    centred = two(graph, "SUB", x, mean(x))
    variance = mean(two(graph, "MUL", centred, centred))
    more = by_number(graph, "ADD", variance, "epsilon", epsilon)
    return two(graph, "MUL", centred, one(graph, "RSQRT", more))


def _scaled(graph: Graph, y: Value, gamma: Array | None, beta: Array | None) -> Value:
    if gamma is not None:
        y = by_number(graph, "MUL", y, "gamma", gamma)
    return y if beta is None else by_number(graph, "ADD", y, "beta", beta)


def layer_normalization(graph: Graph, layer: LayerNormalization, x: Value) -> Value:
    """By its formula."""
    y = standardized(graph, x, layer.axes(x.shape), layer.epsilon)
    gamma = layer._along("gamma") if layer.scale else None
    return _scaled(graph, y, gamma, layer._along("beta") if layer.center else None)


def group_normalization(graph: Graph, layer: GroupNormalization, x: Value) -> Value:
    """By its formula, of (N, positions, G, C/G)."""
    *positions, C = x.shape
    G = C if layer.groups == -1 else layer.groups
    groups = reshaped(graph, x, (prod(positions), G, C // G))
    y = reshaped(graph, standardized(graph, groups, (1, 3), layer.epsilon), x.shape)
    gamma = layer.params["gamma"] if layer.scale else None
    return _scaled(graph, y, gamma, layer.params["beta"] if layer.center else None)


def local_response_normalization(
    graph: Graph, layer: LocalResponseNormalization, x: Value
) -> Value:
    """LOCAL_RESPONSE_NORMALIZATION of pictures; alpha is not divided by the channels there."""
    *positions, C = x.shape
    pictures = x if x.rank == 4 else reshaped(graph, x, (1, prod(positions), C))
    y = graph.node(
        "LOCAL_RESPONSE_NORMALIZATION",
        [pictures.tensor],
        pictures.shape,
        "LocalResponseNormalizationOptions",
        radius=layer.size // 2,
        bias=layer.k,
        alpha=layer.alpha / layer.size,
        beta=layer.beta,
    )
    return y if x.rank == 4 else reshaped(graph, y, x.shape)


NORMALIZATIONS: dict[type, Any] = {
    BatchNormalization: batch_normalization,
    Normalization: normalization,
    Rescaling: rescaling,
    LayerNormalization: layer_normalization,
    GroupNormalization: group_normalization,
    LocalResponseNormalization: local_response_normalization,
}
