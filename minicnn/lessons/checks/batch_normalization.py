"""Lesson 8: MyBatchNormalization."""

from collections.abc import Iterator

import numpy as np

from minicnn.layers import BatchNormalization
from minicnn.lessons.checks.step import Step, gradients, pair, same
from minicnn.lessons.work import Work
from minicnn.types import Array


def steps(work: Work) -> Iterator[Step]:
    """Forward beside minicnn's, backward beside measured derivatives."""

    def forward() -> str:
        x = 3 + 2 * np.random.default_rng(2).standard_normal((3, 2, 2, 4))
        theirs = BatchNormalization()
        y, expected = pair(work.take("MyBatchNormalization")(), theirs, x)
        gamma, beta = theirs.params["gamma"], theirs.params["beta"]
        variants = {
            "gamma and beta are not used": _normalized(x),
            "gamma is not used": _normalized(x) + beta,
            "beta is not added": gamma * _normalized(x),
            "the variance is divided by M - 1, not by M": gamma * _normalized(x, ddof=1) + beta,
            "epsilon is missing": gamma * _normalized(x, epsilon=0) + beta,
            "epsilon is added to the root, not to the variance below it": gamma
            * _normalized(x, outside=True)
            + beta,
            "it is divided by the variance, not by its root": gamma * _normalized(x, power=1)
            + beta,
            "mean and variance run over the samples alone: rows and columns of a picture count "
            "too": gamma * _normalized(x, axes=(0,)) + beta,
            "mean and variance run over the channels: each channel has its own": gamma
            * _normalized(x, axes=(3,))
            + beta,
        }
        return same("y", y, expected, variants)

    yield Step("forward", forward)
    yield Step("backward", lambda: gradients(work.take("MyBatchNormalization"), (3, 2, 4)))


def _normalized(
    x: Array,
    *,
    axes: tuple[int, ...] = (0, 1, 2),
    ddof: int = 0,
    epsilon: float = 1e-3,
    power: float = 0.5,
    outside: bool = False,
) -> Array:
    """x_hat, with a mistake."""
    variance = x.var(axis=axes, ddof=ddof, keepdims=True)
    below = np.sqrt(variance) + epsilon if outside else (variance + epsilon) ** power
    return (x - x.mean(axis=axes, keepdims=True)) / below
