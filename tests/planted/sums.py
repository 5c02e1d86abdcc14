"""Planted mistakes of sums."""

import numpy as np

from minicnn import layers
from planted.rows import Pen, dense, drawn_conv, inner_dy, plain, planted


@planted("only the last sample", "kernel", drawn_conv(activation=None))
class LastSampleAlone(layers.Conv2D):
    """Loops over the samples, and writes = for +=."""

    def backward(self, dy):
        (patches,) = self._cache
        dx = super().backward(dy)
        per_sample = patches.reshape(len(dy), -1, patches.shape[-1])
        for P, one in zip(per_sample, dy, strict=True):
            self.grads["kernel"][...] = (P.T @ one.reshape(-1, self.filters)).reshape(
                self.params["kernel"].shape
            )
        return dx


@planted("only the last position", "bias", drawn_conv())
class LastRowAlone(layers.Conv2D):
    def backward(self, dy):
        before = inner_dy(self, dy)
        dx = super().backward(dy)
        for i in range(before.shape[1]):
            self.grads["bias"][...] = before[:, i].sum(axis=(0, 1))
        return dx


@planted("only the last position", "kernel", drawn_conv(activation=None))
class LastPlaceAlone(layers.Conv2D):
    def backward(self, dy):
        (patches,) = self._cache
        dx = super().backward(dy)
        N, OH, OW, F = dy.shape
        P = patches.reshape(N, OH, OW, -1)
        for i in range(OH):
            for j in range(OW):
                self.grads["kernel"][...] = (P[:, i, j].T @ dy[:, i, j]).reshape(
                    self.params["kernel"].shape
                )
        return dx


@planted("the last sample's cache for all", "kernel", dense)
class OneBuffer(layers.Dense):
    """Keeps each sample in the same buffer."""

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training:
            buffer = np.empty(x.shape[-1])
            views = []
            for sample in x:
                buffer[...] = sample
                views.append(buffer)
            self._cache = (np.array(views),)
        return y


@planted("the last sample's cache for all", "x", plain)
class OneSlopeForAll(layers.GELU):
    def backward(self, dy):
        (*cache,) = self._cache
        self._cache = tuple(np.repeat(c[-1:], len(c), axis=0) for c in cache)
        return super().backward(dy)


def as_many_as_columns(cls: type, pen: Pen) -> tuple:
    """A convolution whose output is as wide as it has filters."""
    n = pen.integer(2, 4)
    return cls(n, (2, 3)), (pen.integer(4, 6), n + 2, pen.integer(1, 3))


@planted("summed over wrong axes", "bias", as_many_as_columns)
class BiasOfColumns(layers.Conv2D):
    def backward(self, dy):
        before = inner_dy(self, dy)
        dx = super().backward(dy)
        self.grads["bias"][...] = before.sum(axis=(0, 1, 3))
        return dx


def as_many_as_rows(cls: type, pen: Pen) -> tuple:
    n = pen.integer(2, 4)
    return cls(), (n, n + 1, n)


@planted("summed over wrong axes", "gamma", as_many_as_rows)
class GammaOfRows(layers.BatchNormalization):
    def backward(self, dy):
        x_hat = self._cache[0].reshape(dy.shape)
        dx = super().backward(dy)
        self.grads["gamma"][...] = (dy * x_hat).sum(axis=(0, 2, 3))
        return dx
