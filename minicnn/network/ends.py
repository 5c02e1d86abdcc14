"""What goes into a network and what comes out, of one or of several."""

from typing import Any

import numpy as np

from minicnn.expect import array
from minicnn.layers.base import Layer
from minicnn.layers.shapes import with_batch
from minicnn.network.graph import Graph
from minicnn.network.several import Several


class Ends(Graph):
    """The half of every network that knows its inputs and outputs."""

    @property
    def built(self) -> bool:
        """Whether all weights are there."""
        return bool(self.layers) and all(layer.built for layer in self.layers)

    @property
    def input_shape(self) -> Any:
        """(None, H, W, C), or a list of such; None before the shape is known."""
        shapes = [node.shape for node in self.inputs]
        return (shapes if len(shapes) > 1 else shapes[0]) if shapes else None

    @property
    def output_shape(self) -> Any:
        """(None, K), or a list of such; None before the model is built."""
        shapes = [node.shape for node in self.outputs] if self.built else []
        return (shapes if len(shapes) > 1 else shapes[0]) if shapes else None

    def in_form(self, outputs: list[Any]) -> Any:
        """Outputs as they are handed out: an array, or the list of several."""
        return outputs if len(outputs) > 1 else outputs[0]

    def check_input(self, x: Any) -> None:
        """Raise ValueError for samples that do not fit."""
        if len(self.inputs) > 1:
            self.arrays(x)
            return
        first: Layer = next(iter(self.leaves.values()))
        for node in self.inputs:
            # it takes several, or has been built in another place
            if first.input_shape != node.sample_shape:
                first = node.layer
        first.check_input(x.shape)

    def arrays(self, x: Any) -> Any:
        """What it is given: an array; of several inputs the list of them, given as list or, by
        their names, as dict.

        Raises ValueError when there are not as many, not of as many samples, or not of the inputs'
        shapes.
        """
        if isinstance(x, np.ndarray) and x.dtype != object and len(self.inputs) < 2:
            return x  # as usual, and without a text for errors, which takes a microsecond
        if isinstance(x, Several):
            return x.parts
        who = f"{type(self).__name__} {self.name!r}"
        if len(self.inputs) < 2:
            only = x[0] if isinstance(x, list | tuple) and len(x) == 1 and np.ndim(x[0]) > 1 else x
            return array(only, "x", who)
        names = [node.name for node in self.inputs]
        parts = [x.get(name) for name in names] if isinstance(x, dict) else x
        if (
            not isinstance(parts, list | tuple)
            or len(parts) != len(names)
            or any(part is None for part in parts)
        ):
            found = (
                ", ".join(map(str, x))
                if isinstance(x, dict)
                else len(x)
                if isinstance(x, list | tuple)
                else "one"
            )
            raise ValueError(
                f"{who} expected an array for each of its inputs {', '.join(names)}, received "
                f"{found}"
            )
        arrays = [
            np.asarray(array(part, name, who)) for part, name in zip(parts, names, strict=True)
        ]
        for given, node in zip(arrays, self.inputs, strict=True):
            if given.shape[1:] != node.sample_shape or len(given) != len(arrays[0]):
                raise ValueError(
                    f"{who} expected for {node.name!r} {with_batch(node.sample_shape)}, N = "
                    f"{len(arrays[0])}, received "
                    f"{given.shape}"
                )
        return arrays
