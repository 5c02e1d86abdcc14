from collections.abc import Callable
from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import count, flag, pair
from minicnn.initializers import InitializerLike
from minicnn.kernels.im2col import col2im, im2col
from minicnn.layers.activation import activation_layer, named
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.variable import Named
from minicnn.layers.window import Window, check_padding
from minicnn.regularizers import RegularizerLike
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
    With `groups`, channels and filters are cut into as many parts, of which each filter sees its
    own: that many products of smaller matrices, P (G, N*OH*OW, KH*KW*C/G), K (G, KH*KW*C/G, F/G).

    Args:
        filters: F, the number of kernels and of output channels.
        kernel_size, strides, dilation_rate: an int or a pair (rows, columns).
        padding: "valid" (none) or "same" (zeros around, so that stride 1 keeps the size).
        groups: G, into how many parts channels and filters are cut; 1 lets every filter see all.
        activation: None, "relu", ... : the layer of that name runs on the result (see
            Activation).
        use_bias: whether to add a bias per filter.
        kernel_initializer, bias_initializer: how they start, see initializers.
        kernel_regularizer, bias_regularizer: penalties on them, such as "l2", see regularizers.
        kernel_constraint, bias_constraint: what they are kept within, see constraints.

    Shapes: x (N, H, W, C); y (N, OH, OW, F); kernel (KH, KW, C/G, F); bias (F,)
    Cache: patches (G, N*OH*OW, KH*KW*C/G)
    Raises ValueError for arguments out of range, and when the kernel is larger than its input.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285 (geometry); Chellapilla et al. 2006 (as a matrix
        product).

    >>> layers.Conv2D(8, 3, padding="same", activation="relu")(np.zeros((1, 32, 32, 3))).shape
    (1, 32, 32, 8)
    """

    kernel, bias = Named(), Named()

    window: Window
    optional_arguments = (
        "groups",
        "bias_initializer",
        "kernel_regularizer",
        "bias_regularizer",
        "kernel_constraint",
        "bias_constraint",
    )

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        strides: int | Pair = (1, 1),
        padding: str = "valid",
        dilation_rate: int | Pair = (1, 1),
        groups: int = 1,
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
        self.filters = count(filters, "filters", "Conv2D")
        self.kernel_size = pair(kernel_size, "kernel_size", "Conv2D")
        self.strides = pair(strides, "strides", "Conv2D")
        self.padding = check_padding(padding, "Conv2D")
        self.dilation_rate = pair(dilation_rate, "dilation_rate", "Conv2D")
        self.groups = count(groups, "groups", "Conv2D")
        if self.filters % self.groups:
            raise ValueError(
                f"Conv2D expected filters that can be cut into groups={groups} equal parts, "
                f"received filters={filters}: use a multiple"
            )
        self.activation = named(activation, "Conv2D")
        self.activation_layer = activation_layer(self.activation, "Conv2D")
        self.use_bias = flag(use_bias, "use_bias", "Conv2D")
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
        self.window = Window.over(
            input_shape,
            self.kernel_size,
            self.strides,
            self.padding,
            self,
            dilation=self.dilation_rate,
        )
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"{self} expected channels that can be cut into groups={self.groups} equal parts, "
                f"received pictures of {channels} channels"
            )
        self.add_param(
            "kernel",
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
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
        N, (KH, KW), (OH, OW) = len(x), self.kernel_size, self.window.output
        windows = np.empty((N, OH, OW, KH, KW, x.shape[-1]), self.dtype)
        im2col(x, self.strides, self.window.before, self.dilation_rate, windows)
        patches = self._in_groups(windows.reshape(N * OH * OW, KH * KW, -1))
        y = self._side_by_side(patches @ self._kernels())  # (N*OH*OW, F)
        if self.use_bias:
            y += self.params["bias"]
        y = y.reshape(N, OH, OW, self.filters)
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
        KH, KW, _, _ = self.params["kernel"].shape
        dy = dy.reshape(-1, F)  # (N*OH*OW, F)
        if self.trainable and self.use_bias:
            self.grads["bias"][...] = dy.sum(axis=0, dtype=np.float64)
        dy = self._in_groups(dy)  # (G, N*OH*OW, F/G)
        if self.trainable:
            dkernels = self._side_by_side(patches.transpose(0, 2, 1) @ dy)  # (KH*KW*C/G, F)
            self.grads["kernel"][...] = dkernels.reshape(self.params["kernel"].shape)
        if not self.needs_input_grad:
            return None
        dpatches = dy @ self._kernels().transpose(0, 2, 1)  # (G, N*OH*OW, KH*KW*C/G)
        dx = np.empty((N, *self.input_shape), self.dtype)
        dpatches = self._side_by_side(dpatches.reshape(self.groups, N * OH * OW * KH * KW, -1))
        dpatches = dpatches.reshape(N, OH, OW, KH, KW, -1)
        col2im(dpatches, self.strides, self.window.before, self.dilation_rate, dx)
        return dx

    def _kernels(self) -> Array:
        """The kernels as a matrix for each group (G, KH*KW*C/G, F/G)."""
        return self._in_groups(self.params["kernel"].reshape(-1, self.filters))

    def _in_groups(self, array: Array) -> Array:
        """(rows, ..., channels) as (G, rows, ... * channels/G); a view where G is 1."""
        rows = array.reshape(*array.shape[:-1], self.groups, -1)
        return np.moveaxis(rows, -2, 0).reshape(self.groups, len(array), -1)

    def _side_by_side(self, array: Array) -> Array:
        """(G, rows, columns) as (rows, G * columns); a view where G is 1."""
        return np.moveaxis(array, 0, 1).reshape(array.shape[1], -1)

    def multiply_adds(self) -> int:
        OH, OW, _ = self.output_shape
        return OH * OW * self.params["kernel"].size
