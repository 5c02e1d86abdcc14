"""Hinge losses: nothing to pay for what is right by a margin of 1.

Source: Cortes & Vapnik 1995, "Support-vector networks"; Crammer & Singer 2001 for several classes.
"""

import numpy as np

from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.names import known_arguments
from minicnn.types import Array


class Hinge(ElementwiseLoss):
    """The mean over a sample's outputs of max(1 - t y, 0), for targets t of -1 and 1; labels that
    are all 0 and 1 become these.

    Args:
        name: as in messages.

    >>> losses.Hinge()([[1.0], [0.0]], [[0.25], [-3.0]])
    0.375
    """

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        """Targets -1 and 1 in double precision, of the predictions' shape."""
        t = super().targets(y_true, shape)
        return 2 * t - 1 if ((t == 0) | (t == 1)).all() else t

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        short = np.maximum(1 - t * y, 0)
        return short, -t * (short > 0)


class SquaredHinge(Hinge):
    """The mean over a sample's outputs of max(1 - t y, 0)^2.

    Args:
        name: as in messages.

    >>> losses.SquaredHinge()([[1.0], [0.0]], [[0.0], [-3.0]])
    0.5
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        short = np.maximum(1 - t * y, 0)
        return short**2, -2 * t * short


class CategoricalHinge(ElementwiseLoss):
    """By how much the best score of a wrong class comes within 1 of the right one's.

        loss_n = max(1 + max over k of (1 - t_k) y_k - sum over k of t_k y_k, 0)

    Args:
        name: as in messages.

    Targets are one-hot.

    >>> losses.CategoricalHinge()([[1.0, 0.0]], [[0.5, 0.25]])
    0.75
    """

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        others = (1 - y_true) * y_pred
        short = 1 + others.max(axis=-1) - (y_true * y_pred).sum(axis=-1)
        best = np.arange(y_pred.shape[-1]) == others.argmax(axis=-1)[..., None]
        gradient = (best * (1 - y_true) - y_true) * (short > 0)[..., None]
        return np.maximum(short, 0), gradient


@known_arguments
def hinge(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see Hinge."""
    return Hinge().values(y_true, y_pred)


@known_arguments
def squared_hinge(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see SquaredHinge."""
    return SquaredHinge().values(y_true, y_pred)


@known_arguments
def categorical_hinge(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see CategoricalHinge."""
    return CategoricalHinge().values(y_true, y_pred)
