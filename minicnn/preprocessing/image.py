"""What scripts for older Keras import from `keras.preprocessing.image`."""

import os

import numpy as np
from PIL import Image

from minicnn.data.fitting import checked_size
from minicnn.data.image import read_image
from minicnn.names import instead, known_arguments, missing_from
from minicnn.preprocessing.generator import ImageDataGenerator
from minicnn.types import Array

__all__ = ["ImageDataGenerator", "img_to_array", "load_img"]

__getattr__ = missing_from(__name__, "preprocessing.image", __all__)

FILTERS = {filter.name.lower(): filter for filter in Image.Resampling}
MODES = {"rgb": "RGB", "grayscale": "L"}


@known_arguments
def load_img(
    path: str | os.PathLike[str],
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
) -> Image.Image:
    """The picture in a file, as a Pillow image, squeezed or stretched to target_size (H, W) as
    Keras does.

    `model.predict_image` treats photographs better: it cuts instead of squeezing, and averages
    instead of picking the nearest pixel. Unlike Keras' function, this one turns a picture as its
    camera was held and puts it on white.

    Args:
        color_mode: "rgb" or "grayscale".
        interpolation: "nearest", "bilinear", "bicubic", "box", "hamming" or "lanczos".

    Raises ImageError for what is no picture; ValueError for an unknown mode or interpolation.
    """
    for value, known, name in (
        (color_mode, MODES, "color_mode"),
        (interpolation, FILTERS, "interpolation"),
    ):
        if value not in known:
            raise ValueError(f"load_img has no {name} {value!r}.{instead(str(value), name, known)}")
    picture = Image.fromarray(read_image(path)).convert(MODES[color_mode])
    if target_size is None:
        return picture
    height, width = checked_size(target_size)
    return picture.resize((width, height), FILTERS[interpolation])


@known_arguments
def img_to_array(img: Image.Image) -> Array:
    """A picture as float32 (H, W, 3), or (H, W, 1) if it is grey, with the levels 0 ... 255."""
    array = np.asarray(img, np.float32)
    return array if array.ndim == 3 else array[..., None]
