"""Values shifted and scaled to mean 0 and variance 1 over some axes of each sample: what
LayerNormalization and GroupNormalization share.

    x_hat = (x - mean) / sqrt(variance + epsilon)

Backward: mean and variance are functions of x too, and what that adds is just what makes dx blind
to a shift and to a stretch of x:
    dx = (dx_hat - mean of dx_hat - x_hat * mean of dx_hat * x_hat) / sqrt(variance + epsilon)
"""

import numpy as np

from minicnn.types import Array

Axes = tuple[int, ...]


def standardized(x: Array, axes: Axes, epsilon: float) -> tuple[Array, Array]:
    """x_hat in x's type, and 1 / sqrt(variance + epsilon) with 1 in the place of the axes.

    Mean and (biased) variance are taken in double precision, and in two passes.
    """
    centred = x - x.mean(axis=axes, keepdims=True, dtype=np.float64)
    inv_std = 1 / np.sqrt(np.square(centred).mean(axis=axes, keepdims=True) + epsilon)
    return (centred * inv_std).astype(x.dtype), inv_std.astype(x.dtype)


def gradient(dx_hat: Array, x_hat: Array, inv_std: Array, axes: Axes) -> Array:
    """dx, for what standardized gave and the gradient of x_hat."""
    shift = dx_hat.mean(axis=axes, keepdims=True)
    stretch = (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return inv_std * (dx_hat - shift - x_hat * stretch)
