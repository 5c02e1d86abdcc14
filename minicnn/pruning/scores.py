"""How much every channel matters: the norms of what makes it, or of what scales it.

by="kernel": the sum of |weights| of the filter. Source: Li et al. 2017, arXiv:1608.08710.
by="gamma": |gamma| of the normalisation behind it. Source: Liu et al. 2017, arXiv:1708.06519.

Channels that are removed together have the sum of their scores, each as a share of its layer's
mean, so that no layer counts more for having larger numbers.
"""

from collections.abc import Callable, Iterator

import numpy as np

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.pruning.wiring import Wiring, kernel_of
from minicnn.types import Array

Found = Iterator[tuple[Array, Array]]  # channels, and as many norms


def of_kernels(wiring: Wiring) -> Found:
    """L1 norms of all filters and units."""
    for layer in wiring.makers:
        yield wiring.made[id(layer)], norms(layer)


def norms(layer: Layer) -> Array:
    """The sum of |weights| of every filter or unit."""
    kernel = kernel_of(layer)
    if isinstance(layer, layers.Conv2DTranspose):
        kernel = kernel.swapaxes(-1, -2)
    return np.abs(kernel).sum(axis=tuple(range(kernel.ndim - 1)), dtype=np.float64)


def of_gammas(wiring: Wiring) -> Found:
    """|gamma| of all normalisations that have one."""
    for call in wiring.program.calls:
        if type(call.layer) is layers.BatchNormalization and call.layer.scale:
            yield wiring.values[call.reads[0]], np.abs(call.layer.params["gamma"])


NORMS: dict[str, Callable[[Wiring], Found]] = {"kernel": of_kernels, "gamma": of_gammas}


def scores(wiring: Wiring, by: str) -> Array:
    """The score of every channel, by its root; NaN where nothing measures it."""
    total = np.full(len(wiring.channels), np.nan)
    for channels, found in NORMS[by](wiring):
        shares = found / (found.mean() or 1.0)
        for channel, share in zip(wiring.channels.roots([channels]), shares, strict=True):
            total[channel] = share + (0 if np.isnan(total[channel]) else total[channel])
    return total
