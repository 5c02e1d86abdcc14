"""What Keras has under `applications.resnet` too: ResNet50."""

from minicnn.applications.resnet50 import ResNet50, preprocess_input
from minicnn.names import missing_from

__all__ = ["ResNet50", "preprocess_input"]

__getattr__ = missing_from(__name__, "applications", __all__)
