"""What a drawn network with branches is: what is called on what, built by the same words in minicnn
and in Keras, and its numbers.

`build(library, graph)` makes a model of a Graph, which graph_cases.py draws, of minicnn or keras,
and `weight`, `given` and `wanted` draw its numbers. Nothing here asks minicnn for anything, so that
neither can hide a mistake of the other.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]
BATCH = 3
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


@dataclass(frozen=True)
class Part:
    """A layer: its class, its name and its other arguments."""

    kind: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """What is called on what: tensors are numbered, the inputs first, then what the calls give, one
    after the other.

    calls: (number of the part, numbers of the tensors that it is called on).
    stacked: whether to make a Sequential of it.
    """

    name: str
    inputs: list[Shape]
    parts: "list[Part | Graph]" = field(default_factory=list)
    calls: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    stacked: bool = False

    def kinds(self) -> Iterator[str]:
        """The classes of all layers, those of models inside too."""
        for part in self.parts:
            if isinstance(part, Graph):
                yield from part.kinds()
            else:
                yield part.kind

    @property
    def is_shared(self) -> bool:
        """Whether a part is called twice."""
        called = [part for part, _ in self.calls]
        return len(set(called)) < len(called)


def build(library: Any, graph: Graph, **options: Any) -> Any:
    """A model of minicnn or keras; options are those of its Model."""
    tensors = [library.Input(shape, name=f"input_{n}") for n, shape in enumerate(graph.inputs)]
    parts = [
        build(library, part, **options)
        if isinstance(part, Graph)
        else getattr(library.layers, part.kind)(**part.arguments, name=part.name)
        for part in graph.parts
    ]
    if graph.stacked:
        return library.Sequential([tensors[0], *parts], name=graph.name, **options)
    for number, reads in graph.calls:
        part, given = graph.parts[number], [tensors[n] for n in reads]
        several = len(part.inputs) > 1 if isinstance(part, Graph) else part.kind in MERGES
        made = parts[number](given if several else given[0])
        tensors += listed(made)
    inputs, outputs = tensors[: len(graph.inputs)], [tensors[n] for n in graph.outputs]
    return library.Model(single(inputs), single(outputs), name=graph.name, **options)


def single(values: list) -> Any:
    """The only one of them, or else all."""
    return values[0] if len(values) == 1 else values


def listed(values: Any) -> list:
    """What single made, as a list again."""
    return list(values) if isinstance(values, list | tuple) else [values]


# Numbers


def _uniform(words: str, shape: Shape) -> Array:
    """Between -1 and 1."""
    return 2 * np.random.default_rng(zlib.crc32(words.encode())).random(shape) - 1


def weight(graph: Graph, path: str, name: str, shape: Shape) -> Array:
    """A layer's weight, so drawn that numbers stay of the size of 1 from layer to layer."""
    drawn = _uniform(f"{graph.name} {path} {name}", shape)
    if name == "kernel":
        return drawn * math.sqrt(6 / math.prod(shape[:-1]))
    return 1 + drawn / 2 if name in ("gamma", "moving_variance") else drawn / 2


def given(graph: Graph) -> list[Array]:
    """The inputs, (BATCH, ...) each."""
    return [
        2 * _uniform(f"{graph.name} input {n}", (BATCH, *shape))
        for n, shape in enumerate(graph.inputs)
    ]


def wanted(graph: Graph, shapes: list[Shape]) -> list[Array]:
    """A dy for each output of those shapes, with N."""
    return [_uniform(f"{graph.name} dy {n}", shape) for n, shape in enumerate(shapes)]
