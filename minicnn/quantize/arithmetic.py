"""What operations compute, of real numbers and of whole ones alike.

Whole numbers are held by float32 or float64 here, which have all of them up to 2**24 and 2**53: as
long as no sum is larger, products and sums are exact in any order, and BLAS is there for them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from minicnn.kernels.im2col import im2col
from minicnn.kernels.pooling import average_pool, max_pool
from minicnn.layers.by_channel import convolved
from minicnn.layers.window import Window
from minicnn.quantize.operations import Operation
from minicnn.types import Array, Shape


def window(operation: Operation, picture: Shape) -> Window:
    """The window that a convolution or a pooling slides over pictures (H, W, C)."""
    told, kernel = operation.settings, operation.kernel
    size = told["pool_size"] if kernel is None else kernel.shape[:2]
    dilation = told.get("dilation_rate", (1, 1))
    return Window.over(
        picture, size, told["strides"], told["padding"], repr(operation.name), dilation
    )


def sums(operation: Operation, x: Array) -> Array:
    """The products of x and the kernel, added up, without the bias, in x's type."""
    assert operation.kernel is not None
    return LINEAR[operation.kind](operation, x, operation.kernel.astype(x.dtype))


def _conv2d(operation: Operation, x: Array, kernel: Array) -> Array:
    slides, G = window(operation, x.shape[1:]), operation.settings["groups"]
    KH, KW, C, F = kernel.shape
    patches = np.empty((len(x), *slides.output, KH, KW, x.shape[-1]), x.dtype)
    im2col(x, slides.strides, slides.before, slides.dilation, patches)
    rows = patches.reshape(-1, KH * KW, G, C)
    parts = [
        rows[:, :, g].reshape(len(rows), -1) @ part.reshape(-1, F // G)
        for g, part in enumerate(np.split(kernel, G, axis=-1))
    ]
    return np.concatenate(parts, axis=-1).reshape(len(x), *slides.output, F)


def _depthwise(operation: Operation, x: Array, kernel: Array) -> Array:
    return convolved(x, kernel, window(operation, x.shape[1:]))


def _dense(_: Operation, x: Array, kernel: Array) -> Array:
    return x @ kernel


LINEAR: dict[str, Callable[[Operation, Array, Array], Array]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "dense": _dense,
}


def pooled_max(operation: Operation, x: Array) -> Array:
    """The largest of each window."""
    slides = window(operation, x.shape[1:])
    y = np.empty((len(x), *operation.shape), x.dtype)
    max_pool(x, slides.size, slides.strides, slides.before, y, np.empty(y.shape, np.int32))
    return y


def pooled_mean(operation: Operation, x: Array) -> Array:
    """The mean of each window's real cells."""
    slides = window(operation, x.shape[1:])
    y = np.empty((len(x), *operation.shape), x.dtype)
    average_pool(x, slides.size, slides.strides, slides.before, y)
    return y


def cells(operation: Operation, picture: Shape) -> Array:
    """How many real cells each window of a pooling has, (OH, OW, 1)."""
    slides = window(operation, picture)
    counts = []
    for n, size, stride, before, output in zip(
        picture, slides.size, slides.strides, slides.before, slides.output, strict=False
    ):
        start = np.arange(output) * stride - before
        counts.append(np.minimum(start + size, n) - np.maximum(start, 0))
    return np.outer(*counts)[..., None]


def padded(operation: Operation, x: Array) -> Array:
    """x in a frame of zeros."""
    return np.pad(x, ((0, 0), *operation.settings["frame"], (0, 0)))


def moved(operation: Operation, xs: Sequence[Array]) -> Array:
    """What operations that only move numbers, or pick them, make of those."""
    x = xs[0]
    if operation.kind == "max_pooling2d":
        return pooled_max(operation, x)
    if operation.kind == "global_max":
        return x.max(axis=(1, 2)).reshape(len(x), *operation.shape)
    if operation.kind == "zero_padding2d":
        return padded(operation, x)
    if operation.kind == "concatenate":
        return np.concatenate(xs, axis=operation.settings["axis"])
    assert operation.kind == "reshape", operation.kind
    return x.reshape(len(x), *operation.shape)
