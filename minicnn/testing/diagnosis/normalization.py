"""Mistakes of what is normalised, x_hat = (x - mean) / sqrt(variance + epsilon):

    dx = (dx_hat - mean of dx_hat - x_hat * mean of dx_hat * x_hat) / sqrt(variance + epsilon)
    dx_hat = dy * gamma,   dgamma = sum of dy * x_hat,   dbeta = sum of dy

with means over the axes of the statistics (Ioffe & Szegedy 2015). Which these are, and which
parameter is gamma, shows in what makes the formula right; where none does, the layer is none of
these.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.normalization_mistakes import (
    BETA_OF_X_HAT,
    CENTRED_ONLY,
    CONSTANT_STATISTICS,
    GAMMA_MISSING,
    GAMMA_OF_CENTRED,
    GAMMA_OF_DY,
    GAMMA_OF_X,
    GAMMA_OF_Y,
    GAMMA_OUTSIDE,
    HALF_VARIANCE,
    MEAN_TERM,
    MOVING_STATISTICS,
    NO_EPSILON,
    NO_STD,
    OVERWRITTEN,
    SUMS,
    UNBIASED,
    VARIANCE_FOR_STD,
    VARIANCE_SIGN,
    VARIANCE_TERM,
    WRONG_AXES,
)
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

Axes = tuple[int, ...]
EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 0.0)  # of layers that do not say theirs


@dataclass
class Normalized:
    """The terms of the formula for one layer, in a shape (N, ...) of x.

    Args:
        x, dy: in that shape.
        gamma: that they are scaled by, 1 where there is none.
        axes: of the statistics.
        epsilon: added to the variance.
    """

    x: Array
    dy: Array
    gamma: Array
    axes: Axes
    epsilon: float

    def __post_init__(self) -> None:
        self.centred = self.x - self.mean(self.x)
        self.variance = self.mean(self.centred**2)
        self.inv_std = 1 / np.sqrt(self.variance + self.epsilon)
        self.x_hat = self.centred * self.inv_std
        self.dx_hat = self.dy * self.gamma
        self.M = int(np.prod([self.x.shape[axis] for axis in self.axes]))

    def mean(self, array: Array) -> Array:
        return array.mean(axis=self.axes, keepdims=True)

    def dx(self, mean: float = 1, variance: float = 1, x_hat: Array | None = None) -> Array:
        """dx with its two terms so many times, of another x_hat."""
        x_hat = self.x_hat if x_hat is None else x_hat
        shift, stretch = self.mean(self.dx_hat), self.mean(self.dx_hat * x_hat)
        return self.inv_std * (self.dx_hat - mean * shift - variance * x_hat * stretch)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """The formula with a term missing or wrong."""
    if len(trial.inputs) > 1 or trial.is_split or trial.x.shape != trial.dy.shape:
        return
    own = _recognized(trial)
    if own is None:
        return
    if name == "x":
        for mistake, dx, detail in _of_x(trial, own):
            yield Suspect(mistake, dx.reshape(trial.x.shape), detail)
    else:
        yield from _of_parameters(trial, name, own)


def _of_x(trial: Trial, own: Normalized) -> Iterator[tuple[Mistake, Array, str]]:
    yield MEAN_TERM, own.dx(mean=0), ""
    yield VARIANCE_TERM, own.dx(variance=0), ""
    yield CONSTANT_STATISTICS, own.dx(0, 0), ""
    yield SUMS, own.dx(own.M, own.M), "both means"
    yield SUMS, own.dx(own.M, 1), "the mean of dx_hat"
    yield SUMS, own.dx(1, own.M), "the mean of dx_hat * x_hat"
    yield HALF_VARIANCE, own.dx(variance=0.5), ""
    yield VARIANCE_SIGN, own.dx(variance=-1), "variance's"
    yield VARIANCE_SIGN, own.dx(mean=-1), "mean's"
    if own.M > 1:
        share = own.M / (own.M - 1)
        yield UNBIASED, own.dx(share, share), ""
        yield UNBIASED, own.dx(1, share), ""
    yield CENTRED_ONLY, own.dx(x_hat=own.centred), "x - mean"
    yield CENTRED_ONLY, own.dx(x_hat=own.x), "x"
    yield OVERWRITTEN, own.dx(x_hat=trial.y.reshape(own.x.shape)), ""
    yield NO_STD, own.dx() / own.inv_std, ""
    yield VARIANCE_FOR_STD, own.dx() * own.inv_std, ""
    with np.errstate(divide="ignore", invalid="ignore"):
        yield NO_EPSILON, own.dx() / own.inv_std / np.sqrt(own.variance), ""
    plain = Normalized(own.x, own.dy, np.ones(1), own.axes, own.epsilon)
    yield GAMMA_MISSING, plain.dx(), ""
    yield GAMMA_OUTSIDE, plain.dx() * own.gamma, ""
    if "moving_variance" in trial.state:
        moving = 1 / np.sqrt(trial.state["moving_variance"] + own.epsilon)
        yield MOVING_STATISTICS, own.dx_hat * moving, ""
        yield MOVING_STATISTICS, own.dx() / own.inv_std * moving, ""
    for axes in _sets(own.x.ndim):
        if axes != own.axes:
            other = _with_means_over(own, axes)
            taken, right = (_in_words(trial, own, which) for which in (axes, own.axes))
            yield WRONG_AXES, other, f"{taken}, where forward has its statistics over {right}"


def _in_words(trial: Trial, own: Normalized, axes: Axes) -> str:
    """Names of axes: the reader's array may have them in another shape."""
    grouped = own.x.shape != trial.x.shape
    spatial = ["H", "W"] if trial.x.ndim == 4 else [f"axis {n}" for n in range(1, trial.x.ndim - 1)]
    names = ["N", *spatial, "C"]
    if grouped:
        names = ["N", " and ".join(spatial) or "positions", "the groups", "the channels of a group"]
    return " and ".join(names[axis] for axis in axes)


def _with_means_over(own: Normalized, axes: Axes) -> Array:
    """dx whose two means go over other axes than the statistics."""
    shift = own.dx_hat.mean(axis=axes, keepdims=True)
    stretch = (own.dx_hat * own.x_hat).mean(axis=axes, keepdims=True)
    return own.inv_std * (own.dx_hat - shift - own.x_hat * stretch)


def _of_parameters(trial: Trial, name: str, own: Normalized) -> Iterator[Suspect]:
    """Sums of dy and of dy * x_hat that are of something else."""
    shape = trial.x.shape
    x_hat, centred = own.x_hat.reshape(shape), own.centred.reshape(shape)
    right = trial.right[name]
    for others in _sets(trial.x.ndim):

        def summed(products: Array, others: Axes = others) -> Array:
            return products.sum(axis=others)

        if summed(trial.dy).shape != right.shape:
            continue
        if trial.agrees(name, summed(trial.dy * x_hat)):
            yield Suspect(GAMMA_OF_X, summed(trial.dy * trial.x))
            yield Suspect(GAMMA_OF_CENTRED, summed(trial.dy * centred))
            yield Suspect(GAMMA_OF_Y, summed(trial.dy * trial.y))
            yield Suspect(GAMMA_OF_DY, summed(trial.dy))
        elif trial.agrees(name, summed(trial.dy)):
            yield Suspect(BETA_OF_X_HAT, summed(trial.dy * x_hat))


def _recognized(trial: Trial) -> Normalized | None:
    """The formula that is right for dx; None where there is none."""
    layer, x = trial.layer, trial.x
    epsilon = getattr(layer, "epsilon", None)
    for shape in _forms(trial):
        for gamma in _gammas(trial, shape):
            for axes in _sets(len(shape)):
                for eps in EPSILONS if epsilon is None else (epsilon,):
                    with np.errstate(divide="ignore", invalid="ignore"):
                        try:
                            own = Normalized(
                                x.reshape(shape), trial.dy.reshape(shape), gamma, axes, eps
                            )
                        except ValueError:  # gamma does not go with this shape
                            continue
                    if trial.agrees("x", own.dx().reshape(x.shape)):
                        return own
    return None


def _forms(trial: Trial) -> Iterator[tuple[int, ...]]:
    """x's own shape, and the one with its channels cut into groups (N, positions, G, C/G)."""
    shape = trial.x.shape
    yield shape
    C, groups = shape[-1], getattr(trial.layer, "groups", 0)
    groups = C if groups == -1 else groups
    if isinstance(groups, int) and groups > 0 and C % groups == 0:
        yield (shape[0], int(np.prod(shape[1:-1])), groups, C // groups)


def _gammas(trial: Trial, shape: tuple[int, ...]) -> Iterator[Array]:
    """What may be gamma, in a shape that goes with x in that shape."""
    yield np.ones(1)
    rank = len(shape)
    for param in trial.layer.params.values():
        if shape != trial.x.shape:
            if param.size == shape[-1] * shape[-2]:
                yield param.reshape(shape[-2:])
            continue
        for axes in itertools.combinations(range(1, rank), param.ndim):
            if param.shape == tuple(shape[axis] for axis in axes):
                yield param.reshape([n if axis in axes else 1 for axis, n in enumerate(shape)])


def _sets(rank: int) -> list[Axes]:
    return [
        axes for many in range(1, rank + 1) for axes in itertools.combinations(range(rank), many)
    ]
