"""Sums in the order of a loop."""

import numpy as np

from minicnn.types import Array


def sum_of_rows(x: Array) -> Array:
    """The rows of x (M, C), added up one after the other in double precision: (C,) float64.

    Along the first of two axes NumPy adds row to row, as a loop does. What lies side by side it
    would add in pairs, which is more exact and other bits; but not where it shows every partial
    sum.
    """
    if x.shape[1] == 1:
        return np.add.accumulate(np.append(0.0, x))[-1:]
    return np.add.reduce(np.ascontiguousarray(x), axis=0, dtype=np.float64, initial=0.0)
