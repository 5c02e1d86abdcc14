"""The network that is being made of a graph: values, and layers called on them as a user does."""

import re
from collections.abc import Hashable, Sequence
from math import prod
from typing import Any, Generic, NoReturn, Protocol, TypeVar

import numpy as np

from minicnn.layers import LAYERS, Input
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.saving.description import LARGEST_OUTPUT
from minicnn.saving.graphs.limits import TEXT, Budget
from minicnn.types import Array, Shape
from minicnn.wording import snake_case

Operator = TypeVar("Operator", bound="AnyOperator")
Value = TypeVar("Value")


class AnyOperator(Protocol):
    """What operators of all formats have."""

    name: str
    inputs: list[Any]

    def refuse(self, why: str) -> NoReturn:
        """Raise the ModelFileError that says which operator it is, and why it cannot be read."""
        ...


class GraphReader(Generic[Operator, Value]):
    """What has been read of a graph. A value is a constant, or depends on the network's inputs.

    Attributes:
        values: what is known, by the file's name or number for it.
        users: the operators that read each of them.
        ends: those that come out of the graph.
        batch: how many samples the file is for, BATCH where it leaves that open.
        done: the operators that have become a part of what was made of one before.
        names: of layers, that are taken.
        numbers: behind a name that several want, the last that is taken.
        weights: of these, by layer and name, as the file has them; in the layers is room alone,
            so that all numbers are there once.
        work: numbers that may still be read of constants, or written while they are computed.
        room: numbers of weights that may still be made.
    """

    ending: str  # of the file's name
    nothing: Hashable  # in the place of an input that is left out

    def __init__(
        self,
        operators: Sequence[Operator],
        ends: Sequence[Hashable],
        batch: int,
        work: int,
        room: int,
    ):
        self.values: dict[Any, Value | Array] = {}
        self.users: dict[Any, list[Operator]] = {}
        for operator in operators:
            for one in dict.fromkeys(operator.inputs):
                self.users.setdefault(one, []).append(operator)
        self.ends, self.batch = set(ends), batch
        self.done: set[int] = set()
        self.names: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.weights: dict[str, Array] = {}
        self.work = Budget(work, "work", self.ending)
        self.room = Budget(room, "weights", self.ending)

    # What an operator reads

    def known(self, operator: Operator, place: int) -> Value | Array | None:
        """An input, or None where it is left out."""
        one = operator.inputs[place] if place < len(operator.inputs) else self.nothing
        return None if one == self.nothing else self.values[one]

    def value(self, operator: Operator, place: int = 0) -> Value:
        """An input that depends on the network's inputs. Raises ModelFileError for another."""
        found = self.known(operator, place)
        if found is None or isinstance(found, np.ndarray):
            operator.refuse(
                f"expected what depends on the network's inputs as its input {place}, received "
                f"{'nothing' if found is None else 'a constant'}"
            )
        return found

    def constant(self, operator: Operator, place: int, what: str) -> Array:
        """An input that is known. Raises ModelFileError for another."""
        found = self.optional(operator, place, what)
        if found is None:
            operator.refuse(f"has no {what}")
        return found

    def optional(self, operator: Operator, place: int, what: str) -> Array | None:
        """The same, or None where it is left out."""
        found = self.known(operator, place)
        if found is not None and not isinstance(found, np.ndarray):
            operator.refuse(
                f"has its {what} computed from the network's inputs, expected a constant: "
                "minicnn's layers have weights of their own"
            )
        self.work.take(0 if found is None else found.size)
        return found

    def only_user(self, one: Hashable) -> Operator | None:
        """The operator that alone reads a value, where there is just one."""
        users = self.users.get(one, [])
        return users[0] if len(users) == 1 and one not in self.ends else None

    # What is made

    def input(self, label: str, shape: Shape) -> Node:
        """An input of the network."""
        return Input(shape, name=self.unique(label, "input"))

    def layer(
        self,
        kind: str,
        operator: Operator,
        x: Node | Sequence[Node],
        weights: dict[str, Array] | None = None,
        **arguments: Any,
    ) -> Node:
        """A layer of minicnn, called; weights: all that it has, out of the file."""
        name = self.unique(self.label(operator, bool(weights)), kind)
        self.room.take(sum(array.size for array in (weights or {}).values()))
        with np.errstate(over="ignore"):
            own = {
                f"{name}/{one}": array.astype(np.float32, copy=False)
                for one, array in (weights or {}).items()
            }
        if not all(np.isfinite(array).all() for array in own.values()):
            operator.refuse("has weights that are no numbers of float32, expected finite ones")
        try:
            layer = LAYERS[kind](name=name, **arguments)
            layer.stored = {path: array.shape for path, array in own.items()}
            node = layer(list(x) if isinstance(x, Sequence) else x)
        except (TypeError, ValueError) as error:
            operator.refuse(f"is no {kind}: {error!s:.200}")
        layer.stored = None
        self.weights |= own
        shape = node.sample_shape
        if not shape or min(shape) < 1 or prod(shape) >= LARGEST_OUTPUT:
            operator.refuse(f"makes {shape} of every sample")
        return node

    def output(self, operator: Operator, node: Node) -> Node:
        """What comes out of the network: of a layer, even where it is what came in."""
        return (
            self.layer("Identity", operator, node) if isinstance(node.layer, InputLayer) else node
        )

    def label(self, operator: Operator, has_weights: bool) -> str:  # noqa: ARG002
        """What a layer is called in the file."""
        return operator.name

    def unique(self, label: str, kind: str) -> str:
        """A name for a layer of that class, which is taken from now on."""
        base = as_name(label) or snake_case(kind)
        if base in self.names:
            base = f"{base}_{snake_case(kind)}"
        name, number = base, self.numbers.get(base, 0)  # those before are taken
        while name in self.names:
            number += 1
            name = f"{base}_{number}"
        self.names.add(name)
        self.numbers[base] = number
        return name


def as_name(text: str) -> str:
    """A text in letters that are no path."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_")[:TEXT]
