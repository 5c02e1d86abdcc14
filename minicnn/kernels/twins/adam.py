"""The Adam update of a whole parameter."""

import numpy as np

from minicnn.kernels.adam import SMALLEST_MOMENT


def adam(value, grad, m, v, step_size, rate_1, rate_2, epsilon):
    """The step is made with moments as they are, before small ones become 0."""
    m += (grad - m) * rate_1
    v += (grad * grad - v) * rate_2
    value -= step_size * m / (np.sqrt(v) + epsilon)
    m[np.abs(m) < SMALLEST_MOMENT] = 0
    v[v < SMALLEST_MOMENT] = 0
