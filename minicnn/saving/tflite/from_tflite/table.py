"""Which function reads which operator: each takes the reader and the operator, and returns what it
makes: a layer's output, or a constant.
"""

from typing import Any

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.activations import ACTIVATIONS
from minicnn.saving.tflite.from_tflite.arithmetic import ARITHMETIC
from minicnn.saving.tflite.from_tflite.constants import CONSTANTS
from minicnn.saving.tflite.from_tflite.convolutions import CONVOLUTIONS
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.saving.tflite.from_tflite.shapes import SHAPES
from minicnn.saving.tflite.from_tflite.together import put_together

TABLE: dict[str, Any] = {**CONVOLUTIONS, **ACTIVATIONS, **ARITHMETIC, **SHAPES}


def read_operator(reader: Reader, operator: Operator) -> None:
    """Make of an operator what it is. Raises ModelFileError."""
    given = [reader.values[n] for n in operator.inputs if n >= 0]
    depends = operator.kind != "SHAPE" and any(isinstance(one, Node) for one in given)
    if depends and put_together(reader, operator):
        return
    function = (TABLE if depends else CONSTANTS).get(operator.kind)
    if function is None:
        why = "none of minicnn's layers computes that" if depends else "of constants alone"
        operator.refuse(f"cannot be read: {why}")
    # what it makes may be that of an operator that it has taken into itself
    reader.put(operator, function(reader, operator))
