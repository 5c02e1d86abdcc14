"""Pictures of one size out of pictures of any size."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from minicnn.expect import array, is_integer
from minicnn.names import known_arguments


@known_arguments
def fit_image(picture: NDArray[np.uint8], size: int | tuple[int, int]) -> NDArray[np.uint8]:
    """Cut the largest centred part with the aspect of `size` out of a picture and scale it; nothing
    is squashed.

    Each new pixel is a weighted mean over all the old ones that it covers (a Lanczos filter as wide
    as the scale asks for), so that detail finer than a new pixel is averaged, not sampled at
    random. A picture that has the size already is returned as it is, in a copy.

    Args:
        picture: uint8 (h, w, 3), as `read_image` returns it.
        size: (H, W), or one number for both.

    The result is uint8 (H, W, 3). Raises ValueError for another picture or size.
    Source: Duchon 1979, Journal of Applied Meteorology 18, "Lanczos filtering in one and two
        dimensions".
    """
    picture = array(picture, "one picture", "fit_image")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(
            f"fit_image expected uint8 (h, w, 3), received {picture.dtype} {picture.shape}: "
            "read_image makes that of any picture"
        )
    return fitted(picture, checked_size(size))


def checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) for the size itself, or for one number, the side of a square.

    Raises ValueError for anything else.
    """
    height, width = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    if not (is_integer(height) and is_integer(width)):
        raise ValueError(
            f"a picture's size is expected as (height, width) in whole pixels, received {size!r}"
        )
    return int(height), int(width)


def fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The same of a picture and a size that are known to be right."""
    if pixels.shape[:2] == size:
        return pixels.copy()
    return scaled(Image.fromarray(pixels), size)


def scaled(
    picture: Image.Image, size: tuple[int, int], gap: float | None = None
) -> NDArray[np.uint8]:
    """The same of a picture of Pillow's, whose mode is RGB.

    gap: where it is shrunk more than twice as far, it is first shrunk to so many times the size by
        the means of small squares, which takes half the time and may change a level; None: never.
    """
    height, width = size
    w, h = picture.size
    cut_w, cut_h = min(w, h * width / height), min(h, w * height / width)
    box = (w - cut_w) / 2, (h - cut_h) / 2, (w + cut_w) / 2, (h + cut_h) / 2
    return np.array(picture.resize((width, height), Image.Resampling.LANCZOS, box, gap))
