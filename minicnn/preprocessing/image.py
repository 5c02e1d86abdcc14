"""What scripts for older Keras import from `keras.preprocessing.image`."""

from minicnn.names import missing_from
from minicnn.preprocessing.generator import ImageDataGenerator
from minicnn.preprocessing.pictures import array_to_img, img_to_array, load_img, save_img

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]

__getattr__ = missing_from(__name__, "preprocessing.image", __all__)
