"""Sums over the batch, one per channel, for batch normalisation.

All of them add in double precision, whatever the arrays hold. A variance is never E[x^2] - E[x]^2:
for a channel with mean 10,000 and deviation 1 that difference has no correct digit left in float32.

Axes: M rows (every position of every image), C channels.
"""

from minicnn.machine.jit import jit


@jit
def channel_moments(x, mean, variance):
    """mean[c] and biased variance[c] of x (M, C), in two passes; mean and variance (C,) float64 are
    overwritten.

    The second pass also sums the plain deviations: their mean, zero but for rounding, corrects the
    first pass (Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.7).
    So a channel that holds one value throughout has exactly that mean, variance 0, and is
    normalised to exactly 0.
    """
    M, C = x.shape
    deviation = mean.copy()  # (C,) scratch
    mean[:] = 0
    for m in range(M):
        for c in range(C):
            mean[c] += x[m, c]
    for c in range(C):
        mean[c] /= M
        variance[c] = 0
        deviation[c] = 0
    for m in range(M):
        for c in range(C):
            d = x[m, c] - mean[c]
            deviation[c] += d
            variance[c] += d * d
    for c in range(C):
        variance[c] = (variance[c] - deviation[c] * deviation[c] / M) / M
        if variance[c] < 0:  # rounding; not max(), which may drop a NaN
            variance[c] = 0
        mean[c] += deviation[c] / M


@jit
def normalize(x, mean, inv_std, x_hat):
    """x_hat[m, c] = (x[m, c] - mean[c]) * inv_std[c], in double before it is rounded to x_hat's
    type.

    x, x_hat (M, C); mean, inv_std (C,) float64.
    """
    M, C = x.shape
    for m in range(M):
        for c in range(C):
            x_hat[m, c] = (x[m, c] - mean[c]) * inv_std[c]


@jit
def channel_sums(dy, x_hat, dbeta, dgamma):
    """dbeta[c] = sum over m of dy[m, c]; dgamma[c] = sum over m of dy[m, c] * x_hat[m, c].

    dy, x_hat (M, C); dbeta, dgamma (C,) float64 are overwritten.
    """
    M, C = dy.shape
    dbeta[:] = 0
    dgamma[:] = 0
    for m in range(M):
        for c in range(C):
            dbeta[c] += dy[m, c]
            dgamma[c] += dy[m, c] * x_hat[m, c]
