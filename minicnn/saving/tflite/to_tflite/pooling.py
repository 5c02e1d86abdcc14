"""Windows without weights. Cells of the padding count for neither, as in minicnn."""

from typing import Any

from minicnn.layers import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from minicnn.saving.tflite.schema import SAME, VALID
from minicnn.saving.tflite.to_tflite.graph import Graph, Value


def _pooled(kind: str, graph: Graph, layer: Any, x: Value) -> Value:
    return graph.node(
        kind,
        [x.tensor],
        layer.output_shape,
        "Pool2DOptions",
        padding=SAME if layer.padding == "same" else VALID,
        stride_h=layer.strides[0],
        stride_w=layer.strides[1],
        filter_height=layer.pool_size[0],
        filter_width=layer.pool_size[1],
    )


def max_pooling2d(graph: Graph, layer: MaxPooling2D, x: Value) -> Value:
    """MAX_POOL_2D."""
    return _pooled("MAX_POOL_2D", graph, layer, x)


def average_pooling2d(graph: Graph, layer: AveragePooling2D, x: Value) -> Value:
    """AVERAGE_POOL_2D."""
    return _pooled("AVERAGE_POOL_2D", graph, layer, x)


def _of_all(kind: str, graph: Graph, layer: Any, x: Value) -> Value:
    inputs = [x.tensor, graph.integers("axes", [1, 2])]
    shape = layer.output_shape
    return graph.node(kind, inputs, shape, "ReducerOptions", keep_dims=bool(layer.keepdims))


def global_average_pooling2d(graph: Graph, layer: GlobalAveragePooling2D, x: Value) -> Value:
    """MEAN over rows and columns."""
    return _of_all("MEAN", graph, layer, x)


def global_max_pooling2d(graph: Graph, layer: GlobalMaxPooling2D, x: Value) -> Value:
    """REDUCE_MAX over rows and columns."""
    return _of_all("REDUCE_MAX", graph, layer, x)


POOLING: dict[type, Any] = {
    MaxPooling2D: max_pooling2d,
    AveragePooling2D: average_pooling2d,
    GlobalAveragePooling2D: global_average_pooling2d,
    GlobalMaxPooling2D: global_max_pooling2d,
}
