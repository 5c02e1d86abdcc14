"""Which function writes which layer: each takes the graph, the layer, and the value or the list of
values that it is called on, and returns the value that comes out.
"""

from typing import Any

from minicnn.saving.graphs.writing import writer_of
from minicnn.saving.tflite.to_tflite.activations import ACTIVATIONS
from minicnn.saving.tflite.to_tflite.convolutions import CONVOLUTIONS
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.merging import MERGING
from minicnn.saving.tflite.to_tflite.normalizations import NORMALIZATIONS
from minicnn.saving.tflite.to_tflite.pooling import POOLING
from minicnn.saving.tflite.to_tflite.shapes import SHAPES, identity

TABLE: dict[type, Any] = {
    **CONVOLUTIONS,
    **POOLING,
    **ACTIVATIONS,
    **NORMALIZATIONS,
    **SHAPES,
    **MERGING,
}


def write_layer(graph: Graph, layer: Any, xs: list[Value]) -> Value:
    """The value of a layer called on those. Raises ValueError for one that LiteRT cannot say."""
    function = writer_of(layer, TABLE, identity, "LiteRT")
    return function(graph, layer, xs if layer.takes_several else xs[0])
