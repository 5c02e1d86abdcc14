"""Layers that move the pixels of pictures, and how neighbours among them become one.

Each draws a matrix for each picture that says where its outputs are read from:

    y[i, j] = x at the place (u, v),   (u, v, 1)^T = matrix (j, i, 1)^T

A second such layer reads where its own matrix says from what the first would have drawn. So both
together read x at first @ second, and a picture that is turned, shifted, zoomed and flipped is
interpolated once: neither blurred by repetition nor cut off in between. Keras' layers resample one
after the other.
"""

from collections.abc import Sequence
from typing import NamedTuple, Unpack

import numpy as np

from minicnn.kernels import resample as kernel
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array

FILL_MODES = {
    "constant": kernel.CONSTANT,
    "nearest": kernel.NEAREST,
    "reflect": kernel.REFLECT,
    "wrap": kernel.WRAP,
}
INTERPOLATIONS = ("bilinear", "nearest")


class Filling(NamedTuple):
    """What is read between pixels and beyond the edge, as kernels/resample.py takes it."""

    fill: int
    value: float
    bilinear: bool


class GeometricLayer(RandomLayer):
    """A layer that moves pixels. A subclass draws the matrices.

    filling is None for those that read pixels only, such as flips. A layer that `reframes` has a
    new edge, beyond which another one must not read.
    """

    filling: Filling | None = None
    reframes = False

    def matrices(self, count: int) -> Array:
        """(N, 3, 3): where the outputs of the N pictures of a training forward are read from."""
        raise NotImplementedError(f"{type(self).__name__} must define matrices(count)")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if not training:
            self._cache = None
            return self.at_rest(self.accept(x))
        x = self.accept_pictures(x)
        matrices = self.matrices(len(x))
        self._cache = (matrices,)
        return self.resampled(x, matrices)

    def backward(self, dy: Array) -> Array | None:
        dy, matrices = self.take_cache(dy)
        if not self.needs_input_grad:
            return None
        dx = np.empty((len(dy), *self.input_shape), self.dtype)
        fill, _, bilinear = self.filling or COPIES
        kernel.unresample(dy, matrices, fill, bilinear, dx)
        return dx

    def at_rest(self, x: Array) -> Array:
        """What inference gives for x."""
        return x

    def resampled(self, x: Array, matrices: Array) -> Array:
        """x (N, H, W, C), read from where the matrices (N, 3, 3) say."""
        fill, value, bilinear = self.filling or COPIES
        y = self.output_array(len(x))
        kernel.resample(x, matrices, fill, self.dtype.type(value), bilinear, y)
        return y

    def output_array(self, count: int) -> Array:
        """Where the outputs of N pictures go."""
        return np.empty((count, *self.output_shape), self.dtype)


class Composed(GeometricLayer):
    """Neighbouring geometric layers as one: their matrices are multiplied, and each picture is
    resampled once.

    Its outputs are in a buffer that the next training forward overwrites.
    """

    def __init__(self, layers: Sequence[GeometricLayer]):
        super().__init__(name=" + ".join(layer.name for layer in layers))
        self.layers = list(layers)
        first, last = layers[0], layers[-1]
        self.filling = next((layer.filling for layer in layers if layer.filling), None)
        self.input_shape, self.dtype, self.output_shape = (
            first.input_shape,
            first.dtype,
            last.output_shape,
        )
        self._buffer = super().output_array(0)

    def matrices(self, count: int) -> Array:
        product = self.layers[0].matrices(count)
        for layer in self.layers[1:]:
            product = product @ layer.matrices(count)
        return product

    def at_rest(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer.at_rest(x)
        return x

    def output_array(self, count: int) -> Array:
        if count > len(self._buffer):
            self._buffer = super().output_array(count)
        return self._buffer[:count]


def composed(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, with every run of geometric ones as one. A user's subclass with a forward of its
    own runs as itself.

    A run ends where a layer fills otherwise than those before it, and at a layer that reframes:
    what lies beyond the edge of one picture is not what lies beyond the other's. Only flips go with
    everything.
    """
    steps: list[Layer] = []
    for layer in layers:
        before = steps[-1] if steps else None
        if (
            not isinstance(layer, GeometricLayer)
            or type(layer).forward is not GeometricLayer.forward
        ):
            steps.append(layer)
        elif isinstance(before, Composed) and joins(layer, before.layers):
            steps[-1] = Composed([*before.layers, layer])
        else:
            steps.append(Composed([layer]))
    return steps


def joins(layer: GeometricLayer, run: Sequence[GeometricLayer]) -> bool:
    """Whether the layer may be composed with those of a run before it."""
    filling = [other for other in (*run, layer) if other.filling]
    return (
        len(filling) < 2
        or not any(o.reframes for o in filling)
        and len({o.filling for o in filling}) == 1
    )


def identities(count: int) -> Array:
    """(N, 3, 3) matrices that change nothing, to be filled in."""
    matrices = np.zeros((count, 3, 3))
    matrices[:, [0, 1, 2], [0, 1, 2]] = 1
    return matrices


COPIES = Filling(kernel.NEAREST, 0.0, False)  # exact copies of pixels


class FillingLayer(GeometricLayer):
    """A geometric layer that reads between pixels and beyond the edge, with Keras' arguments.

    Args:
        fill_mode: what lies beyond the edge of a b c d: "reflect" d c b a | a b c d | d c b a, the
            edge repeated (NumPy calls it symmetric); "constant" fill_value; "nearest" a a a a | a b
            c d | d d d d; "wrap" a b c d | a b c d | a b c d.
        interpolation: "bilinear" or "nearest".
        seed: for draws of its own; None draws the layer's key from the model's seed.
        fill_value: for fill_mode="constant".
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        for what, value, known in (
            ("fill_mode", fill_mode, FILL_MODES),
            ("interpolation", interpolation, INTERPOLATIONS),
        ):
            if value not in known:
                raise ValueError(
                    f"{type(self).__name__} expected {what} to be one of {list(known)}, received "
                    f"{value!r}"
                )
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value
        self.filling = Filling(
            FILL_MODES[fill_mode], float(fill_value), interpolation == "bilinear"
        )
