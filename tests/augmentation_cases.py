"""A layer of every kind of augmentation, and pictures for them."""

import numpy as np
import pytest

from minicnn import layers
from minicnn.kernels import resample as kernel

EVERY = {
    "flip": lambda: layers.RandomFlip(),
    "rotation": lambda: layers.RandomRotation(0.2),
    "translation": lambda: layers.RandomTranslation((-0.3, 0.1), 0.2, fill_mode="wrap"),
    "zoom": lambda: layers.RandomZoom(0.3, interpolation="nearest"),
    "crop": lambda: layers.RandomCrop(7, 5, padding=2),
    "brightness": lambda: layers.RandomBrightness(0.4),
    "contrast": lambda: layers.RandomContrast((0.2, 0.6)),
    "erasing": lambda: layers.RandomErasing((0.5, 1)),
}
every_layer = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


def built(layer, shape, dtype=np.float32):
    layer.build(shape, np.random.default_rng(0), dtype)
    return layer


def some_bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


PAD_MODES = {
    kernel.CONSTANT: "constant",
    kernel.NEAREST: "edge",
    kernel.REFLECT: "symmetric",
    kernel.WRAP: "wrap",
    kernel.MIRROR: "reflect",
}
FAR = 60  # pixels


def extended(x, fill, value):
    """x (H, W, C) with FAR pixels around it, by NumPy."""
    options = {"constant_values": value} if fill == kernel.CONSTANT else {}
    return np.pad(
        x.astype(np.float64), ((FAR, FAR), (FAR, FAR), (0, 0)), PAD_MODES[fill], **options
    )


def taps(matrix, i, j, bilinear):
    """[(h, w, weight)] of the pixels that y[i, j] is a mean of, edge or no edge."""
    u, v, _ = matrix @ np.array([j, i, 1.0])
    if not bilinear:
        return [(int(np.floor(v + 0.5)), int(np.floor(u + 0.5)), 1.0)]
    near = [(k, 1 - abs(v - k)) for k in (int(np.floor(v)), int(np.floor(v)) + 1)]
    return [
        (h, w, row * (1 - abs(u - w)))
        for h, row in near
        for w in (int(np.floor(u)), int(np.floor(u)) + 1)
    ]


def resampled(x, matrices, fill, value, bilinear, size):
    """Pixel by pixel, in float64."""
    y = np.zeros((len(x), *size, x.shape[-1]))
    for n, i, j in np.ndindex(y.shape[:3]):
        around = extended(x[n], fill, value)
        for h, w, weight in taps(matrices[n], i, j, bilinear):
            y[n, i, j] += weight * around[h + FAR, w + FAR]
    return y
