"""Initializers that draw from one distribution, whatever the weight's shape."""

from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.initializers.base import RandomInitializer, Shape
from minicnn.types import Array


class RandomNormal(RandomInitializer):
    """Normal of that mean and deviation.

    >>> initializers.RandomNormal(stddev=0.01, seed=1)((2,)).round(4)
    array([0.0035, 0.0082], dtype=float32)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        self.mean = number(mean, "mean", type(self).__name__)
        self.stddev = number(stddev, "stddev", type(self).__name__, least=0)
        super().__init__(seed)

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        values = self.generator(rng).standard_normal(shape)
        return (self.mean + self.stddev * values).astype(dtype)


class TruncatedNormal(RandomNormal):
    """Normal, but that values further than two deviations from the mean are drawn again.

    What is left has a deviation of 0.88 * stddev.

    >>> kernel = initializers.TruncatedNormal(stddev=0.5)((3, 3, 16, 32))
    >>> bool(np.abs(kernel).max() <= 1)
    True
    """

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        values = truncated(self.generator(rng), shape)
        return (self.mean + self.stddev * values).astype(dtype)


class RandomUniform(RandomInitializer):
    """Uniform from `minval` to `maxval`.

    >>> kernel = initializers.RandomUniform(0, 1)((3, 3, 16, 32))
    >>> bool(0 <= kernel.min() < 0.1 and 0.9 < kernel.max() <= 1)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        self.minval = number(minval, "minval", "RandomUniform")
        self.maxval = number(maxval, "maxval", "RandomUniform", least=self.minval)
        super().__init__(seed)

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        return self.generator(rng).uniform(self.minval, self.maxval, shape).astype(dtype)


def truncated(rng: np.random.Generator, shape: Shape) -> Array:
    """Standard normal values, those beyond 2 drawn again until none is."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(np.count_nonzero(outside))
    return values
