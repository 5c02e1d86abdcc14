"""Batch normalisation's numbers per channel: mean and variance from those of parts, and what the row kernels need."""

from typing import NamedTuple

import numpy as np

from minicnn.kernels.jit import jit, jit_part
from minicnn.layers.base import Array


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


class Batch(NamedTuple):
    """What is known of a batch's channels, in float64: per chunk (CHUNKS, FP), and of all (FP,) or (F,)."""

    counts: Array  # (CHUNKS,) values that each chunk has of every channel
    means: Array
    m2s: Array
    dbetas: Array
    dgammas: Array
    mean: Array
    variance: Array
    inverse: Array  # 1 / deviation
    rounded: Array  # what center has more than the mean, for rounding
    dbeta: Array
    dgamma: Array
    gamma: Array
    beta: Array
    epsilon: float


@jit_part
def fold_moments(count, mean, m2, row_count, row_mean, row_m2):
    """Fold a row's mean and sum of squared deviations into those of `count` earlier values; mean and m2 are float64.

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

    The row's mean is center + deviations / pixels, and its squares about that are fewer by deviations^2 / pixels.
    """
    total = count + pixels
    share, product = pixels / total, count * pixels / total
    for c in range(mean.size):
        shift = deviations[c] / pixels
        d = (center[c] - mean[c]) + shift
        mean[c] += d * share
        m2[c] += (squares[c] - deviations[c] * shift) + d * d * product


@jit_part
def finish_moments(batch):
    """Fold the chunks' moments into mean and biased variance."""
    mean, variance = batch.mean, batch.variance
    mean[:] = 0
    variance[:] = 0
    count = np.int64(0)
    for k in range(batch.counts.size):
        if batch.counts[k] > 0:
            fold_moments(count, mean, variance, batch.counts[k], batch.means[k], batch.m2s[k])
            count += batch.counts[k]
    for c in range(variance.size):
        variance[c] /= count


@jit
def load_forward(mean, variance, batch, channels):
    """The numbers of  y = (x - mean) / deviation * gamma + beta; inverse = 1 / deviation.

    x - mean in double is (x - center) + (center - mean), center being mean rounded to x's type: the second part is put
    right in the shift.
    """
    for c in range(batch.gamma.size):
        batch.inverse[c] = 1 / np.sqrt(variance[c] + batch.epsilon)
        scale = batch.inverse[c] * batch.gamma[c]
        channels.center[c] = mean[c]
        batch.rounded[c] = channels.center[c] - mean[c]
        channels.inverse[c] = batch.inverse[c]
        channels.scale[c] = scale
        channels.shift[c] = batch.beta[c] + batch.rounded[c] * scale


@jit_part
def load_backward(of_batch, batch, channels):
    """dbeta and dgamma (F,) from those of the chunks, and the numbers of the gradient of x:

        dx = factor * (dy - dbeta / count - x_hat * dgamma / count),   factor = gamma / deviation
           = factor * dy + slope * (x - center) + offset

    of_batch: whether mean and variance were the batch's; otherwise they do not depend on x, and slope = offset = 0.
    """
    count = batch.counts.sum()
    for c in range(batch.gamma.size):
        rounded, inverse = batch.rounded[c], batch.inverse[c]
        dbeta, dgamma = 0.0, 0.0
        for k in range(len(batch.dbetas)):
            dbeta += batch.dbetas[k, c]
            dgamma += batch.dgammas[k, c]
        dgamma += dbeta * rounded * inverse
        batch.dbeta[c], batch.dgamma[c] = dbeta, dgamma
        factor = inverse * batch.gamma[c]
        slope = -factor * inverse * dgamma / count if of_batch else 0.0
        channels.factor[c] = factor
        channels.slope[c] = slope
        channels.offset[c] = -factor * dbeta / count + slope * rounded if of_batch else 0.0
