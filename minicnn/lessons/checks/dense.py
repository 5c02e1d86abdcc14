"""Lesson 1: MyDense."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import Dense
from minicnn.lessons.checks.step import Step, gradients, pair, same
from minicnn.lessons.work import Work


def steps(work: Work) -> Iterator[Step]:
    """Forward beside minicnn's, backward beside measured derivatives."""

    def forward() -> str:
        x = np.random.default_rng(2).standard_normal((5, 4))
        mine = work.take("MyDense")(3)
        y, expected = pair(mine, Dense(3), x)
        kernel, bias = mine.params["kernel"], mine.params["bias"]
        mistakes = {
            "the bias is not added": x @ kernel,
            "the bias is taken away": x @ kernel - bias,
        }
        return same("y", y, expected, mistakes)

    yield Step("forward", forward)
    yield Step("backward", lambda: gradients(lambda: work.take("MyDense")(3), (4,)))
