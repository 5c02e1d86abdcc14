from typing import Unpack

import numpy as np

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class Dropout(Layer):
    """In training, set a random share of inputs to 0 and scale up the rest; else do nothing.

        y  = x * kept / (1 - rate),   kept = 1 with probability 1 - rate, else 0
        dx = dy * kept / (1 - rate)

    The division keeps the expectation ("inverted dropout"), so that inference needs no correction.

    Args:
        rate: the share that is dropped, 0 <= rate < 1. May be changed.
        seed: for a mask sequence of its own; None draws from the generator that the model hands
            out.

    Shapes: x, y (N, ...)
    Cache: factor (N, ...), 0 or 1 / (1 - rate)
    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
        overfitting".

    >>> layers.Dropout(0.5)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 2., 3.]], dtype=float32)
    """

    acts_in_training_only = True

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.rate = rate
        self.seed = seed

    @property
    def rate(self) -> float:
        """The share that is dropped, at least 0 and below 1."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if not 0 <= number(rate, "rate", "Dropout") < 1:
            raise ValueError(
                f"Dropout expected 0 <= rate < 1 (the share that is dropped), received {rate!r}"
            )
        self._rate = rate

    def reseed(self, rng: np.random.Generator) -> None:
        self.rng = rng if self.seed is None else np.random.default_rng(self.seed)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        if not training:
            self._cache = None
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        factor = kept * self.dtype.type(1 / (1 - self.rate))
        self._cache = (factor,)
        return x * factor

    def backward(self, dy: Array) -> Array:
        dy, factor = self.take_cache(dy)
        return dy * factor
