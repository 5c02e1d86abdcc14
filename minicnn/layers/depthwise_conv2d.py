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


class DepthwiseConv2D(Layer):
    """Slide a small kernel over every channel by itself, or several of them.

        y[n, i, j, c*M + m] = sum over kh, kw of x[n, i*SH + kh*DH, j*SW + kw*DW, c] * kernel[kh,
        kw, c, m] + bias[c*M + m]

    Each product is of one pixel and one number of a kernel, and gives to both what dy has of it:
        dkernel = sum over n, i, j of x * dy,   dx = sum over outputs and kernel cells that saw the
        pixel of dy * kernel,   dbias = sum of dy

    Args:
        kernel_size, strides, dilation_rate: an int or a pair (rows, columns).
        padding: "valid" or "same", as in Conv2D.
        depth_multiplier: M, the number of kernels for each channel.
        activation, use_bias: as in Conv2D.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel, see
            initializers, regularizers, constraints.
        bias_initializer, bias_regularizer, bias_constraint: of the bias.

    Shapes: x (N, H, W, C); y (N, OH, OW, C*M); kernel (KH, KW, C, M); bias (C*M,)
    Cache: x (N, H, W, C)
    Raises ValueError for arguments out of range, and when the kernel is larger than its input.
    Source: Chollet 2016, arXiv:1610.02357; Howard et al. 2017, arXiv:1704.04861.

    >>> layers.DepthwiseConv2D(3, padding="same")(np.zeros((1, 32, 32, 16))).shape
    (1, 32, 32, 16)
    """

    kernel, bias = Named(), Named()

    window: Window
    optional_arguments = (
        "bias_initializer",
        "depthwise_regularizer",
        "bias_regularizer",
        "depthwise_constraint",
        "bias_constraint",
    )

    def __init__(
        self,
        kernel_size: int | Pair,
        strides: int | Pair = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        dilation_rate: int | Pair = (1, 1),
        activation: str | Callable | Layer | dict | None = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.kernel_size = pair(kernel_size, "kernel_size", "DepthwiseConv2D")
        self.strides = pair(strides, "strides", "DepthwiseConv2D")
        self.padding = check_padding(padding, "DepthwiseConv2D")
        self.depth_multiplier = count(depth_multiplier, "depth_multiplier", "DepthwiseConv2D")
        self.dilation_rate = pair(dilation_rate, "dilation_rate", "DepthwiseConv2D")
        self.activation = named(activation, "DepthwiseConv2D")
        self.activation_layer = activation_layer(self.activation, "DepthwiseConv2D")
        self.use_bias = flag(use_bias, "use_bias", "DepthwiseConv2D")
        self.depthwise_initializer = initializers.described(
            depthwise_initializer, "depthwise_initializer", self
        )
        self.bias_initializer = initializers.described(bias_initializer, "bias_initializer", self)
        self.depthwise_regularizer = regularizers.described(
            depthwise_regularizer, "depthwise_regularizer", self
        )
        self.bias_regularizer = regularizers.described(bias_regularizer, "bias_regularizer", self)
        self.depthwise_constraint = constraints.described(
            depthwise_constraint, "depthwise_constraint", self
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
        channels = input_shape[-1] * self.depth_multiplier
        self.add_param(
            "kernel",
            (*self.kernel_size, input_shape[-1], self.depth_multiplier),
            self.depthwise_initializer,
            self.depthwise_regularizer,
            self.depthwise_constraint,
        )
        if self.use_bias:
            self.add_param(
                "bias",
                (channels,),
                self.bias_initializer,
                self.bias_regularizer,
                self.bias_constraint,
            )
        return (*self.window.output, channels)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = convolved(x, self.params["kernel"], self.window)
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
            dy = np.ascontiguousarray(self.activation_layer.backward(dy))
        kernel = self.params["kernel"]
        if self.trainable:
            self.grads["kernel"][...] = kernel_gradient(x, dy, kernel, self.window)
            if self.use_bias:
                self.grads["bias"][...] = dy.sum(axis=(0, 1, 2), dtype=np.float64)
        if not self.needs_input_grad:
            return None
        return input_gradient(dy, kernel, self.window, self.input_shape)

    def multiply_adds(self) -> int:
        OH, OW, _ = self.output_shape
        return OH * OW * self.params["kernel"].size
