"""Softmax and cross-entropy, one pass over the logits."""

import numpy as np

from minicnn.kernels.jit import jit


@jit
def softmax_cross_entropy(logits, targets, losses, dz):
    """losses[n] = -sum_k t_k log p_k,   dz[n, k] = p_k * sum t - t_k,   p = softmax(logits[n]); t = targets[n].

    logits (N, K) of any float type; targets, dz (N, K) and losses (N,) float64. Infinite logits and NaN give NaN, which
    says enough.
    """
    samples, classes = logits.shape
    for n in range(samples):
        largest = np.float64(logits[n, 0])
        for k in range(1, classes):
            largest = np.maximum(largest, np.float64(logits[n, k]))  # NaN if one is
        total, wanted = 0.0, 0.0
        for k in range(classes):
            dz[n, k] = np.exp(logits[n, k] - largest)
            total += dz[n, k]
            wanted += targets[n, k]
        log_total, loss = np.log(total), 0.0
        for k in range(classes):
            loss -= targets[n, k] * (logits[n, k] - largest - log_total)
            dz[n, k] = dz[n, k] / total * wanted - targets[n, k]
        losses[n] = loss
