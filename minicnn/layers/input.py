from typing import Any

from minicnn.expect import sample_shape
from minicnn.layers.base import Layer
from minicnn.layers.node import Node
from minicnn.names import known_arguments
from minicnn.types import Array, Shape


class InputLayer(Layer):
    """Where samples enter a network; it computes nothing.

    Args:
        shape: of one sample, without the batch axis, (32, 32, 3).
        input_shape: the same by Keras' old name.

    Shapes: x, y (N, *shape)
    Raises ValueError unless one of the two is given.
    """

    def __init__(
        self,
        shape: Shape | None = None,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Shape | None = None,
    ):
        if (shape is None) == (input_shape is None):
            received = "none" if shape is None else f"shape={shape!r}, input_shape={input_shape!r}"
            raise ValueError(
                "InputLayer expected the shape of one sample, such as shape=(32, 32, 3), received "
                f"{received}"
            )
        shape = input_shape if shape is None else shape
        super().__init__(name=name, trainable=trainable, input_shape=shape)
        self.shape = self.given_input_shape
        self.build(self.shape or ())

    @property
    def entrance(self) -> Node:
        """The symbolic tensor that samples enter by."""
        return self._nodes[0] if self._nodes else Node(self, (), self.output_shape, self.dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:  # noqa: ARG002
        return x

    def backward(self, dy: Array) -> Array:
        return dy

    def get_config(self) -> dict[str, Any]:
        return {"shape": self.shape, "name": self.name}


@known_arguments
def Input(shape: Shape, name: str | None = None) -> Node:  # noqa: N802 (Keras' name)
    """A symbolic tensor: where samples of that shape enter a network. Sequential takes it as its
    first layer.

    Args:
        shape: of one sample, without the batch axis, (32, 32, 3).
        name: of the input, for models that have several.

    Raises ValueError for what is no shape.

    >>> Sequential([Input((32, 32, 3)), layers.Conv2D(8, 3)]).output_shape
    (None, 30, 30, 8)
    """
    return InputLayer(sample_shape(shape, "Input"), name).entrance
