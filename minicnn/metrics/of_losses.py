"""Losses as metrics: their means over all samples, of what the model predicts."""

from math import sqrt
from typing import Any

import numpy as np

from minicnn import losses
from minicnn.metrics.base import Metric
from minicnn.types import Array

# Predictions are in single precision, in which a probability next to 1 is 1: those whose logarithm
# is taken are kept so far from 0 and 1, as in Keras.
EPSILON = 1e-7


class LossMetric(Metric):
    """The mean of a loss over all samples.

    Args:
        name: as in logs.
    """

    loss: type[losses.Loss]  # of which it is the mean; made with the metric's arguments
    takes_logarithms = False

    def values(self, y_true: Array, y_pred: Array) -> Array:
        loss = self.loss(**self.get_config())
        if self.takes_logarithms and not loss.from_logits:
            y_pred = np.clip(y_pred, EPSILON, 1 - EPSILON)
        return loss.values(y_true, y_pred)


class MeanSquaredError(LossMetric):
    """The mean of (y - t)^2.

    Args:
        name: as in logs.

    >>> metric = metrics.MeanSquaredError()
    >>> metric.update([0.0, 1.0], [[2.0], [1.0]])
    >>> metric.result()
    2.0
    """

    loss = losses.MeanSquaredError


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of (y - t)^2.

    Args:
        name: as in logs.

    >>> metric = metrics.RootMeanSquaredError()
    >>> metric.update([0.0, 1.0], [[2.0], [1.0]])
    >>> round(metric.result(), 6)
    1.414214
    """

    def result(self) -> float:
        return sqrt(super().result())


class MeanAbsoluteError(LossMetric):
    """The mean of |y - t|.

    Args:
        name: as in logs.
    """

    loss = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(LossMetric):
    """The mean of 100 |y - t| / |t|.

    Args:
        name: as in logs.
    """

    loss = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of (log(1 + y) - log(1 + t))^2.

    Args:
        name: as in logs.
    """

    loss = losses.MeanSquaredLogarithmicError


class LogCoshError(LossMetric):
    """The mean of log(cosh(y - t)).

    Args:
        name: as in logs.
    """

    loss = losses.LogCosh

    def __init__(self, name: str = "logcosh"):
        super().__init__(name)


class CosineSimilarity(LossMetric):
    """The mean cosine of the angle between targets and predictions: 1 where both have one
    direction, -1 times the loss of that name.

    Args:
        name: as in logs.
    """

    loss = losses.CosineSimilarity

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return -super().values(y_true, y_pred)


class Poisson(LossMetric):
    """The mean of y - t log(y).

    Args:
        name: as in logs.
    """

    loss = losses.Poisson


class KLDivergence(LossMetric):
    """The mean over samples of sum_k t_k log(t_k / p_k).

    Args:
        name: as in logs.
    """

    loss = losses.KLDivergence
    takes_logarithms = True


class Hinge(LossMetric):
    """The mean of max(1 - t y, 0).

    Args:
        name: as in logs.
    """

    loss = losses.Hinge


class SquaredHinge(LossMetric):
    """The mean of max(1 - t y, 0)^2.

    Args:
        name: as in logs.
    """

    loss = losses.SquaredHinge


class CategoricalHinge(LossMetric):
    """The mean over samples of max(1 + the best wrong score - the right one, 0).

    Args:
        name: as in logs.
    """

    loss = losses.CategoricalHinge


class CategoricalCrossentropy(LossMetric):
    """The mean cross-entropy of one-hot labels.

    Args:
        name: as in logs.
        from_logits, label_smoothing: see the loss of that name.
    """

    loss: type[losses.Loss] = losses.CategoricalCrossentropy
    takes_logarithms = True

    def __init__(
        self, name: str | None = None, from_logits: bool = False, label_smoothing: float = 0.0
    ):
        super().__init__(name)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.loss(**self.get_config())  # which checks the arguments

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
        }


class BinaryCrossentropy(CategoricalCrossentropy):
    """The mean binary cross-entropy.

    Args:
        name: as in logs.
        from_logits, label_smoothing: see the loss of that name.
    """

    loss = losses.BinaryCrossentropy


class SparseCategoricalCrossentropy(LossMetric):
    """The mean cross-entropy of integer labels.

    Args:
        name: as in logs.
        from_logits: see the loss of that name.
    """

    loss = losses.SparseCategoricalCrossentropy
    takes_logarithms = True

    def __init__(self, name: str | None = None, from_logits: bool = False):
        super().__init__(name)
        self.from_logits = from_logits
        self.loss(**self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "from_logits": self.from_logits}
