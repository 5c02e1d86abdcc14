"""Windows without weights."""

from typing import Any

from minicnn.layers import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from minicnn.saving.onnx.to_onnx.convolutions import around
from minicnn.saving.onnx.to_onnx.graph import FIRST, Graph, Value


def _pooled(operator: str, graph: Graph, layer: Any, x: Value) -> Value:
    """Cells of the padding count for neither, as in minicnn: that is ONNX's default too."""
    x = graph.first(x)
    y = graph.node(
        operator,
        x.name,
        kernel_shape=list(layer.pool_size),
        strides=list(layer.strides),
        pads=around(layer.window, x.shape),
    )
    return Value(y, layer.output_shape, FIRST)


def max_pooling2d(graph: Graph, layer: MaxPooling2D, x: Value) -> Value:
    """MaxPool."""
    return _pooled("MaxPool", graph, layer, x)


def average_pooling2d(graph: Graph, layer: AveragePooling2D, x: Value) -> Value:
    """AveragePool."""
    return _pooled("AveragePool", graph, layer, x)


def _of_all(operator: str, graph: Graph, layer: Any, x: Value) -> Value:
    """(N, C, 1, 1), and without keepdims (N, C)."""
    y = graph.node(operator, graph.first(x).name)
    if layer.keepdims:
        return Value(y, layer.output_shape, FIRST)
    return Value(graph.node("Flatten", y, axis=1), layer.output_shape)


def global_average_pooling2d(graph: Graph, layer: GlobalAveragePooling2D, x: Value) -> Value:
    """GlobalAveragePool."""
    return _of_all("GlobalAveragePool", graph, layer, x)


def global_max_pooling2d(graph: Graph, layer: GlobalMaxPooling2D, x: Value) -> Value:
    """GlobalMaxPool."""
    return _of_all("GlobalMaxPool", graph, layer, x)


POOLING = {
    MaxPooling2D: max_pooling2d,
    AveragePooling2D: average_pooling2d,
    GlobalAveragePooling2D: global_average_pooling2d,
    GlobalMaxPooling2D: global_max_pooling2d,
}
