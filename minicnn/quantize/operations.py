"""A network as quantisation sees it: a list of operations on numbered values.

Value 0 is what comes in; operation n makes value n + 1. There are few kinds, and each is linear but
for the ReLU that it may end with, or only moves numbers: this is what computes in reals, in whole
numbers, in LiteRT and in ONNX alike.

    conv2d               kernel (KH, KW, C/G, F): strides, padding, dilation_rate, groups
    depthwise_conv2d     kernel (KH, KW, C, M): strides, padding, dilation_rate
    dense                kernel (D, F), of vectors
    add                  of two values of one shape
    global_average       mean over rows and columns
    max_pooling2d, average_pooling2d      pool_size, strides, padding
    global_max           largest of rows and columns
    zero_padding2d       frame ((top, bottom), (left, right))
    reshape, concatenate (axis, counted with N), relu
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minicnn.types import Array, Shape

WEIGHTED = ("conv2d", "depthwise_conv2d", "dense")
# what can end with a ReLU, at no cost
FUSING = (*WEIGHTED, "add")
# what has a quantization of its own
MAKING = (*FUSING, "global_average")
# what makes the numbers that it takes, or some between them: its quantization is what it takes
KEEPING = (
    "max_pooling2d",
    "average_pooling2d",
    "global_max",
    "zero_padding2d",
    "reshape",
    "concatenate",
    "relu",
)
KINDS = (*MAKING, *KEEPING)
ACTIVATIONS = (None, "relu", "relu6")
ENDINGS = (None, "softmax", "sigmoid")  # which stay in reals


@dataclass
class Operation:
    """One step.

    Attributes:
        kind: one of KINDS.
        name: of the layer, and no other operation's.
        reads: the numbers of the values that it takes.
        shape: of one sample of what it makes.
        activation: None, "relu" or "relu6", which it ends with.
        settings: what the kind is told above.
        kernel, bias: of those of WEIGHTED.
    """

    kind: str
    name: str
    reads: tuple[int, ...]
    shape: Shape
    activation: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    kernel: Array | None = None
    bias: Array | None = None


@dataclass
class Computation:
    """Operations, what comes in, and what is done with the last value in reals.

    Attributes:
        name: of the network.
        input_shape: of one sample.
        operations: each reads values before its own.
        ending: None, "softmax" or "sigmoid".
        class_names: or None.
    """

    name: str
    input_shape: Shape
    operations: list[Any]
    ending: str | None = None
    class_names: list[str] | None = None

    def shape(self, value: int) -> Shape:
        """The shape of one sample of a value."""
        return self.input_shape if value == 0 else self.operations[value - 1].shape
