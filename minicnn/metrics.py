"""Metrics: numbers per sample, averaged over all samples seen since the last reset."""

from typing import Any

import numpy as np

from minicnn.expect import array, count
from minicnn.labels import class_of, one_hot_rows, sparse_rows
from minicnn.names import KerasNames, instead, missing_from
from minicnn.types import Array

__all__ = [
    "Accuracy",
    "CategoricalAccuracy",
    "Metric",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "get",
]

__getattr__ = missing_from(__name__, "metrics", __all__)


class Metric(KerasNames):
    """The mean of `values(y_true, y_pred)` over every sample passed to `update` since `reset`.

    fit and evaluate each count in a copy of their own: what is measured in the middle of a training
    changes no mean.

    >>> accuracy = metrics.Accuracy()
    >>> accuracy.update([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    >>> accuracy.update([1, 1], [[0.3, 0.7], [0.4, 0.6]])
    >>> accuracy.result()
    0.75
    """

    total: float
    count: int

    def __init__(self, name: str):
        self.name = name
        self.reset()

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """One number per sample, (N,), for labels of either form and predictions (N, K)."""
        raise NotImplementedError(f"{type(self).__name__} must define values(y_true, y_pred)")

    def update(self, y_true: Array, y_pred: Array) -> None:
        """Count a batch: labels of either form and predictions (N, K)."""
        owner = f"metric {self.name!r}"
        values = self.values(array(y_true, "y_true", owner), array(y_pred, "y_pred", owner))
        self.total += float(np.sum(values, dtype=np.float64))
        self.count += len(values)

    def result(self) -> float:
        """The mean so far; 0 where nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    def reset(self) -> None:
        """Forget what was counted."""
        self.total, self.count = 0.0, 0


class Accuracy(Metric):
    """The share of samples whose largest prediction is the right class; labels in either form.

    >>> metrics.Accuracy().values(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    array([ True, False])
    """

    def __init__(self, name: str = "accuracy"):
        super().__init__(name)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        right = class_of(y_true, f"metric {self.name!r}") == y_pred.argmax(axis=-1)
        if y_pred.size and np.isnan(y_pred.max()):  # argmax prefers NaN
            right &= ~np.isnan(y_pred).any(axis=-1)
        return right


class CategoricalAccuracy(Accuracy):
    """Accuracy for one-hot labels (N, K). Raises ValueError for integer ones.

    >>> metrics.CategoricalAccuracy().values(np.eye(2), np.array([[0.9, 0.1], [0.8, 0.2]]))
    array([ True, False])
    """

    def __init__(self, name: str = "categorical_accuracy"):
        super().__init__(name)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return super().values(
            one_hot_rows(y_true, y_pred.shape[-1], f"metric {self.name!r}"), y_pred
        )


class SparseCategoricalAccuracy(Accuracy):
    """Accuracy for integer labels (N,) or (N, 1). Raises ValueError for one-hot ones.

    >>> y_pred = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> metrics.SparseCategoricalAccuracy().values(np.array([0, 1]), y_pred)
    array([ True, False])
    """

    def __init__(self, name: str = "sparse_categorical_accuracy"):
        super().__init__(name)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return super().values(
            sparse_rows(y_true, y_pred.shape[-1], f"metric {self.name!r}"), y_pred
        )


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
        """The right classes as numbers (N,)."""
        owner = f"metric {self.name!r}"
        return class_of(one_hot_rows(y_true, y_pred.shape[-1], owner), owner)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        right = np.take_along_axis(y_pred, self.labels(y_true, y_pred)[:, None], axis=1)  # (N, 1)
        return ((y_pred > right).sum(axis=1) < self.k) & ~np.isnan(right[:, 0])


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The same for integer labels (N,) or (N, 1).

    >>> metric = metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> metric.values(np.array([0, 1]), np.array([[0.2, 0.5, 0.3], [0.3, 0.5, 0.2]]))
    array([False,  True])
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy"):
        super().__init__(k, name)

    def labels(self, y_true: Array, y_pred: Array) -> Array:
        return sparse_rows(y_true, y_pred.shape[-1], f"metric {self.name!r}")


NAMES: dict[str, type[Metric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}


def get(identifier: str | Metric) -> Metric:
    """The metric of that name (which it also has in logs), or the argument itself when it is one
    already.

    Raises ValueError for an unknown name.

    >>> metrics.get("acc").name
    'acc'
    """
    if isinstance(identifier, Metric):
        return identifier
    if identifier not in NAMES:
        raise ValueError(
            f"unknown metric {identifier!r}.{instead(str(identifier), 'metrics', NAMES)}"
        )
    return NAMES[identifier](name=identifier)
