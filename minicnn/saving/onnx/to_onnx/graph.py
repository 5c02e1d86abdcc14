"""The graph that is being written: values, nodes, constants.

Pictures are (N, H, W, C) for minicnn and (N, C, H, W) for ONNX's operators. A value says how it
lies in memory, and is brought into the other order where somebody needs it: once, however many
need it. As all operators on pictures take the second order, a network has one Transpose, where
pictures come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from minicnn.saving.graphs.writing import Names
from minicnn.types import Array, Shape

LAST, FIRST = "channels last", "channels first"
FLAT = "flattened channels first"


@dataclass(frozen=True)
class Value:
    """What a node makes.

    Attributes:
        name: in the file.
        shape: of one sample, as minicnn has it: (H, W, C).
        order: LAST, as minicnn has it; FIRST, for pictures; FLAT, for vectors that were made of
            such pictures.
        maps: (H, W, C) of these.
    """

    name: str
    shape: Shape
    order: str = LAST
    maps: Shape = ()

    @property
    def rank(self) -> int:
        """Axes, with N."""
        return len(self.shape) + 1

    def axis(self, axis: int) -> int:
        """Where an axis of minicnn's, counted with N, is in memory."""
        axis %= self.rank
        return {0: 0, 1: 2, 2: 3, 3: 1}[axis] if self.order == FIRST else axis

    def along_channels(self, array: Array) -> Array:
        """A number for each channel (C,), so that it broadcasts with this value."""
        if self.order == FLAT:
            return array.reshape(self.maps).transpose(2, 0, 1).reshape(-1)
        return array.reshape(-1, 1, 1) if self.order == FIRST else array

    def as_sample(self, array: Array) -> Array:
        """Numbers that broadcast with a sample, with as many axes, so that they do in memory."""
        if self.order == FLAT:
            return np.broadcast_to(array, self.shape).reshape(self.maps).transpose(2, 0, 1).ravel()
        return array.transpose(2, 0, 1) if self.order == FIRST else array


class Graph(Names):
    """Nodes and constants, as they are made.

    Attributes:
        scope: the path of the layer that is being written, after which all is named.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.turned: dict[tuple[str, str], Value] = {}
        self.scope = ""

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of what it makes. The first of a layer has the layer's name."""
        name = self.unique(f"{self.scope}/{operator}" if self.scope in self.taken else self.scope)
        self.nodes.append(
            onnx.helper.make_node(operator, list(inputs), [name], name=name, **attributes)
        )
        return name

    def floats(self, name: str, values: Any) -> str:
        """The name of a constant of float32, "conv2d/kernel". One that is there is used again."""
        return self._constant(name, np.asarray(values, np.float32))

    def integers(self, name: str, values: Sequence[int]) -> str:
        """The name of a constant vector of whole numbers."""
        return self._constant(name, np.asarray(values, np.int64))

    def _constant(self, name: str, values: Array) -> str:
        tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape))
        name, number = f"{self.scope}/{name}", 0
        wanted = name
        while wanted in self.taken:
            there = self.constants.get(wanted)
            if there is not None and (there.dims, there.raw_data) == (tensor.dims, tensor.raw_data):
                return wanted  # of a layer that is called a second time
            number += 1
            wanted = f"{name}_{number}"
        self.taken.add(wanted)
        tensor.name = wanted
        self.constants[wanted] = tensor
        return wanted

    def like(self, x: Value, name: str, shape: Shape | None = None) -> Value:
        """What a node that keeps the order of x has made."""
        return replace(x, name=name, shape=x.shape if shape is None else shape)

    # Orders

    def first(self, x: Value) -> Value:
        """Pictures, channels first."""
        if x.order == FIRST:
            return x
        x = self.last(x)
        return self._turned(x, FIRST, (0, 3, 1, 2))

    def last(self, x: Value) -> Value:
        """As minicnn has it."""
        if x.order == FIRST:
            return self._turned(x, LAST, (0, 2, 3, 1))
        if x.order == FLAT:
            H, W, C = x.maps
            shape = self.integers("maps", [0, C, H, W])
            maps = Value(self.node("Reshape", x.name, shape), x.maps, FIRST)
            rows = self.node("Flatten", self.last(maps).name, axis=1)
            return Value(rows, x.shape)
        return x

    def _turned(self, x: Value, order: str, perm: tuple[int, ...]) -> Value:
        if (x.name, order) not in self.turned:
            scope, self.scope = self.scope, f"{self.scope}/{order.replace(' ', '_')}"
            name = self.node("Transpose", x.name, perm=perm)
            self.scope = scope
            self.turned[x.name, order] = Value(name, x.shape, order)
        return self.turned[x.name, order]
