from collections.abc import Callable
from typing import Unpack

import numpy as np

from minicnn import initializers
from minicnn.expect import count
from minicnn.layers.activation import activation_layer, named
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array, Shape


class Dense(Layer):
    """Connect every input to every output.

        Y  = X @ K + bias
        dK = X^T @ dY,   dbias = sum of dY's rows,   dX = dY @ K^T

    Args:
        units: number of outputs.
        activation: None, "relu", "softmax", ... : the layer of that name runs on the result (see
            Activation).
        use_bias: whether to add a bias per unit.
        kernel_initializer: "glorot_uniform", "he_normal", "zeros", "ones".

    Shapes: x (N, D); y (N, units); kernel (D, units); bias (units,)
    Cache: x (N, D)
    Raises ValueError when samples have more than one axis.
    Source: Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors".

    >>> layers.Dense(10, activation="softmax")(np.zeros((2, 64))).shape
    (2, 10)
    """

    def __init__(
        self,
        units: int,
        activation: str | Callable | Layer | dict | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.units = count(units, "units", "Dense")
        self.activation = named(activation, "Dense")
        self.activation_layer = activation_layer(self.activation, "Dense")
        self.use_bias = use_bias
        self.kernel_initializer = initializers.name_of(initializers.get(kernel_initializer))

    def setup(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ValueError(
                f"{self} expected samples of one axis (D,), received {input_shape}: "
                "insert Flatten() or GlobalAveragePooling2D() before it"
            )
        self.add_param("kernel", (input_shape[0], self.units), self.kernel_initializer)
        if self.use_bias:
            self.add_param("bias", (self.units,), "zeros")
        return (self.units,)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = x @ self.params["kernel"]  # (N, units)
        if self.use_bias:
            y += self.params["bias"]
        self._cache = (x,) if training else None
        return (
            y
            if self.activation_layer is None
            else self.activation_layer.forward(y, training=training)
        )

    def backward(self, dy: Array) -> Array | None:
        dy, x = self.take_cache(dy)
        if self.activation_layer is not None:
            dy = self.activation_layer.backward(dy)
        if self.trainable:
            self.grads["kernel"][...] = x.T @ dy
            if self.use_bias:
                self.grads["bias"][...] = dy.sum(axis=0, dtype=np.float64)
        return dy @ self.params["kernel"].T if self.needs_input_grad else None

    def multiply_adds(self) -> int:
        return self.params["kernel"].size
