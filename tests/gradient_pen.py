"""What is drawn for the cases of gradients (gradient_cases.py): numbers, shapes, arguments."""

from typing import Any

import numpy as np

from minicnn import activations, layers

Array = np.ndarray
Shape = tuple[int, ...]
PADDINGS, INTERPOLATIONS = ("valid", "same"), ("nearest", "bilinear")
RANGES = ((-9, 9), (-20, 9))  # of values; those that are drawn lie inside


class Pen:
    """Draws arguments from a generator."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def chance(self, share: float = 0.5) -> bool:
        return bool(self.rng.random() < share)

    def integer(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def number(self, least: float, most: float) -> float:
        return float(self.rng.uniform(least, most))

    def pick(self, options: Any) -> Any:
        options = list(options)
        return options[self.integer(0, len(options) - 1)]

    def pair(self, least: int, most: int) -> tuple[int, int]:
        return self.integer(least, most), self.integer(least, most)

    def shape(self, axes: int | None = None, most: int = 5) -> Shape:
        """Of a sample of one to four axes, unless their number is given."""
        return tuple(self.integer(1, most) for _ in range(axes or self.integer(1, 4)))

    def picture(self) -> Shape:
        return self.shape(3, 6)

    def activation(self) -> str | layers.Layer | None:
        """One of all, with arguments at times, or none."""
        if self.chance(0.2):
            return self.pick(
                (
                    layers.ReLU(self.number(1, 4), self.number(0, 0.5), self.number(0, 1)),
                    layers.LeakyReLU(self.number(0, 1)),
                    layers.ELU(self.number(0, 2)),
                    layers.GELU(approximate=True),
                )
            )
        return self.pick([*activations.NAMES, None])

    def axes(self, rank: int) -> int | list[int]:
        """One or several axes of samples, counted with N, from the front or from the end."""
        several = self.rng.permutation(np.arange(1, rank))[: self.integer(1, rank - 1)]
        counted = [int(axis) - rank * self.chance() for axis in several]
        return counted[0] if len(counted) == 1 and self.chance() else counted


# Layers that slide over pictures
