"""What writing takes apart, reading puts together: functions of one number that are several
operators in LiteRT.

Each is written, by to_tflite, once; where the operators of a file are the same, from one on, with
the same constants, and nobody else reads what they make on their way, they are that function.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.saving.tflite.to_tflite.activations import FUNCTIONS
from minicnn.saving.tflite.to_tflite.graph import Graph, Value


class Pattern(NamedTuple):
    """The operators of a function, as they are written, and its name as an activation."""

    name: str
    graph: Graph


@cache
def patterns() -> list[Pattern]:
    """Of all functions of several operators, the longest first."""
    found: dict[str, Pattern] = {}
    for name, function in FUNCTIONS.items():
        graph = Graph(scope="x")
        function(graph, Value(graph.tensor("x", (1, 1)), (1,)))
        if len(graph.operators) > 1:
            found[name] = Pattern(name, graph)
    return sorted(found.values(), key=lambda one: -len(one.graph.operators))


def put_together(reader: Reader, operator: Operator) -> bool:
    """Whether a function begins with this operator; then the layer is made, and its operators are
    done.
    """
    for name, graph in patterns():
        if graph.operators[0].kind == operator.kind:
            found = _matched(reader, operator, graph)
            if found is not None:
                tensor, operators = found
                x = reader.values[tensor]
                assert isinstance(x, Node)
                operator.name = operators[-1].name
                y = reader.layer("Activation", operator, x, activation=name)
                reader.done.update(id(one) for one in operators)
                reader.put_at(operator, operators[-1].outputs[0], y)
                return True
    return False


def _matched(reader: Reader, first: Operator, graph: Graph) -> tuple[int, list[Operator]] | None:
    """What the function is of, and its operators, in their order."""
    start = next(n for n, one in enumerate(reader.operators) if one is first)
    there = reader.operators[start : start + len(graph.operators)]
    if len(there) < len(graph.operators):
        return None
    bound: dict[int, int] = {}
    for one, wanted in zip(there, graph.operators, strict=True):
        fits = one.kind == wanted.kind and len(one.inputs) == len(wanted.inputs)
        if not fits or len(one.outputs) != 1 or not _same_options(one, wanted.options):
            return None
        for tensor, place in zip(one.inputs, wanted.inputs, strict=True):
            constant = graph.tensors[place].data
            if constant is not None:
                value = reader.values.get(tensor)
                if not isinstance(value, np.ndarray) or not np.array_equal(value, constant):
                    return None
            elif bound.setdefault(place, tensor) != tensor:
                return None
        bound[wanted.outputs[0]] = one.outputs[0]
    inside = [one.outputs[0] for one in there[:-1]]
    if any(n in reader.ends for n in inside):
        return None
    if any(all(user is not one for one in there) for n in inside for user in reader.users.get(n, [])):
        return None
    return (bound[0], there) if isinstance(reader.values.get(bound[0]), Node) else None


def _same_options(one: Operator, wanted: tuple[str, dict[str, Any]] | None) -> bool:
    fields = {} if wanted is None else wanted[1]
    names = one.options.keys() | fields.keys()
    return all((one.options.get(name) or 0) == (fields.get(name) or 0) for name in names)
