from collections.abc import Callable
from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import count, flag, pair
from minicnn.initializers import InitializerLike
from minicnn.layers.activation import activation_layer, named
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.by_channel import convolved, input_gradient, kernel_gradient
from minicnn.layers.variable import Named
from minicnn.layers.window import Window, check_padding
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Pair, Shape


class SeparableConv2D(Layer):
    """A depthwise convolution, then F mixtures of its channels at every position by itself.

        z = DepthwiseConv2D(x)                     C*M channels, by depthwise_kernel, no bias
        Y = Z @ P + bias                           Z (N*OH*OW, C*M), P the pointwise_kernel (C*M, F)

    which needs KH*KW*C*M + C*M*F numbers, where Conv2D has KH*KW*C*F. Backward, as of a Dense
    layer and then of DepthwiseConv2D:
        dP = Z^T @ dY,   dbias = sum of dY's rows,   dZ = dY @ P^T,   dx = DepthwiseConv2D's for dz

    Args:
        filters: F, the number of output channels.
        kernel_size, strides, padding, dilation_rate, depth_multiplier: of the depthwise
            convolution.
        activation, use_bias: as in Conv2D.
        depthwise_initializer, pointwise_initializer, bias_initializer and so on: of each weight,
            see initializers, regularizers, constraints.

    Shapes: x (N, H, W, C); y (N, OH, OW, F); depthwise_kernel (KH, KW, C, M); pointwise_kernel
        (1, 1, C*M, F); bias (F,)
    Cache: x (N, H, W, C); z (N, OH, OW, C*M)
    Raises ValueError for arguments out of range, and when the kernel is larger than its input.
    Source: Chollet 2016, arXiv:1610.02357.

    >>> layers.SeparableConv2D(32, 3, padding="same")(np.zeros((1, 32, 32, 16))).shape
    (1, 32, 32, 32)
    """

    depthwise_kernel, pointwise_kernel, bias = Named(), Named(), Named()

    window: Window
    optional_arguments = (
        "bias_initializer",
        "depthwise_regularizer",
        "pointwise_regularizer",
        "bias_regularizer",
        "depthwise_constraint",
        "pointwise_constraint",
        "bias_constraint",
    )

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        strides: int | Pair = (1, 1),
        padding: str = "valid",
        dilation_rate: int | Pair = (1, 1),
        depth_multiplier: int = 1,
        activation: str | Callable | Layer | dict | None = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.filters = count(filters, "filters", "SeparableConv2D")
        self.kernel_size = pair(kernel_size, "kernel_size", "SeparableConv2D")
        self.strides = pair(strides, "strides", "SeparableConv2D")
        self.padding = check_padding(padding, "SeparableConv2D")
        self.dilation_rate = pair(dilation_rate, "dilation_rate", "SeparableConv2D")
        self.depth_multiplier = count(depth_multiplier, "depth_multiplier", "SeparableConv2D")
        self.activation = named(activation, "SeparableConv2D")
        self.activation_layer = activation_layer(self.activation, "SeparableConv2D")
        self.use_bias = flag(use_bias, "use_bias", "SeparableConv2D")
        self.depthwise_initializer = initializers.described(
            depthwise_initializer, "depthwise_initializer", self
        )
        self.pointwise_initializer = initializers.described(
            pointwise_initializer, "pointwise_initializer", self
        )
        self.bias_initializer = initializers.described(bias_initializer, "bias_initializer", self)
        self.depthwise_regularizer = regularizers.described(
            depthwise_regularizer, "depthwise_regularizer", self
        )
        self.pointwise_regularizer = regularizers.described(
            pointwise_regularizer, "pointwise_regularizer", self
        )
        self.bias_regularizer = regularizers.described(bias_regularizer, "bias_regularizer", self)
        self.depthwise_constraint = constraints.described(
            depthwise_constraint, "depthwise_constraint", self
        )
        self.pointwise_constraint = constraints.described(
            pointwise_constraint, "pointwise_constraint", self
        )
        self.bias_constraint = constraints.described(bias_constraint, "bias_constraint", self)

    def setup(self, input_shape: Shape) -> Shape:
        self.window = Window.over(
            input_shape,
            self.kernel_size,
            self.strides,
            self.padding,
            self,
            dilation=self.dilation_rate,
        )
        channels = input_shape[-1]
        self.add_param(
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            self.depthwise_regularizer,
            self.depthwise_constraint,
        )
        self.add_param(
            "pointwise_kernel",
            (1, 1, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            self.pointwise_regularizer,
            self.pointwise_constraint,
        )
        if self.use_bias:
            self.add_param(
                "bias",
                (self.filters,),
                self.bias_initializer,
                self.bias_regularizer,
                self.bias_constraint,
            )
        return (*self.window.output, self.filters)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        z = convolved(x, self.params["depthwise_kernel"], self.window)
        y = z @ self.params["pointwise_kernel"][0, 0]  # (N, OH, OW, F)
        if self.use_bias:
            y += self.params["bias"]
        self._cache = (x, z) if training else None
        return (
            y
            if self.activation_layer is None
            else self.activation_layer.forward(y, training=training)
        )

    def backward(self, dy: Array) -> Array | None:
        dy, x, z = self.take_cache(dy)
        if self.activation_layer is not None:
            dy = self.activation_layer.backward(dy)
        kernel, pointwise = self.params["depthwise_kernel"], self.params["pointwise_kernel"][0, 0]
        rows = dy.reshape(-1, self.filters)  # (N*OH*OW, F)
        dz = (rows @ pointwise.T).reshape(z.shape)
        if self.trainable:
            self.grads["depthwise_kernel"][...] = kernel_gradient(x, dz, kernel, self.window)
            self.grads["pointwise_kernel"][0, 0] = z.reshape(len(rows), -1).T @ rows
            if self.use_bias:
                self.grads["bias"][...] = rows.sum(axis=0, dtype=np.float64)
        if not self.needs_input_grad:
            return None
        return input_gradient(dz, kernel, self.window, self.input_shape)

    def multiply_adds(self) -> int:
        OH, OW, _ = self.output_shape
        kernels = self.params["depthwise_kernel"], self.params["pointwise_kernel"]
        return OH * OW * sum(kernel.size for kernel in kernels)
