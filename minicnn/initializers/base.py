"""What every initializer is, and the fans that some of them ask for."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from minicnn.expect import is_integer
from minicnn.names.vocabulary import Described
from minicnn.types import Array

Shape = tuple[int, ...]


class Initializer(Described):
    """Initial values of a weight: called with its shape, a random generator and a type.

    Args of a call:
        shape: of the weight.
        rng: what random values are drawn from; where it is None, from a new one.
        dtype: of the values.
    """

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, rng, dtype)")


# what an argument that asks for an initializer takes
InitializerLike = Initializer | type[Initializer] | Callable[..., Array] | dict | str


class RandomInitializer(Initializer):
    """One that draws its values, from the generator that it is given unless it has a seed.

    Args:
        seed: makes the values the same wherever it is used; None leaves that to the model's seed,
            which draws other values for each of its weights.
    """

    def __init__(self, seed: int | None = None):
        if seed is not None and not is_integer(seed, 0):
            raise ValueError(
                f"{type(self).__name__} expected seed as an integer of at least 0 or None, "
                f"received {seed!r}"
            )
        self.seed = None if seed is None else int(seed)

    def generator(self, rng: np.random.Generator | None) -> np.random.Generator:
        """What to draw from."""
        return np.random.default_rng(self.seed) if self.seed is not None or rng is None else rng


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs an output of a weight (..., inputs, outputs) sees, and the
    other way round.

    Both are the numbers of inputs and outputs times those of the kernel's positions, KH * KW; of a
    bias (n,) both are n.
    """
    if len(shape) < 2:
        return prod(shape), prod(shape)
    positions = prod(shape[:-2])
    return positions * shape[-2], positions * shape[-1]
