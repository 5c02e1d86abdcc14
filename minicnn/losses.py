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
from typing import Any

import numpy as np

from minicnn.expect import array, flag, number
from minicnn.kernels import cross_entropy as kernels
from minicnn.labels import one_hot_rows, sparse_rows
from minicnn.names import KerasNames, instead, missing_from
from minicnn.types import Array

__all__ = ["CategoricalCrossentropy", "SparseCategoricalCrossentropy", "get"]

__getattr__ = missing_from(__name__, "losses", __all__)

NO_WEIGHTS = np.zeros(0)
PROBABILITY_SLACK = 1e-3  # how far the sum of predicted probabilities may be from 1


@cache
def one_hot(classes: int) -> Array:
    """Row k is the target of class k."""
    return np.eye(classes)


def check_predictions(shape: tuple[int, ...], owner: str) -> None:
    """Raise ValueError unless predictions are (N, K)."""
    if len(shape) != 2:
        raise ValueError(
            f"{owner} expected predictions (N, K), received shape {shape}: put Flatten() or "
            "GlobalAveragePooling2D() before the last layer"
        )


def softmax_cross_entropy(
    logits: Array, targets: Array, weights: Array | None
) -> tuple[float, Array]:
    """The mean loss and its gradient (N, K) for logits and targets (N, K) and the weights (N,) of
    the samples.
    """
    dz = np.empty_like(logits, order="C")
    given = NO_WEIGHTS if weights is None else np.ascontiguousarray(weights, np.float64)
    return kernels.softmax_cross_entropy(np.ascontiguousarray(logits), targets, given, dz), dz


def cross_entropy(probabilities: Array, targets: Array) -> tuple[Array, Array]:
    """Losses (N,) and their gradients (N, K), not yet divided by N, for probabilities p and targets
    t (N, K); float64.

    Probabilities are first divided by their sum, as Keras does, and the gradient is that with
    respect to p:

        loss = -sum_k t_k log(p_k / sum p),   dp = (sum t) / (sum p) - t / p
    """
    p = probabilities.astype(np.float64)
    total = p.sum(axis=1, keepdims=True)
    wanted = targets > 0  # 0 * log 0 counts as 0
    with np.errstate(divide="ignore"):
        losses = -np.sum(targets * np.log(p / total, where=wanted, out=np.zeros_like(p)), axis=1)
        dp = targets.sum(axis=1, keepdims=True) / total - np.divide(
            targets, p, where=wanted, out=np.zeros_like(p)
        )
    return losses, dp


class CategoricalCrossentropy(KerasNames):
    """Cross-entropy for one-hot (or any other) target probabilities (N, K).

    Args:
        from_logits: predictions are logits; the default, probabilities, is for models that end in a
            softmax.
        label_smoothing: a; targets become t * (1 - a) + a / K, so that no answer has to be certain.
        name: as in logs.

    Raises ValueError for targets that are not (N, K), for predictions that are no probabilities
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
        who = type(self).__name__
        if not 0 <= number(label_smoothing, "label_smoothing", who) <= 1:
            raise ValueError(
                f"{who} expected 0 <= label_smoothing <= 1, received {label_smoothing!r}"
            )
        self.from_logits = flag(from_logits, "from_logits", who)
        self.label_smoothing = label_smoothing
        self.name = name

    def targets(self, y_true: Array, classes: int) -> Array:
        """Target probabilities (N, K) in double precision."""
        t = one_hot_rows(y_true, classes, f"loss {self.name!r}").astype(np.float64)
        return (
            t * (1 - self.label_smoothing) + self.label_smoothing / classes
            if self.label_smoothing
            else t
        )

    def value_and_gradient(
        self,
        y_true: Array,
        y_pred: Array,
        sample_weight: Array | None = None,
        *,
        from_logits: bool | None = None,
    ) -> tuple[float, Array]:
        """The mean loss of a batch and its gradient with respect to y_pred (N, K), in y_pred's
        type.

        sample_weight (N,) or (N, 1) multiplies each sample's loss; the mean still divides by N, as
        in Keras. from_logits overrides the argument of the same name, for a model whose softmax is
        left to the loss.
        """
        check_predictions(y_pred.shape, f"loss {self.name!r}")
        targets = self.targets(y_true, y_pred.shape[-1])
        if len(targets) != len(y_pred):
            raise ValueError(
                f"loss {self.name!r} expected {len(y_pred)} labels, one per prediction, received "
                f"{len(targets)}"
            )
        if sample_weight is not None and np.shape(sample_weight) == (len(y_pred), 1):
            sample_weight = np.reshape(sample_weight, -1)
        if sample_weight is not None and np.shape(sample_weight) != (len(y_pred),):
            raise ValueError(
                f"loss {self.name!r} expected sample_weight of shape ({len(y_pred)},), one per "
                "prediction, received "
                f"{np.shape(sample_weight)}"
            )
        if self.from_logits if from_logits is None else from_logits:
            return softmax_cross_entropy(y_pred, targets, sample_weight)
        self._check_probabilities(y_pred)
        losses, dy = cross_entropy(y_pred, targets)
        if sample_weight is not None:
            losses, dy = losses * sample_weight, dy * np.asarray(sample_weight)[:, None]
        return float(losses.mean()), (dy / len(losses)).astype(y_pred.dtype)

    def _check_probabilities(self, y_pred: Array) -> None:
        sums = y_pred.sum(axis=-1, dtype=np.float64)
        if y_pred.min() < 0 or np.abs(sums - 1).max() > PROBABILITY_SLACK:
            raise ValueError(
                f"loss {self.name!r} expected probabilities (at least 0, with sum 1), received "
                f"values from {y_pred.min():.4g} to {y_pred.max():.4g} with sums from "
                f"{sums.min():.4g} to {sums.max():.4g}: end the model in activation='softmax', or "
                "use the loss with from_logits=True"
            )

    def __call__(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
        """The mean loss of a batch."""
        owner = f"loss {self.name!r}"
        return self.value_and_gradient(
            array(y_true, "y_true", owner), array(y_pred, "y_pred", owner), sample_weight
        )[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """Cross-entropy for integer labels, (N,) or (N, 1).

    Args:
        from_logits, name: as for CategoricalCrossentropy.

    Raises ValueError for labels that are no integers from 0 to K - 1, one-hot ones included.

    >>> loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> round(loss([0, 1], np.array([[2.0, 2.0], [0.0, 0.0]])), 6)
    0.693147
    """

    def __init__(self, from_logits: bool = False, name: str = "sparse_categorical_crossentropy"):
        super().__init__(from_logits=from_logits, name=name)

    def targets(self, y_true: Array, classes: int) -> Array:
        return one_hot(classes)[sparse_rows(y_true, classes, f"loss {self.name!r}")]

    def get_config(self) -> dict[str, Any]:
        return {"from_logits": self.from_logits, "name": self.name}


NAMES: dict[str, type[CategoricalCrossentropy]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


def get(identifier: str | CategoricalCrossentropy) -> CategoricalCrossentropy:
    """The loss of that name, or the argument itself when it is a loss. Raises ValueError for
    anything else.

    >>> losses.get("categorical_crossentropy").name
    'categorical_crossentropy'
    """
    if isinstance(identifier, CategoricalCrossentropy):
        return identifier
    if identifier not in NAMES:
        raise ValueError(f"unknown loss {identifier!r}.{instead(str(identifier), 'losses', NAMES)}")
    return NAMES[identifier]()
