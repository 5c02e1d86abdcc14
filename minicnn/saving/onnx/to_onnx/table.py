"""Which function writes which layer: each takes the graph, the layer, and the value or the list of
values that it is called on, and returns the value that comes out.
"""

from typing import Any

from minicnn.saving.graphs.writing import writer_of
from minicnn.saving.onnx.to_onnx.activations import ACTIVATIONS
from minicnn.saving.onnx.to_onnx.convolutions import CONVOLUTIONS
from minicnn.saving.onnx.to_onnx.graph import Graph, Value
from minicnn.saving.onnx.to_onnx.merging import MERGING
from minicnn.saving.onnx.to_onnx.normalizations import NORMALIZATIONS
from minicnn.saving.onnx.to_onnx.pooling import POOLING
from minicnn.saving.onnx.to_onnx.shapes import SHAPES, identity

TABLE: dict[type, Any] = {
    **CONVOLUTIONS,
    **POOLING,
    **ACTIVATIONS,
    **NORMALIZATIONS,
    **SHAPES,
    **MERGING,
}


def write_layer(graph: Graph, layer: Any, xs: list[Value]) -> Value:
    """The value of a layer called on those. Raises ValueError for one that ONNX cannot say."""
    function = writer_of(layer, TABLE, identity, "ONNX")
    return function(graph, layer, xs if layer.takes_several else xs[0])
