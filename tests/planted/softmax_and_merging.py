"""Planted mistakes of softmax and of layers of several inputs."""

from minicnn import layers
from planted.rows import planted, three, two, vectors


@planted("softmax's sum missing", "x", vectors)
class SoftmaxNoSum(layers.Softmax):
    def backward(self, dy):
        dy, y = self.take_cache(dy)
        return y * dy


@planted("softmax's diagonal alone", "x", vectors)
class SoftmaxDiagonal(layers.Softmax):
    def backward(self, dy):
        dy, y = self.take_cache(dy)
        return dy * y * (1 - y)


@planted("softmax's y outside missing", "x", vectors)
class SoftmaxNoY(layers.Softmax):
    def backward(self, dy):
        dy, y = self.take_cache(dy)
        return dy - (dy * y).sum(axis=-1, keepdims=True)


@planted("softmax's sum without y", "x", vectors)
class SoftmaxPlainSum(layers.Softmax):
    def backward(self, dy):
        dy, y = self.take_cache(dy)
        return y * (dy - dy.sum(axis=-1, keepdims=True))


@planted("softmax's sum over a wrong axis", "x", vectors)
class SoftmaxOverSamples(layers.Softmax):
    def backward(self, dy):
        dy, y = self.take_cache(dy)
        return y * (dy - (dy * y).sum(axis=0))


@planted("product with the own input", "x1", three)
class TimesItself(layers.Multiply):
    def backward(self, dy):
        dy, *xs = self.take_cache(dy)
        return [dy * x for x in xs]


@planted("product of all inputs", "x1", two)
class TimesAll(layers.Multiply):
    def backward(self, dy):
        dy, x1, x2 = self.take_cache(dy)
        return [dy * x1 * x2, dy * x1]


@planted("dy alone", "x2", two)
class FactorForgotten(layers.Multiply):
    def backward(self, dy):
        return [super().backward(dy)[0], dy.copy()]
