"""Binary cross-entropy: every output is the probability of a yes, on its own.

    loss = mean over k of -(t_k log p_k + (1 - t_k) log(1 - p_k))   t the wanted probabilities

With p = sigmoid(z) = 1 / (1 + exp(-z)) the two logarithms are -log(1 + exp(-z)) and
-log(1 + exp(z)), so that

    loss_k = max(z_k, 0) - t_k z_k + log(1 + exp(-|z_k|)),   dz_k = p_k - t_k

and a model that ends in a sigmoid hands its logits to the loss, not its probabilities: the result
is exact for logits of any size. (Keras clips probabilities to [1e-7, 1 - 1e-7]; minicnn never
clips.)
"""

from math import log
from typing import Any

import numpy as np

from minicnn.expect import flag
from minicnn.labels import aligned, check_shape, check_yes_or_no
from minicnn.layers.elementwise import sigmoid
from minicnn.losses.categorical_crossentropy import smoothed, smoothing
from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.names import known_arguments
from minicnn.types import Array


def binary_cross_entropy(t: Array, p: Array) -> tuple[Array, Array]:
    """The loss of each probability p for its target t, and its derivative with respect to p."""
    yes, no = t > 0, t < 1  # 0 * log 0 counts as 0
    nothing = np.zeros_like(p)
    losses = 0.0 - t * np.log(p, where=yes, out=nothing.copy())  # not -0
    losses -= (1 - t) * np.log(1 - p, where=no, out=nothing.copy())
    slopes = np.divide(1 - t, 1 - p, where=no, out=nothing.copy())
    return losses, slopes - np.divide(t, p, where=yes, out=nothing)


def binary_cross_entropy_of_logits(t: Array, z: Array) -> tuple[Array, Array]:
    """The same for p = sigmoid(z), and its derivative with respect to z."""
    return np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))), sigmoid(z) - t


def check_each_probability(p: Array, owner: str) -> None:
    """Raise ValueError for predictions that are no probabilities; NaN passes, and shows."""
    if p.min() < 0 or p.max() > 1:
        raise ValueError(
            f"{owner} expected probabilities from 0 to 1, received values from {p.min():.4g} to "
            f"{p.max():.4g}: end the model in activation='sigmoid', or use the loss with "
            "from_logits=True"
        )


class BinaryCrossentropy(ElementwiseLoss):
    """Cross-entropy of outputs that are each a yes or no: of Dense(1, "sigmoid") for two classes,
    of Dense(K, "sigmoid") for K labels that do not exclude one another.

    Args:
        from_logits: predictions are logits; the default, probabilities, is for models that end in a
            sigmoid.
        label_smoothing: a; targets become t * (1 - a) + a / 2, so that no answer has to be certain.
        name: as in messages.

    Targets are (N,) or (N, 1) for one output, else of the predictions' shape; 0 and 1, or any
    probabilities.

    Raises ValueError for others, for predictions that are no probabilities though `from_logits` is
    False, and for label_smoothing outside [0, 1].

    >>> loss = losses.BinaryCrossentropy()
    >>> round(loss([0, 1], [[0.5], [0.5]]), 6)
    0.693147
    """

    fuses = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str = "binary_crossentropy",
    ):
        super().__init__(name)
        who = type(self).__name__
        self.label_smoothing = smoothing(label_smoothing, who)
        self.from_logits = flag(from_logits, "from_logits", who)

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        """Wanted probabilities in double precision, of the predictions' shape."""
        t = aligned(y_true, shape, self.owner)
        check_shape(t, shape, self.owner)
        check_yes_or_no(t, self.owner)
        return smoothed(t.astype(np.float64), self.label_smoothing, 2)

    def guess(self, classes: int) -> float | None:  # noqa: ARG002
        return log(2)

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        check_each_probability(y, self.owner)
        return binary_cross_entropy(t, y)

    def compare_logits(self, t: Array, z: Array) -> tuple[Array, Array]:
        return binary_cross_entropy_of_logits(t, z)

    def get_config(self) -> dict[str, Any]:
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }


@known_arguments
def binary_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0
) -> Array:
    """The binary cross-entropy of every sample (N,), see BinaryCrossentropy.

    >>> losses.binary_crossentropy([[0], [1]], [[0.5], [1.0]]).round(6)
    array([0.693147, 0.      ])
    """
    return BinaryCrossentropy(from_logits, label_smoothing).values(y_true, y_pred)
