"""Focal losses: cross-entropies in which what is predicted well already counts less.

    loss = sum over the classes of w (1 - q)^gamma c

q is the probability given to what is right, c its cross-entropy and w the weight of the class. The
better q is, the smaller is (1 - q)^gamma: many easy samples do not drown the few hard ones. From
logits loss and gradient are exact: what is 0 * infinity for probabilities is multiplied out before.
(Keras clips probabilities to [1e-7, 1 - 1e-7]; minicnn never clips.)

Source: Lin et al. 2017, arXiv:1708.02002, equations 4 and 5.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.expect import flag, number
from minicnn.layers.elementwise import sigmoid
from minicnn.losses.binary_crossentropy import (
    BinaryCrossentropy,
    binary_cross_entropy,
    binary_cross_entropy_of_logits,
    check_each_probability,
)
from minicnn.losses.categorical_crossentropy import TargetProbabilities, check_probabilities
from minicnn.names import known_arguments
from minicnn.types import Array


def focus(wrong: Array, gamma: float) -> tuple[Array, Array]:
    """wrong^gamma, and its derivative; that at 0 counts as 0, for there the loss is 0 as well."""
    there = wrong > 0
    return wrong**gamma, gamma * np.power(wrong, gamma - 1, where=there, out=np.zeros_like(wrong))


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary cross-entropy in which sure outputs count less.

        m    = t + p - 2 t p           the probability given to what is wrong
        loss = mean over k of w_k m_k^gamma c_k,   w_k = alpha t_k + (1 - alpha)(1 - t_k), or 1

    Args:
        apply_class_balancing: whether to weigh yes and no by w.
        alpha: the weight of yes; that of no is 1 - alpha.
        gamma: how much less; 0 leaves cross-entropy.
        from_logits, label_smoothing, name: as for BinaryCrossentropy.

    >>> loss = losses.BinaryFocalCrossentropy(gamma=2.0)
    >>> round(loss([1], [[0.5]]), 6), round(losses.BinaryCrossentropy()([1], [[0.5]]) / 4, 6)
    (0.173287, 0.173287)
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str = "binary_focal_crossentropy",
    ):
        super().__init__(from_logits, label_smoothing, name)
        who = type(self).__name__
        self.apply_class_balancing = flag(apply_class_balancing, "apply_class_balancing", who)
        self.alpha = number(alpha, "alpha", who, least=0, most=1)
        self.gamma = number(gamma, "gamma", who, least=0)

    def guess(self, classes: int) -> float | None:  # noqa: ARG002
        return None

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        check_each_probability(y, self.owner)
        losses, slopes = binary_cross_entropy(t, y)
        return self._focused(t, y, losses, slopes, 1.0)

    def compare_logits(self, t: Array, z: Array) -> tuple[Array, Array]:
        p = sigmoid(z)
        losses, slopes = binary_cross_entropy_of_logits(t, z)
        return self._focused(t, p, losses, slopes, p * (1 - p))

    def _focused(
        self, t: Array, p: Array, losses: Array, slopes: Array, dp: Array | float
    ) -> tuple[Array, Array]:
        """Losses and slopes by what p depends on, dp being the derivative of p by it."""
        factor, slope = focus(t + p - 2 * t * p, self.gamma)
        weight = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1.0
        return weight * factor * losses, weight * (
            factor * slopes + np.where(slope == 0, 0, slope * losses) * (1 - 2 * t) * dp
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "apply_class_balancing": self.apply_class_balancing,
            "alpha": self.alpha,
            "gamma": self.gamma,
        } | super().get_config()


class CategoricalFocalCrossentropy(TargetProbabilities):
    """Cross-entropy in which sure answers count less.

        loss = sum over k of alpha_k (1 - p_k)^gamma (-t_k log p_k)

    Args:
        alpha: the weight of the classes, one number or one for each.
        gamma: how much less; 0 leaves cross-entropy, times alpha.
        from_logits, label_smoothing, name: as for CategoricalCrossentropy.

    >>> loss = losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0)
    >>> round(loss([[0, 1]], [[0.5, 0.5]]), 6)
    0.173287
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str = "categorical_focal_crossentropy",
    ):
        super().__init__(from_logits, label_smoothing, name)
        who = type(self).__name__
        several = isinstance(alpha, list | tuple | np.ndarray)
        self.alpha = (
            [number(one, "alpha", who, least=0) for one in np.asarray(alpha).tolist()]
            if several
            else number(alpha, "alpha", who, least=0)
        )
        self.gamma = number(gamma, "gamma", who, least=0)

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        t = super().targets(y_true, shape)
        if np.size(self.alpha) not in (1, shape[-1]):
            raise ValueError(
                f"{self.owner} expected alpha as a number or {shape[-1]}, one per class, received "
                f"{np.size(self.alpha)}"
            )
        return t

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """By p / sum p, as Keras does: dp = (d - sum_j d_j p_j) / sum p, d the gradient by that."""
        check_probabilities(y_pred, self.owner)
        total = y_pred.sum(axis=-1, keepdims=True)
        p, wanted = y_pred / total, y_true > 0
        losses, log_slopes = self._focused(y_true, p, np.log(p, where=wanted, out=np.zeros_like(p)))
        d = np.divide(log_slopes, p, where=wanted, out=np.zeros_like(p))
        return losses, (d - log_slopes.sum(axis=-1, keepdims=True)) / total

    def each_of_logits(self, y_true: Array, logits: Array) -> tuple[Array, Array]:
        """dz = d - p sum_j d_j, d the gradient by log p, for log p = z - log sum_j exp(z_j)."""
        z = logits - logits.max(axis=-1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        p = np.exp(log_p)
        losses, log_slopes = self._focused(y_true, p, log_p)
        return losses, log_slopes - p * log_slopes.sum(axis=-1, keepdims=True)

    def _focused(self, t: Array, p: Array, log_p: Array) -> tuple[Array, Array]:
        """Losses (N, ...) and their derivatives by log p (N, ..., K)."""
        factor, slope = focus(1 - p, self.gamma)
        weight = t * np.asarray(self.alpha)
        entropy = -np.where(weight > 0, log_p, 0)
        focused = np.where(slope == 0, 0, slope * p * entropy)
        return (weight * factor * entropy).sum(axis=-1), -weight * (factor + focused)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "gamma": self.gamma} | super().get_config()


@known_arguments
def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    """The loss of every sample (N,), see BinaryFocalCrossentropy."""
    return BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing
    ).values(y_true, y_pred)


@known_arguments
def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    """The loss of every sample (N,), see CategoricalFocalCrossentropy."""
    return CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing).values(
        y_true, y_pred
    )
