"""Lesson 7: MyMaxPooling2D."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import AveragePooling2D, MaxPooling2D
from minicnn.lessons.checks.step import Step, claimed, gradients, pair, same
from minicnn.lessons.work import Work
from minicnn.types import Array


def steps(work: Work) -> Iterator[Step]:
    """Forward beside minicnn's, backward beside measured derivatives, and equal numbers."""

    def forward() -> str:
        x = np.random.default_rng(2).standard_normal((2, 4, 6, 3))
        y, expected = pair(work.take("MyMaxPooling2D")(), MaxPooling2D(2), x)
        mistakes = {
            "it is the mean of each window": pair(MaxPooling2D(2), AveragePooling2D(2), x)[1],
            "it is the place of the maximum, not the number there": _places(x),
        }
        return same("y", y, expected, mistakes)

    def backward() -> str:
        x = np.random.default_rng(2).standard_normal((2, 4, 6, 3))

        def mistakes(dy: Array) -> dict[str, Array]:
            spread = np.repeat(np.repeat(dy, 2, axis=1), 2, axis=2)
            first = np.zeros_like(x)
            first[:, ::2, ::2] = dy
            return {
                "dy is spread over the window, as for a mean: all of it goes to the place of the "
                "maximum": spread / 4,
                "all numbers of a window get dy: only the place of the maximum does": spread,
                "the first number of each window gets dy: it is the place in argmax": first,
            }

        claimed(work.take("MyMaxPooling2D")(), MaxPooling2D(2), x, mistakes)
        return gradients(lambda: work.take("MyMaxPooling2D")(), (4, 6, 3))

    def ties() -> str:
        layer = work.take("MyMaxPooling2D")()
        layer.build((2, 2, 1), dtype=np.float64)
        layer.forward(np.ones((1, 2, 2, 1)), training=True)
        dx = layer.backward(np.ones((1, 1, 1, 1)))
        right = np.array([1.0, 0, 0, 0]).reshape(1, 2, 2, 1)
        mistakes = {
            "each of four equal numbers gets all of dy, which makes the gradient four times as "
            "large: one place gets it, the first": np.ones((1, 2, 2, 1)),
            "equal numbers share dy: one place gets it, the first": np.full((1, 2, 2, 1), 0.25),
            "the last of equal numbers gets dy: it is the first here": right[:, ::-1, ::-1],
        }
        return same("dx of four equal numbers", dx, right, mistakes)

    yield Step("forward", forward)
    yield Step("backward", backward)
    yield Step("equal numbers", ties)


def _places(x: Array) -> Array:
    """The place of the maximum in each window, 0 to 3."""
    cells = np.stack([x[:, h::2, w::2] for h, w in np.ndindex(2, 2)])
    return cells.argmax(axis=0)
