"""Batch transforms: mix the pictures of a batch, and their labels in the same proportions.

    model.fit(x, utils.to_categorical(y), batch_transform=transforms.MixUp(0.2), ...)

A transform is called as transform(x, y, epoch, samples, seed) and returns a new (x, y). What it
draws depends on seed, epoch and the samples' numbers (layers/augmentation/draws.py), so that a
training can be repeated and resumed exactly.
Each picture is mixed with one other: the pictures stand in a ring, in an order drawn at random, and
each takes from the next. So none is mixed with itself, as may happen in Keras, which permutes them.
"""

from typing import Any

import numpy as np

from minicnn.expect import array
from minicnn.layers.augmentation.draws import picture_seeds, uniform
from minicnn.names import KerasNames
from minicnn.types import Array

__all__ = ["CutMix", "MixUp"]

PLACE, TOP, LEFT, BETA = range(4)  # which number of a picture's generator is for what


class MixUp(KerasNames):
    """Blend two pictures, and their labels.

        x = w * x + (1 - w) * x[partner],  y likewise,   w of Beta(alpha, alpha) for each picture

    Args:
        alpha: 0 < alpha <= 1. With small values w is mostly close to 0 or 1, with 1 it is uniform.

    Source: Zhang et al. 2017, arXiv:1710.09412.

    >>> mix = transforms.MixUp(0.2)
    >>> x, y = mix(np.ones((4, 8, 8, 3)), np.eye(4), epoch=0, samples=np.arange(4), seed=0)
    >>> y.sum(axis=1)
    array([1., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, alpha: float = 0.2):
        self.alpha = checked_alpha(alpha, "MixUp")

    def __call__(
        self, x: Array, y: Array, epoch: int, samples: Array, seed: int
    ) -> tuple[Array, Array]:
        """(x, y) as float32; x (N, ...), y (N, classes). Raises ValueError for y not one-hot."""
        check_one_hot(x, y, samples, "MixUp")
        seeds = picture_seeds(seed, epoch, samples)
        weight, partner = beta(seeds, self.alpha).astype(np.float32), partners(seeds)
        return mixed(x, partner, weight), mixed(y, partner, weight)

    def __repr__(self) -> str:
        return f"MixUp(alpha={self.alpha:g})"


class CutMix(KerasNames):
    """Paste a rectangle of one picture into another, and mix their labels by area.

        height = round(H * sqrt(1 - w)),  width = round(W * sqrt(1 - w)),   w of Beta(alpha, alpha)
        x = x[partner] inside the rectangle, which lies anywhere within the picture, x outside
        y = (1 - share) * y + share * y[partner],           share = height * width / (H * W)

    Args:
        alpha: 0 < alpha <= 1; with 1, w is uniform.

    Source: Yun et al. 2019, arXiv:1905.04899; that the rectangle lies within the picture is Keras'
        way.

    >>> mix = transforms.CutMix(1.0)
    >>> x, y = mix(np.ones((4, 8, 8, 3)), np.eye(4), epoch=0, samples=np.arange(4), seed=0)
    >>> x.shape, y.shape
    ((4, 8, 8, 3), (4, 4))
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = checked_alpha(alpha, "CutMix")

    def __call__(
        self, x: Array, y: Array, epoch: int, samples: Array, seed: int
    ) -> tuple[Array, Array]:
        """(x, y), x (N, H, W, C) of its own type, y (N, classes) float32.

        Raises ValueError when y is not one-hot.
        """
        check_one_hot(x, y, samples, "CutMix")
        if x.ndim != 4:
            raise ValueError(
                f"CutMix expected pictures (N, H, W, C), received x of shape {x.shape}"
            )
        seeds = picture_seeds(seed, epoch, samples)
        side, partner = np.sqrt(1 - beta(seeds, self.alpha)), partners(seeds)
        inside, share = np.ones((1, 1, 1), bool), np.ones(len(x), np.float32)
        for axis, number in ((1, TOP), (2, LEFT)):
            length = np.round(side * x.shape[axis])
            start = np.floor(uniform(seeds, number) * (x.shape[axis] - length + 1))
            pixel = np.arange(x.shape[axis])
            within = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
            inside = inside & np.expand_dims(within, 3 - axis)
            share *= length / x.shape[axis]
        return np.where(inside[..., None], x[partner], x), mixed(y, partner, 1 - share)

    def __repr__(self) -> str:
        return f"CutMix(alpha={self.alpha:g})"


def partners(seeds: Array) -> Array:
    """(N,): which picture of the batch each is mixed with, whatever their order in it."""
    ring = np.argsort(uniform(seeds, PLACE))
    partner = np.empty_like(ring)
    partner[ring] = np.roll(ring, -1)
    return partner


def beta(seeds: Array, alpha: float) -> Array:
    """(N,) numbers of Beta(alpha, alpha), by rejection: u^(1/alpha) + v^(1/alpha) <= 1 for uniform
    u, v.

    Then the first one's part of their sum has that distribution. In logarithms, as u^(1/alpha) may
    be as good as 0.
    Source: Johnk 1964, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", Metrika 8.
    """
    result, waiting, attempt = np.empty(len(seeds)), np.arange(len(seeds)), BETA
    while len(waiting):
        u, v = (np.log1p(-uniform(seeds[waiting], attempt + n)) / alpha for n in range(2))
        accepted = np.logaddexp(u, v) <= 0
        # exp(700) is still finite
        result[waiting[accepted]] = 1 / (1 + np.exp(np.minimum(v - u, 700.0)[accepted]))
        waiting, attempt = waiting[~accepted], attempt + 2
    return result


def mixed(values: Array, partner: Array, weight: Array) -> Array:
    """weight * values + (1 - weight) * values[partner], in float32; weight (N,)."""
    own = values.astype(np.float32)
    other = own[partner]
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    own *= weight  # in place: new arrays of this size cost more than the arithmetic
    other *= 1 - weight
    own += other
    return own


def checked_alpha(alpha: Any, owner: str) -> float:
    """alpha as a float. Raises ValueError unless 0 < alpha <= 1."""
    if not (isinstance(alpha, int | float) and 0 < alpha <= 1):
        raise ValueError(
            f"{owner} expected 0 < alpha <= 1 (1 mixes evenly, less mixes less), received {alpha!r}"
        )
    return float(alpha)


def check_one_hot(x: Array, y: Array, samples: Array, owner: str) -> None:
    """Raise ValueError unless y is (N, classes) for the N samples of x."""
    x, y = array(x, "x", owner), array(y, "y", owner)
    if y.ndim != 2 or y.shape[1] < 2:
        raise ValueError(
            f"{owner} mixes labels, and expected them one-hot, (N, classes), received y of shape "
            f"{y.shape}: use minicnn.utils.to_categorical(y, classes) and "
            "loss='categorical_crossentropy'"
        )
    if not len(x) == len(y) == len(samples):
        raise ValueError(
            f"{owner} expected as many samples in x, y and samples, received {len(x)}, {len(y)} "
            f"and {len(samples)}"
        )
