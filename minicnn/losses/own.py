"""Losses of one's own that are plain functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.losses.base import Loss
from minicnn.types import Array


class FunctionLoss(Loss):
    """A function of (y_true, y_pred) as a loss.

    Args:
        function: returns the loss of each sample, (N,), or of each place in it, (N, ...), and its
            derivative with respect to y_pred, of y_pred's shape; both arguments are double.

    `compile(loss=function)` makes one of it. Raises TypeError when the function returns a value
    alone: there is no autograd.

    >>> def fourth_power(y_true, y_pred):
    ...     error = y_pred - y_true
    ...     return (error**4).mean(axis=-1), 4 * error**3 / error.shape[-1]
    >>> losses.get(fourth_power)([[1.0], [2.0]], [[3.0], [2.0]])
    8.0
    """

    function: Callable[[Array, Array], Any]

    def __init__(self, function: Callable[[Array, Array], Any]):
        super().__init__(getattr(function, "__name__", type(function).__name__))
        self.function = function

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        found = self.function(y_true, y_pred)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(
                f"{self.owner} expected its function to return (losses, gradient), received "
                f"{type(found).__name__}: there is no autograd, return also the derivative of each "
                f"sample's loss with respect to y_pred, of shape {y_pred.shape}. For squared "
                "errors: error = y_pred - y_true; return (error**2).mean(axis=-1), 2 * error / "
                "error.shape[-1]"
            )
        losses, gradient = (np.asarray(part, np.float64) for part in found)
        if gradient.shape != y_pred.shape or losses.shape != y_pred.shape[: losses.ndim or None]:
            raise ValueError(
                f"{self.owner} expected its function to return losses of shape ({len(y_pred)},), "
                f"one per sample, and a gradient of y_pred's shape {y_pred.shape}, received "
                f"{losses.shape} and {gradient.shape}: take means over the last axes alone"
            )
        return losses, gradient

    def get_config(self) -> dict[str, Any]:
        return {"function": self.name}
