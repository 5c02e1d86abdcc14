"""Data sets in one form: `((x_train, y_train), (x_test, y_test))`, uint8 (n, 32, 32, 3) and labels
uint8 (n, 1).
"""

from minicnn.datasets import cifar10, shapes
from minicnn.names import missing_from

__all__ = ["cifar10", "shapes"]

__getattr__ = missing_from(__name__, "datasets", __all__)
