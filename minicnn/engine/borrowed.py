"""The layers' own arrays in the engine's hands: it works in them, so no weight is there twice."""

import numpy as np

from minicnn.layers.base import Layer
from minicnn.machine.record import checked
from minicnn.types import Array


def borrowed(layer: Layer, what: str, name: str, size: int, dtype: np.dtype) -> Array:
    """A layer's array of params, grads or state, checked; layers/arrays.py keeps its place."""
    return checked(getattr(layer, what)[name], size, dtype, f"{what}[{name!r}] of {layer}")


def pair(layer: Layer, name: str, F: int, dtype: np.dtype) -> tuple[Array, Array]:
    """A parameter (F,) and its gradient."""
    return borrowed(layer, "params", name, F, dtype), borrowed(layer, "grads", name, F, dtype)
