"""The names that scripts for older Keras import from `keras.preprocessing`."""

from minicnn.preprocessing import image

__all__ = ["image"]
