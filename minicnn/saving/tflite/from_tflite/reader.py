"""The network that is being made: values by the numbers of their tensors."""

from collections.abc import Sequence

import numpy as np

from minicnn.layers.node import Node
from minicnn.saving.graphs.reader import GraphReader
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.tensors import Tensor
from minicnn.types import Array, Shape

FOLDED = 2**26  # numbers that are made while constants are computed
MADE = 2**22  # numbers of weights beside those in the file: what several operators share

Known = Node | Array


class Reader(GraphReader[Operator, Node]):
    """What has been read of a graph, of which values are tensors.

    Attributes:
        tensors, operators: of the file.
    """

    ending, nothing = ".tflite", -1

    def __init__(
        self, tensors: list[Tensor], operators: list[Operator], ends: Sequence[int], batch: int
    ):
        constants = {n: one.data for n, one in enumerate(tensors) if one.data is not None}
        stored = sum(one.size for one in constants.values())
        super().__init__(operators, ends, batch, FOLDED, MADE + 2 * stored)
        self.tensors, self.operators = tensors, operators
        self.values.update(constants)

    # What an operator reads

    def weight(self, operator: Operator, place: int, what: str, rank: int) -> Array:
        """An input of finite floats with that many axes."""
        found = self.optional(operator, place, what)
        if found is None or found.ndim != rank or found.dtype != np.float32 or not found.size:
            received = "nothing" if found is None else f"{found.dtype} {found.shape}"
            operator.refuse(f"expected its {what} with {rank} axes of float32, received {received}")
        if not np.isfinite(found).all():
            operator.refuse(f"expected a {what} of finite numbers")
        return found

    def bias(self, operator: Operator, place: int, filters: int) -> dict[str, Array]:
        """{"bias": ...} of as many numbers, or {} where it is left out."""
        if self.known(operator, place) is None:
            return {}
        found = self.weight(operator, place, "bias", 1)
        if found.shape != (filters,):
            operator.refuse(f"expected {filters} numbers as its bias, received {found.shape}")
        return {"bias": found}

    def integers(self, operator: Operator, place: int, what: str) -> list[int]:
        """An input of a few whole numbers that are known."""
        found = self.optional(operator, place, what)
        if found is None or found.size > 64 or found.dtype.kind not in "iu":
            operator.refuse(f"expected {what} as a few whole numbers")
        return [int(n) for n in found.reshape(-1)]

    def dims(self, node: Node) -> Shape:
        """The shape of a value in the file, with N."""
        return (self.batch, *node.sample_shape)

    # What is made

    def activated(self, operator: Operator, x: Node, name: str | None) -> Node:
        """x after the activation of that name."""
        return x if name is None else self.layer("Activation", operator, x, activation=name)

    def label(self, operator: Operator, has_weights: bool) -> str:  # noqa: ARG002
        """As the tensor is called that the operator makes: of "model/conv2d/Relu;model/conv2d",
        the first.
        """
        return operator.name.split(";")[0]

    def put(self, operator: Operator, result: Known) -> None:
        """Remember what an operator makes. Raises ModelFileError for what has been made before."""
        for n in operator.outputs[1:]:
            if n in self.users or n in self.ends:
                operator.refuse("has more outputs than are read")
        self.put_at(operator, operator.outputs[0], result)

    def put_at(self, operator: Operator, tensor: int, result: Known) -> None:
        """The same for another tensor, which a later operator makes, that is a part of this."""
        if tensor in self.values:
            operator.refuse("makes what has been made before")
        self.values[tensor] = result
