"""Data sets in one form: `((x_train, y_train), (x_test, y_test))`, uint8 pictures and labels, as
Keras returns them.
"""

from minicnn.datasets import cifar10, cifar100, fashion_mnist, mnist, shapes
from minicnn.names import missing_from

__all__ = ["cifar10", "cifar100", "fashion_mnist", "mnist", "shapes"]

__getattr__ = missing_from(__name__, "datasets", __all__)
