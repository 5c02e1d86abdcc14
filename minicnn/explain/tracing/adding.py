"""A number of a trace, added up from its terms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from minicnn.explain.tracing.sums import through
from minicnn.types import Array, Shape

Index = tuple[int, ...]


@dataclass(frozen=True)
class Factor:
    """A number of the trace that a term is made of.

    Attributes:
        name, index: where it is: trace.arrays[name][index].
        value: that number.
        through: what is done to it, "exp"; None for nothing.
        minus: the number that is taken from it first.
    """

    name: str
    index: Index
    value: float
    through: str | None = None
    minus: "Factor | None" = None

    @property
    def result(self) -> float:
        """What the term is multiplied with."""
        value = self.value if self.minus is None else self.value - self.minus.value
        return value if self.through is None else through(self.through, value)

    def __str__(self) -> str:
        own = f"{self.name}{list(self.index) if self.index else ''} {self.value:.6g}"
        if self.minus is not None:
            own = f"({own} - {self.minus})"
        return own if self.through is None else f"{self.through}({own})"


@dataclass(frozen=True)
class Term:
    """One summand: scale times the product of its factors.

    Attributes:
        part: which of the formula's sums it belongs to, by its text.
    """

    part: str
    scale: float
    factors: tuple[Factor, ...]

    @property
    def value(self) -> float:
        """In double precision."""
        return self.scale * prod(factor.result for factor in self.factors)

    def __str__(self) -> str:
        parts = [str(factor) for factor in self.factors]
        if self.scale != 1 or not parts:
            parts.insert(0, f"{self.scale:.6g}")
        return " * ".join(parts)


def sum_terms(reason: Mapping[str, Any], arrays: Mapping[str, Array], index: Index) -> list[Term]:
    """All terms of a number, in the order in which its sums are written; see sums.py.

    Args:
        reason: of the array that the number is in, as a trace has it.
        arrays: all arrays of the trace.
        index: of the number, in the array's own shape or that of the reason.
    """
    fixed = dict(zip(reason["axes"], index, strict=True))
    found = []
    for one in reason["sums"]:
        for steps in product(*map(range, one["over"].values())):
            letters = fixed | dict(zip(one["over"], steps, strict=True))
            factors = [_factor(factor, arrays, letters) for factor in one["factors"]]
            if None not in factors:
                real = tuple(factor for factor in factors if isinstance(factor, Factor))
                found.append(Term(one["of"], one["scale"], real))
    return found


def _factor(
    factor: Mapping[str, Any], arrays: Mapping[str, Array], letters: Mapping[str, int]
) -> Factor | bool | None:
    """The number that a factor stands for; True for a condition that holds; None where there is no
    such term.
    """
    array = arrays[factor["name"]]
    shape: Shape = tuple(factor.get("shape", array.shape))
    index = tuple(_whole(one, letters) for one in factor["at"])
    if any(n is None or not 0 <= n < size for n, size in zip(index, shape, strict=True)):
        return None
    own = in_shape(tuple(n for n in index if n is not None), shape, array.shape)
    value = float(array[own])
    if "is" in factor:
        return True if value == _whole(factor["is"], letters) else None
    minus = _factor(factor["minus"], arrays, letters) if "minus" in factor else None
    return Factor(
        factor["name"],
        own,
        value,
        factor.get("through"),
        minus if isinstance(minus, Factor) else None,
    )


def _whole(index: list[Any], letters: Mapping[str, int]) -> int | None:
    """An index for these letters, unless it is no whole number."""
    constant, coefficients, divisor = index
    total = constant + sum(times * letters[letter] for letter, times in coefficients.items())
    return None if total % divisor else total // divisor


def in_shape(index: Index, shape: Shape, other: Shape) -> Index:
    """The place in another shape of as many numbers in the same order."""
    if tuple(shape) == tuple(other):
        return index
    flat = int(np.ravel_multi_index(index, tuple(shape))) if shape else 0
    return tuple(map(int, np.unravel_index(flat, tuple(other)))) if other else ()


def each(shape: Shape) -> Iterator[Index]:
    """All indices of an array of that shape, in order."""
    return product(*map(range, shape))
