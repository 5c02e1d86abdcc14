"""Lesson 10: convolve_row."""

from collections.abc import Iterator

import numpy as np

from minicnn.lessons.checks.convolution import convolved
from minicnn.lessons.checks.step import Step, same
from minicnn.lessons.work import Work
from minicnn.types import Array

ROW = 1  # the row of the output that is looked at


def steps(work: Work) -> Iterator[Step]:
    """A row beside minicnn's Conv2D, and its bits beside sums in the same order."""

    def row(W: int, F: int) -> str:
        x, kernel = _drawn(W, F)
        z = work.take("convolve_row")(x.copy(), kernel.copy(), ROW)
        right, above = _rows(x, kernel)
        mistakes = {
            "it is row 0, whatever i is: the picture's rows are i + kh": above,
            "the kernel is turned around": _rows(x, kernel[::-1, ::-1])[0],
            "pixels are taken as one number each: pixel j begins at line[j * C]": _by_one(
                x, kernel
            ),
            "the tile is not set to 0 for each piece: sums go on": np.cumsum(right, axis=0),
        }
        return same("z", z, right, mistakes)

    def bits() -> str:
        x, kernel = (array.astype(np.float32) for array in _drawn(14, 20))
        z, right = np.asarray(work.take("convolve_row")(x, kernel, ROW)), _in_order(x, kernel)
        if z.dtype != np.float32:
            raise AssertionError(f"z expected float32, as x is, received {z.dtype}")
        if z.shape == right.shape and np.array_equal(z, right):
            return "in float32 each bit is that of the plain loops"
        if z.shape == right.shape and np.allclose(z, right, atol=1e-5):
            raise AssertionError(
                f"z is right but for rounding, {np.mean(z == right):.0%} of its numbers have the "
                "bits of the loops: add one product after the other to the tile, in the order kh, "
                "kw, c"
            )
        raise AssertionError("z is wrong in float32: get the rows right first")

    yield Step("whole tiles", lambda: row(10, 16))
    yield Step("pieces", lambda: row(9, 11))
    yield Step("bits", bits)


def _drawn(W: int, F: int) -> tuple[Array, Array]:
    """A picture (5, W, 3) and a kernel (3, 3, 3, F)."""
    rng = np.random.default_rng(2)
    return rng.standard_normal((5, W, 3)), rng.standard_normal((3, 3, 3, F))


def _rows(x: Array, kernel: Array) -> tuple[Array, Array]:
    """Row 1 and row 0 of the output."""
    y = convolved(x[None], kernel, np.zeros(kernel.shape[-1]), 1)[0]
    return y[ROW], y[0]


def _by_one(x: Array, kernel: Array) -> Array:
    """As if a picture had one channel in memory."""
    KH, KW, C, F = kernel.shape
    z = np.zeros((x.shape[1] - KW + 1, F))
    for j, kh in np.ndindex(len(z), KH):
        z[j] += x[ROW + kh].reshape(-1)[j : j + KW * C] @ kernel[kh].reshape(KW * C, F)
    return z


def _in_order(x: Array, kernel: Array) -> Array:
    """The sums one product after the other, in the order kh, kw, c."""
    KH, KW, C, F = kernel.shape
    z = np.zeros((x.shape[1] - KW + 1, F), x.dtype)
    for j, f in np.ndindex(z.shape):
        total = x.dtype.type(0)
        for kh, kw, c in np.ndindex(KH, KW, C):
            total += x[ROW + kh, j + kw, c] * kernel[kh, kw, c, f]
        z[j, f] = total
    return z
