"""The network that is being made: values by tensor, and layers called on them as a user does."""

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minicnn.layers import LAYERS
from minicnn.layers.node import Node
from minicnn.saving.description import LARGEST_OUTPUT
from minicnn.saving.tflite.from_tflite.limits import FOLDED, MADE, TEXT, Budget
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.tensors import Tensor
from minicnn.types import Array, Shape
from minicnn.wording import snake_case

Known = Node | Array


class Reader:
    """What has been read of a graph.

    Attributes:
        tensors: of the file.
        values: what is known of each tensor: a symbolic tensor, or a constant.
        users: the operators that read each tensor.
        ends: the tensors that come out.
        batch: how many samples the file is for; a number that is nothing else's where it is open.
        done: the operators that are a part of what was made of one before.
        work: numbers that may still be made by computing constants.
        room: numbers of weights that may still be made.
    """

    def __init__(
        self, tensors: list[Tensor], operators: list[Operator], ends: Sequence[int], batch: int
    ):
        self.tensors, self.operators = tensors, operators
        self.values: dict[int, Known] = {
            n: one.data for n, one in enumerate(tensors) if one.data is not None
        }
        self.users: dict[int, list[Operator]] = {}
        for operator in operators:
            for n in dict.fromkeys(operator.inputs):
                self.users.setdefault(n, []).append(operator)
        self.ends, self.batch = set(ends), batch
        self.done: set[int] = set()
        self.names: Counter[str] = Counter()
        stored = sum(one.data.size for one in tensors if one.data is not None)
        self.work, self.room = Budget(FOLDED, "work"), Budget(MADE + 2 * stored, "weights")

    # What an operator reads

    def known(self, operator: Operator, place: int) -> Known | None:
        """An input, or None where it is left out."""
        number = operator.inputs[place] if place < len(operator.inputs) else -1
        return None if number < 0 else self.values[number]

    def value(self, operator: Operator, place: int = 0) -> Node:
        """An input that depends on the pictures. Raises ModelFileError for another."""
        found = self.known(operator, place)
        if not isinstance(found, Node):
            operator.refuse(
                f"expected what depends on the network's inputs as its input {place}, received "
                f"{'nothing' if found is None else 'a constant'}"
            )
        return found

    def optional(self, operator: Operator, place: int, what: str) -> Array | None:
        """An input that is known, or None where it is left out."""
        found = self.known(operator, place)
        if isinstance(found, Node):
            operator.refuse(
                f"has its {what} computed from the network's inputs, expected a constant: "
                "minicnn's layers have weights of their own"
            )
        return found

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

    def only_user(self, tensor: int) -> Operator | None:
        """The operator that alone reads a tensor, where there is just one."""
        users = self.users.get(tensor, [])
        return users[0] if len(users) == 1 and tensor not in self.ends else None

    def dims(self, node: Node) -> Shape:
        """The shape of a value in the file, with N."""
        return (self.batch, *node.sample_shape)

    # What is made

    def layer(
        self,
        kind: str,
        operator: Operator,
        x: Node | Sequence[Node],
        weights: dict[str, Array] | None = None,
        **arguments: Any,
    ) -> Node:
        """A layer of minicnn, called; its weights are those of the file."""
        weights = weights or {}
        name = self._name(operator, kind)
        self.room.take(sum(array.size for array in weights.values()))
        try:
            layer = LAYERS[kind](name=name, **arguments)
            layer.stored = {f"{name}/{one}": array.shape for one, array in weights.items()}
            node = layer(list(x) if isinstance(x, Sequence) else x)
        except (TypeError, ValueError) as error:
            operator.refuse(f"is no {kind}: {error!s:.200}")
        for weight, array in weights.items():
            layer.weights_by_name[weight][...] = array
        layer.stored, layer.has_fresh_weights = None, False
        shape = node.sample_shape
        if not shape or min(shape) < 1 or prod(shape) >= LARGEST_OUTPUT:
            operator.refuse(f"makes {shape} of every sample")
        return node

    def activated(self, operator: Operator, x: Node, name: str | None) -> Node:
        """x after the activation of that name."""
        return x if name is None else self.layer("Activation", operator, x, activation=name)

    def _name(self, operator: Operator, kind: str) -> str:
        """As the tensor is called that the operator makes, in letters that are no path: of
        "model/conv2d/Relu;model/conv2d/BiasAdd", "conv2d".
        """
        text = operator.name.split(";")[0]
        base = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_")[:TEXT] or snake_case(kind)
        if self.names[base]:
            base = f"{base}_{snake_case(kind)}"
        name, number = base, 0
        while self.names[name]:
            number += 1
            name = f"{base}_{number}"
        self.names[name] += 1
        return name

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
