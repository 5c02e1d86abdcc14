from typing import Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers.base import LayerOptions
from minicnn.layers.base_noise import Noise
from minicnn.types import Array


class GaussianNoise(Noise):
    """In training, add random numbers around 0; else do nothing.

        y = x + stddev * noise,   noise of mean 0 and deviation 1, normal;   dx = dy

    Args:
        stddev: the deviation of what is added, at least 0. May be changed.
        seed: for a sequence of its own; None draws from the generator that the model hands out.

    Shapes: x, y (N, ...)
    Cache: nothing but the fact that forward ran
    Source: Bishop 1995, "Training with noise is equivalent to Tikhonov regularization".

    >>> layers.GaussianNoise(0.1)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 2., 3.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(seed, **options)
        self.stddev = stddev

    @property
    def stddev(self) -> float:
        """The deviation of what is added, at least 0."""
        return self._stddev

    @stddev.setter
    def stddev(self, stddev: float) -> None:
        number(stddev, "stddev", "GaussianNoise", least=0)
        self._stddev = stddev

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        if not training:
            return x
        return x + self.dtype.type(self.stddev) * self.rng.standard_normal(x.shape, np.float32)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return dy
