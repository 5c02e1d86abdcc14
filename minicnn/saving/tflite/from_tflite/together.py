"""What writing takes apart, reading puts together: layers that are several operators in LiteRT.

Each is written once, by to_tflite; where the operators of a file are the same, from one on, with
the same constants, and nobody else reads what they make on their way, they are that layer. The
constants that are the layer's arguments may be any.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers import ReLU
from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.saving.tflite.to_tflite.activations import FUNCTIONS, relu
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.normalizations import standardized
from minicnn.types import Array


class Pattern(NamedTuple):
    """A layer as it is written.

    kind, arguments: the layer.
    graph: its operators.
    free: by the names of constants in the graph, the arguments that they are.
    """

    kind: str
    arguments: dict[str, Any]
    graph: Graph
    free: dict[str, str] = {}


def _written(write: Any) -> Graph:
    graph = Graph(scope="x")
    write(graph, Value(graph.tensor("x", (1, 1)), (1,)))
    return graph


@cache
def patterns() -> list[Pattern]:
    """Of all layers of several operators, the longest first."""
    found = []
    for name, function in FUNCTIONS.items():
        graph = _written(function)
        if len(graph.operators) > 1:
            found.append(Pattern("Activation", {"activation": name}, graph))
    for most in (None, 2.0):
        layer = ReLU(most, 0.25, 0.5)
        graph = _written(lambda graph, x, layer=layer: relu(graph, layer, x))
        names = ("max_value", "negative_slope", "threshold", "limit")
        free = {f"x/{name}": name for name in names}
        found.append(Pattern("ReLU", {}, graph, free))
    graph = _written(lambda graph, x: standardized(graph, x, (1,), 0.5))
    bare = {"center": False, "scale": False}
    free = {"x/axes": "axis", "x/epsilon": "epsilon"}
    found.append(Pattern("LayerNormalization", bare, graph, free))
    return sorted(found, key=lambda one: -len(one.graph.operators))


def put_together(reader: Reader, operator: Operator) -> bool:
    """Whether a layer begins with this operator; then it is made, and its operators are done."""
    for pattern in patterns():
        if pattern.graph.operators[0].kind == operator.kind:
            found = _matched(reader, operator, pattern)
            if found is not None:
                x, arguments, operators = found
                last = operators[-1]
                limit = arguments.pop("limit", None)
                if limit is not None and limit != arguments["threshold"]:
                    continue
                y = reader.layer(pattern.kind, last, x, **pattern.arguments, **arguments)
                reader.done.update(id(one) for one in operators)
                reader.put_at(last, last.outputs[0], y)
                return True
    return False


def _matched(
    reader: Reader, first: Operator, pattern: Pattern
) -> tuple[Node, dict[str, Any], list[Operator]] | None:
    """What the layer is called on, its free arguments, and its operators, in their order."""
    graph = pattern.graph
    there = reader.operators[first.number : first.number + len(graph.operators)]
    if len(there) < len(graph.operators):
        return None
    bound: dict[int, int] = {}
    arguments: dict[str, Any] = {}
    for one, wanted in zip(there, graph.operators, strict=True):
        fits = one.kind == wanted.kind and len(one.inputs) == len(wanted.inputs)
        if not fits or len(one.outputs) != 1 or not _same_options(one, wanted.options):
            return None
        for tensor, place in zip(one.inputs, wanted.inputs, strict=True):
            constant, value = graph.tensors[place].data, reader.values.get(tensor)
            if constant is None:
                if bound.setdefault(place, tensor) != tensor:
                    return None
                continue
            if not isinstance(value, np.ndarray):
                return None
            name = pattern.free.get(graph.tensors[place].name)
            if name is None and not np.array_equal(value, constant):
                return None
            if name is not None and arguments.setdefault(name, told := _told(value)) != told:
                return None
        bound[wanted.outputs[0]] = one.outputs[0]
    inside = [one.outputs[0] for one in there[:-1]]
    users = [user for n in inside for user in reader.users.get(n, [])]
    if any(n in reader.ends for n in inside) or not {id(one) for one in users} <= {
        id(one) for one in there
    }:
        return None
    x = reader.values.get(bound[0])
    return (x, arguments, there) if isinstance(x, Node) else None


def _told(value: Array) -> Any:
    """A constant as an argument: a number, or a few."""
    if value.size == 1 and value.dtype.kind == "f":
        return float(value.reshape(-1)[0])
    return [int(n) for n in value.reshape(-1)[:8]] if value.dtype.kind == "i" else None


def _same_options(one: Operator, wanted: tuple[str, dict[str, Any]] | None) -> bool:
    fields = {} if wanted is None else wanted[1]
    names = one.options.keys() | fields.keys()
    return all((one.options.get(name) or 0) == (fields.get(name) or 0) for name in names)
