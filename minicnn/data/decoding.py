"""The pixels of a picture in a file: recognised, decoded, upright, as RGB."""

import struct
import zlib
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from minicnn.data import limits
from minicnn.data.fitting import fitted, scaled
from minicnn.data.levels import full_scale, levels, value_range
from minicnn.data.limits import check_memory, check_size, refused
from minicnn.errors import ImageError

# a decoder that nobody needs is one more that can be attacked
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# by bytes 8 to 11 of the file, the brand (ISO/IEC 23008-12): pictures that no decoder of ours reads
HEIF = {
    **dict.fromkeys(HEIC, "a HEIC picture, as telephones take them"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}
# a JPEG that is shrunk need not keep more detail than so many times what is wanted
GAP = 4.0
STRIP = 1 << 18  # pixels converted at a time, so that what comes between takes little memory
# how the rows of a file lie in the upright picture, for each orientation in Exif, of which 1 is
# upright: (downwards or upwards, to the right or to the left, whether they are columns)
UPRIGHT = {
    2: (1, -1, False),
    3: (-1, -1, False),
    4: (-1, 1, False),
    5: (1, 1, True),
    6: (1, -1, True),
    7: (-1, -1, True),
    8: (-1, 1, True),
}
# What Pillow's many decoders raise when a file is damaged; tests/check_image_fuzz.py counts them.
DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    SyntaxError,
    EOFError,
    AttributeError,
    RuntimeError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
)


def recognised(file: IO[bytes], name: str) -> Image.Image:
    """The picture in a file, of which only the first lines have been read."""
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:  # far more than MAX_PIXELS
        raise refused(name, f"at most {limits.MAX_PIXELS} pixels", str(error), "PIXELS") from error
    except DAMAGE as error:
        file.seek(0)
        received = _looks_like(file.read(12))
        raise ImageError(
            f"{name}: expected a picture ({', '.join(FORMATS)}), received {received}: save it as "
            "JPEG or PNG"
        ) from error


def _looks_like(start: bytes) -> str:
    """What a file is that is no picture for us, by its first 12 bytes."""
    if start[4:8] == b"ftyp" and start[8:] in HEIF:
        return HEIF[start[8:]]
    return f"a file that starts with {start!r}" if start else "an empty file"


def decoded(
    picture: Image.Image,
    name: str,
    besides: int,
    size: tuple[int, int] | None = None,
    least: int | None = None,
) -> NDArray[np.uint8]:
    """The pixels (H, W, 3).

    Args:
        besides: bytes that the file and its decoder take.
        size: to which they are cut and scaled, unless None.
        least: no side need be longer before that.
    """
    check_size(picture.size, name)
    try:
        if least:
            picture.draft(None, (least, least))
        check_memory(picture, besides, name)
        picture.load()
        plain = picture.mode == "RGB" and "transparency" not in picture.info
        if size and plain and _orientation(picture) == 1:
            # the same, without the detour over an array
            return scaled(picture, size, GAP if picture.format == "JPEG" else None)
        pixels = _upright(picture, name)
        return fitted(pixels, size) if size else pixels
    except ImageError:
        raise
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name}: expected a whole {picture.format or 'picture'}, received a damaged one "
            f"({reason}): get it again"
        ) from error


def _upright(picture: Image.Image, name: str) -> NDArray[np.uint8]:
    """The pixels (H, W, 3), converted strip by strip into their places."""
    width, height = picture.size
    down, right, columns = UPRIGHT.get(_orientation(picture), (1, 1, False))
    pixels = np.empty((width, height, 3) if columns else (height, width, 3), np.uint8)
    rows = pixels[::down, ::right].swapaxes(0, 1) if columns else pixels[::down, ::right]
    step = max(STRIP // width, 1)
    tops = range(0, height, step)
    if picture.mode[0] in "IF":  # more than 8 bits
        parts = (np.asarray(_strip(picture, top, step)) for top in tops)
        full = full_scale([value_range(part) for part in parts], name)
    for top in tops:
        part = _strip(picture, top, step)
        if picture.mode[0] in "IF":
            part = Image.fromarray(levels(np.asarray(part), full))
        rows[top : top + step] = np.asarray(rgb(part))
    return pixels


def _strip(picture: Image.Image, top: int, step: int) -> Image.Image:
    """Some rows of it."""
    width, height = picture.size
    return picture if step >= height else picture.crop((0, top, width, min(top + step, height)))


def _orientation(picture: Image.Image) -> int:
    """The number in Exif; 1, upright, where that is damaged, for the picture itself need not be."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        return 1


def rgb(picture: Image.Image) -> Image.Image:
    """Any of Pillow's modes of 8 bits as RGB."""
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")
