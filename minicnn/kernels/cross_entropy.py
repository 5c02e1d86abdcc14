"""Softmax and cross-entropy, one pass over the logits. What is computed is double, whatever the
type of the arrays.

Infinite logits and NaN give NaN, which says enough.
"""

import numpy as np

from minicnn.machine.jit import jit, jit_part


@jit
def softmax(x, y):
    """y[n, k] = exp(x[n, k]) / sum_j exp(x[n, j]) for x, y (N, K)."""
    exponentials = np.empty(x.shape[1])
    for n in range(len(x)):
        _, total = exponentials_of(x[n], exponentials)
        for k in range(len(exponentials)):
            y[n, k] = exponentials[k] / total


@jit
def softmax_cross_entropy(logits, targets, weights, dz):
    """The mean over N of w_n loss_n, and its gradient with respect to the logits, for p =
    softmax(logits):

        loss_n = -sum_k t_k log p_k,   dz[n, k] = (p_k * sum t - t_k) * w_n / N

    logits, dz (N, K); targets (N, K) and weights (N,) float64, weights (0,) where all are 1.
    """
    samples, classes = logits.shape
    exponentials, sum_of_losses = np.empty(classes), 0.0
    for n in range(samples):
        largest, total = exponentials_of(logits[n], exponentials)
        log_total, loss, wanted = np.log(total), 0.0, 0.0
        for k in range(classes):
            loss -= targets[n, k] * (logits[n, k] - largest - log_total)
            wanted += targets[n, k]
        weight = weights[n] if len(weights) else 1.0
        for k in range(classes):
            dz[n, k] = (exponentials[k] / total * wanted - targets[n, k]) * weight / samples
        sum_of_losses += loss * weight
    return sum_of_losses / samples


@jit_part
def exponentials_of(x, y):
    """y = exp(x - max(x)), which does not overflow; returns max(x) and the sum of y."""
    largest = np.float64(x[0])
    for k in range(1, len(x)):
        largest = np.maximum(largest, np.float64(x[k]))  # NaN if one is
    total = 0.0
    for k in range(len(x)):
        y[k] = np.exp(x[k] - largest)
        total += y[k]
    return largest, total
