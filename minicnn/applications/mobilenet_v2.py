"""MobileNetV2, and how pixels enter it, by Keras' names."""

from typing import Any

from minicnn.applications.pixels import around_zero
from minicnn.models.zoo.mobilenet_v2 import MobileNetV2
from minicnn.names import known_arguments, missing_from

__all__ = ["MobileNetV2", "preprocess_input"]

__getattr__ = missing_from(__name__, "applications", __all__)


@known_arguments
def preprocess_input(x: Any) -> Any:
    """Pixels 0 ... 255 as MobileNetV2 takes them, -1 ... 1: a new array, or for a symbolic tensor
    what Rescaling makes of it.

    >>> applications.mobilenet_v2.preprocess_input(np.array([0, 255]))
    array([-1.,  1.], dtype=float32)
    """
    return around_zero(x, "mobilenet_v2.preprocess_input")
