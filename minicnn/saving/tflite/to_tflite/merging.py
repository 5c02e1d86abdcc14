"""Layers of several inputs. LiteRT broadcasts from the last axis on, as minicnn does once there are
as many axes.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from minicnn.layers import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from minicnn.saving.tflite.to_tflite.arithmetic import by_number, two
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.shapes import reshaped

MOST_JOINED = 4  # inputs of a CONCATENATION that XNNPACK takes


def _merged(kind: str, graph: Graph, xs: Sequence[Value]) -> Value:
    """Of all inputs, two at a time, with axes of size 1 after N until all have as many."""
    rank = max(x.rank for x in xs)
    xs = [reshaped(graph, x, (1,) * (rank - x.rank) + x.shape) for x in xs]
    return reduce(lambda one, other: two(graph, kind, one, other), xs)


def add(graph: Graph, layer: Add, xs: list[Value]) -> Value:  # noqa: ARG001
    """ADD."""
    return _merged("ADD", graph, xs)


def subtract(graph: Graph, layer: Subtract, xs: list[Value]) -> Value:  # noqa: ARG001
    """SUB."""
    return _merged("SUB", graph, xs)


def multiply(graph: Graph, layer: Multiply, xs: list[Value]) -> Value:  # noqa: ARG001
    """MUL."""
    return _merged("MUL", graph, xs)


def average(graph: Graph, layer: Average, xs: list[Value]) -> Value:  # noqa: ARG001
    """ADD, and MUL with their share."""
    return by_number(graph, "MUL", _merged("ADD", graph, xs), "share", 1 / len(xs))


def maximum(graph: Graph, layer: Maximum, xs: list[Value]) -> Value:  # noqa: ARG001
    """MAXIMUM."""
    return _merged("MAXIMUM", graph, xs)


def minimum(graph: Graph, layer: Minimum, xs: list[Value]) -> Value:  # noqa: ARG001
    """MINIMUM."""
    return _merged("MINIMUM", graph, xs)


def concatenate(graph: Graph, layer: Concatenate, xs: list[Value]) -> Value:
    """CONCATENATION, of a few at a time."""
    axis = layer.axis % xs[0].rank
    while len(xs) > 1:
        parts = [xs[n : n + MOST_JOINED] for n in range(0, len(xs), MOST_JOINED)]
        xs = [part[0] if len(part) == 1 else _joined(graph, part, axis) for part in parts]
    return xs[0]


def _joined(graph: Graph, xs: list[Value], axis: int) -> Value:
    shape = list(xs[0].shape)
    shape[axis - 1] = sum(x.shape[axis - 1] for x in xs)
    inputs = [x.tensor for x in xs]
    return graph.node("CONCATENATION", inputs, tuple(shape), "ConcatenationOptions", axis=axis)


MERGING: dict[type, Any] = {
    Add: add,
    Subtract: subtract,
    Multiply: multiply,
    Average: average,
    Maximum: maximum,
    Minimum: minimum,
    Concatenate: concatenate,
}
