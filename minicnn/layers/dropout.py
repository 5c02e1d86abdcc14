from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minicnn.expect import is_integer, number
from minicnn.layers.base import LayerOptions
from minicnn.layers.base_noise import Noise
from minicnn.layers.shapes import with_batch
from minicnn.types import Array, Shape


class Dropout(Noise):
    """In training, set a random share of inputs to 0 and scale up the rest; else do nothing.

        y  = x * kept / (1 - rate),   kept = 1 with probability 1 - rate, else 0
        dx = dy * kept / (1 - rate)

    The division keeps the expectation ("inverted dropout"), so that inference needs no correction.

    Args:
        rate: the share that is dropped, 0 <= rate < 1. May be changed.
        noise_shape: the shape of `kept`, counted with N, where numbers are dropped together: 1 for
            an axis along which all share a fate, None for one along which each has its own. So
            (None, 1, 1, None) drops whole channels. None for each number on its own.
        seed: for a mask sequence of its own; None draws from the generator that the model hands
            out.

    Shapes: x, y (N, ...)
    Cache: factor (N, ...), or of noise_shape: 0 or 1 / (1 - rate)
    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
        overfitting".

    >>> layers.Dropout(0.5)(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 2., 3.]], dtype=float32)
    """

    optional_arguments = ("noise_shape",)

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else checked_noise_shape(noise_shape)

    @property
    def rate(self) -> float:
        """The share that is dropped, at least 0 and below 1."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        owner = type(self).__name__
        if not 0 <= number(rate, "rate", owner) < 1:
            raise ValueError(
                f"{owner} expected 0 <= rate < 1 (the share that is dropped), received {rate!r}"
            )
        self._rate = rate

    def setup(self, input_shape: Shape) -> Shape:
        if self.noise_shape is not None:
            fits = [
                size in (None, 1, n)
                for size, n in zip(self.noise_shape[1:], input_shape, strict=False)
            ]
            if len(self.noise_shape) != len(input_shape) + 1 or not all(fits):
                raise ValueError(
                    f"{self} expected noise_shape with an entry for each axis of "
                    f"{with_batch(input_shape)}, its size, 1 or None, received {self.noise_shape}"
                )
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        if not training:
            self._cache = None
            return x
        factor = self.draw(self.shape_of_noise(x.shape))
        self._cache = (factor,)
        return x * factor

    def draw(self, shape: Shape) -> Array:
        """Factors of that shape for one batch."""
        kept = self.rng.random(shape, dtype=np.float32) >= self.rate
        return kept * self.dtype.type(1 / (1 - self.rate))

    def shape_of_noise(self, shape: Shape) -> Shape:
        """noise_shape for a batch of that shape. Raises ValueError where it is for another N."""
        if self.noise_shape is None:
            return shape
        first = self.noise_shape[0]
        if first not in (None, 1, shape[0]):
            raise ValueError(
                f"{self} expected batches of {first}, as noise_shape={self.noise_shape} says, "
                f"received one of {shape[0]}: None in its place takes any"
            )
        return tuple(
            n if size is None else size for size, n in zip(self.noise_shape, shape, strict=True)
        )

    def backward(self, dy: Array) -> Array:
        dy, factor = self.take_cache(dy)
        return dy * factor


def checked_noise_shape(value: Any) -> tuple[int | None, ...]:
    """noise_shape as a tuple. Raises ValueError unless its entries are positive ints or None."""
    sizes = tuple(value) if isinstance(value, tuple | list) else ()
    if not sizes or not all(size is None or is_integer(size) for size in sizes):
        raise ValueError(
            "Dropout expected noise_shape as positive integers or None, counted with N, such as "
            f"(None, 1, 1, None), received {value!r}"
        )
    return tuple(None if size is None else int(size) for size in sizes)
