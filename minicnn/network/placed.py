"""A network as a layer of another."""

from typing import Any

import numpy as np

from minicnn.layers.node import Node, first_call, is_symbolic, made, nodes
from minicnn.network.graph import Graph


class Placed(Graph):
    """The half of every network that makes it a part of others: called on symbolic tensors, it is a
    node for them.

    Attributes:
        _nodes: its calls on symbolic tensors.
        _number: among the layers and networks that have been made.
    """

    own_name = "network"  # what it is called where nobody names it
    dtype: np.dtype
    _is_named: bool
    is_seeded: bool

    def place(self) -> None:
        """It is nowhere yet."""
        self._nodes: list[Node] = []
        self._number = next(made)

    @property
    def is_named_by_itself(self) -> bool:
        """Whether its name is only what it is called where nobody names it."""
        return not self._is_named

    def placed(self, x: Any, training: bool | None) -> Any:
        """The symbolic tensors that come out for those of x, one or a list; None when x is none.

        Raises ValueError where they do not fit.
        """
        if not is_symbolic(x):
            return None
        network: Any = self
        given = nodes(x, f"{type(self).__name__} {self.name!r}")
        if not network.built and len(given) == 1:
            network.build((None, *given[0].sample_shape))
        expected, received = ([node.shape for node in which] for which in (self.inputs, given))
        if expected != received:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} expected {_listed(expected)}, received "
                f"{_listed(received)}"
            )
        # the seed of what it becomes a part of will draw them
        if network.has_fresh_weights and not self.is_seeded:
            for layer in self.leaves.values():
                layer._provisional = True
        first = Node(self, given, self.outputs[0].sample_shape, self.dtype, training=training)
        more = [
            Node(
                self,
                given,
                node.sample_shape,
                self.dtype,
                training=training,
                call=first,
                index=index,
            )
            for index, node in enumerate(self.outputs[1:], 1)
        ]
        return [first, *more] if more else first

    @property
    def input(self) -> Any:
        """Its symbolic input, or the list of them. Raises AttributeError before it is built."""
        return self._end(self.inputs, "input")

    @property
    def output(self) -> Any:
        """Its symbolic output, or the list of them. Raises AttributeError before it is built."""
        return self._end(self.outputs, "output")

    def _end(self, which: list[Node], what: str) -> Any:
        if not which or not all(layer.built for layer in self.layers):
            first_call(self, what)
        return which if len(which) > 1 else which[0]


def _listed(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(map(str, shapes))
