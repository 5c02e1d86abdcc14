"""Mistakes of softmax, y_k = exp(x_k) / sum_j exp(x_j): dx = y * (dy - sum_j dy_j y_j)."""

import itertools
from collections.abc import Iterator

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

NO_SUM = Mistake(
    "softmax's sum missing",
    "is y * dy, the sum is missing",
    "subtract it: every score is in every probability, dx = y * (dy - sum of dy * y)",
)
DIAGONAL = Mistake(
    "softmax's diagonal alone",
    "is dy * y * (1 - y), the sigmoid's",
    "every score is in every probability: dx = y * (dy - sum of dy * y)",
)
NO_Y = Mistake(
    "softmax's y outside missing",
    "is dy - sum of dy * y, the factor y is missing",
    "multiply that by y",
)
PLAIN_SUM = Mistake(
    "softmax's sum without y",
    "is y * (dy - sum of dy), the sum is of dy alone",
    "sum dy * y",
)
WRONG_AXIS = Mistake(
    "softmax's sum over a wrong axis",
    "has its sum over axis {}",
    "sum over the axis of the scores, with keepdims=True",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """dx, where softmax's formula is right for the layer, with a part of it missing or wrong."""
    y, dy = trial.y, trial.dy
    if name != "x" or trial.is_split or trial.x.shape != y.shape:
        return
    sets = [
        axes
        for many in range(1, y.ndim + 1)
        for axes in itertools.combinations(range(y.ndim), many)
    ]
    own = next((axes for axes in sets if trial.agrees("x", _gradient(y, dy, axes))), None)
    if own is None:
        return
    yield Suspect(NO_SUM, y * dy)
    yield Suspect(DIAGONAL, dy * y * (1 - y))
    yield Suspect(NO_Y, dy - (dy * y).sum(axis=own, keepdims=True))
    yield Suspect(PLAIN_SUM, y * (dy - dy.sum(axis=own, keepdims=True)))
    for axes in sets:
        if axes != own:
            yield Suspect(WRONG_AXIS, _gradient(y, dy, axes), " and ".join(map(str, axes)))


def _gradient(y: Array, dy: Array, axes: tuple[int, ...]) -> Array:
    return y * (dy - np.sum(dy * y, axis=axes, keepdims=True))
