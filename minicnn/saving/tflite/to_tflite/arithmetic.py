"""Operators on one or two tensors that work number by number."""

from typing import Any

import numpy as np

from minicnn.saving.tflite.to_tflite.graph import Graph, Value

OPTIONS = {name: f"{name.capitalize()}Options" for name in ("ADD", "SUB", "MUL", "DIV")}
SIMPLE = {"LEAKY_RELU": "LeakyReluOptions", "GELU": "GeluOptions"}


def one(graph: Graph, kind: str, x: Value, **values: Any) -> Value:
    """RELU, EXP and the like of x."""
    return graph.node(kind, [x.tensor], x.shape, SIMPLE.get(kind), **values)


def two(graph: Graph, kind: str, x: Value, y: Value) -> Value:
    """x + y, x - y, x * y, x / y, or the larger or smaller one; they broadcast."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    return graph.node(kind, [x.tensor, y.tensor], shape, OPTIONS.get(kind))


def by_number(graph: Graph, kind: str, x: Value, name: str, c: Any, first: bool = False) -> Value:
    """The same of x and a constant, which broadcasts to x; first: of the constant and x."""
    constant = graph.floats(name, c)
    inputs = [constant, x.tensor] if first else [x.tensor, constant]
    return graph.node(kind, inputs, x.shape, OPTIONS.get(kind))


def either(graph: Graph, kind: str, x: Value, limit: float, above: Value, below: Value) -> Value:
    """above where x is GREATER, or GREATER_EQUAL, than the limit, else below."""
    constant = graph.floats("limit", limit)
    passes = graph.node(kind, [x.tensor, constant], x.shape, dtype="bool")
    return graph.node("SELECT_V2", [passes.tensor, above.tensor, below.tensor], x.shape)
