"""The names that scripts for older Keras import from `keras.preprocessing`."""

from minicnn.names import missing_from
from minicnn.preprocessing import image

__all__ = ["image"]

__getattr__ = missing_from(__name__, "preprocessing", __all__)
