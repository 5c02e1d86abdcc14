"""Pictures of another size, computed as TensorFlow's tf.image.resize does: a pixel's place is its
centre, and nothing is averaged where pictures get smaller.
"""

from collections.abc import Callable

import numpy as np

from minicnn.types import Array, Pair


def nearest(x: Array, size: Pair) -> Array:
    """Each pixel (i, j) of the result is that at ((i + 1/2) h / H, (j + 1/2) w / W), cut."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * (old / new)).astype(int), old - 1)
        for new, old in zip(size, x.shape, strict=False)
    )
    return x[rows][:, columns]


def bilinear(x: Array, size: Pair) -> Array:
    """Each pixel (i, j) of the result lies between the four pixels about ((i + 1/2) h / H - 1/2, (j
    + 1/2) w / W - 1/2).
    """
    for axis, (new, old) in enumerate(zip(size, x.shape, strict=False)):
        place = (np.arange(new, dtype=np.float32) + 0.5) * np.float32(old / new) - np.float32(0.5)
        below = np.floor(place)
        share = np.expand_dims(place - below, axis=tuple(range(1, x.ndim - axis)))
        low, high = (np.clip(i, 0, old - 1).astype(int) for i in (below, np.ceil(place)))
        first, second = x.take(low, axis), x.take(high, axis)
        x = first + (second - first) * share
    return x


METHODS: dict[str, Callable[[Array, Pair], Array]] = {"bilinear": bilinear, "nearest": nearest}


def cut_to_aspect(x: Array, size: Pair) -> Array:
    """The largest centred part of a picture (h, w, C) that has the aspect of (H, W)."""
    (h, w), (height, width) = x.shape[:2], size
    cut_h = max(min(h, int(w * height / width)), 1)
    cut_w = max(min(w, int(h * width / height)), 1)
    top, left = int((h - cut_h) / 2), int((w - cut_w) / 2)
    return x[top : top + cut_h, left : left + cut_w]
