"""Errors of predicted numbers: squared, absolute, in percent, and of logarithms.

Their names, formulas and the 1e-7 in them are Keras'.
"""

import numpy as np

from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.names import known_arguments
from minicnn.types import Array

EPSILON = 1e-7  # Keras'


class MeanSquaredError(ElementwiseLoss):
    """The mean over a sample's outputs of (y - t)^2.

    Args:
        name: as in messages.

    Targets are (N,) or (N, 1) for one output, else of the predictions' shape. Raises ValueError for
    others.

    >>> losses.MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]])
    2.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        return (y - t) ** 2, 2 * (y - t)


class MeanAbsoluteError(ElementwiseLoss):
    """The mean over a sample's outputs of |y - t|, whose derivative at y = t counts as 0.

    Args:
        name: as in messages.

    >>> losses.MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]])
    1.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        return np.abs(y - t), np.sign(y - t)


class MeanAbsolutePercentageError(ElementwiseLoss):
    """The mean over a sample's outputs of 100 |y - t| / max(|t|, 1e-7).

    Args:
        name: as in messages.

    >>> losses.MeanAbsolutePercentageError()([[4.0]], [[5.0]])
    25.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        hundredth = np.maximum(np.abs(t), EPSILON) / 100
        return np.abs(y - t) / hundredth, np.sign(y - t) / hundredth


class MeanSquaredLogarithmicError(ElementwiseLoss):
    """The mean over a sample's outputs of (log(1 + y) - log(1 + t))^2, with 1e-7 for what is below
    it.

    Args:
        name: as in messages.

    >>> losses.MeanSquaredLogarithmicError()([[0.0]], [[np.e - 1]]).__round__(6)
    1.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        above = np.maximum(y, EPSILON)
        difference = np.log1p(above) - np.log1p(np.maximum(t, EPSILON))
        return difference**2, 2 * difference / (1 + above) * (y > EPSILON)


@known_arguments
def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see MeanSquaredError.

    >>> losses.mean_squared_error([[0.0], [1.0]], [[2.0], [1.0]])
    array([4., 0.])
    """
    return MeanSquaredError().values(y_true, y_pred)


@known_arguments
def mean_absolute_error(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see MeanAbsoluteError.

    >>> losses.mean_absolute_error([[0.0], [1.0]], [[2.0], [1.0]])
    array([2., 0.])
    """
    return MeanAbsoluteError().values(y_true, y_pred)


@known_arguments
def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see MeanAbsolutePercentageError."""
    return MeanAbsolutePercentageError().values(y_true, y_pred)


@known_arguments
def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see MeanSquaredLogarithmicError."""
    return MeanSquaredLogarithmicError().values(y_true, y_pred)
