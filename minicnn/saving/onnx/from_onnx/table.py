"""Which function reads which operator: each takes the reader and the node, makes layers, and puts
what the node makes.
"""

from typing import Any

from minicnn.saving.onnx.from_onnx.activations import ACTIVATIONS
from minicnn.saving.onnx.from_onnx.arithmetic import ARITHMETIC
from minicnn.saving.onnx.from_onnx.constants import constant, fold
from minicnn.saving.onnx.from_onnx.convolutions import CONVOLUTIONS
from minicnn.saving.onnx.from_onnx.cutting import CUTTING
from minicnn.saving.onnx.from_onnx.normalizations import NORMALIZATIONS
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.pooling import POOLING
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.resizing import RESIZING
from minicnn.saving.onnx.from_onnx.shapes import SHAPES
from minicnn.saving.onnx.from_onnx.values import Value

TABLE: dict[str, Any] = {
    **CONVOLUTIONS,
    **POOLING,
    **ACTIVATIONS,
    **ARITHMETIC,
    **NORMALIZATIONS,
    **SHAPES,
    **CUTTING,
    **RESIZING,
}
WHY = {  # what is known, and has no layer
    "QuantizeLinear": "numbers of 8 bits between layers are no part of a float network",
    "DequantizeLinear": "numbers of 8 bits between layers are no part of a float network",
    "If": "a network that decides what it computes is no graph of layers",
    "Loop": "a network that repeats itself is no graph of layers",
    "Scan": "a network that repeats itself is no graph of layers",
}


def read_node(reader: Reader, operator: Operator) -> None:
    """Make of a node what it is. Raises ModelFileError, or what `refusing` takes for it."""
    if operator.kind == "Constant":
        constant(reader, operator)
        operator.finish()
        return
    given = [reader.values[name] for name in operator.inputs if name]
    if not any(isinstance(one, Value) for one in given):
        fold(reader, operator)
        operator.finish()
        return
    function = TABLE.get(operator.kind)
    if function is None:
        why = WHY.get(operator.kind, "none of minicnn's layers computes that")
        operator.refuse(f"cannot be read: {why}")
    function(reader, operator)
    operator.finish()
