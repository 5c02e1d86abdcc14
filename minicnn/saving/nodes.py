"""How a model file says what a graph's layers take: nodes, which description.py explains.

A number of a node is believed when it is that of one before, so that there is no circle.
"""

from collections.abc import Mapping
from typing import Any

from minicnn.errors import ModelFileError, did_you_mean
from minicnn.layers.input import InputLayer
from minicnn.network import Network
from minicnn.network.graph import Row
from minicnn.saving.fields import check


def described(number: int, row: Row) -> dict[str, Any]:
    """A row as a node of a file, without what goes without saying."""
    node: dict[str, Any] = {"layer": row.layer.name}
    if row.call != number:
        node["call"] = row.call
    else:
        if row.inputs and row.inputs != (number - 1,):
            node["inputs"] = list(row.inputs)
        if row.training is not None:
            node["training"] = row.training
    return node | ({"index": row.output} if row.output else {})


def rows_of(nodes: list[dict[str, Any]], layers: Mapping[str, Any]) -> list[Row]:
    """A graph's nodes as rows. Raises ModelFileError unless each takes nodes before it."""
    rows: list[Row] = []
    for number, node in enumerate(nodes):
        check(node, "node")
        layer = layers.get(node["layer"])
        if layer is None:
            raise ModelFileError(
                f"the model file has node {number} of the unknown layer {node['layer']!r:.60}."
                f"{did_you_mean(node['layer'][:60], layers)}"
            )
        call, index = node.get("call", number), node.get("index", 0)
        again = "call" in node
        if again:
            check_number(call, number, f"the call of node {number}")
        first = rows[call] if again else None
        begins = isinstance(layer, InputLayer)
        inputs = (
            first.inputs if first else () if begins else tuple(node.get("inputs", [number - 1]))
        )
        for n in inputs:
            check_number(n, number, f"node {number}")
        outputs = len(layer.outputs) if isinstance(layer, Network) else 1
        check_number(index, outputs, f"the index of node {number}")
        extra = {"inputs", "training"} & node.keys() if again or begins else set()
        if (
            extra
            or again
            and (begins or first is None or first.layer is not layer or first.call != call)
        ):
            raise ModelFileError(
                f"the model file has a node {number} that is no call of {layer}: {node!r:.60}"
            )
        if not inputs and not begins:
            raise ModelFileError(
                f"the model file has {layer} called on nothing in node {number}: {node!r:.60}"
            )
        training = first.training if first else node.get("training")
        rows.append(Row(layer, inputs, training, call, index))
    return rows


def by_name(layers: list[Any]) -> dict[str, Any]:
    """The layers of a model. Raises ModelFileError unless their names tell them apart."""
    names: dict[str, Any] = {}
    for layer in layers:
        if not layer.name or "/" in layer.name or layer.name in names:
            raise ModelFileError(
                f"the model file has a layer {layer.name!r:.60}: names must be unique in a model "
                "and have no '/'"
            )
        names[layer.name] = layer
    return names


def check_number(n: Any, end: int, where: str) -> None:
    """Raise ModelFileError unless n is one of 0 ... end - 1."""
    if type(n) is not int or not 0 <= n < end:
        raise ModelFileError(
            f"the model file expected a number from 0 to {end - 1} for {where}, received {n!r:.60}"
        )
