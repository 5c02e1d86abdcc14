"""Pictures as people have them, as the arrays that models want: upright, red, green and blue from 0
to 255, on white.

What Pillow's `convert("RGB")` alone gets wrong: it ignores how the camera was held, drops
transparency, which uncovers whatever colour lies beneath, and clips 16-bit pictures at 255, which
turns them white.
"""

import io
import os
import re
import warnings
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from minicnn.data import limits
from minicnn.data.decoding import decoded, recognised, rgb
from minicnn.data.fitting import checked_size, fitted
from minicnn.data.levels import full_scale, levels, value_range
from minicnn.data.limits import checked_file
from minicnn.errors import ImageError
from minicnn.expect import array
from minicnn.names import known_arguments

Source = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | ArrayLike

# a JPEG that will be shrunk is decoded at no less than so many times the size that it will have
DETAIL = 8


@known_arguments
def read_image(source: Source) -> NDArray[np.uint8]:
    """Any picture as uint8 (H, W, 3): upright, red, green, blue, over white where it is
    transparent.

    Args:
        source: a path; a file opened in binary mode, or its bytes; a Pillow image; or an array (H,
            W), (H, W, 1), (H, W, 3) or (H, W, 4) of bytes, of 16-bit numbers, or of fractions from
            0 to 1.

    Files may be PNG, JPEG, WebP, BMP, GIF or TIFF, of any mode: palette, greyscale, 1, 8, 16 or 32
    bits, CMYK, YCbCr, LAB. The orientation in Exif is followed. Of an animation the first picture
    is taken. Numbers are v * 255 / top, where top is 65535 for 16 bits; for wider integers the
    smaller of 255 and 65535 that holds them all; and for fractions 1. Colour profiles are not
    applied.

    Raises ImageError for what is missing, damaged, no picture, or would cost more memory or time
    than limits.py allows.
    """
    return _read(source)


def read_fitted(source: Source, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The same as `fit_image(read_image(source), size)`, some times faster for a photograph in a
    JPEG file.

    It is decoded at the half, quarter or eighth of its size that leaves DETAIL times as much as is
    wanted. Values may differ by a level or two.
    """
    return _read(source, checked_size(size))


def shorter_side(path: str | os.PathLike[str]) -> int | None:
    """How many pixels the shorter side of a file's picture has, by its first lines; None for what
    is no picture.
    """
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return min(recognised(file, os.fspath(path)).size)
    except (OSError, ImageError):
        return None


def _read(source: Source, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The picture (H, W, 3), cut and scaled where there is a size."""
    name = _name(source)
    least = DETAIL * max(size) if size else None
    with warnings.catch_warnings():
        # what is odd about a picture that can be read is of no interest here
        warnings.simplefilter("ignore")
        if isinstance(source, Image.Image):
            return decoded(source, name, 0, size)  # the caller's own, which must not shrink
        if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
            pixels = np.array(rgb(_from_array(array(source, "one picture", name), name)))
            return fitted(pixels, size) if size else pixels
        data, memory = checked_file(_contents(source, name), name)
        picture = recognised(io.BytesIO(data), name)
        return decoded(picture, name, len(data) + memory, size, least)


def _name(source: Source) -> str:
    """What messages call it."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", None) or getattr(source, "filename", None) or "the picture")


def _contents(source: Any, name: str) -> bytes:
    """The bytes of a file, but not many more than may be."""
    if isinstance(source, bytes):
        return source
    if hasattr(source, "read"):
        return source.read(limits.MAX_BYTES + 1)
    try:
        with open(source, "rb") as file:
            return file.read(limits.MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        fix = "correct the path"
        if re.match(r"[a-z]{2,}:/", name):  # one slash of the two is left by Path
            fix = "pictures are read from files, so download it first"
        elif name == "-":
            fix = "pictures are read from files, not from standard input, so name one"
        raise ImageError(f"{name}: expected a picture, received '{reason}': {fix}") from error


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(
            f"{name}: expected an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), received "
            f"{array.shape}: give one picture, channels last"
        )
    if array.dtype != np.uint8:
        array = levels(array, full_scale([value_range(array)], name))
    return Image.fromarray(np.ascontiguousarray(array))
