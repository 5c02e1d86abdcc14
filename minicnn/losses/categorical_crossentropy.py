"""Cross-entropy: how surprised the model is by the right answers, and the gradient that training
starts from.

    loss = -sum_k t_k log p_k   t the target probabilities, p the predicted ones; batch mean

With p = softmax(z), logarithm and exponential cancel, log p_k = z_k - max(z) - log sum_j exp(z_j -
max(z)), and the gradient with respect to the logits z is simply

    dz = (p * sum_k t_k - t) / N

so a model that ends in a softmax hands its logits to the loss, not its probabilities. The result is
exact for logits of any size. (Keras clips probabilities to [1e-7, 1 - 1e-7] where it has no logits,
which caps the loss at 16.1 and stops the gradient there; minicnn never clips.)

Source: Bridle 1990 (softmax and cross-entropy together); Szegedy et al. 2016, arXiv:1512.00567,
    section 7 (smoothing).
"""

from functools import cache
from math import log, prod
from typing import Any

import numpy as np

from minicnn.expect import flag, number
from minicnn.kernels import cross_entropy as kernels
from minicnn.labels import one_hot_rows, sparse_rows
from minicnn.losses.base import Loss
from minicnn.names import known_arguments
from minicnn.types import Array

NO_WEIGHTS = np.zeros(0)
PROBABILITY_SLACK = 1e-3  # how far the sum of predicted probabilities may be from 1


@cache
def one_hot(classes: int) -> Array:
    """Row k is the target of class k."""
    return np.eye(classes)


def check_classes(shape: tuple[int, ...], owner: str) -> None:
    """Raise ValueError unless predictions are (N, ..., K) of two classes or more."""
    if len(shape) < 2 or shape[-1] < 2:
        raise ValueError(
            f"{owner} expected predictions (N, K) with a unit per class, received shape {shape}: "
            "one unit goes with activation='sigmoid' and loss='binary_crossentropy', or use "
            "Dense(2, activation='softmax')"
        )


def smoothed(targets: Array, label_smoothing: float, classes: int) -> Array:
    """t * (1 - a) + a / K: no answer has to be certain."""
    if not label_smoothing:
        return targets
    return targets * (1 - label_smoothing) + label_smoothing / classes


def smoothing(label_smoothing: float, who: str) -> float:
    """label_smoothing itself. Raises ValueError outside [0, 1]."""
    if not 0 <= number(label_smoothing, "label_smoothing", who) <= 1:
        raise ValueError(f"{who} expected 0 <= label_smoothing <= 1, received {label_smoothing!r}")
    return label_smoothing


def check_probabilities(y_pred: Array, owner: str) -> None:
    """Raise ValueError unless rows are at least 0, with sum 1; NaN passes, and shows."""
    sums = y_pred.sum(axis=-1, dtype=np.float64)
    if y_pred.min() < 0 or np.abs(sums - 1).max() > PROBABILITY_SLACK:
        raise ValueError(
            f"{owner} expected probabilities (at least 0, with sum 1), received "
            f"values from {y_pred.min():.4g} to {y_pred.max():.4g} with sums from "
            f"{sums.min():.4g} to {sums.max():.4g}: end the model in activation='softmax', or "
            "use the loss with from_logits=True"
        )


def softmax_cross_entropy(
    logits: Array, targets: Array, weights: Array | None
) -> tuple[float, Array]:
    """The mean loss and its gradient for logits and targets (N, ..., K) and the weights (N,) of
    the samples.
    """
    rows = (-1, logits.shape[-1])
    dz = np.empty_like(logits, order="C")
    given = NO_WEIGHTS
    if weights is not None:
        given = np.repeat(np.asarray(weights, np.float64), prod(logits.shape[1:-1]))
    loss = kernels.softmax_cross_entropy(
        np.ascontiguousarray(logits).reshape(rows), targets.reshape(rows), given, dz.reshape(rows)
    )
    return loss, dz


def cross_entropy(probabilities: Array, targets: Array) -> tuple[Array, Array]:
    """Losses (N, ...) and their gradients (N, ..., K), not yet divided by how many they are, for
    probabilities p and targets t (N, ..., K); float64.

    Probabilities are first divided by their sum, as Keras does, and the gradient is that with
    respect to p:

        loss = -sum_k t_k log(p_k / sum p),   dp = (sum t) / (sum p) - t / p
    """
    p = probabilities.astype(np.float64)
    total = p.sum(axis=-1, keepdims=True)
    wanted = targets > 0  # 0 * log 0 counts as 0
    with np.errstate(divide="ignore"):
        logs = np.log(p / total, where=wanted, out=np.zeros_like(p))
        losses = 0.0 - np.sum(targets * logs, axis=-1)  # not -0
        dp = targets.sum(axis=-1, keepdims=True) / total - np.divide(
            targets, p, where=wanted, out=np.zeros_like(p)
        )
    return losses, dp


class TargetProbabilities(Loss):
    """What losses for one-hot (or any other) target probabilities (N, K) have in common. Of (N, H,
    W, K) every place has a loss.

    Args:
        from_logits, label_smoothing, name: see CategoricalCrossentropy.
    """

    fuses = "softmax"

    def __init__(self, from_logits: bool, label_smoothing: float, name: str):
        super().__init__(name)
        who = type(self).__name__
        self.label_smoothing = smoothing(label_smoothing, who)
        self.from_logits = flag(from_logits, "from_logits", who)

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        """Target probabilities (N, ..., K) in double precision."""
        check_classes(shape, self.owner)
        t = one_hot_rows(y_true, shape, self.owner).astype(np.float64)
        return smoothed(t, self.label_smoothing, shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }


class CategoricalCrossentropy(TargetProbabilities):
    """Cross-entropy for one-hot (or any other) target probabilities (N, K), or (N, H, W, K) where
    every place of a picture has a class.

    Args:
        from_logits: predictions are logits; the default, probabilities, is for models that end in a
            softmax.
        label_smoothing: a; targets become t * (1 - a) + a / K, so that no answer has to be certain.
        name: as in messages.

    Raises ValueError for targets of another shape, for predictions that are no probabilities
    though `from_logits` is False, for label_smoothing outside [0, 1].

    >>> loss = losses.CategoricalCrossentropy()
    >>> round(loss([[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]), 6)
    0.693147
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str = "categorical_crossentropy",
    ):
        super().__init__(from_logits, label_smoothing, name)

    def guess(self, classes: int) -> float | None:
        return log(classes)

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        check_probabilities(y_pred, self.owner)
        return cross_entropy(y_pred, y_true)

    def each_of_logits(self, y_true: Array, logits: Array) -> tuple[Array, Array]:
        classes = logits.shape[-1]
        rows = zip(logits.reshape(-1, 1, classes), y_true.reshape(-1, 1, classes), strict=True)
        found = [softmax_cross_entropy(z, t, None) for z, t in rows]
        losses = np.array([loss for loss, _ in found]).reshape(logits.shape[:-1])
        return losses, np.concatenate([dz for _, dz in found]).reshape(logits.shape)

    def _mean(
        self, targets: Array, y_pred: Array, weight: Array | None, from_logits: bool
    ) -> tuple[float, Array]:
        if from_logits:
            return softmax_cross_entropy(y_pred, targets, weight)  # all samples in one pass
        return super()._mean(targets, y_pred, weight, from_logits)


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Cross-entropy for integer labels, (N,) or (N, 1), or (N, H, W) or (N, H, W, 1) where every
    place of a picture has a class.

    Args:
        from_logits, name: as for CategoricalCrossentropy.

    Raises ValueError for labels that are no integers from 0 to K - 1, one-hot ones included.

    >>> loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> round(loss([0, 1], np.array([[2.0, 2.0], [0.0, 0.0]])), 6)
    0.693147
    """

    def __init__(self, from_logits: bool = False, name: str = "sparse_categorical_crossentropy"):
        super().__init__(from_logits=from_logits, name=name)

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        return one_hot(shape[-1])[self._classes(y_true, shape)]

    def check_targets(self, y_true: Array, shape: tuple[int, ...]) -> None:
        self._classes(y_true, shape)

    def _classes(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        check_classes(shape, self.owner)
        return sparse_rows(y_true, shape, self.owner)

    def get_config(self) -> dict[str, Any]:
        return {"from_logits": self.from_logits, "name": self.name}


@known_arguments
def categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0
) -> Array:
    """The cross-entropy of every sample (N,), or place, see CategoricalCrossentropy.

    >>> losses.categorical_crossentropy([[1, 0], [0, 1]], [[0.5, 0.5], [0.0, 1.0]]).round(6)
    array([0.693147, 0.      ])
    """
    return CategoricalCrossentropy(from_logits, label_smoothing).values(y_true, y_pred)


@known_arguments
def sparse_categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False
) -> Array:
    """The cross-entropy of every sample (N,), or place, see SparseCategoricalCrossentropy.

    >>> losses.sparse_categorical_crossentropy([0, 1], [[0.5, 0.5], [0.0, 1.0]]).round(6)
    array([0.693147, 0.      ])
    """
    return SparseCategoricalCrossentropy(from_logits).values(y_true, y_pred)
