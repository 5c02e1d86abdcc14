"""EfficientNetB0, and how pixels enter it, by Keras' names."""

from typing import Any

from minicnn.models.zoo.efficientnet import EfficientNetB0
from minicnn.names import known_arguments, missing_from

__all__ = ["EfficientNetB0", "preprocess_input"]

__getattr__ = missing_from(__name__, "applications", __all__)


@known_arguments
def preprocess_input(x: Any) -> Any:
    """Pixels 0 ... 255 as EfficientNetB0 takes them: as they are, for its first layers scale them.

    >>> applications.efficientnet.preprocess_input(np.array([0, 255]))
    array([  0, 255])
    """
    return x
