"""Planted mistakes of normalisation."""

from types import SimpleNamespace

import numpy as np

from minicnn import layers
from planted.rows import Pen, group_norm, layer_norm, norm, planted


class Terms(layers.BatchNormalization):
    """Batch normalisation whose dx is gamma / std times what `inner` makes of its terms."""

    def inner(self, t):
        """t has dy and x_hat (M, C), M, and dbeta and dgamma (C,)."""
        raise NotImplementedError

    def backward(self, dy):
        x_hat, inv_std, _ = self._cache
        super().backward(dy)
        rows = dy.reshape(-1, dy.shape[-1])
        sums = {"dbeta": rows.sum(axis=0), "dgamma": (rows * x_hat).sum(axis=0)}
        inner = self.inner(SimpleNamespace(dy=rows, x_hat=x_hat, M=len(rows), **sums))
        return (self.params["gamma"] * inv_std * inner).reshape(dy.shape)


@planted("mean term missing", "x", norm)
class NoMeanTerm(Terms):
    def inner(self, t):
        return t.dy - t.x_hat * t.dgamma / t.M


@planted("variance term missing", "x", norm)
class NoVarianceTerm(Terms):
    def inner(self, t):
        return t.dy - t.dbeta / t.M


@planted("statistics taken for constants", "x", norm)
class ConstantStatistics(Terms):
    def inner(self, t):
        return t.dy


@planted("sum instead of mean in a normalisation", "x", norm)
class SumsForMeans(Terms):
    def inner(self, t):
        return t.dy - t.dbeta - t.x_hat * t.dgamma


@planted("variance term halved", "x", norm)
class HalfVariance(Terms):
    def inner(self, t):
        return t.dy - t.dbeta / t.M - t.x_hat * t.dgamma / (2 * t.M)


@planted("a term's wrong sign", "x", norm)
class VariancePlus(Terms):
    def inner(self, t):
        return t.dy - (t.dbeta - t.x_hat * t.dgamma) / t.M


@planted("M - 1 for M", "x", norm)
class Unbiased(Terms):
    def inner(self, t):
        return t.dy - t.dbeta / t.M - t.x_hat * t.dgamma / (t.M - 1)


@planted("gamma missing", "x", norm)
class NoGamma(layers.BatchNormalization):
    def backward(self, dy):
        return super().backward(dy) / self.params["gamma"]


@planted("1/std missing", "x", norm)
class NoStd(layers.BatchNormalization):
    def backward(self, dy):
        _, inv_std, _ = self._cache
        return super().backward(dy) / inv_std


@planted("variance for standard deviation", "x", norm)
class VarianceForStd(layers.BatchNormalization):
    def backward(self, dy):
        _, inv_std, _ = self._cache
        return super().backward(dy) * inv_std


@planted("epsilon missing", "x", norm)
class NoEpsilon(layers.BatchNormalization):
    def backward(self, dy):
        _, inv_std, _ = self._cache
        return super().backward(dy) / inv_std / np.sqrt(1 / inv_std**2 - self.epsilon)


@planted("moving statistics in backward", "x", norm)
class MovingInBackward(layers.BatchNormalization):
    def backward(self, dy):
        super().backward(dy)
        moving = np.sqrt(self.state["moving_variance"] + self.epsilon)
        return dy * self.params["gamma"] / moving


@planted("x_hat not normalised", "x", norm)
class CentredOnly(layers.BatchNormalization):
    def backward(self, dy):
        x_hat, inv_std, of_batch = self._cache
        self._cache = (x_hat / inv_std, inv_std, of_batch)
        return super().backward(dy)


@planted("cache overwritten by y", "x", norm)
class CacheOverwritten(layers.BatchNormalization):
    """Scales and shifts in place, and so the cached x_hat."""

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training:
            x_hat = self._cache[0]
            x_hat *= self.params["gamma"]
            x_hat += self.params["beta"]
        return y


@planted("dgamma of y", "gamma", norm)
class GammaOfOverwritten(layers.BatchNormalization):
    def backward(self, dy):
        y = self._cache[0] * self.params["gamma"] + self.params["beta"]
        dx = super().backward(dy)
        self.grads["gamma"][...] = (dy.reshape(y.shape) * y).sum(axis=0)
        return dx


@planted("dgamma of x - mean", "gamma", norm)
class GammaOfCentred(layers.BatchNormalization):
    def backward(self, dy):
        x_hat, inv_std, _ = self._cache
        dx = super().backward(dy)
        self.grads["gamma"][...] = (dy.reshape(x_hat.shape) * x_hat / inv_std).sum(axis=0)
        return dx


@planted("dgamma of x", "gamma", layer_norm)
class GammaOfX(layers.LayerNormalization):
    def forward(self, x, *, training=False):
        self._x = x.copy()
        return super().forward(x, training=training)

    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["gamma"][...] = (dy * self._x).sum(axis=(0, 1, 2))
        return dx


@planted("dgamma without x_hat", "gamma", lambda cls, pen: norm_without_beta(cls, pen))
class GammaOfDy(layers.BatchNormalization):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["gamma"][...] = dy.reshape(-1, dy.shape[-1]).sum(axis=0)
        return dx


def norm_without_beta(cls: type, pen: Pen) -> tuple:
    return cls(center=False), (*pen.pair(2, 4), pen.integer(2, 4))


@planted("gamma outside of the means", "x", layer_norm)
class GammaOutside(layers.LayerNormalization):
    def backward(self, dy):
        return super().backward(dy / self.params["gamma"]) * self.params["gamma"]


@planted("means over wrong axes", "x", layer_norm)
class MeansOfPictures(layers.LayerNormalization):
    def backward(self, dy):
        _, x_hat, inv_std = self.take_cache(dy)
        dx_hat, axes = dy * self.params["gamma"], (1, 2, 3)
        shift = dx_hat.mean(axis=axes, keepdims=True)
        return inv_std * (dx_hat - shift - x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True))


@planted("mean term missing", "x", group_norm)
class GroupsWithoutMean(layers.GroupNormalization):
    def backward(self, dy):
        _, x_hat, inv_std = self.take_cache(dy)
        dx_hat = self._in_groups(dy * self.params["gamma"])
        stretch = (dx_hat * x_hat).mean(axis=(1, 3), keepdims=True)
        return (inv_std * (dx_hat - x_hat * stretch)).reshape(dy.shape)


@planted("dbeta with x_hat", "beta", lambda cls, pen: (cls(scale=False), (*pen.pair(2, 4), 3)))
class BetaOfXHat(layers.BatchNormalization):
    def backward(self, dy):
        x_hat = self._cache[0]
        dx = super().backward(dy)
        self.grads["beta"][...] = (dy.reshape(x_hat.shape) * x_hat).sum(axis=0)
        return dx
