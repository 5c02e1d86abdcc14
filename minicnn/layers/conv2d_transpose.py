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
from minicnn.layers.window import Window, check_padding, check_picture
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Pair, Shape


class Conv2DTranspose(Layer):
    """Stamp F small pictures, weighted by every pixel, onto a larger one, where they add up.

        y[n, i*SH - top + kh*DH, j*SW - left + kw*DW, f] += x[n, i, j, c] * kernel[kh, kw, f, c]

    It is a Conv2D from y to x the other way round: its forward is that one's dx, and its backward
    that one's forward. With x and y as rows, and the patches of y that a pixel is stamped onto:
        P = X @ K^T,   y = col2im(P) + bias           X (N*H*W, C), K (KH*KW*F, C)
        dP = im2col(dy),   dX = dP @ K,   dK = dP^T @ X,   dbias = sum of dy

    Args:
        filters: F, the number of output channels.
        kernel_size, strides, dilation_rate: an int or a pair (rows, columns).
        padding: "valid", all that is stamped: OH = (H - 1) * SH + max(KH, SH); or "same", so much
            of the middle: OH = H * SH.
        output_padding: OP, below the stride, for other sizes: (H - 1) * SH + KH + OP where padding
            is "valid", (H - 1) * SH + KH % 2 + OP where it is "same"; KH is then the extent of the
            kernel, (KH - 1) * DH + 1.
        activation, use_bias: as in Conv2D.
        kernel_initializer, bias_initializer: how they start, see initializers.
        kernel_regularizer, bias_regularizer: penalties on them, see regularizers.
        kernel_constraint, bias_constraint: what they are kept within, see constraints.

    Shapes: x (N, H, W, C); y (N, OH, OW, F); kernel (KH, KW, F, C); bias (F,)
    Cache: x (N*H*W, C)
    Raises ValueError for arguments out of range, and for sizes that the strides do not lead to.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285, section 4.

    >>> layers.Conv2DTranspose(8, 3, strides=2, padding="same")(np.zeros((1, 16, 16, 4))).shape
    (1, 32, 32, 8)
    """

    kernel, bias = Named(), Named()

    window: Window  # of the Conv2D from y to x
    optional_arguments = (
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
        output_padding: int | Pair | None = None,
        dilation_rate: int | Pair = (1, 1),
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
        self.filters = count(filters, "filters", "Conv2DTranspose")
        self.kernel_size = pair(kernel_size, "kernel_size", "Conv2DTranspose")
        self.strides = pair(strides, "strides", "Conv2DTranspose")
        self.padding = check_padding(padding, "Conv2DTranspose")
        self.dilation_rate = pair(dilation_rate, "dilation_rate", "Conv2DTranspose")
        self.output_padding = (
            None
            if output_padding is None
            else pair(output_padding, "output_padding", "Conv2DTranspose", 0)
        )
        more = self.output_padding or (0, 0)
        if any(n >= stride for n, stride in zip(more, self.strides, strict=True)):
            raise ValueError(
                f"Conv2DTranspose expected output_padding below strides={self.strides}, received "
                f"{output_padding!r}"
            )
        self.activation = named(activation, "Conv2DTranspose")
        self.activation_layer = activation_layer(self.activation, "Conv2DTranspose")
        self.use_bias = flag(use_bias, "use_bias", "Conv2DTranspose")
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
        *picture, C = check_picture(input_shape, self)
        output = tuple(self._enlarged(n, axis) for axis, n in enumerate(picture))
        self.window = Window.over(
            (*output, self.filters),
            self.kernel_size,
            self.strides,
            self.padding,
            self,
            dilation=self.dilation_rate,
        )
        self.add_param(
            "kernel",
            (*self.kernel_size, self.filters, C),
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
        return (*output, self.filters)

    def _enlarged(self, n: int, axis: int) -> int:
        """The rows, or columns, that n of them become."""
        stride = self.strides[axis]
        extent = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        given = self.output_padding
        if self.padding == "valid":
            more = max(extent, stride) if given is None else extent + given[axis]
        else:
            more = stride if given is None else extent % 2 + given[axis]
        if more == 0:
            raise ValueError(
                f"{self} expected output_padding of at least 1 for a kernel of even size and "
                f"padding 'same', received {given}"
            )
        return (n - 1) * stride + more

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        N, H, W, C = x.shape
        rows = x.reshape(-1, C)  # (N*H*W, C)
        patches = rows @ self.params["kernel"].reshape(-1, C).T  # (N*H*W, KH*KW*F)
        patches = patches.reshape(N, H, W, *self.kernel_size, self.filters)
        y = np.empty((N, *self.output_shape), self.dtype)
        col2im(patches, self.strides, self.window.before, self.dilation_rate, y)
        if self.use_bias:
            y += self.params["bias"]
        self._cache = (rows,) if training else None
        return (
            y
            if self.activation_layer is None
            else self.activation_layer.forward(y, training=training)
        )

    def backward(self, dy: Array) -> Array | None:
        dy, rows = self.take_cache(dy)
        if self.activation_layer is not None:
            dy = np.ascontiguousarray(self.activation_layer.backward(dy))
        N, (H, W, C), kernel = len(dy), self.input_shape, self.params["kernel"]
        dpatches = np.empty((N, H, W, *self.kernel_size, self.filters), self.dtype)
        im2col(dy, self.strides, self.window.before, self.dilation_rate, dpatches)
        dpatches = dpatches.reshape(len(rows), -1)  # (N*H*W, KH*KW*F)
        if self.trainable:
            self.grads["kernel"][...] = (dpatches.T @ rows).reshape(kernel.shape)
            if self.use_bias:
                self.grads["bias"][...] = dy.sum(axis=(0, 1, 2), dtype=np.float64)
        if not self.needs_input_grad:
            return None
        return (dpatches @ kernel.reshape(-1, C)).reshape(N, H, W, C)

    def multiply_adds(self) -> int:
        H, W, _ = self.input_shape
        return H * W * self.params["kernel"].size
