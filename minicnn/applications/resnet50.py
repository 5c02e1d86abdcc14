"""ResNet50, and how pixels enter it, by Keras' names."""

from typing import Any

from minicnn.applications.pixels import caffe
from minicnn.models.zoo.resnet50 import ResNet50
from minicnn.names import known_arguments, missing_from

__all__ = ["ResNet50", "preprocess_input"]

__getattr__ = missing_from(__name__, "applications", __all__)


@known_arguments
def preprocess_input(x: Any) -> Any:
    """Pixels 0 ... 255 as ResNet50 takes them, a new array: blue, green, red, each less its mean.

    Raises TypeError for a symbolic tensor, ValueError for pictures without three channels.

    >>> applications.resnet50.preprocess_input(np.array([[255, 0, 0]])).round(3)
    array([[-103.939, -116.779,  131.32 ]], dtype=float32)
    """
    return caffe(x, "resnet50.preprocess_input")
