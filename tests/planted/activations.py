"""Planted mistakes of activations, dropout, and the kernel in backward."""

import numpy as np

from minicnn import layers
from planted.rows import (
    conv,
    dense,
    drawn_conv,
    dropout,
    inner_dy,
    other_kernel,
    plain,
    planted,
    set_to,
    square_dense,
)


@planted("kernel not transposed", "x", square_dense)
class NotTransposed(layers.Dense):
    def backward(self, dy):
        before = inner_dy(self, dy)
        super().backward(dy)
        return before @ self.params["kernel"]


@planted("kernel not flipped", "x", drawn_conv(kernel_size=(3, 2)))
class NotFlipped(layers.Conv2D):
    def backward(self, dy):
        with other_kernel(self, self.params["kernel"][::-1, ::-1].copy()):
            return super().backward(dy)


@planted("activation left out", "x", lambda cls, pen: dense(cls, pen, activation="tanh"))
class ActivationForgotten(layers.Dense):
    def backward(self, dy):
        with set_to(self, activation_layer=None):
            return super().backward(dy)


@planted("activation left out", "bias", lambda cls, pen: dense(cls, pen, activation="gelu"))
class BiasBeforeActivation(layers.Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["bias"][...] = dy.sum(axis=0)
        return dx


@planted(
    "activation's derivative at its output",
    "kernel",
    lambda cls, pen: conv(cls, pen, activation=pen.pick(("tanh", "gelu", "sigmoid"))),
)
class DerivativeAtOutput(layers.Conv2D):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training and self.activation_layer is not None:
            self.activation_layer.forward(y, training=True)
        return y


@planted(
    "activation's derivative twice",
    "kernel",
    lambda cls, pen: dense(cls, pen, activation=pen.pick(("tanh", "gelu", "sigmoid"))),
)
class DerivativeTwice(layers.Dense):
    def backward(self, dy):
        dy = inner_dy(self, dy)
        return super().backward(dy)


@planted("derivative left out", "x", plain)
class NoDerivative(layers.GELU):
    def backward(self, dy):
        return dy


@planted("dy left out", "x", plain)
class NoDy(layers.GELU):
    def backward(self, dy):
        return super().backward(np.ones_like(dy))


class OneActivation(layers.Activation):
    """Activation of a fixed function, with x, y and dy at hand."""

    function = "tanh"

    def __init__(self, **options):
        super().__init__(self.function, **options)

    def forward(self, x, *, training=False):
        self._x, self._y = x.copy(), super().forward(x, training=training)
        return self._y


@planted("derivative at the output", "x", plain)
class TanhAtOutput(OneActivation):
    def backward(self, dy):
        return dy * (1 - np.tanh(self._y) ** 2)


@planted("formula of y, given x", "x", plain)
class TanhOfX(OneActivation):
    def backward(self, dy):
        return dy * (1 - self._x**2)


@planted("formula of y, given x", "x", plain)
class SigmoidOfX(OneActivation):
    function = "sigmoid"

    def backward(self, dy):
        return dy * self._x * (1 - self._x)


@planted("value, not derivative", "x", plain)
class Value(OneActivation):
    function = "sigmoid"

    def backward(self, dy):
        return dy * self._y


@planted("derivative twice", "x", plain)
class SlopeTwice(layers.GELU):
    def backward(self, dy):
        cache = self._cache
        dy = super().backward(dy)
        self._cache = cache
        return super().backward(dy)


@planted("mask inverted", "x", plain)
class MaskInverted(layers.ReLU):
    def backward(self, dy):
        return dy - super().backward(dy)


@planted("mask of dy", "x", plain)
class MaskOfDy(layers.ReLU):
    def backward(self, dy):
        return np.where(dy > 0, dy, 0)


@planted("slope below 0 forgotten", "x", plain)
class NoSlopeBelow(layers.LeakyReLU):
    def forward(self, x, *, training=False):
        self._positive = x > 0
        return super().forward(x, training=training)

    def backward(self, dy):
        return super().backward(dy) * self._positive


@planted("mask missing", "x", dropout)
class MaskMissing(layers.Dropout):
    def backward(self, dy):
        return dy / (1 - self.rate)


@planted("dropout's scale missing", "x", dropout)
class ScaleMissing(layers.Dropout):
    def backward(self, dy):
        return super().backward(dy) * (1 - self.rate)


@planted("dropout's scale turned round", "x", dropout)
class ScaleTurned(layers.Dropout):
    def backward(self, dy):
        return super().backward(dy) * (1 - self.rate) ** 2


@planted("a new mask in backward", "x", dropout)
class NewMask(layers.Dropout):
    def backward(self, dy):
        dy, factor = self.take_cache(dy)
        return dy * self.draw(factor.shape)
