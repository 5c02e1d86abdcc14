"""Regularizers: penalties on weights that are added to the loss, in training and wherever the loss
is measured, with their derivatives.

A layer takes one by its word, by its class or with arguments: kernel_regularizer="l2", L2,
L2(1e-4).
"""

from collections.abc import Callable

import numpy as np

from minicnn.expect import number
from minicnn.names import missing_from
from minicnn.names.vocabulary import Described, Vocabulary
from minicnn.types import Array

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2"]

__getattr__ = missing_from(__name__, "regularizers", __all__)


class Regularizer(Described):
    """A penalty on a weight w: a number that is added to the loss, and its derivative."""

    def __call__(self, w: Array) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")

    def gradient(self, w: Array) -> Array:
        """d(penalty)/dw, of w's shape and type."""
        raise NotImplementedError(f"{type(self).__name__} must define gradient(w)")


# what an argument that asks for a regularizer takes
RegularizerLike = Regularizer | type[Regularizer] | dict | str | None


class L1L2(Regularizer):
    """Both: l1 * sum of |w| + l2 * sum of w^2.

        derivative  l1 * sign(w) + 2 * l2 * w,   sign(0) = 0

    >>> regularizers.L1L2(l1=1.0, l2=0.5)(np.array([1.0, -2.0]))
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = factor(l1, 0.0, "l1", type(self).__name__)
        self.l2 = factor(l2, 0.0, "l2", type(self).__name__)

    def __call__(self, w: Array) -> float:
        return penalty(w, self.l1, self.l2)

    def gradient(self, w: Array) -> Array:
        return derivative(w, self.l1, self.l2)


class L1(Regularizer):
    """l1 * sum of |w|, which draws weights to exactly 0; its derivative is l1 * sign(w).

    >>> regularizers.L1(0.5)(np.array([1.0, -2.0]))
    1.5
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = factor(l1, 0.01, "l1", "L1")

    def __call__(self, w: Array) -> float:
        return penalty(w, self.l1, 0.0)

    def gradient(self, w: Array) -> Array:
        return derivative(w, self.l1, 0.0)


class L2(Regularizer):
    """l2 * sum of w^2, which keeps weights small; its derivative is 2 * l2 * w.

    The optimizer sees it as a part of the gradient; weight_decay, which it does not see, is often
    better with Adam.

    >>> regularizers.L2(0.5)(np.array([1.0, -2.0]))
    2.5
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = factor(l2, 0.01, "l2", "L2")

    def __call__(self, w: Array) -> float:
        return penalty(w, 0.0, self.l2)

    def gradient(self, w: Array) -> Array:
        return derivative(w, 0.0, self.l2)


def factor(value: float | None, usual: float, what: str, owner: str) -> float:
    """A factor, the usual one for None. Raises ValueError below 0."""
    return usual if value is None else number(value, what, owner, least=0)


def penalty(w: Array, l1: float, l2: float) -> float:
    """l1 * sum of |w| + l2 * sum of w^2, summed in double precision."""
    total = 0.0
    if l1:
        total += l1 * float(np.abs(w).sum(dtype=np.float64))
    if l2:
        total += l2 * float(np.square(w, dtype=np.float64).sum())
    return total


def derivative(w: Array, l1: float, l2: float) -> Array:
    """l1 * sign(w) + 2 * l2 * w, in w's type."""
    of = w.dtype.type
    return of(l1) * np.sign(w) + of(2 * l2) * w if l1 else of(2 * l2) * w


l1, l2, l1_l2 = L1, L2, L1L2  # the second names that Keras has

NAMES: dict[str, Callable[[], Regularizer]] = {
    "l1": L1,
    "l2": L2,
    "l1_l2": lambda: L1L2(l1=0.01, l2=0.01),
}
_vocabulary = Vocabulary("regularizer", NAMES)


def get(identifier: RegularizerLike) -> Regularizer | None:
    """The regularizer of that word or class, "l2" as L2(0.01); the argument itself when it is one
    already, or None.

    Raises ValueError for an unknown name.

    >>> regularizers.get("l2")
    L2(l2=0.01)
    """
    return None if identifier is None else _vocabulary.get(identifier)


def described(identifier: RegularizerLike, what: str, owner: object) -> str | dict | None:
    """What files say of it; see Vocabulary."""
    return None if identifier is None else _vocabulary.described(identifier, what, owner)
