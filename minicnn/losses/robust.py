"""Errors of predicted numbers that single wild ones do not dominate: quadratic near 0, straight
beyond.
"""

from math import log
from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.names import known_arguments
from minicnn.types import Array


class Huber(ElementwiseLoss):
    """The mean over a sample's outputs of

        e^2 / 2                      where |e| <= delta, for e = y - t
        delta |e| - delta^2 / 2      elsewhere: the tangent of that

    Args:
        delta: up to where an error counts as its square.
        name: as in messages.

    Source: Huber 1964, "Robust estimation of a location parameter".

    >>> losses.Huber()([[0.0], [0.0]], [[1.0], [3.0]])
    1.5
    """

    def __init__(self, delta: float = 1.0, name: str = "huber_loss"):
        super().__init__(name)
        self.delta = number(delta, "delta", type(self).__name__, above=0)

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        slope = np.clip(y - t, -self.delta, self.delta)
        return slope * (y - t) - slope**2 / 2, slope

    def get_config(self) -> dict[str, Any]:
        return {"delta": self.delta, "name": self.name}


class LogCosh(ElementwiseLoss):
    """The mean over a sample's outputs of log(cosh(y - t)), whose derivative is tanh(y - t).

        log(cosh(e)) = |e| + log(1 + exp(-2|e|)) - log 2

    Args:
        name: as in messages.

    >>> losses.LogCosh()([[0.0]], [[0.0]])
    0.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        size = np.abs(y - t)
        return size + np.log1p(np.exp(-2 * size)) - log(2), np.tanh(y - t)


@known_arguments
def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Array:
    """The loss of every sample (N,), see Huber.

    >>> losses.huber([[0.0], [0.0]], [[1.0], [3.0]])
    array([0.5, 2.5])
    """
    return Huber(delta).values(y_true, y_pred)


@known_arguments
def log_cosh(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see LogCosh."""
    return LogCosh().values(y_true, y_pred)
