from typing import Any

from minicnn.layers.base import Layer
from minicnn.types import Array, Shape


class Input(Layer):
    """State the shape of one sample at the head of a model; it computes nothing and is not among model.layers.

    Args:
        shape: without the batch axis, (32, 32, 3).

    Shapes: x, y (N, *shape)

    >>> Sequential([Input((32, 32, 3)), layers.Conv2D(8, 3)]).output_shape
    (None, 30, 30, 8)
    """

    def __init__(self, shape: Shape, name: str | None = None):
        super().__init__(name=name, input_shape=shape)
        self.shape = self.given_input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:  # noqa: ARG002
        return x

    def backward(self, dy: Array) -> Array:
        return dy

    def get_config(self) -> dict[str, Any]:
        return {"shape": self.shape, "name": self.name}
