"""Planted mistakes of convolutions and pooling."""

from dataclasses import replace

import numpy as np

from minicnn import layers
from minicnn.kernels.im2col import im2col
from planted.rows import drawn_conv, drawn_pool, planted, set_to


@planted("overlap not added", "x", drawn_conv(activation=None, strides=1))
class OverlapAssigned(layers.Conv2D):
    def backward(self, dy):
        super().backward(dy)
        (KH, KW), (SH, SW), (top, left) = self.kernel_size, self.strides, self.window.before
        N, H, W, C = len(dy), *self.input_shape
        dx = np.zeros((N, H + KH, W + KW, C))
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                patch = np.einsum("nf,klcf->nklc", dy[:, i, j], self.params["kernel"])
                dx[:, i * SH : i * SH + KH, j * SW : j * SW + KW] = patch
        return dx[:, top : top + H, left : left + W]


@planted("overlap not added", "x", drawn_conv(activation=None, strides=1, padding="valid"))
class OverlapAssignedByCell(layers.Conv2D):
    """Goes over the kernel's cells, from the first to the last."""

    def backward(self, dy):
        super().backward(dy)
        _, OH, OW, _ = dy.shape
        dx = np.zeros((len(dy), *self.input_shape))
        for kh, kw in np.ndindex(self.kernel_size):
            dx[:, kh : kh + OH, kw : kw + OW] = dy @ self.params["kernel"][kh, kw].T
        return dx


@planted("padding forgotten", "x", drawn_conv(padding="same", kernel_size=3, strides=1))
class PaddingForgotten(layers.Conv2D):
    def backward(self, dy):
        with set_to(self, window=replace(self.window, before=(0, 0))):
            return super().backward(dy)


@planted("padding forgotten", "kernel", drawn_conv(padding="same", kernel_size=3, strides=1))
class PatchesWithoutPadding(layers.Conv2D):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training:
            windows = np.empty((len(x), *self.window.output, *self.kernel_size, x.shape[-1]))
            im2col(np.ascontiguousarray(x), self.strides, (0, 0), self.dilation_rate, windows)
            self._cache = (windows.reshape(1, -1, windows[0, 0, 0].size),)
        return y


@planted("padding on the wrong side", "x", drawn_conv(padding="same", kernel_size=2, strides=1))
class PaddingBefore(layers.Conv2D):
    def backward(self, dy):
        with set_to(self, window=replace(self.window, before=(1, 1))):
            return super().backward(dy)


@planted("stride ignored", "x", drawn_conv(strides=2))
class StrideIgnored(layers.Conv2D):
    def backward(self, dy):
        with set_to(self, strides=(1, 1)):
            return super().backward(dy)


@planted("stride ignored", "x", lambda cls, pen: (cls(3, strides=2), (*pen.pair(5, 6), 2)))
class DepthwiseStrideIgnored(layers.DepthwiseConv2D):
    def backward(self, dy):
        with set_to(self, window=replace(self.window, strides=(1, 1))):
            return super().backward(dy)


@planted("stride ignored", "x", lambda cls, pen: (cls(2, (3, 2), 2), (*pen.pair(3, 4), 2)))
class TransposedStrideIgnored(layers.Conv2DTranspose):
    def backward(self, dy):
        with set_to(self, strides=(1, 1)):
            return super().backward(dy)


@planted("dilation ignored", "x", drawn_conv(dilation_rate=2, kernel_size=2, strides=1))
class DilationIgnored(layers.Conv2D):
    def backward(self, dy):
        with set_to(self, dilation_rate=(1, 1)):
            return super().backward(dy)


@planted("rows and columns swapped", "x", drawn_conv(strides=(1, 2)))
class StridesSwapped(layers.Conv2D):
    def backward(self, dy):
        with set_to(self, strides=self.strides[::-1]):
            return super().backward(dy)


@planted("maximum's gradient spread", "x", drawn_pool())
class MaximumSpread(layers.MaxPooling2D):
    def backward(self, dy):
        super().backward(dy)
        H, W, _ = self.input_shape
        dx = np.zeros((len(dy), *self.input_shape))
        spread = dy.repeat(2, axis=1).repeat(2, axis=2)[:, :H, :W] / 4
        dx[:, : spread.shape[1], : spread.shape[2]] = spread
        return dx


@planted("maximum's gradient to all cells", "x", drawn_pool())
class MaximumToAll(layers.MaxPooling2D):
    def backward(self, dy):
        super().backward(dy)
        dx = np.zeros((len(dy), *self.input_shape))
        whole = dy.repeat(2, axis=1).repeat(2, axis=2)
        dx[:, : whole.shape[1], : whole.shape[2]] = whole
        return dx


@planted("maximum's gradient to the first cell", "x", drawn_pool())
class MaximumToFirst(layers.MaxPooling2D):
    def backward(self, dy):
        super().backward(dy)
        dx = np.zeros((len(dy), *self.input_shape))
        dx[:, : 2 * dy.shape[1] : 2, : 2 * dy.shape[2] : 2] = dy
        return dx


@planted("maximum's gradient to the smallest", "x", drawn_pool())
class MaximumToSmallest(layers.MaxPooling2D):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        smallest = layers.MaxPooling2D(self.pool_size, self.strides, self.padding)
        smallest.build(self.input_shape, dtype=self.dtype)
        smallest.forward(-x, training=training)
        self._cache = smallest._cache
        return y


@planted("overlap not added", "x", drawn_pool(pool_size=(3, 3), strides=(1, 1)))
class WinnersAssigned(layers.MaxPooling2D):
    def backward(self, dy):
        dy, argmax = self.take_cache(dy)
        dx = np.zeros((len(dy), *self.input_shape))
        flat = dx.reshape(len(dy), -1, dy.shape[-1])
        for n, i, j, c in np.ndindex(dy.shape):
            flat[n, argmax[n, i, j, c], c] = dy[n, i, j, c]
        return dx


@planted("mean's 1/n missing", "x", drawn_pool())
class SumPooling(layers.AveragePooling2D):
    def backward(self, dy):
        return 4 * super().backward(dy)


@planted(
    "padding counted as cells", "x", lambda cls, pen: (cls(2, 2, "same"), (3, 5, pen.integer(1, 3)))
)
class PaddingCounted(layers.AveragePooling2D):
    def backward(self, dy):
        super().backward(dy)
        whole = (dy / 4).repeat(2, axis=1).repeat(2, axis=2)
        return whole[:, : self.input_shape[0], : self.input_shape[1]]
