"""The complementary error function, which NumPy does not have."""

import math

import numpy as np

from minicnn.machine.jit import jit


@jit
def erfc(x, y):
    """y[i] = 2/sqrt(pi) * integral of exp(-t^2) from x[i] to infinity; x and y are flat arrays of
    one length.

    Unlike 1 - erf(x) it keeps its digits where it is small. It is computed in double, whatever the
    arrays hold.
    """
    for i in range(x.size):
        y[i] = math.erfc(np.float64(x[i]))
