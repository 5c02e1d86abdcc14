"""Pictures between files, Pillow and arrays, by Keras' names."""

import os
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
from PIL import Image

from minicnn.data.fitting import checked_size
from minicnn.data.image import read_image
from minicnn.errors import ImageError
from minicnn.expect import flag, is_word_of, numbers
from minicnn.names import instead, known_arguments
from minicnn.types import Array

FILTERS = {filter.name.lower(): filter for filter in Image.Resampling}
MODES = {"rgb": "RGB", "grayscale": "L"}


def known(value: Any, choices: Iterable[Any], what: str, owner: str, table: str = "") -> None:
    """Raise ValueError for a word that is not among the choices, with the advice in a table, that
    of its name unless given.
    """
    choices = list(choices)
    if not is_word_of(value, choices):
        words = [word for word in choices if word is not None]
        advice = instead(str(value), table or what, words)
        raise ValueError(f"{owner} has no {what} {value!r}.{advice}")


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
    known(color_mode, MODES, "color_mode", "load_img")
    known(interpolation, FILTERS, "interpolation", "load_img")
    picture = Image.fromarray(read_image(path)).convert(MODES[color_mode])
    if target_size is None:
        return picture
    height, width = checked_size(target_size)
    return picture.resize((width, height), FILTERS[interpolation])


@known_arguments
def img_to_array(img: Image.Image) -> Array:
    """A picture as float32 (H, W, 3), or (H, W, 1) if it is grey, with the levels 0 ... 255.

    >>> utils.img_to_array(utils.array_to_img(np.zeros((2, 3, 1)))).shape
    (2, 3, 1)
    """
    levels = numbers(img, "a picture", "img_to_array")
    if levels.ndim not in (2, 3):
        raise ValueError(
            f"img_to_array expected a picture (H, W, C) or (H, W), received shape {levels.shape}"
        )
    levels = levels.astype(np.float32)
    return levels if levels.ndim == 3 else levels[..., None]


@known_arguments
def array_to_img(x: Any, scale: bool = True) -> Image.Image:
    """An array (H, W, 3) or (H, W, 1) as a Pillow image.

    Args:
        scale: make the smallest number black and the largest white; else numbers are levels, which
            must be from 0 to 255, and are cut to whole ones.

    Raises ValueError for other shapes and levels.

    >>> utils.array_to_img(np.full((4, 6, 3), 255), scale=False).size
    (6, 4)
    """
    x = numbers(x, "one picture", "array_to_img").astype(np.float32)
    if x.ndim != 3 or x.shape[2] not in (1, 3) or not x.size:
        raise ValueError(
            f"array_to_img expected one picture (H, W, 3) or (H, W, 1), received {x.shape}"
        )
    if flag(scale, "scale", "array_to_img"):
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    if not (x.min() >= 0 and x.max() < 256):  # NaN is neither
        raise ValueError(
            f"array_to_img expected levels from 0 to 255, received {x.min():.4g} to {x.max():.4g}: "
            "multiply fractions by 255, or use scale=True"
        )
    levels = x.astype(np.uint8)
    return Image.fromarray(levels if x.shape[2] == 3 else levels[..., 0])


@known_arguments
def save_img(
    path: str | os.PathLike[str] | IO[bytes],
    x: Any,
    file_format: str | None = None,
    scale: bool = True,
) -> None:
    """Write an array (H, W, 3) or (H, W, 1) to a picture file, as array_to_img makes it a picture.

    Args:
        path: a path, or a file opened in binary mode.
        file_format: such as "png"; by the path's ending unless given.

    Raises ValueError as array_to_img does; ImageError for an ending that is no picture's.

    >>> utils.save_img("black.png", np.zeros((4, 4, 3)))
    """
    picture = array_to_img(x, scale)
    kind = "jpeg" if file_format and file_format.lower() == "jpg" else file_format
    try:
        picture.save(path, kind)
    except (ValueError, KeyError) as error:
        raise ImageError(
            f"save_img expected a path that ends in .png, .jpg or the like, received {path!r} "
            f"({error}): correct it, or give file_format='png'"
        ) from error
