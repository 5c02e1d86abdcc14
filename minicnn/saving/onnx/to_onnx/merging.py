"""Layers of several inputs."""

from functools import reduce
from typing import Any

from minicnn.layers import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from minicnn.saving.onnx.to_onnx.graph import FIRST, FLAT, Graph, Value
from minicnn.types import Shape


def _in_one_order(graph: Graph, xs: list[Value]) -> list[Value]:
    """All as the first that is a picture channels first, or all as in minicnn."""
    if all(x.rank == 4 for x in xs) and any(x.order == FIRST for x in xs):
        return [graph.first(x) for x in xs]
    if all(x.order == FLAT and x.maps == xs[0].maps for x in xs):
        return xs
    return [graph.last(x) for x in xs]


def _of_one_rank(graph: Graph, xs: list[Value]) -> list[Value]:
    """With axes of size 1 after N, until all have as many."""
    rank = max(x.rank for x in xs)
    return [x if x.rank == rank else _with_axes(graph, x, rank) for x in xs]


def _with_axes(graph: Graph, x: Value, rank: int) -> Value:
    x = graph.last(x)
    shape: Shape = (1,) * (rank - x.rank) + x.shape
    if x.rank == 2 and rank == 4:
        name = graph.node("Reshape", x.name, graph.integers("shape", [0, *x.shape, 1, 1]))
        return Value(name, shape, FIRST)
    return Value(graph.node("Reshape", x.name, graph.integers("shape", [0, *shape])), shape)


def _aligned(graph: Graph, layer: Any, xs: list[Value]) -> tuple[list[str], Value]:
    """The names of inputs that broadcast, and how the output lies."""
    xs = _in_one_order(graph, _of_one_rank(graph, xs))
    return [x.name for x in xs], graph.like(xs[0], xs[0].name, layer.output_shape)


def add(graph: Graph, layer: Add, xs: list[Value]) -> Value:
    """Add, Sum."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, graph.node("Add" if len(names) == 2 else "Sum", *names))


def subtract(graph: Graph, layer: Subtract, xs: list[Value]) -> Value:
    """Sub."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, graph.node("Sub", *names))


def multiply(graph: Graph, layer: Multiply, xs: list[Value]) -> Value:
    """Mul, of two at a time."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, reduce(lambda one, other: graph.node("Mul", one, other), names))


def average(graph: Graph, layer: Average, xs: list[Value]) -> Value:
    """Mean."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, graph.node("Mean", *names))


def maximum(graph: Graph, layer: Maximum, xs: list[Value]) -> Value:
    """Max."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, graph.node("Max", *names))


def minimum(graph: Graph, layer: Minimum, xs: list[Value]) -> Value:
    """Min."""
    names, y = _aligned(graph, layer, xs)
    return graph.like(y, graph.node("Min", *names))


def concatenate(graph: Graph, layer: Concatenate, xs: list[Value]) -> Value:
    """Concat; of vectors that lie otherwise than in minicnn, after they were brought into order."""
    xs = _in_one_order(graph, xs) if xs[0].rank == 4 else [graph.last(x) for x in xs]
    y = graph.node("Concat", *(x.name for x in xs), axis=xs[0].axis(layer.axis))
    return graph.like(xs[0], y, layer.output_shape)


MERGING: dict[type, Any] = {
    Add: add,
    Subtract: subtract,
    Multiply: multiply,
    Average: average,
    Maximum: maximum,
    Minimum: minimum,
    Concatenate: concatenate,
}
