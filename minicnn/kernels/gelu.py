"""The complementary error function, which NumPy does not have."""

import math

from minicnn.machine.jit import jit


@jit
def erfc(x, y):
    """y[i] = 2/sqrt(pi) * integral of exp(-t^2) from x[i] to infinity; x and y are flat arrays of
    one length.

    Unlike 1 - erf(x) it keeps its digits where it is small.
    """
    for i in range(x.size):
        y[i] = math.erfc(x[i])
