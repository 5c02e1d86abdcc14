"""Whether the right class is among the k that are held most probable."""

from typing import Any

import numpy as np

from minicnn.expect import count
from minicnn.labels import one_hot_rows, sparse_rows
from minicnn.metrics.accuracy import each
from minicnn.metrics.base import Metric
from minicnn.names import known_arguments
from minicnn.types import Array


class TopKCategoricalAccuracy(Metric):
    """The share of samples whose right class is among the k largest predictions, for one-hot labels
    (N, K).

    >>> metric = metrics.TopKCategoricalAccuracy(k=2)
    >>> metric.values(np.eye(3), np.array([[0.2, 0.5, 0.3], [0.3, 0.5, 0.2], [0.1, 0.2, 0.7]]))
    array([False,  True,  True])
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy"):
        super().__init__(name)
        self.k = count(k, "k", type(self).__name__)

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k, "name": self.name}

    def labels(self, y_true: Array, y_pred: Array) -> Array:
        """The right classes as numbers (N, ...)."""
        return one_hot_rows(y_true, y_pred.shape, self.owner).argmax(axis=-1)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        classes = self.labels(y_true, y_pred)[..., None]
        right = np.take_along_axis(y_pred, classes, axis=-1)  # (N, ..., 1)
        return ((y_pred > right).sum(axis=-1) < self.k) & ~np.isnan(right[..., 0])


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The same for integer labels (N,) or (N, 1).

    >>> metric = metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> metric.values(np.array([0, 1]), np.array([[0.2, 0.5, 0.3], [0.3, 0.5, 0.2]]))
    array([False,  True])
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy"):
        super().__init__(k, name)

    def labels(self, y_true: Array, y_pred: Array) -> Array:
        return sparse_rows(y_true, y_pred.shape, self.owner)


@known_arguments
def top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """1 for every sample whose class is among the first k, else 0, (N,), for one-hot labels."""
    return each(TopKCategoricalAccuracy(k), y_true, y_pred)


@known_arguments
def sparse_top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """1 for every sample whose class is among the first k, else 0, (N,), for integer labels."""
    return each(SparseTopKCategoricalAccuracy(k), y_true, y_pred)
