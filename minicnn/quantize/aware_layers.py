"""Layers of a network that learns to be whole numbers: they compute in reals what these can say.

Rounding has the derivative 0 almost everywhere, from which nothing can be learnt. Its
straight-through estimate is 1: rounding is taken for the identity, as it is in the mean. What is
clipped stays clipped, whatever happens a little beside it, and there the derivative is really 0:

    y = s (clip(rint(x / s) + z, -128, 127) - z)
    dx = dy  where -128 <= rint(x / s) + z <= 127,  else 0

No number of a kernel is clipped, for its scale is that of the largest: so dK is that of the rounded
kernel, as it is. Kernels themselves stay real, and gather steps that are smaller than half a unit.
Source: Bengio et al. 2013, arXiv:1308.3432; Jacob et al. 2017, arXiv:1712.05877, section 3.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers import Conv2D, Dense, DepthwiseConv2D
from minicnn.layers.base import Layer, LayerOptions
from minicnn.quantize import layers
from minicnn.quantize.builder import Builder
from minicnn.quantize.numbers import HIGH, LARGEST_KERNEL, LOW, of_range
from minicnn.types import Array


def rounded(kernel: Array) -> Array:
    """A kernel (..., F) whose filters are multiples of -63 to 63 of a number of their own."""
    most = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.where(most > 0, most / LARGEST_KERNEL, 1)
    return (np.rint(kernel / scale) * scale).astype(kernel.dtype)


class FakeQuantize(Layer):
    """Round values to the 256 numbers that int8 has between low and high.

        y = s (clip(rint(x / s) + z, -128, 127) - z),   s = (high - low) / 255
        dx = dy where x is not clipped, else 0

    Args:
        low, high: the range, which calibration finds; 0 is always in it.

    Shapes: x, y (N, ...)
    Cache: which numbers are not clipped (N, ...)

    >>> quantize.FakeQuantize(-1.0, 1.55)(np.array([[0.002, 0.107, 2.0]])).round(3)
    array([[0.  , 0.11, 1.55]], dtype=float32)
    """

    knows_range = True

    def __init__(self, low: float, high: float, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.low = number(low, "low", "FakeQuantize")
        self.high = number(high, "high", "FakeQuantize")
        if not low <= high:
            raise ValueError(f"FakeQuantize expected low <= high, received {low!r} and {high!r}")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        scale, zero = of_range(self.low, self.high)
        q = np.rint(x / scale) + x.dtype.type(zero)
        self._cache = ((q >= LOW) & (q <= HIGH),) if training else None
        return (np.clip(q, LOW, HIGH) - x.dtype.type(zero)) * x.dtype.type(scale)

    def backward(self, dy: Array) -> Array:
        dy, passes = self.take_cache(dy)
        return dy * passes


class _Rounding(Layer):
    """What layers with a kernel have in common: they run with its rounded numbers."""

    @contextmanager
    def _rounded(self) -> Iterator[None]:
        kernel = self.params["kernel"]
        kept = kernel.copy()
        kernel[...] = self._to_whole(kept)
        try:
            yield
        finally:
            kernel[...] = kept

    def _to_whole(self, kernel: Array) -> Array:
        return rounded(kernel)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        with self._rounded():
            return super().forward(x, training=training)

    def backward(self, dy: Array) -> Any:
        with self._rounded():
            return super().backward(dy)


class AwareConv2D(_Rounding, Conv2D):
    """Conv2D with a kernel that is rounded to whole numbers for each filter.

    Shapes: as Conv2D
    """


class AwareDepthwiseConv2D(_Rounding, DepthwiseConv2D):
    """DepthwiseConv2D with a kernel that is rounded to whole numbers for each output channel.

    Shapes: as DepthwiseConv2D
    """

    def _to_whole(self, kernel: Array) -> Array:
        return rounded(kernel.reshape(*kernel.shape[:2], -1)).reshape(kernel.shape)


class AwareDense(_Rounding, Dense):
    """Dense with a kernel that is rounded to whole numbers for each unit.

    Shapes: as Dense
    """


def told_range(builder: Builder, layer: FakeQuantize, x: int) -> int:
    """The range of what it is called on."""
    return builder.told_range(x, layer.low, layer.high)


AWARE: dict[type, Callable[..., int]] = {
    FakeQuantize: told_range,
    AwareConv2D: layers.conv2d,
    AwareDepthwiseConv2D: layers.depthwise_conv2d,
    AwareDense: layers.dense,
}
LAYERS = {one.__name__: one for one in AWARE}
