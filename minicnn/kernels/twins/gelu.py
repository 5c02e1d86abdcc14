"""The complementary error function, number by number."""

import math

import numpy as np


def erfc(x, y):
    """Python's own, number by number."""
    y[:] = np.fromiter(map(math.erfc, x.tolist()), np.float64, x.size)
