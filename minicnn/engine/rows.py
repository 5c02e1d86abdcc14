"""Mean and variance of many pixels, folded together from those of parts."""

from minicnn.kernels.jit import jit


@jit
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


@jit
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
