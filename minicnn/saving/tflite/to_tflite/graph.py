"""The graph that is being written: tensors, operators, constants.

Pictures are (N, H, W, C) in LiteRT as they are in minicnn. N is open: a tensor's shape has 1 there,
and its shape_signature -1. What an operator makes is changed afterwards in two cases, where nobody
else reads it: a ReLU becomes a part of it, and a batch normalisation a part of its weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.saving.graphs.writing import Names
from minicnn.saving.tflite.schema import NONE, OPERATORS, RELU, RELU6, UNION
from minicnn.types import Array, Shape

FUSED = {"RELU": RELU, "RELU6": RELU6}
# operators that may have an activation, and those that have a kernel and a bias
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
FUSING = (*CONVOLUTIONS, "ADD", "SUB", "MUL", "DIV")


@dataclass(frozen=True)
class Value:
    """What an operator makes: the number of its tensor, and the shape of one sample."""

    tensor: int
    shape: Shape

    @property
    def rank(self) -> int:
        """Axes, with N."""
        return len(self.shape) + 1


@dataclass
class Tensor:
    """A tensor: its name, its shape with N, its type, and its numbers where it is a constant.

    fixed: whether its first axis is N, and open, or not.
    quantization: the fields of its QuantizationParameters, of whole numbers that stand for others.
    """

    name: str
    shape: Shape
    dtype: str
    data: Array | None = None
    fixed: bool = False
    quantization: dict[str, Any] | None = None


@dataclass
class Operator:
    """An operator: what it reads and makes; options: the table's name and its fields."""

    kind: str
    version: int
    inputs: list[int]
    outputs: list[int]
    options: tuple[str, dict[str, Any]] | None = None


@dataclass
class Graph(Names):
    """Tensors and operators, as they are made.

    Attributes:
        scope: the path of the layer that is being written, after which all is named.
        alone: whether this layer alone reads what it is called on, and that does not come out.
        makers: the operator that makes each tensor.
    """

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    makers: dict[int, Operator] = field(default_factory=dict)
    scope: str = ""
    alone: bool = False

    def tensor(self, name: str, shape: Shape, dtype: str = "float32") -> int:
        """The number of a new tensor of that shape, with N."""
        self.tensors.append(Tensor(self.unique(name), tuple(shape), dtype))
        return len(self.tensors) - 1

    def floats(self, name: str, values: Any) -> int:
        """The number of a constant of float32, "conv2d/kernel"."""
        return self._constant(name, np.asarray(values, np.float32))

    def integers(self, name: str, values: Any) -> int:
        """The number of a constant of int32."""
        return self._constant(name, np.asarray(values, np.int32))

    def _constant(self, name: str, values: Array) -> int:
        number = self.tensor(f"{self.scope}/{name}", values.shape, values.dtype.name)
        self.tensors[number].fixed = True
        self.tensors[number].data = np.ascontiguousarray(values).reshape(values.shape)
        return number

    def node(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Shape,
        options: str | None = None,
        version: int = 1,
        dtype: str = "float32",
        **values: Any,
    ) -> Value:
        """Append an operator; what it makes. The first of a layer has the layer's name.

        Args:
            kind: "CONV_2D".
            shape: of one sample of what it makes.
            options: the table of its options, of which values are the fields.
        """
        assert kind in OPERATORS and (options is None or options in UNION), (kind, options)
        name = f"{self.scope}/{kind.lower()}" if self.scope in self.taken else self.scope
        tensor = self.tensor(name, (1, *shape), dtype)
        told = None if options is None else (options, values)
        self.makers[tensor] = Operator(kind, version, list(inputs), [tensor], told)
        self.operators.append(self.makers[tensor])
        return Value(tensor, tuple(shape))

    # What is changed afterwards

    def fused(self, x: Value, kind: str) -> Value | None:
        """x, with a ReLU as a part of the operator that makes it; None where that cannot be."""
        maker = self.makers.get(x.tensor)
        if not self.alone or maker is None or maker.kind not in FUSING or maker.options is None:
            return None
        options = maker.options[1]
        if options.get("fused_activation_function", NONE) != NONE:
            return None
        options["fused_activation_function"] = FUSED[kind]
        return x

    def folded(self, x: Value, scale: Array, shift: Array) -> Value | None:
        """x * scale + shift, for each channel, as a part of the kernel and bias that make x; None
        where that cannot be.
        """
        maker = self.makers.get(x.tensor)
        if not self.alone or maker is None or maker.kind not in CONVOLUTIONS:
            return None
        assert maker.options is not None
        if maker.options[1].get("fused_activation_function", NONE) != NONE:
            return None
        kernel, bias = (self.tensors[n] for n in maker.inputs[1:])
        assert kernel.data is not None and bias.data is not None
        if maker.kind == "DEPTHWISE_CONV_2D":  # (1, KH, KW, F), others (F, ...)
            factors = scale
        else:
            factors = scale.reshape(-1, *[1] * (kernel.data.ndim - 1))
        kernel.data = (kernel.data * factors).astype(np.float32)
        bias.data = (bias.data * scale + shift).astype(np.float32)
        return x
