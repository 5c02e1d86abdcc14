from collections.abc import Callable
from math import prod
from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import count, flag
from minicnn.initializers import InitializerLike
from minicnn.layers.activation import activation_layer, named
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.variable import Named
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Shape


class Dense(Layer):
    """Connect every input to every output.

        Y  = X @ K + bias
        dK = X^T @ dY,   dbias = sum of dY's rows,   dX = dY @ K^T

    Samples with more axes than one are connected along the last, each position by itself: X is then
    all of them in rows, (N*..., D).

    Args:
        units: number of outputs.
        activation: None, "relu", "softmax", ... : the layer of that name runs on the result (see
            Activation).
        use_bias: whether to add a bias per unit.
        kernel_initializer, bias_initializer: how they start, see initializers.
        kernel_regularizer, bias_regularizer: penalties on them, such as "l2", see regularizers.
        kernel_constraint, bias_constraint: what they are kept within, see constraints.

    Shapes: x (N, ..., D); y (N, ..., units); kernel (D, units); bias (units,)
    Cache: x (N*..., D)
    Source: Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors".

    >>> layers.Dense(10, activation="softmax")(np.zeros((2, 64))).shape
    (2, 10)
    """

    kernel, bias = Named(), Named()

    optional_arguments = (
        "bias_initializer",
        "kernel_regularizer",
        "bias_regularizer",
        "kernel_constraint",
        "bias_constraint",
    )

    def __init__(
        self,
        units: int,
        activation: str | Callable | Layer | dict | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.units = count(units, "units", "Dense")
        self.activation = named(activation, "Dense")
        self.activation_layer = activation_layer(self.activation, "Dense")
        self.use_bias = flag(use_bias, "use_bias", "Dense")
        self.kernel_initializer = initializers.described(
            kernel_initializer, "kernel_initializer", self
        )
        self.bias_initializer = initializers.described(bias_initializer, "bias_initializer", self)
        self.kernel_regularizer = regularizers.described(
            kernel_regularizer, "kernel_regularizer", self
        )
        self.bias_regularizer = regularizers.described(bias_regularizer, "bias_regularizer", self)
        self.kernel_constraint = constraints.described(kernel_constraint, "kernel_constraint", self)
        self.bias_constraint = constraints.described(bias_constraint, "bias_constraint", self)

    def setup(self, input_shape: Shape) -> Shape:
        self.add_param(
            "kernel",
            (input_shape[-1], self.units),
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        if self.use_bias:
            self.add_param(
                "bias",
                (self.units,),
                self.bias_initializer,
                self.bias_regularizer,
                self.bias_constraint,
            )
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        rows = x.reshape(-1, x.shape[-1])
        y = rows @ self.params["kernel"]  # (N*..., units)
        if self.use_bias:
            y += self.params["bias"]
        y = y.reshape(*x.shape[:-1], self.units)
        self._cache = (rows,) if training else None
        return (
            y
            if self.activation_layer is None
            else self.activation_layer.forward(y, training=training)
        )

    def backward(self, dy: Array) -> Array | None:
        dy, x = self.take_cache(dy)
        if self.activation_layer is not None:
            dy = self.activation_layer.backward(dy)
        N, dy = len(dy), dy.reshape(-1, self.units)  # (N*..., units)
        if self.trainable:
            self.grads["kernel"][...] = x.T @ dy
            if self.use_bias:
                self.grads["bias"][...] = dy.sum(axis=0, dtype=np.float64)
        if not self.needs_input_grad:
            return None
        return (dy @ self.params["kernel"].T).reshape(N, *self.input_shape)

    def multiply_adds(self) -> int:
        return prod(self.input_shape[:-1]) * self.params["kernel"].size
