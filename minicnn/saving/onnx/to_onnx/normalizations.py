"""What is shifted and scaled: by fixed statistics, or by those of a sample itself."""

from collections.abc import Sequence
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
from minicnn.saving.onnx.to_onnx.graph import Graph, Value
from minicnn.types import Array


def batch_normalization(graph: Graph, layer: BatchNormalization, x: Value) -> Value:
    """BatchNormalization, whose channels are axis 1; where they are not, by its formula."""
    x = graph.first(x) if x.rank == 4 else x
    state, ones = layer.state, np.ones_like(layer.state["moving_mean"])
    gamma = layer.params["gamma"] if layer.scale else ones
    beta = layer.params["beta"] if layer.center else 0 * ones
    if x.rank != 3:
        arrays = (gamma, beta, state["moving_mean"], state["moving_variance"])
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        given = [
            graph.floats(name, x.along_channels(array).ravel())
            for name, array in zip(names, arrays, strict=True)
        ]
        epsilon = float(layer.epsilon)
        return graph.like(x, graph.node("BatchNormalization", x.name, *given, epsilon=epsilon))
    factor = gamma / np.sqrt(state["moving_variance"].astype(np.float64) + layer.epsilon)
    centred = graph.node("Sub", x.name, graph.floats("moving_mean", state["moving_mean"]))
    scaled = graph.node("Mul", centred, graph.floats("factor", factor))
    return graph.like(x, graph.node("Add", scaled, graph.floats("beta", beta)))


def normalization(graph: Graph, layer: Normalization, x: Value) -> Value:
    """Sub and Div."""
    deviation = np.maximum(np.sqrt(layer.state["variance"]), SMALLEST_DEVIATION)
    mean = graph.floats("mean", x.along_channels(layer.state["mean"]))
    centred = graph.node("Sub", x.name, mean)
    divisor = graph.floats("deviation", x.along_channels(deviation))
    return graph.like(x, graph.node("Div", centred, divisor))


def rescaling(graph: Graph, layer: Rescaling, x: Value) -> Value:
    """Mul, and Add where there is an offset."""
    y = graph.node("Mul", x.name, graph.floats("scale", layer.scale))
    if np.any(layer.offset):
        y = graph.node("Add", y, graph.floats("offset", layer.offset))
    return graph.like(x, y)


def _standardized(graph: Graph, x: str, axes: Sequence[int], epsilon: float) -> str:
    """(x - mean) / sqrt(variance + epsilon), mean and variance over some axes in memory."""
    mean = graph.node("ReduceMean", x, axes=list(axes), keepdims=1)
    centred = graph.node("Sub", x, mean)
    square = graph.node("Mul", centred, centred)
    variance = graph.node("ReduceMean", square, axes=list(axes), keepdims=1)
    more = graph.node("Add", variance, graph.floats("epsilon", epsilon))
    return graph.node("Div", centred, graph.node("Sqrt", more))


def _scaled(graph: Graph, y: str, gamma: Array | None, beta: Array | None) -> str:
    if gamma is not None:
        y = graph.node("Mul", y, graph.floats("gamma", gamma))
    if beta is not None:
        y = graph.node("Add", y, graph.floats("beta", beta))
    return y


def layer_normalization(graph: Graph, layer: LayerNormalization, x: Value) -> Value:
    """LayerNormalization, which has its axes last; over others, by its formula."""
    found = layer.axes(x.shape)
    if found == tuple(range(x.rank - len(found), x.rank)):
        x, shape = graph.last(x), x.shape[-len(found) :]
        ones = np.ones(shape)
        given = [graph.floats("gamma", layer.params["gamma"] if layer.scale else ones)]
        if layer.center:
            given.append(graph.floats("beta", layer.params["beta"]))
        epsilon = float(layer.epsilon)
        name = graph.node(
            "LayerNormalization", x.name, *given, axis=found[0] - x.rank, epsilon=epsilon
        )
        return graph.like(x, name)
    x = x if x.rank == 4 else graph.last(x)
    axes = [x.axis(axis) for axis in found]
    y = _standardized(graph, x.name, axes, layer.epsilon)
    gamma = x.as_sample(layer._along("gamma")) if layer.scale else None
    beta = x.as_sample(layer._along("beta")) if layer.center else None
    return graph.like(x, _scaled(graph, y, gamma, beta))


def group_normalization(graph: Graph, layer: GroupNormalization, x: Value) -> Value:
    """InstanceNormalization of (N, G, positions * C/G), as opset 17 has no other."""
    *positions, C = x.shape
    groups = C if layer.groups == -1 else layer.groups
    if x.rank == 4:
        x = graph.first(x)
        inside, shape = x.name, [0, C, *positions]
    elif x.rank == 3:
        inside, shape = graph.node("Transpose", x.name, perm=[0, 2, 1]), [0, C, *positions]
    else:
        x = graph.last(x)
        inside, shape = x.name, [0, C]
    rows = graph.node("Reshape", inside, graph.integers("groups", [0, groups, -1]))
    y = graph.node(
        "InstanceNormalization",
        rows,
        graph.floats("ones", np.ones(groups)),
        graph.floats("zeros", np.zeros(groups)),
        epsilon=float(layer.epsilon),
    )
    y = graph.node("Reshape", y, graph.integers("shape", shape))
    if x.rank == 3:
        y = graph.node("Transpose", y, perm=[0, 2, 1])
    gamma = x.along_channels(layer.params["gamma"]) if layer.scale else None
    beta = x.along_channels(layer.params["beta"]) if layer.center else None
    return graph.like(x, _scaled(graph, y, gamma, beta))


def local_response_normalization(
    graph: Graph, layer: LocalResponseNormalization, x: Value
) -> Value:
    """LRN, whose channels are axis 1."""
    rank = x.rank
    x = graph.first(x) if rank == 4 else x
    y = x.name if rank != 3 else graph.node("Transpose", x.name, perm=[0, 2, 1])
    y = graph.node("LRN", y, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k)
    if rank == 3:
        y = graph.node("Transpose", y, perm=[0, 2, 1])
    return graph.like(x, y)


NORMALIZATIONS: dict[type, Any] = {
    BatchNormalization: batch_normalization,
    Normalization: normalization,
    Rescaling: rescaling,
    LayerNormalization: layer_normalization,
    GroupNormalization: group_normalization,
    LocalResponseNormalization: local_response_normalization,
}
