from collections.abc import Callable
from typing import Unpack

import numpy as np

from minicnn import initializers
from minicnn.expect import count, pair
from minicnn.kernels.im2col import col2im, im2col
from minicnn.layers.activation import activation_layer, named
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import Window, check_padding
from minicnn.types import Array, Pair, Shape


class Conv2D(Layer):
    """Slide F small kernels over a picture; an output is a kernel's product with the patch below.

        y[n, i, j, f] = sum over kh, kw, c of x[n, i*SH + kh*DH, j*SW + kw*DW, c] * kernel[kh, kw,
        c, f] + bias[f]

    im2col writes the patch of every output position as one row, and then this is one matrix
    product:
        Y = P @ K + bias            P (N*OH*OW, KH*KW*C), K (KH*KW*C, F)
    so that its derivatives are those of a matrix product:
        dK = P^T @ dY,   dbias = sum of dY's rows,   dP = dY @ K^T,   dx = col2im(dP)
    where col2im adds up, for each pixel, the gradients of all the patches that it was copied into.

    Args:
        filters: F, the number of kernels and of output channels.
        kernel_size, strides, dilation_rate: an int or a pair (rows, columns).
        padding: "valid" (none) or "same" (zeros around, so that stride 1 keeps the size).
        activation: None, "relu", ... : the layer of that name runs on the result (see
            Activation).
        use_bias: whether to add a bias per filter.
        kernel_initializer: "glorot_uniform", "he_normal", "zeros", "ones".

    Shapes: x (N, H, W, C); y (N, OH, OW, F); kernel (KH, KW, C, F); bias (F,)
    Cache: patches (N*OH*OW, KH*KW*C)
    Raises ValueError for arguments out of range, and when the kernel is larger than its input.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285 (geometry); Chellapilla et al. 2006 (as a matrix
        product).

    >>> layers.Conv2D(8, 3, padding="same", activation="relu")(np.zeros((1, 32, 32, 3))).shape
    (1, 32, 32, 8)
    """

    window: Window

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        strides: int | Pair = (1, 1),
        padding: str = "valid",
        dilation_rate: int | Pair = (1, 1),
        activation: str | Callable | Layer | dict | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.filters = count(filters, "filters", "Conv2D")
        self.kernel_size = pair(kernel_size, "kernel_size", "Conv2D")
        self.strides = pair(strides, "strides", "Conv2D")
        self.padding = check_padding(padding, "Conv2D")
        self.dilation_rate = pair(dilation_rate, "dilation_rate", "Conv2D")
        self.activation = named(activation, "Conv2D")
        self.activation_layer = activation_layer(self.activation, "Conv2D")
        self.use_bias = use_bias
        self.kernel_initializer = initializers.name_of(initializers.get(kernel_initializer))

    def setup(self, input_shape: Shape) -> Shape:
        self.window = Window.over(
            input_shape,
            self.kernel_size,
            self.strides,
            self.padding,
            self,
            dilation=self.dilation_rate,
        )
        self.add_param(
            "kernel", (*self.kernel_size, input_shape[-1], self.filters), self.kernel_initializer
        )
        if self.use_bias:
            self.add_param("bias", (self.filters,), "zeros")
        return (*self.window.output, self.filters)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        KH, KW, C, F = self.params["kernel"].shape
        N, (OH, OW) = len(x), self.window.output
        windows = np.empty((N, OH, OW, KH, KW, C), self.dtype)
        im2col(x, self.strides, self.window.before, self.dilation_rate, windows)
        patches = windows.reshape(N * OH * OW, KH * KW * C)
        y = patches @ self.params["kernel"].reshape(-1, F)  # (N*OH*OW, F)
        if self.use_bias:
            y += self.params["bias"]
        y = y.reshape(N, OH, OW, F)
        self._cache = (patches,) if training else None
        return (
            y
            if self.activation_layer is None
            else self.activation_layer.forward(y, training=training)
        )

    def backward(self, dy: Array) -> Array | None:
        dy, patches = self.take_cache(dy)
        if self.activation_layer is not None:
            dy = self.activation_layer.backward(dy)
        N, OH, OW, F = dy.shape
        KH, KW, C, _ = self.params["kernel"].shape
        dy = dy.reshape(-1, F)  # (N*OH*OW, F)
        if self.trainable:
            self.grads["kernel"][...] = (patches.T @ dy).reshape(KH, KW, C, F)
            if self.use_bias:
                self.grads["bias"][...] = dy.sum(axis=0, dtype=np.float64)
        if not self.needs_input_grad:
            return None
        dpatches = dy @ self.params["kernel"].reshape(-1, F).T  # (N*OH*OW, KH*KW*C)
        dx = np.empty((N, *self.input_shape), self.dtype)
        dpatches = dpatches.reshape(N, OH, OW, KH, KW, C)
        col2im(dpatches, self.strides, self.window.before, self.dilation_rate, dx)
        return dx

    def multiply_adds(self) -> int:
        OH, OW, _ = self.output_shape
        return OH * OW * self.params["kernel"].size
