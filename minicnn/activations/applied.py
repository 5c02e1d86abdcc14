"""Layers applied to arrays of any shape, and to symbolic tensors."""

from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.node import is_symbolic


def applied(layer: Layer, x: Any) -> Any:
    """What an activation makes of a symbolic tensor, or of an array taken as one sample.

    Raises TypeError for what is neither.
    """
    if is_symbolic(x):
        return layer(x)
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{layer} expected an array of numbers or a symbolic tensor, received {x!r:.80}"
        )
    layer.build(array.shape, dtype=np.float64 if array.dtype == np.float64 else np.float32)
    return layer.forward(array[None])[0]


def behind_samples(x: Any, axis: int) -> int:
    """An axis of an array, counted with the N that `applied` puts before it."""
    return axis if is_symbolic(x) or axis < 0 else axis + 1
