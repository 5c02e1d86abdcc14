"""Planted mistakes in layers of one's own, which have none of minicnn's attributes."""

import numpy as np

from minicnn import layers
from minicnn.layers import Layer
from planted.rows import Pen, dense, plain, planted


@planted("another shape", "x", lambda cls, pen: dense(cls, pen))
class Shortened(layers.Dense):
    def backward(self, dy):
        return super().backward(dy)[:, :-1]


class Pool(Layer):
    """The maxima of windows of `rows` x `columns`, side by side; what is over at the edge is left
    out.
    """

    def __init__(self, rows, columns, **options):
        super().__init__(**options)
        self.rows, self.columns = rows, columns

    def setup(self, input_shape):
        H, W, C = input_shape
        return (H // self.rows, W // self.columns, C)

    def forward(self, x, *, training=False):
        x = self.accept(x)
        OH, OW, C = self.output_shape
        cut = x[:, : OH * self.rows, : OW * self.columns]
        windows = cut.reshape(len(x), OH, self.rows, OW, self.columns, C)
        y = windows.max(axis=(2, 4))
        self._cache = (windows == y[:, :, None, :, None],) if training else None
        return y

    def shares(self, won):
        raise NotImplementedError

    def backward(self, dy):
        dy, won = self.take_cache(dy)
        dx = np.zeros((len(dy), *self.input_shape))
        given = self.shares(won) * dy[:, :, None, :, None]
        N, OH, rows, OW, columns, C = given.shape
        dx[:, : OH * rows, : OW * columns] = given.reshape(N, OH * rows, OW * columns, C)
        return dx


def pool(cls: type, pen: Pen) -> tuple:
    rows, columns = pen.pick(((2, 2), (2, 3), (3, 2), (3, 3)))
    return cls(rows, columns), (*pen.pair(6, 7), pen.integer(1, 2))


@planted("maximum's gradient spread", "x", pool)
class OwnSpread(Pool):
    def shares(self, won):
        return np.ones(won.shape) / (self.rows * self.columns)


@planted("maximum's gradient to all cells", "x", pool)
class OwnToAll(Pool):
    def shares(self, won):
        return np.ones(won.shape)


class Swish(Layer):
    """y = x * sigmoid(beta * x)"""

    beta = 1.0

    def forward(self, x, *, training=False):
        x = self.accept(x)
        s = 1 / (1 + np.exp(-self.beta * x))
        self._cache = (x, s) if training else None
        return x * s


@planted("half of a product's derivative", "x", plain)
class SwishGateAlone(Swish):
    def backward(self, dy):
        dy, x, s = self.take_cache(dy)
        return dy * s


@planted("half of a product's derivative", "x", plain)
class SwishSlopeAlone(Swish):
    beta = 1.702

    def backward(self, dy):
        dy, x, s = self.take_cache(dy)
        return dy * self.beta * x * s * (1 - s)


@planted("half of a product's derivative", "x", plain)
class SwishSlopeOfGate(Swish):
    def backward(self, dy):
        dy, x, s = self.take_cache(dy)
        return dy * s * (1 - s)


@planted("half of a product's derivative", "x", plain)
class LearnedSwishGateAlone(Swish):
    """Of a beta for each channel, which is a parameter."""

    def setup(self, input_shape):
        self.add_param("beta", input_shape[-1:], "ones")
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        s = 1 / (1 + np.exp(-self.params["beta"] * x))
        self._cache = (x, s) if training else None
        return x * s

    def backward(self, dy):
        dy, x, s = self.take_cache(dy)
        rows = (dy * x * x * s * (1 - s)).reshape(-1, x.shape[-1])
        self.grads["beta"][...] = rows.sum(axis=0)
        return dy * s


def gelu(cls: type, pen: Pen) -> tuple:
    return cls(pen.chance()), plain(cls, pen)[1]


@planted("half of a product's derivative", "x", gelu)
class GELUGateAlone(layers.GELU):
    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        self._cache = (y / x,) if training else None
        return y


@planted("half of a product's derivative", "x", plain)
class MishGateAlone(layers.Activation):
    def __init__(self, **options):
        super().__init__("mish", **options)

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        self._gate = y / x
        return y

    def backward(self, dy):
        return dy * self._gate
