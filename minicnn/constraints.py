"""Constraints: what weights are brought back to after every step of the optimizer.

A layer takes one by its word, by its class or with arguments: kernel_constraint="max_norm",
NonNeg, MaxNorm(3, axis=[0, 1, 2]).
"""

from collections.abc import Sequence

import numpy as np

from minicnn.expect import is_integer, number
from minicnn.names import missing_from
from minicnn.names.vocabulary import Described, Vocabulary
from minicnn.types import Array

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "unit_norm",
]

__getattr__ = missing_from(__name__, "constraints", __all__)

EPSILON = 1e-7  # Keras' epsilon, which keeps a norm of 0 from dividing


class Constraint(Described):
    """What a weight w may be: called with it, the nearest that may, or something on the way."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError where no weight of that shape can be constrained so."""

    def __call__(self, w: Array) -> Array:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")


# what an argument that asks for a constraint takes
ConstraintLike = Constraint | type[Constraint] | dict | str | None


class Norm(Constraint):
    """A constraint on norms.

    Args:
        axis: the axes along which they are taken. 0 takes those of the weights into each unit of a
            Dense layer, kernel (D, units); [0, 1, 2] those of each filter of a Conv2D, kernel (KH,
            KW, C, F).
    """

    def __init__(self, axis: int | Sequence[int] = 0):
        axes: list = list(axis) if isinstance(axis, list | tuple) else [axis]
        if not axes or not all(is_integer(one, -9) for one in axes):
            raise ValueError(
                f"{type(self).__name__} expected axis as an integer or a list of them, received "
                f"{axis!r}"
            )
        self.axis: int | list[int] = axes if isinstance(axis, list | tuple) else axes[0]

    def check(self, shape: tuple[int, ...]) -> None:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if not all(-len(shape) <= one < len(shape) for one in axes):
            raise ValueError(
                f"{type(self).__name__} expected axis of a weight of shape {shape}, received "
                f"axis={self.axis}"
            )

    def norms(self, w: Array) -> Array:
        """The norms of w, with 1 in the place of every axis that they are taken along."""
        axes = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return np.sqrt(np.square(w).sum(axis=axes, keepdims=True))


class MaxNorm(Norm):
    """Norms of at most max_value: longer ones are shortened to it.

    Source: Srivastava et al. 2014, "Dropout", section 5.1.

    >>> constraints.MaxNorm(1)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0):
        super().__init__(axis)
        self.max_value = number(max_value, "max_value", "MaxNorm", least=0)

    def __call__(self, w: Array) -> Array:
        norms = self.norms(w)
        return w * (np.clip(norms, 0, self.max_value) / (EPSILON + norms))


class UnitNorm(Norm):
    """Norms of 1.

    >>> constraints.UnitNorm()(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[0.6, 0.6],
           [0.8, 0.8]])
    """

    def __call__(self, w: Array) -> Array:
        return w / (EPSILON + self.norms(w))


class MinMaxNorm(Norm):
    """Norms from min_value to max_value, or nearer to that by a share of `rate` at every step.

    >>> constraints.MinMaxNorm(1.0, 2.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[1.2, 0.6],
           [1.6, 0.8]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ):
        super().__init__(axis)
        self.min_value = number(min_value, "min_value", "MinMaxNorm", least=0)
        self.max_value = number(max_value, "max_value", "MinMaxNorm", least=self.min_value)
        self.rate = number(rate, "rate", "MinMaxNorm", least=0, most=1)

    def __call__(self, w: Array) -> Array:
        norms = self.norms(w)
        nearest = np.clip(norms, self.min_value, self.max_value)
        return w * ((self.rate * nearest + (1 - self.rate) * norms) / (EPSILON + norms))


class NonNeg(Constraint):
    """No weight below 0.

    >>> constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Array) -> Array:
        return np.maximum(w, 0)


# the second names that Keras has
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

NAMES: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}
_vocabulary = Vocabulary("constraint", NAMES)


def get(identifier: ConstraintLike) -> Constraint | None:
    """The constraint of that word or class, the argument itself when it is one already, or None.

    Raises ValueError for an unknown name.

    >>> constraints.get("max_norm").max_value
    2.0
    """
    return None if identifier is None else _vocabulary.get(identifier)


def described(identifier: ConstraintLike, what: str, owner: object) -> str | dict | None:
    """What files say of it; see Vocabulary."""
    return None if identifier is None else _vocabulary.described(identifier, what, owner)
