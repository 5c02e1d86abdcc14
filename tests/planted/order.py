"""Planted mistakes of order and shape."""

from minicnn import layers
from planted.rows import (
    PLANTED,
    Pen,
    conv,
    dense,
    drawn_conv,
    inner_dy,
    norm,
    plain,
    planted,
    square_dense,
    two,
)


def square_conv(cls: type, pen: Pen) -> tuple:
    n = pen.integer(2, 4)
    return cls(n, pen.pair(1, 3), padding="same"), (*pen.pair(4, 5), n)


@planted("axes swapped", "kernel", square_conv)
class SwappedKernelGradient(layers.Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["kernel"][...] = self.grads["kernel"].swapaxes(2, 3).copy()
        return dx


@planted("axes swapped", "kernel", square_dense)
class TransposedKernelGradient(layers.Dense):
    def backward(self, dy):
        (x,) = self._cache
        before = inner_dy(self, dy)
        dx = super().backward(dy)
        self.grads["kernel"][...] = before.T @ x
        return dx


@planted("reshaped, not transposed", "kernel", drawn_conv(filters=3, kernel_size=(2, 3)))
class ReshapedKernelGradient(layers.Conv2D):
    """Makes (F, KH*KW*C) and calls it (KH, KW, C, F)."""

    def __init__(self, filters, *arguments, **options):
        super().__init__(filters, *arguments, **options)

    def backward(self, dy):
        dx = super().backward(dy)
        matrix = self.grads["kernel"].reshape(-1, self.filters).copy()
        self.grads["kernel"][...] = matrix.T.reshape(self.grads["kernel"].shape)
        return dx


# of a kernel (2, 2, 2, 2) it would be one with axes swapped
PLANTED["ReshapedKernelGradient"].make = lambda pen: conv(
    ReshapedKernelGradient, pen, kernel_size=(2, 3)
)


@planted("flipped", "kernel", drawn_conv(kernel_size=(3, 2)))
class FlippedKernelGradient(layers.Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["kernel"][...] = self.grads["kernel"][::-1, ::-1].copy()
        return dx


@planted("two gradients exchanged", "gamma", norm)
class GammaForBeta(layers.BatchNormalization):
    def backward(self, dy):
        dx = super().backward(dy)
        gamma = self.grads["gamma"].copy()
        self.grads["gamma"][...], self.grads["beta"][...] = self.grads["beta"].copy(), gamma
        return dx


@planted("two gradients exchanged", "x1", two)
class InputsExchanged(layers.Multiply):
    def backward(self, dy):
        return super().backward(dy)[::-1]


@planted("sum missing", "x2", lambda cls, pen: (cls(), [(*pen.pair(2, 4), 3), (1, 1, 3)]))
class BroadcastNotSummed(layers.Add):
    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return [dy, dy.copy()]


@planted("not reshaped", "x", plain)
class NotReshaped(layers.Flatten):
    def backward(self, dy):
        return dy


@planted("transposed", "x", lambda cls, pen: (cls((2, 3, 1)), (2, 3, pen.integer(4, 5))))
class NotPermutedBack(layers.Permute):
    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return dy


@planted("padding not cut off", "x", lambda cls, pen: (cls(pen.integer(1, 2)), pen.picture()))
class NotCut(layers.ZeroPadding2D):
    def backward(self, dy):
        super().backward(dy)
        return dy


@planted("no dx", "x", dense)
class NoReturn(layers.Dense):
    def backward(self, dy):
        super().backward(dy)
