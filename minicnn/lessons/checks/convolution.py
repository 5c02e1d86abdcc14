"""Lesson 5: convolve."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import Conv2D
from minicnn.lessons.checks.step import Step, same
from minicnn.lessons.work import Work
from minicnn.types import Array

SIZE = (3, 2)  # of the kernel


def steps(work: Work) -> Iterator[Step]:
    """Pictures beside minicnn's Conv2D, with strides of 1 and of 2."""

    def strides(stride: int) -> str:
        rng = np.random.default_rng(2)
        x, kernel, bias = (rng.standard_normal(shape) for shape in ((2, 7, 6, 3), (*SIZE, 3, 4), 4))
        y = work.take("convolve")(x.copy(), kernel.copy(), bias.copy(), stride)
        right = convolved(x, kernel, bias, stride)
        mistakes = {
            "the kernel is turned around: kernel[0, 0] belongs to the first pixel of the "
            "patch": convolved(x, kernel[::-1, ::-1], bias, stride),
            "the bias is not added": convolved(x, kernel, 0 * bias, stride),
            "only the first channel is seen: the sum runs over c too": convolved(
                x[..., :1], kernel[:, :, :1], bias, stride
            ),
            "the bias is added for every product: add it after the sum": right
            + (kernel[..., 0].size - 1) * bias,
            "strides do not move the patch: it begins at i * strides, j * strides": convolved(
                x, kernel, bias, 1
            )[:, : right.shape[1], : right.shape[2]],
            "strides are not used": convolved(x, kernel, bias, 1),
            "the last row and column of places is missing: OH = (H - KH) // strides + 1": right[
                :, :-1, :-1
            ],
        }
        return same("y", y, right, mistakes)

    yield Step("strides of 1", lambda: strides(1))
    yield Step("strides of 2", lambda: strides(2))


def convolved(x: Array, kernel: Array, bias: Array, strides: int) -> Array:
    """What minicnn's layer gives."""
    layer = Conv2D(kernel.shape[-1], kernel.shape[:2], strides)
    layer.build(x.shape[1:], np.random.default_rng(0), np.float64)
    layer.params["kernel"][...], layer.params["bias"][...] = kernel, bias
    return layer.forward(x)
