"""A network's structure: which layers feed which, in what order they run, and how it is told to
what runs it.

Layers are joined by nodes (layers/node.py). A chain is the graph in which every node has one input
and one user.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from minicnn.errors import did_you_mean
from minicnn.layers.base import Layer
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.names import known_arguments


class Call(NamedTuple):
    """A layer that runs: on which of a network's values, of what shapes, and which value it makes.

    training: True or False where the network fixes it, None where the whole network's holds.
    """

    layer: Layer
    reads: tuple[int, ...]
    takes: Any  # input_shape of the layer at this place
    writes: int
    training: bool | None = None


class Program(NamedTuple):
    """What a network computes, models inside it written out: its values are numbered, the inputs
    first.

    inputs: how many.
    calls: in the order in which they run.
    outputs: the numbers of the values that come out.
    """

    inputs: int
    calls: list[Call]
    outputs: list[int]


class Row(NamedTuple):
    """A node as a row of a table: its layer, and the numbers of the rows that it takes.

    training: True or False where the call fixes it.
    call: the number of the first row of the same call: one of a model with several outputs has
        several rows.
    output: the number of this output among them.
    """

    layer: Any
    inputs: tuple[int, ...]
    training: bool | None
    call: int
    output: int = 0


class Graph:
    """Nodes between inputs and outputs.

    Attributes:
        layers: each once, models inside as one each, in Keras' order: the farthest from the outputs
            first.
        inputs, outputs: their nodes.
        nodes: all of them, each after those that it takes.
    """

    name: str
    layers: list[Any]
    inputs: list[Node]
    outputs: list[Node]
    nodes: list[Node]
    is_chain = False  # whether its list of layers says all: each takes what the one before it makes

    @property
    def leaves(self) -> dict[str, Layer]:
        """The layers that compute, those of models inside too, each once, by path: "conv2d",
        "backbone/conv2d".
        """
        return dict(unique(self.paths()))

    def paths(self) -> Iterator[tuple[str, Layer]]:
        """The layers that compute, in their order, a shared one each time that it is met."""
        for layer in self.layers:
            if isinstance(layer, Graph):
                for path, leaf in layer.paths():
                    yield f"{layer.name}/{path}", leaf
            elif not isinstance(layer, InputLayer):
                yield layer.name, layer

    @known_arguments
    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer, or model inside, of that name or at that place.

        Raises ValueError for none, and for both.
        """
        if name is not None and index is not None:
            raise ValueError(
                f"get_layer expected a name or an index, received both: {name!r}, {index!r}"
            )
        for place, layer in enumerate(self.layers):
            if layer.name == name or index in (place, place - len(self.layers)):
                return layer
        wanted, names = index if name is None else name, [layer.name for layer in self.layers]
        raise ValueError(
            f"{self.name!r} has no layer {wanted!r}.{did_you_mean(str(wanted), names)}"
        )

    def rows(self) -> list[Row]:
        """All nodes as a table: each row takes rows before it."""
        number = {node: n for n, node in enumerate(self.nodes)}
        calls: dict[Node, int] = {}
        return [
            Row(
                node.layer,
                tuple(number[before] for before in node.inputs),
                node.training,
                calls.setdefault(node.call, n),
                node.index,
            )
            for n, node in enumerate(self.nodes)
        ]

    def ends(self) -> tuple[list[int], list[int]]:
        """The numbers of the rows of inputs and outputs."""
        number = {node: n for n, node in enumerate(self.nodes)}
        return [number[node] for node in self.inputs], [number[node] for node in self.outputs]

    def table(self) -> dict[str, Any]:
        """The structure for copies: nodes as rows of a table, inputs and outputs by number.

        It needs no recursion.
        """
        made = [
            (row, node.sample_shape, node.dtype)
            for row, node in zip(self.rows(), self.nodes, strict=True)
        ]
        inputs, outputs = self.ends()
        return {"nodes": made, "inputs": inputs, "outputs": outputs, "_nodes": []}

    @staticmethod
    def joined(nodes: list[tuple], inputs: list[int], outputs: list[int]) -> dict[str, list[Node]]:
        """Nodes, inputs and outputs of such a table."""
        made: list[Node] = []
        for row, shape, dtype in nodes:
            first = made[row.call] if row.call < len(made) else None
            before = [made[n] for n in row.inputs]
            made.append(
                Node(
                    row.layer,
                    before,
                    shape,
                    dtype,
                    training=row.training,
                    call=first,
                    index=row.output,
                )
            )
        return {
            "nodes": made,
            "inputs": [made[n] for n in inputs],
            "outputs": [made[n] for n in outputs],
        }

    def program(self) -> Program:
        """What has to be run, and in which order."""
        calls: list[Call] = []
        inputs = list(range(len(self.inputs)))
        return Program(len(inputs), calls, self._write_out(calls, inputs, len(inputs), None)[0])

    def _write_out(
        self, calls: list[Call], given: list[int], free: int, training: bool | None
    ) -> tuple[list[int], int]:
        """Append the calls for inputs of those numbers; the numbers of the outputs, and the next
        that is free.
        """
        numbers = dict(zip(self.inputs, given, strict=True))
        made: dict[Node, list[int]] = {}  # by call: the outputs of a model
        for node in self.nodes:
            if node in numbers:
                continue
            reads = [numbers[before] for before in node.inputs]
            fixed = training if node.training is None else node.training
            if isinstance(node.layer, Graph):
                if node.call not in made:
                    made[node.call], free = node.layer._write_out(calls, reads, free, fixed)
                numbers[node] = made[node.call][node.index]
            elif node.layer.acts_in_training_only and fixed is False:
                numbers[node] = reads[0]
            else:
                shapes = tuple(before.sample_shape for before in node.inputs)
                takes = shapes if node.layer.takes_several else shapes[0]
                calls.append(Call(node.layer, tuple(reads), takes, free, fixed))
                numbers[node], free = free, free + 1
        return [numbers[node] for node in self.outputs], free


def chain(layers: Sequence[Layer]) -> Program:
    """The program of layers that run one after the other."""
    return Program(
        1,
        [Call(layer, (n,), layer.input_shape, n + 1) for n, layer in enumerate(layers)],
        [len(layers)],
    )


def unique(paths: Iterator[tuple[str, Layer]]) -> Iterator[tuple[str, Layer]]:
    """Each layer under the first of its paths."""
    seen: set[int] = set()
    for path, layer in paths:
        if id(layer) not in seen:
            seen.add(id(layer))
            yield path, layer
