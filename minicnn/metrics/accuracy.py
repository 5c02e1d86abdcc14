"""Accuracy: how many answers are right."""

from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.labels import (
    aligned,
    check_shape,
    check_yes_or_no,
    class_of,
    one_hot_rows,
    sparse_rows,
)
from minicnn.metrics.base import Metric
from minicnn.names import known_arguments
from minicnn.types import Array


class BinaryAccuracy(Metric):
    """The share of outputs on the right side of the threshold, each on its own, for labels of 0 and
    1: of Dense(1, "sigmoid") for two classes, of Dense(K, "sigmoid") for K labels.

    Args:
        threshold: above which an output is a yes.
        name: as in logs.

    >>> metrics.BinaryAccuracy().values(np.array([0, 1]), np.array([[0.9], [0.8]]))
    array([0., 1.])
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5):
        super().__init__(name)
        self.threshold = number(threshold, "threshold", type(self).__name__)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        t = aligned(y_true, y_pred.shape, self.owner)
        check_shape(t, y_pred.shape, self.owner)
        check_yes_or_no(t, self.owner)
        right = ((y_pred > self.threshold) == t) & ~np.isnan(y_pred)
        return right.mean(axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "threshold": self.threshold}


class Accuracy(Metric):
    """The share of samples, or of places in them, that are answered rightly; labels in either form.

    The answer is the class with the largest of K outputs. One output is that of the second of two
    classes, a yes above 0.5, as for BinaryAccuracy.

    >>> metrics.Accuracy().values(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    array([ True, False])
    """

    def __init__(self, name: str = "accuracy"):
        super().__init__(name)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        if y_pred.shape[-1] == 1:
            return BinaryAccuracy(self.name).values(y_true, y_pred)
        true, answers = class_of(y_true, self.owner, y_pred.ndim), y_pred.argmax(axis=-1)
        check_shape(true, answers.shape, self.owner)
        right = true == answers
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
        return super().values(one_hot_rows(y_true, y_pred.shape, self.owner), y_pred)


class SparseCategoricalAccuracy(Accuracy):
    """Accuracy for integer labels (N,) or (N, 1). Raises ValueError for one-hot ones.

    >>> y_pred = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> metrics.SparseCategoricalAccuracy().values(np.array([0, 1]), y_pred)
    array([ True, False])
    """

    def __init__(self, name: str = "sparse_categorical_accuracy"):
        super().__init__(name)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return super().values(sparse_rows(y_true, y_pred.shape, self.owner), y_pred)


@known_arguments
def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """The share of right outputs of every sample (N,), see BinaryAccuracy.

    >>> metrics.binary_accuracy([[0], [1]], [[0.9], [0.8]])
    array([0., 1.])
    """
    return each(BinaryAccuracy(threshold=threshold), y_true, y_pred)


@known_arguments
def categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """1 for every sample that is answered rightly, else 0, (N,), for one-hot labels."""
    return each(CategoricalAccuracy(), y_true, y_pred)


@known_arguments
def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """1 for every sample that is answered rightly, else 0, (N,), for integer labels.

    >>> metrics.sparse_categorical_accuracy([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    array([1., 0.])
    """
    return each(SparseCategoricalAccuracy(), y_true, y_pred)


def each(metric: Metric, y_true: Array, y_pred: Array) -> Array:
    """A metric's values as numbers."""
    return np.asarray(metric.values(*metric.arrays(y_true, y_pred)), np.float64)
