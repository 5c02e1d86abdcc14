"""Lesson 9: MyResidual."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minicnn.layers import Add, BatchNormalization, Conv2D, Input, Layer, ReLU
from minicnn.lessons.checks.step import Step, gradients, same
from minicnn.lessons.work import Work
from minicnn.models import Model
from minicnn.types import Array

SHAPE = (4, 5, 3)


def steps(work: Work) -> Iterator[Step]:
    """y, dx and the branch's gradients beside a model of the same layers, and measured dx."""
    rng = np.random.default_rng(2)
    x, dy = rng.standard_normal((2, *SHAPE)), rng.standard_normal((2, *SHAPE))

    def built() -> tuple[Any, "Graph"]:
        block = work.take("MyResidual")(branch())
        block.build(SHAPE, np.random.default_rng(0), np.float64)
        graph = Graph(block.branch)
        graph.forward(x)
        return block, graph

    def forward() -> str:
        block, graph = built()
        mistakes = {
            "x is not added": np.maximum(graph.z - x, 0),
            "ReLU is missing behind the sum": graph.z,
            "ReLU comes before x is added, not behind it": np.maximum(graph.z - x, 0) + x,
        }
        return same("y", block.forward(x.copy(), training=True), np.maximum(graph.z, 0), mistakes)

    def backward() -> str:
        block, graph = built()
        block.forward(x.copy(), training=True)
        dx = block.backward(dy.copy())
        expected, dz = graph.backward(dy), dy * (graph.z > 0)
        mistakes = {
            "the way past the branch is missing: x goes two ways, so add dz": expected - dz,
            "the way through the branch is missing": dz,
            "what comes past the branch is dz, not dy: ReLU lies behind the sum": expected
            - dz
            + dy,
            "the way past the branch is counted twice": expected + dz,
        }
        told = same("dx", dx, expected, mistakes)
        for mine, theirs in zip(block.branch, graph.branch, strict=True):
            for name, gradient in theirs.grads.items():
                same(f"d{name} of {type(mine).__name__} in the branch", mine.grads[name], gradient)
        return f"{told}, and so are the gradients of the branch's parameters"

    yield Step("forward", forward)
    yield Step("backward", backward)
    yield Step("measured", lambda: gradients(lambda: work.take("MyResidual")(branch()), SHAPE))


def branch() -> list[Layer]:
    """Layers that keep SHAPE."""
    last = BatchNormalization()
    return [
        Conv2D(4, 3, padding="same", use_bias=False),
        BatchNormalization(),
        ReLU(),
        Conv2D(3, 3, padding="same", use_bias=False),
        last,
    ]


class Graph:
    """A model of the same layers with the same parameters, which ends before the last ReLU.

    Attributes:
        branch: its layers beside the block's.
        z: what it gave last.
    """

    z: Array

    def __init__(self, block: list[Layer]):
        self.branch = branch()
        inputs = Input(SHAPE)
        path: Any = inputs
        for layer in self.branch:
            path = layer(path)
        self.model = Model(inputs, Add()([path, inputs]), dtype="float64")
        self.model.engine = "reference"
        for mine, theirs in zip(block, self.branch, strict=True):
            for name, param in mine.params.items():
                theirs.params[name][...] = param

    def forward(self, x: Array) -> None:
        """Compute z."""
        self.z = self.model.forward(x, training=True).copy()

    def backward(self, dy: Array) -> Array:
        """dx of a block with ReLU behind z."""
        return self.model.backward(dy * (self.z > 0))
