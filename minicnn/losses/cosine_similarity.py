"""Cosine similarity: the angle between what is predicted and what is wanted."""

import numpy as np

from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.names import known_arguments
from minicnn.types import Array

SHORTEST = 1e-12  # squared length below which a vector is divided by 1e-6, as in Keras


class CosineSimilarity(ElementwiseLoss):
    """Minus the cosine of the angle between targets t and predictions y: -1 where both have one
    direction.

        loss_n = -u . v            for u = y / |y|, v = t / |t|
        dy     = (u (u . v) - v) / |y|

    Args:
        name: as in messages.

    Targets are of the predictions' shape.

    >>> losses.CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])
    -1.0
    """

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        v, _ = directions(y_true)
        u, length = directions(y_pred)
        cosine = (u * v).sum(axis=-1, keepdims=True)
        return -cosine[..., 0], (u * cosine - v) / length


def directions(y: Array) -> tuple[Array, Array]:
    """y / |y| along the last axis, and |y|."""
    length = np.sqrt(np.maximum((y**2).sum(axis=-1, keepdims=True), SHORTEST))
    return y / length, length


@known_arguments
def cosine_similarity(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see CosineSimilarity."""
    return CosineSimilarity().values(y_true, y_pred)
