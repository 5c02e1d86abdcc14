"""What has been read, in the words of minicnn's own files: description.py explains them."""

import json
from collections.abc import Sequence
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.layers.node import Node
from minicnn.network.graph import Row
from minicnn.network.walk import in_keras_order, walk
from minicnn.saving import nodes
from minicnn.saving.fields import class_and_config
from minicnn.saving.graphs.reader import GraphReader, as_name
from minicnn.types import Array


class Source:
    """A network out of a file, as load_model takes it.

    Attributes:
        path: for messages.
        config: what it is.
        arrays: its weights, by name.
    """

    def __init__(self, path: str, config: dict[str, Any], arrays: dict[str, Array]):
        self.path, self.config, self.arrays = path, config, arrays

    def read(self) -> dict[str, Array]:
        """The weights."""
        return self.arrays


def network_of(
    reader: GraphReader,
    inputs: list[Node],
    outputs: Sequence[Node],
    name: str,
    class_names: list[str] | None,
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The description and the weights of the network between those ends: of a Sequential where each
    layer feeds the next alone.

    Inputs that nothing depends on are left out, and class names that are not as many as classes.
    """
    found = walk(outputs, inputs)
    inputs = [node for node in inputs if node in set(found.finished)]
    if not any(node.inputs for node in found.finished):
        raise ModelFileError(f"the {reader.ending} file has no layers that compute anything")
    about: dict[str, Any] = {"name": as_name(name) or "model", "dtype": "float32", "seed": 0}
    about["class_names"] = None
    if class_names and len(outputs) == 1 and outputs[0].sample_shape:
        if len(class_names) == max(2, outputs[0].sample_shape[-1]):
            about["class_names"] = class_names
    layers = in_keras_order(found, inputs)
    if _is_chain(found.finished, inputs, outputs):
        shape = [None, *inputs[0].sample_shape]
        about |= {"input_shape": shape, "layers": [class_and_config(one) for one in layers[1:]]}
    else:
        number = {node: n for n, node in enumerate(found.finished)}
        rows = [
            Row(node.layer, tuple(number[one] for one in node.inputs), None, n)
            for n, node in enumerate(found.finished)
        ]
        ends = [number[node] for node in outputs]
        about |= {
            "layers": [class_and_config(one) for one in layers],
            "nodes": [nodes.described(n, row) for n, row in enumerate(rows)],
            "inputs": [number[node] for node in inputs],
            "outputs": ends if len(ends) > 1 else ends[0],
        }
    paths = [f"{layer.name}/{weight}" for layer in layers for weight in layer.variables_by_name]
    arrays = {path: reader.weights[path] for path in paths}
    return json.loads(json.dumps({"model": about})), arrays


def _is_chain(finished: Sequence[Node], inputs: Sequence[Node], outputs: Sequence[Node]) -> bool:
    pairs = zip(finished, finished[1:], strict=False)
    return len(inputs) == len(outputs) == 1 and all(
        len(node.inputs) == 1 and node.inputs[0] is before for before, node in pairs
    )
