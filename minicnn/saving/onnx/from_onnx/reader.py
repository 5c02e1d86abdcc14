"""The network that is being made: values by name, and layers called on them as a user does."""

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.layers import LAYERS
from minicnn.layers.node import Node
from minicnn.saving.description import LARGEST_OUTPUT
from minicnn.saving.onnx.from_onnx.limits import FOLDED, MADE, TEXT, Budget
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.values import Constant, Known, Value
from minicnn.types import Array
from minicnn.wording import snake_case

# the names of a layer's first weight, in PyTorch and here
WEIGHT = re.compile(r"(.+)[./](?:weight|kernel|depthwise_kernel|gamma|alpha)")


class Reader:
    """What has been read of a graph.

    Attributes:
        values: what is known of each name.
        users: the nodes that read each name.
        ends: the names of the graph's outputs.
        batch: how many samples the file is for, BATCH where it leaves that open.
        done: the nodes that have become a part of what was made of one before.
        grouped: of what may be the inside of a GroupNormalization, what it was made of, and the
            number of groups, once they are normalised.
        epsilons: of these.
        work: numbers that may still be touched by computing constants.
        room: numbers of weights that may still be made.
    """

    def __init__(self, operators: Sequence[Operator], ends: Sequence[str], batch: int):
        self.values: dict[str, Known] = {}
        self.users: dict[str, list[Operator]] = {}
        for operator in operators:
            for name in dict.fromkeys(operator.inputs):
                self.users.setdefault(name, []).append(operator)
        self.ends, self.batch = set(ends), batch
        self.done: set[int] = set()
        self.grouped: dict[str, tuple[Value, int]] = {}
        self.epsilons: dict[str, float] = {}
        self.names: Counter[str] = Counter()
        self.work, self.room = Budget(FOLDED, "work"), Budget(MADE, "weights")

    # What a node reads

    def known(self, operator: Operator, place: int) -> Known | None:
        """An input, or None where it is left out."""
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        return self.values[name] if name else None

    def value(self, operator: Operator, place: int = 0) -> Value:
        """An input that depends on the pictures. Raises ModelFileError for another."""
        found = self.known(operator, place)
        if not isinstance(found, Value):
            operator.refuse(
                f"expected what depends on the network's inputs as its input {place}, received "
                f"{'a constant' if found is not None else 'nothing'}"
            )
        return found

    def constant(self, operator: Operator, place: int, what: str) -> Constant:
        """An input that is known. Raises ModelFileError for another."""
        found = self.optional(operator, place, what)
        if found is None:
            operator.refuse(f"has no {what}")
        return found

    def optional(self, operator: Operator, place: int, what: str) -> Constant | None:
        """An input that is known, or None where it is left out."""
        found = self.known(operator, place)
        if isinstance(found, Value):
            operator.refuse(
                f"has its {what} computed from the network's inputs, expected a constant: "
                "minicnn's layers have weights of their own"
            )
        return found

    def integers(self, operator: Operator, place: int, what: str) -> list[int] | None:
        """A vector of whole numbers that is known, as a list; None where it is left out."""
        found = self.optional(operator, place, what)
        if found is None:
            return None
        if found.ndim > 1 or found.size > 64 or found.dtype.kind not in "iu":
            operator.refuse(f"expected {what} as a few whole numbers, received {found.shape}")
        return [int(n) for n in found.reshape(-1)]

    def only_user(self, name: str) -> Operator | None:
        """The node that alone reads a value, where there is just one."""
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 and name not in self.ends else None

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
        name = self._name(operator, kind, bool(weights))
        self.room.take(sum(array.size for array in weights.values()))
        try:
            layer = LAYERS[kind](name=name, **arguments)
            layer.stored = {f"{name}/{one}": array.shape for one, array in weights.items()}
            node = layer(list(x) if isinstance(x, Sequence) else x)
        except (TypeError, ValueError) as error:
            operator.refuse(f"is no {kind}: {error!s:.200}")
        for name, array in weights.items():
            layer.variables_by_name[name][...] = array
        layer.stored, layer.has_fresh_weights = None, False
        shape = node.sample_shape
        if not shape or min(shape) < 1 or prod(shape) >= LARGEST_OUTPUT:
            operator.refuse(f"makes {shape} of every sample")
        return node

    def _name(self, operator: Operator, kind: str, has_weights: bool) -> str:
        """As its weights are called, "layer1.0.conv1.weight", or the node, in letters that are no
        path.
        """
        label = operator.name
        if has_weights and (found := WEIGHT.fullmatch("".join(operator.inputs[1:2]))):
            label = found[1]
        base = re.sub(r"[^A-Za-z0-9_.-]+", "_", label).strip("_")[:TEXT]
        base = base or snake_case(kind)
        if self.names[base]:
            base = f"{base}_{snake_case(kind)}"
        self.names[base] += 1
        return base if self.names[base] == 1 else self._again(base)

    def _again(self, base: str) -> str:
        """That name with a number."""
        name = f"{base}_{self.names[base] - 1}"
        while self.names[name]:
            self.names[base] += 1
            name = f"{base}_{self.names[base] - 1}"
        self.names[name] += 1
        return name

    def put(self, operator: Operator, *results: Known) -> None:
        """Remember what a node makes. Raises ModelFileError for outputs that are not known."""
        wanted = [name for name in operator.outputs[len(results) :] if name]
        if any(name in self.users or name in self.ends for name in wanted):
            operator.refuse(f"has more outputs than are read: {', '.join(wanted):.{TEXT}}")
        for name, result in zip(operator.outputs, results, strict=False):
            if name:
                self.keep(name, result)

    def keep(self, name: str, value: Known) -> None:
        """Remember what a name stands for. Raises ModelFileError where it stands for something."""
        if name in self.values:
            raise ModelFileError(f"the .onnx file makes {name!r:.{TEXT}} twice")
        self.values[name] = value


def finite(values: Array, operator: Operator, what: str) -> Array:
    """values, when no number is infinite. Raises ModelFileError otherwise."""
    if not np.isfinite(values).all():
        operator.refuse(f"expected {what} of finite numbers")
    return values
