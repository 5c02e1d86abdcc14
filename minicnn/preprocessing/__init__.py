"""The names that scripts for older Keras import from `keras.preprocessing`."""

from minicnn.names import missing_from
from minicnn.preprocessing import image
from minicnn.preprocessing.from_directory import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory"]

__getattr__ = missing_from(__name__, "preprocessing", __all__)
