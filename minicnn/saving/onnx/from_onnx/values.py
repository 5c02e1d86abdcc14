"""What a node makes: a symbolic tensor of minicnn's, and how its axes lie in ONNX."""

from dataclasses import dataclass, replace
from typing import Any

from minicnn.layers.node import Node
from minicnn.types import Array, Shape


@dataclass(frozen=True)
class Value:
    """A symbolic tensor.

    Attributes:
        tensor: of minicnn.
        dims: its shape in ONNX, with the batch axis.
        perm: for each axis of the tensor, N too, the axis in ONNX that it is: (0, 2, 3, 1) for
            pictures that are channels first there. A transpose changes this, and nothing else.
        maps: of a vector that was made of a tensor whose axes lie otherwise in ONNX, the shape
            (without N) in ONNX of what it was made of, and the order of its axes there; its numbers
            have that order.
        positive: whether no number is below 0.
        last: whether a transpose has made pictures of channels first ones of channels last in ONNX,
            too.
    """

    tensor: Node
    dims: Shape
    perm: tuple[int, ...]
    maps: tuple[Shape, tuple[int, ...]] | None = None
    positive: bool = False
    last: bool = False

    @property
    def rank(self) -> int:
        """Axes in ONNX."""
        return len(self.dims)

    @property
    def batch(self) -> int:
        """Which of them counts the samples."""
        return self.perm[0]

    def place(self, axis: int) -> int:
        """Where an axis of ONNX is in the tensor, counted with N."""
        return self.perm.index(axis)

    def like(self, tensor: Node, **changes: Any) -> "Value":
        """What keeps axes and order."""
        return replace(self, tensor=tensor, **{"positive": False, **changes})


Constant = Array
Known = Value | Constant
