"""Layers called on symbolic tensors: each call is a node of a graph."""

from typing import Any

import numpy as np

from minicnn.layers.building import Built
from minicnn.layers.node import Node, first_call, nodes
from minicnn.seeds import fresh_seed


class Symbolic(Built):
    """The part of every layer that takes symbolic tensors and remembers its calls on them."""

    takes_several = False  # whether it is called on a list of tensors
    _nodes: list[Node]
    _provisional = False

    def _call_symbolic(self, x: Any, training: bool | None) -> Node:
        """The node of a call, after which the layer is built."""
        given = nodes(x, str(self))
        shapes = tuple(node.sample_shape for node in given)
        if not self.takes_several and len(given) != 1:
            raise TypeError(
                f"{self} expected one tensor, received {len(given)}: join them by Concatenate or "
                "Add first"
            )
        shape: Any = shapes if self.takes_several else shapes[0]
        if not self.built:
            self.build(shape, np.random.default_rng(fresh_seed()))
            self._provisional = True
        there = self if self.input_shape == shape else self.twin(shape)
        return Node(self, given, there.output_shape, self.dtype, training=training)

    @property
    def input(self) -> Any:
        """The symbolic tensor of its first call, or the list of them.

        Raises AttributeError when there is none.
        """
        given = first_call(self, "input").inputs
        return list(given) if self.takes_several else given[0] if given else self._nodes[0]

    @property
    def output(self) -> Node:
        """The symbolic tensor that its first call gave.

        Raises AttributeError when there is none.
        """
        return first_call(self, "output")
