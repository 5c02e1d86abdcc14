"""The Gaussian error function, which NumPy does not have."""

import math

from minicnn.kernels.jit import jit


@jit
def erf(x, y):
    """y[i] = 2/sqrt(pi) * integral of exp(-t^2) from 0 to x[i]; x and y are flat arrays of one length."""
    for i in range(x.size):
        y[i] = math.erf(x[i])
