"""The moments and sums of batch normalisation, row after row."""

from minicnn.kernels.twins.sums import sum_of_rows


def channel_moments(x, mean, variance):
    """Two passes, over x and over what is left of it without its mean."""
    M = len(x)
    mean[:] = sum_of_rows(x) / M
    d = x - mean  # double
    deviation = sum_of_rows(d)
    variance[:] = (sum_of_rows(d * d) - deviation * deviation / M) / M
    variance[variance < 0] = 0
    mean += deviation / M


def normalize(x, mean, inv_std, x_hat):
    """In double, and rounded when it is stored."""
    x_hat[...] = (x - mean) * inv_std


def channel_sums(dy, x_hat, dbeta, dgamma):
    """Products in the type of the arrays, sums in double."""
    dbeta[:] = sum_of_rows(dy)
    dgamma[:] = sum_of_rows(dy * x_hat)
