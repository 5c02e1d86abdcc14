"""Pictures as people have them, as the arrays that models want: upright, red, green and blue from 0
to 255, on white.

What Pillow's `convert("RGB")` alone gets wrong: it ignores how the camera was held, drops
transparency, which uncovers whatever colour lies beneath, and clips 16-bit pictures at 255, which
turns them white.
"""

import io
import os
import re
import struct
import warnings
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ExifTags, Image

from minicnn.data import limits
from minicnn.data.limits import check_memory, check_size, checked_file, refused
from minicnn.errors import ImageError
from minicnn.expect import array, is_integer
from minicnn.names import known_arguments

Source = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | ArrayLike

FORMATS = (
    "PNG",
    "JPEG",
    "WEBP",
    "BMP",
    "GIF",
    "TIFF",
)  # a decoder that nobody needs is one more that can be attacked
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# by bytes 8 to 11 of the file, the brand (ISO/IEC 23008-12): pictures that no decoder of ours reads
HEIF = {
    **dict.fromkeys(HEIC, "a HEIC picture, as telephones take them"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}
STRIP = (
    1 << 18
)  # pixels that are converted at a time, so that what comes between takes little memory
# a JPEG that will be shrunk is decoded at no less than so many times the size that it will have
DETAIL = 8
# how the rows of a file lie in the upright picture, for each orientation in Exif, of which 1 is
# upright:
UPRIGHT = {
    2: (
        1,
        -1,
        False,
    ),  # (downwards or upwards, to the right or to the left, whether they are columns)
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
    return _fitted(_read(source, least=DETAIL * max(checked_size(size))), size)


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
    return _fitted(picture, checked_size(size))


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


def shorter_side(path: str | os.PathLike[str]) -> int | None:
    """How many pixels the shorter side of a file's picture has, by its first lines; None for what
    is no picture.
    """
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return min(_recognised(file, os.fspath(path)).size)
    except (OSError, ImageError):
        return None


def _fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = size
    h, w = pixels.shape[:2]
    cut_w, cut_h = min(w, h * width / height), min(h, w * height / width)
    box = (w - cut_w) / 2, (h - cut_h) / 2, (w + cut_w) / 2, (h + cut_h) / 2
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS, box))


def _read(source: Source, least: int | None = None) -> NDArray[np.uint8]:
    """The picture (H, W, 3); with `least`, perhaps smaller, but with no side shorter than that."""
    name = _name(source)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # what is odd about a picture that can be read is of no interest here
        if isinstance(source, Image.Image):
            return _decoded(source, name, None, 0)  # the caller's own, which must not shrink
        if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
            return np.array(_rgb(_from_array(array(source, "one picture", name), name)))
        data, memory = checked_file(_contents(source, name), name)
        return _decoded(_recognised(io.BytesIO(data), name), name, least, len(data) + memory)


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


def _recognised(file: IO[bytes], name: str) -> Image.Image:
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


def _decoded(picture: Image.Image, name: str, least: int | None, besides: int) -> NDArray[np.uint8]:
    """besides: bytes that the file and its decoder take."""
    check_size(picture.size, name)
    try:
        if least:
            picture.draft(None, (least, least))
        check_memory(picture, besides, name)
        picture.load()
        return _upright(picture, name)
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
        full = _full_scale([_range(part) for part in parts], name)
    for top in tops:
        part = _strip(picture, top, step)
        if picture.mode[0] in "IF":
            part = Image.fromarray(_levels(np.asarray(part), full))
        rows[top : top + step] = np.asarray(_rgb(part))
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


def _rgb(picture: Image.Image) -> Image.Image:
    """Any of Pillow's modes of 8 bits as RGB."""
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(
            f"{name}: expected an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), received "
            f"{array.shape}: "
            "give one picture, channels last"
        )
    if array.dtype != np.uint8:
        array = _levels(array, _full_scale([_range(array)], name))
    return Image.fromarray(np.ascontiguousarray(array))


Range = tuple[np.dtype[Any], float, float]


def _range(values: NDArray[Any]) -> Range:
    """(type, least, greatest) of numbers; NaN where they are none, or one of them is none."""
    low, top = (
        (float(values.min()), float(values.max()))
        if values.dtype.kind in "biuf"
        else (np.nan, np.nan)
    )
    return values.dtype, low, top


def _full_scale(parts: list[Range], name: str) -> int:
    """The number that stands for level 255, in the parts of a picture."""
    dtype, low, top = (
        parts[0][0],
        np.min([part[1] for part in parts]),
        np.max([part[2] for part in parts]),
    )
    kind, bits = dtype.kind, 8 * dtype.itemsize
    if kind == "b" or (
        kind == "f" and top < 2
    ):  # beyond 1 by more than rounding, and it is refused below
        full = 1
    else:
        full = 65535 if (kind, bits) == ("u", 16) or top > 255 else 255
    if not (low >= -1e-3 * full and top <= 1.001 * full):  # NaN is neither
        raise ImageError(
            f"{name}: expected levels 0 ... 255, 16-bit numbers or fractions 0 ... 1, received "
            f"{dtype} from "
            f"{low:.6g} to {top:.6g}: scale it to one of these"
        )
    return full


def _levels(values: NDArray[Any], full: int) -> NDArray[np.uint8]:
    """Numbers from 0 to `full` as the nearest of the levels 0 ... 255."""
    scaled = np.multiply(values, np.float32(255 / full), dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled).astype(np.uint8)
