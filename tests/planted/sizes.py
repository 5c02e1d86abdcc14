"""Planted mistakes of size and sign, and what is not given back or not one's own."""

from minicnn import layers
from planted.rows import dense, drawn_conv, inner_dy, norm, plain, planted, two


@planted("nothing written", "bias", dense)
class BiasForgotten(layers.Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["bias"][...] = 0
        return dx


@planted("wrong sign", "x2", two)
class BothPlus(layers.Subtract):
    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return [self.summed(dy.copy(), 0), self.summed(dy.copy(), 1)]


@planted("a factor 2 missing", "gamma", norm)
class HalfGamma(layers.BatchNormalization):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["gamma"] *= 0.5
        return dx


@planted("a factor 2 too much", "x", plain)
class AddedTwice(layers.Flatten):
    def backward(self, dy):
        dx = super().backward(dy)
        return dx + dx


@planted("1/N twice", "kernel", dense)
class MeanOfSamples(layers.Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["kernel"] /= len(dy)
        return dx


@planted("N times too large", "bias", dense)
class TimesN(layers.Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["bias"][...] = len(dy) * self.grads["bias"]
        return dx


@planted("mean over the positions", "kernel", drawn_conv())
class MeanOfPositions(layers.Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["kernel"] /= self.output_shape[0] * self.output_shape[1]
        return dx


@planted("mean over samples and positions", "bias", drawn_conv())
class MeanOfAll(layers.Conv2D):
    def backward(self, dy):
        before = inner_dy(self, dy)
        dx = super().backward(dy)
        self.grads["bias"][...] = before.mean(axis=(0, 1, 2))
        return dx


@planted("a mean's 1/M missing", "x", plain)
class GlobalSum(layers.GlobalAveragePooling2D):
    def backward(self, dy):
        return super().backward(dy) * (self.input_shape[0] * self.input_shape[1])


@planted("a mean's 1/M missing", "x1", lambda cls, pen: (cls(), [(*pen.pair(2, 4),)] * 3))
class AverageUndivided(layers.Average):
    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return [self.summed(dy.copy(), i) for i in range(len(self.input_shape))]


@planted("accumulated over calls", "kernel", dense)
class Accumulated(layers.Dense):
    def backward(self, dy):
        before = self.grads["kernel"].copy()
        dx = super().backward(dy)
        self.grads["kernel"] += before
        return dx


@planted("the last batch's gradient", "bias", dense)
class ComputedOnce(layers.Dense):
    def backward(self, dy):
        before = self.grads["bias"].copy()
        dx = super().backward(dy)
        if before.any():
            self.grads["bias"][...] = before
        return dx


@planted("the last batch's cache", "kernel", dense)
class CachedOnce(layers.Dense):
    """Keeps x only when it has none yet."""

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training:
            rows = vars(self).setdefault("_rows", self._cache[0].copy())
            self._cache = (rows[: len(self._cache[0])],)
        return y


@planted("input overwritten", "kernel", dense)
class InputOverwritten(layers.Dense):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        x -= x.mean()
        return y


@planted("dy overwritten", "kernel", lambda cls, pen: dense(cls, pen, activation=None))
class DyOverwritten(layers.Dense):
    def backward(self, dy):
        dy -= dy.mean()
        return super().backward(dy)
