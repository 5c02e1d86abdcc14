"""Steps of the plan: arrays of one shape added, with an optional ReLU, or multiplied.

    y = x_1 + ... + x_n (then max(., 0));   dx_i = dy (where y > 0)
    y = x_1 * ... * x_n;                    dx_i = dy * product of all x_j but x_i

All dx of a sum are the same numbers, and one array: who is handed a gradient only reads it.
"""

from typing import Any

from minicnn.engine.engine_step import EngineStep
from minicnn.engine.merging.by_number import ByNumber
from minicnn.layers.base import Layer
from minicnn.layers.merging import Add, Multiply
from minicnn.types import Array


class AddStep(EngineStep):
    """Runs a built Add of inputs of one shape.

    Args:
        add: the layer.
        relu: the ReLU after it, if any.
        frozen: for inference alone, which is the same here.
    """

    def __init__(self, add: Add, relu: Layer | None = None, frozen: bool = False):
        self.add, self.relu, self.frozen = add, relu, frozen
        super().__init__([add])
        self.count = len(add.input_shape)
        self.sum = ByNumber(add.output_shape, self.count, add.dtype, "add", bool(relu))
        self.passed = ByNumber(add.output_shape, 2, add.dtype, "pass")

    def forward(self, x: Any, *, training: bool = False) -> Array:
        y = self.sum.of(self.add.accept(x), self.region)
        self._cache = (y,) if training else ()
        return y

    def backward(self, dy: Array) -> list[Array]:
        dy = self.add.accept_gradient(
            dy, bool(self._cache), len(self._cache[0]) if self._cache else 0
        )
        (y,), self._cache = self._cache, ()
        dx = self.passed.of([y, dy], self.region) if self.relu else dy
        return [dx] * self.count


class MultiplyStep(EngineStep):
    """Runs a built Multiply of inputs of one shape.

    Args:
        multiply: the layer.
        frozen: for inference alone, which is the same here.
    """

    def __init__(self, multiply: Multiply, frozen: bool = False):
        self.multiply, self.frozen = multiply, frozen
        super().__init__([multiply])
        shape, dtype, count = multiply.output_shape, multiply.dtype, len(multiply.input_shape)
        self.product = ByNumber(shape, count, dtype, "multiply")
        self.gradients = [ByNumber(shape, count, dtype, "multiply") for _ in range(count)]

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.multiply.accept(x)
        self._cache = tuple(xs) if training else ()
        return self.product.of(xs, self.region)

    def backward(self, dy: Array) -> list[Array]:
        dy = self.multiply.accept_gradient(
            dy, bool(self._cache), len(self._cache[0]) if self._cache else 0
        )
        xs, self._cache = self._cache, ()
        return [
            gradient.of([dy, *xs[:i], *xs[i + 1 :]], self.region)
            for i, gradient in enumerate(self.gradients)
        ]
