"""The layers' own arrays in the engine's hands: it works in them, so no weight is there twice."""

import numpy as np

from minicnn.layers.base import Layer
from minicnn.machine.record import checked
from minicnn.types import Array


def borrowed(layer: Layer, what: str, name: str, size: int, dtype: np.dtype) -> Array:
    """An array of a layer's params, grads or state, checked; layers/arrays.py keeps it where it is."""
    return checked(getattr(layer, what)[name], size, dtype, f"{what}[{name!r}] of {layer}")


def pair(layer: Layer, name: str, F: int, dtype: np.dtype) -> tuple[Array, Array]:
    """A parameter (F,) and its gradient."""
    return borrowed(layer, "params", name, F, dtype), borrowed(layer, "grads", name, F, dtype)
