from math import sqrt
from typing import Unpack

import numpy as np

from minicnn.layers.base import LayerOptions
from minicnn.layers.dropout import Dropout
from minicnn.types import Array, Shape


class GaussianDropout(Dropout):
    """In training, multiply inputs by random numbers around 1; else do nothing.

        y  = x * factor,    factor of mean 1 and deviation sqrt(rate / (1 - rate)), normal
        dx = dy * factor

    Mean and deviation are those of Dropout's factors, which are 0 or 1 / (1 - rate).

    Args:
        rate: as that of Dropout, 0 <= rate < 1. May be changed.
        seed: for a sequence of its own; None draws from the generator that the model hands out.

    Shapes: x, y (N, ...)
    Cache: factor (N, ...)
    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
        overfitting", section 10.

    >>> layers.GaussianDropout(0.5)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 2., 3.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(rate, seed=seed, **options)

    def draw(self, shape: Shape) -> Array:
        deviation = self.dtype.type(sqrt(self.rate / (1 - self.rate)))
        return 1 + deviation * self.rng.standard_normal(shape, dtype=np.float32)
