"""Metrics that are plain functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.labels import aligned
from minicnn.metrics.base import Metric
from minicnn.types import Array


class FunctionMetric(Metric):
    """The mean of what a function of (y_true, y_pred) returns, which is one number per sample, or
    one of a whole batch.

    `compile(metrics=[function])` makes one of it. Labels (N,) come as (N, 1) where predictions are
    (N, 1): their difference would be of every pair.

    Args:
        function: takes labels and predictions.
        name: as in logs; the function's, unless given.

    >>> def sureness(y_true, y_pred):
    ...     return y_pred.max(axis=-1)
    >>> metric = metrics.get(sureness)
    >>> metric.update([0, 1], [[0.75, 0.25], [0.5, 0.5]])
    >>> metric.name, metric.result()
    ('sureness', 0.625)
    """

    function: Callable[[Array, Array], Any]

    def __init__(self, function: Callable[[Array, Array], Any], name: str | None = None):
        super().__init__(name or name_of(function))
        self.function = function

    def values(self, y_true: Array, y_pred: Array) -> Array:
        found = np.asarray(self.function(aligned(y_true, y_pred.shape, self.owner), y_pred))
        if found.dtype.kind not in "biuf":
            raise ValueError(
                f"{self.owner} expected its function to return numbers, one per sample or one of "
                f"all, received {found!r:.60}"
            )
        return found

    def get_config(self) -> dict[str, Any]:
        return {"function": name_of(self.function), "name": self.name}


def name_of(function: Callable) -> str:
    """A function's name; of an object that is called, its own, or that of its class."""
    name = getattr(function, "__name__", None) or getattr(function, "name", None)
    return str(name or type(function).__name__)
