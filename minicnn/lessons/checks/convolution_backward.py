"""Lesson 6: col2im and MyConv2D."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import Conv2D
from minicnn.lessons.checks.step import Step, gradients, pair, same
from minicnn.lessons.work import Work
from minicnn.types import Array


def steps(work: Work) -> Iterator[Step]:
    """col2im as the adjoint of copying, forward beside minicnn's, backward beside measured."""

    def col2im() -> str:
        dP = np.random.default_rng(2).standard_normal((2 * 3 * 4, 2 * 3 * 3))
        dx = work.take("col2im")(dP.copy(), (2, 4, 6, 3), 2, 3)
        mistakes = {
            "each patch overwrites what the one before left: add, with +=": spread(dP, "last"),
            "rows and columns of the kernel have changed places": spread(dP, "turned"),
        }
        return same("dx", dx, spread(dP, "sum"), mistakes)

    def forward() -> str:
        x = np.random.default_rng(2).standard_normal((2, 5, 6, 3))
        mine, theirs = work.take("MyConv2D")(4, (2, 3)), Conv2D(4, (2, 3))
        y, expected = pair(mine, theirs, x)
        mistakes = {"the bias is not added": expected - theirs.params["bias"]}
        return same("y", y, expected, mistakes)

    yield Step("col2im", col2im)
    yield Step("forward", forward)
    yield Step("backward", lambda: gradients(lambda: work.take("MyConv2D")(4, (2, 3)), (5, 6, 3)))


def spread(dP: Array, how: str) -> Array:
    """dx (2, 4, 6, 3) by loops over all numbers of dP, for a kernel of 2x3; or with a mistake."""
    dx = np.zeros((2, 4, 6, 3))
    entries = dP.reshape(2, 3, 4, 2, 3, 3)
    for kh, kw in np.ndindex(2, 3):
        for n, i, j, c in np.ndindex(2, 3, 4, 3):
            entry = entries[n, i, j, kh, kw, c]
            if how == "sum":
                dx[n, i + kh, j + kw, c] += entry
            elif how == "last":
                dx[n, i + kh, j + kw, c] = entry
            elif i + kw < 4:
                dx[n, i + kw, j + kh, c] += entry
    return dx
