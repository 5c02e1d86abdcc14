"""Softmax and cross-entropy, class after class.

The exponential and the logarithm are Python's, which are those of the loops: NumPy's own, made for
whole registers, are at times a last bit away.
"""

import math

import numpy as np

from minicnn.kernels.twins.sums import sum_of_rows


def softmax(x, y):
    """Of all rows at once."""
    exponentials, total = _exponentials(_below_the_largest(x))
    y[...] = exponentials / total


def softmax_cross_entropy(logits, targets, weights, dz):
    """The losses of all samples, added up in their order, and the gradient."""
    samples = len(logits)
    z = _below_the_largest(logits)
    exponentials, total = _exponentials(z)
    log_total = _by_number(math.log, total)
    losses = sum_of_rows(-(targets * (z - log_total)).T)
    wanted = sum_of_rows(targets.T)[:, None]
    weight = weights if len(weights) else np.ones(samples)
    dz[...] = (exponentials / total * wanted - targets) * weight[:, None] / samples
    return float(sum_of_rows((losses * weight)[:, None])[0] / samples)


def _below_the_largest(x):
    """x - max(x) of each row, in double; NaN where one is."""
    z = x.astype(np.float64)
    return z - z.max(axis=1, keepdims=True)


def _exponentials(z):
    """exp(z) and its sum over each row, (N, 1)."""
    exponentials = _by_number(math.exp, z)
    return exponentials, sum_of_rows(exponentials.T)[:, None]


def _by_number(function, x):
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)
