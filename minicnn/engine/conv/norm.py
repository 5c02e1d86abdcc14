"""Batch normalisation's numbers per channel: mean and variance from those of parts, and what the
row kernels need.
"""

from typing import NamedTuple

import numpy as np

from minicnn.engine.conv.layout import CHUNKS
from minicnn.machine.call import DOUBLE, clear, view, word
from minicnn.machine.jit import jit_part
from minicnn.types import Array

TINY = 1e-12  # 1 / deviation whose square is near the smallest number of float32


class Channels(NamedTuple):
    """Numbers per channel (FP,) for the row kernels; the names are those of their formulas."""

    bias: Array
    sign: Array
    center: Array
    scale: Array
    shift: Array
    inverse: Array
    slope: Array
    offset: Array
    factor: Array
    unit: Array
    none: Array  # zeros


class Batch(NamedTuple):
    """What is known of a batch's channels, in double: per chunk (CHUNKS, FP), and of all (FP,) or
    (F,).

    counts (CHUNKS,) integers: the values that each chunk has of every channel; inverse: 1 /
    deviation; rounded: what center has more than the mean, for rounding. gamma, beta, their
    gradients and the moving averages are the layer's own, in its type.
    """

    counts: Array
    means: Array
    m2s: Array
    dbetas: Array
    dgammas: Array
    mean: Array
    variance: Array
    inverse: Array
    rounded: Array
    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    moving_mean: Array
    moving_variance: Array
    epsilon: float
    momentum: float
    largest: float  # number of the layer's type


@jit_part
def chunk_of(values, k, size):
    """Row k of (CHUNKS, size) numbers in double at an address."""
    return view(values + k * size * DOUBLE.itemsize, size, DOUBLE)


@jit_part
def zeros_in(values, k, size):
    """The same row, set to 0. (It compiles sooner than `row[:] = 0`.)"""
    clear(values + k * size * DOUBLE.itemsize, size * DOUBLE.itemsize)
    return chunk_of(values, k, size)


@jit_part
def fold_moments(count, mean, m2, row_count, row_mean, row_m2):
    """Fold a row's mean and sum of squared deviations into those of `count` earlier values; mean
    and m2 are float64.

    Source: Chan, Golub, LeVeque 1983, eq. 2.1.
    """
    total = count + row_count
    share, product = row_count / total, count * row_count / total
    for c in range(mean.size):
        d = row_mean[c] - mean[c]
        mean[c] += d * share
        m2[c] += row_m2[c] + d * d * product


@jit_part
def fold_row(count, mean, m2, pixels, center, deviations, squares):
    """fold_moments of a row of pixels, from what row_kernels.activate says of it.

    The row's mean is center + deviations / pixels, and its squares about that are fewer by
    deviations^2 / pixels.
    """
    total = count + pixels
    share, product = pixels / total, count * pixels / total
    for c in range(mean.size):
        shift = deviations[c] / pixels
        d = (center[c] - mean[c]) + shift
        mean[c] += d * share
        m2[c] += (squares[c] - deviations[c] * shift) + d * d * product


@jit_part
def fold_chunks(r):
    """Fold the chunks' moments into mean and biased variance; returns whether all of them are
    finite.
    """
    s, batch, finite = r.sizes, r.batch, True
    mean, variance = zeros_in(batch.mean, 0, s.FP), zeros_in(batch.variance, 0, s.FP)
    count = 0
    for k in range(CHUNKS):
        more = word(batch.counts, k)
        if more > 0:
            fold_moments(
                count,
                mean,
                variance,
                more,
                chunk_of(batch.means, k, s.FP),
                chunk_of(batch.m2s, k, s.FP),
            )
            count += more
    for c in range(s.FP):
        variance[c] /= count
        finite = finite and abs(variance[c]) < np.inf
    return finite


@jit_part
def use_moments(r, like):
    """Load the numbers for the batch's mean and variance, and move the averages towards these."""
    s, batch = r.sizes, r.batch
    mean, variance = chunk_of(batch.mean, 0, s.FP), chunk_of(batch.variance, 0, s.FP)
    load_forward(s, mean, variance, batch, r.channels, like)
    move_averages(s, mean, variance, batch, like)


@jit_part
def move_averages(s, mean, variance, batch, like):
    """As BatchNormalization.move_averages."""
    moving_mean, moving_variance = (
        view(batch.moving_mean, s.F, like),
        view(batch.moving_variance, s.F, like),
    )
    for c in range(s.F):
        if not variance[c] < batch.largest:  # one bad batch must not spoil the averages
            return
    for c in range(s.F):
        moving_mean[c] = moving_mean[c] * batch.momentum + mean[c] * (1 - batch.momentum)
        moving_variance[c] = moving_variance[c] * batch.momentum + variance[c] * (
            1 - batch.momentum
        )


@jit_part
def prepare(r, like):
    """What is known before: which sign of gamma makes a window's largest its winner; in inference
    all numbers.
    """
    s, batch = r.sizes, r.batch
    gamma, sign = view(batch.gamma, s.F, like), view(r.channels.sign, s.F, like)
    for c in range(s.F):
        sign[c] = 1 if r.work.pool_first else np.copysign(1, gamma[c])
    if not r.work.moments:
        mean, variance = view(batch.moving_mean, s.F, like), view(batch.moving_variance, s.F, like)
        load_forward(s, mean, variance, batch, r.channels, like)


@jit_part
def load_forward(s, mean, variance, batch, channels, like):
    """The numbers of  y = (x - mean) / deviation * gamma + beta; inverse = 1 / deviation.

    x - mean in double is (x - center) + (center - mean), center being mean rounded to x's type: the
    second part is put right in the shift.
    """
    inverse, rounded = view(batch.inverse, s.F, DOUBLE), view(batch.rounded, s.F, DOUBLE)
    gamma, beta = view(batch.gamma, s.F, like), view(batch.beta, s.F, like)
    center, inverses = view(channels.center, s.F, like), view(channels.inverse, s.F, like)
    scales, shift = view(channels.scale, s.F, like), view(channels.shift, s.F, like)
    for c in range(s.F):
        inverse[c] = 1 / np.sqrt(variance[c] + batch.epsilon)
        scale = inverse[c] * gamma[c]
        center[c] = mean[c]
        rounded[c] = center[c] - mean[c]
        inverses[c] = inverse[c]
        scales[c] = scale
        shift[c] = beta[c] + rounded[c] * scale


@jit_part
def load_backward(r, like):
    """dbeta and dgamma (F,) from those of the chunks, and the numbers of the gradient of x:

        dx = factor * (dy - dbeta / count - x_hat * dgamma / count),   factor = gamma / deviation
           = factor * dy + slope * (x - center) * unit + offset

    slope would fall below the smallest number where the deviation is very large: then `unit` is a
    power of 2 near its inverse, which rounds nothing, and else 1. Mean and variance that were not
    the batch's do not depend on x: then slope = offset = 0.
    """
    s, batch, channels, of_batch = r.sizes, r.batch, r.channels, r.work.moments
    inverses, roundeds = view(batch.inverse, s.F, DOUBLE), view(batch.rounded, s.F, DOUBLE)
    dbetas, dgammas = view(batch.dbeta, s.F, like), view(batch.dgamma, s.F, like)
    gamma, factors = view(batch.gamma, s.F, like), view(channels.factor, s.F, like)
    slopes, offsets = view(channels.slope, s.F, like), view(channels.offset, s.F, like)
    units = view(channels.unit, s.F, like)
    count = 0
    for k in range(CHUNKS):
        count += word(batch.counts, k)
    for c in range(s.F):
        rounded, inverse = roundeds[c], inverses[c]
        dbeta, dgamma = 0.0, 0.0
        for k in range(CHUNKS):
            dbeta += chunk_of(batch.dbetas, k, s.FP)[c]
            dgamma += chunk_of(batch.dgammas, k, s.FP)[c]
        dgamma += dbeta * rounded * inverse
        if of_batch:
            dbetas[c], dgammas[c] = dbeta, dgamma
        factor = inverse * gamma[c]
        slope = -factor * inverse * dgamma / count if of_batch else 0.0
        factors[c] = factor
        unit = 2.0 ** np.floor(np.log2(inverse)) if 0 < inverse < TINY else 1.0
        slopes[c], units[c] = slope / unit, unit
        offsets[c] = -factor * dbeta / count + slope * rounded if of_batch else 0.0
