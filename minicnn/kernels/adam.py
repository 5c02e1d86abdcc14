"""The Adam update, one pass over a parameter."""

import numpy as np

from minicnn.machine.jit import jit

SMALLEST_MOMENT = 1e-30


@jit
def adam(value, grad, m, v, step_size, rate_1, rate_2, epsilon):
    """m += (g - m) * rate_1;  v += (g^2 - v) * rate_2;  value -= step_size * m / (sqrt(v) +
    epsilon).

    value, grad, m, v: flat arrays of one length and type, which the four numbers share (rate_1 = 1
    - beta_1: an integer 1 in here would turn float32 arithmetic into float64).
    Moments below 1e-30 become 0: a parameter without gradient (a dead unit) would otherwise keep
    its moments as subnormal numbers for ever, which many processors multiply a hundred times
    slower.
    """
    for i in range(value.size):
        g = grad[i]
        m_i = m[i] + (g - m[i]) * rate_1
        v_i = v[i] + (g * g - v[i]) * rate_2
        m[i] = 0 if abs(m_i) < SMALLEST_MOMENT else m_i
        v[i] = 0 if v_i < SMALLEST_MOMENT else v_i
        value[i] -= step_size * m_i / (np.sqrt(v_i) + epsilon)
