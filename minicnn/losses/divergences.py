"""How far a predicted distribution, or rate, is from the wanted one."""

import numpy as np

from minicnn.losses.elementwise import ElementwiseLoss
from minicnn.losses.regression import EPSILON
from minicnn.names import known_arguments
from minicnn.types import Array


class KLDivergence(ElementwiseLoss):
    """What coding by the predicted probabilities p costs beyond the wanted ones t.

        loss_n = sum over k of t_k log(t_k / p_k),   dp_k = -t_k / p_k

    It is cross-entropy less a constant, sum_k t_k log t_k, which is 0 for one-hot targets. Where
    t = 0 a summand is 0. (Keras first raises both to 1e-7 and cuts them at 1.)

    Args:
        name: as in messages.

    Targets are probabilities of the predictions' shape.

    Source: Kullback & Leibler 1951, "On information and sufficiency".

    >>> losses.KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]]).__round__(6)
    0.693147
    """

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        ratio = np.divide(y_true, y_pred, where=y_true > 0, out=np.zeros_like(y_true))
        logs = np.log(ratio, where=y_true > 0, out=np.zeros_like(y_true))
        return (y_true * logs).sum(axis=-1), -ratio


class Poisson(ElementwiseLoss):
    """The mean over a sample's outputs of y - t log(y + 1e-7), for rates y and counts t: what is
    left of -log(y^t exp(-y) / t!) without a constant.

    Args:
        name: as in messages.

    >>> losses.Poisson()([[0.0]], [[2.0]])
    2.0
    """

    def compare(self, t: Array, y: Array) -> tuple[Array, Array]:
        return y - t * np.log(y + EPSILON), 1 - t / (y + EPSILON)


@known_arguments
def kl_divergence(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see KLDivergence."""
    return KLDivergence().values(y_true, y_pred)


@known_arguments
def poisson(y_true: Array, y_pred: Array) -> Array:
    """The loss of every sample (N,), see Poisson."""
    return Poisson().values(y_true, y_pred)
