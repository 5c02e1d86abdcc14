"""Pictures as people have them, as the arrays that models want: upright, red, green and blue from 0 to 255, on white.

What Pillow's `convert("RGB")` alone gets wrong: it ignores how the camera was held, drops transparency, which uncovers
whatever colour lies beneath, and clips 16-bit pictures at 255, which turns them white.
"""

import contextlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ExifTags, Image

from minicnn.errors import ImageError
from minicnn.expect import array, is_integer
from minicnn.names import known_arguments

Source = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | ArrayLike

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # a decoder that nobody needs is one more that can be attacked
MAX_PIXELS = 50_000_000  # of one picture, ten bytes of memory each: a file of some kilobytes can claim to hold billions
DETAIL = 8  # a JPEG that will be shrunk is decoded at no less than so many times the size that it will have
UPRIGHT = {  # what undoes each orientation in Exif, of which 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
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
    """Return any picture as uint8 (H, W, 3): upright, red, green, blue, over white where it is transparent.

    Args:
        source: a path; a file opened in binary mode, or its bytes; a Pillow image; or an array (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4) of bytes, of 16-bit numbers, or of fractions from 0 to 1.

    Files may be PNG, JPEG, WebP, BMP, GIF or TIFF, of any mode: palette, greyscale, 1, 8, 16 or 32 bits, CMYK, YCbCr,
    LAB. The orientation in Exif is followed. Of an animation the first picture is taken. Numbers are v * 255 / top,
    where top is 65535 for 16 bits; for wider integers the smaller of 255 and 65535 that holds them all; and for
    fractions 1. Colour profiles are not applied.

    Raises ImageError for what is missing, damaged, no picture, or has more than MAX_PIXELS pixels.
    """
    return np.array(_read(source))


def read_fitted(source: Source, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The same as `fit_image(read_image(source), size)`, some times faster for a photograph in a JPEG file.

    It is decoded at the half, quarter or eighth of its size that leaves DETAIL times as much as is wanted. Values may
    differ by a level or two.
    """
    return np.array(_fitted(_read(source, least=DETAIL * max(checked_size(size))), size))


@known_arguments
def fit_image(picture: NDArray[np.uint8], size: int | tuple[int, int]) -> NDArray[np.uint8]:
    """Cut the largest centred part with the aspect of `size` out of a picture and scale it; nothing is squashed.

    Each new pixel is a weighted mean over all the old ones that it covers (a Lanczos filter as wide as the scale asks
    for), so that detail finer than a new pixel is averaged, not sampled at random. A picture that has the size already
    is returned as it is, in a copy.

    Args:
        picture: uint8 (h, w, 3), as `read_image` returns it.
        size: (H, W), or one number for both.

    Returns: uint8 (H, W, 3). Raises ValueError for another picture or size.
    Source: Duchon 1979, Journal of Applied Meteorology 18, "Lanczos filtering in one and two dimensions".
    """
    picture = array(picture, "one picture", "fit_image")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(
            f"fit_image expected uint8 (h, w, 3), received {picture.dtype} {picture.shape}: "
            "read_image makes that of any picture"
        )
    return np.array(_fitted(Image.fromarray(picture), checked_size(size)))


def checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) for the size itself, or for one number, the side of a square. Raises ValueError for anything else."""
    height, width = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    if not (is_integer(height) and is_integer(width)):
        raise ValueError(f"a picture's size is expected as (height, width) in whole pixels, received {size!r}")
    return int(height), int(width)


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    height, width = size
    w, h = picture.size
    cut_w, cut_h = min(w, h * width / height), min(h, w * height / width)
    box = (w - cut_w) / 2, (h - cut_h) / 2, (w + cut_w) / 2, (h + cut_h) / 2
    return picture.resize((width, height), Image.Resampling.LANCZOS, box)


def _read(source: Source, least: int | None = None) -> Image.Image:
    """The picture in Pillow's mode RGB; with `least`, perhaps smaller, but with no side shorter than that."""
    name = _name(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about a picture that can be read is of no interest here
        if isinstance(source, Image.Image):
            return _decoded(source, name, None)  # the caller's own, which must not shrink
        if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
            return _rgb(_from_array(array(source, "one picture", name), name), name)
        with _opened(source, name) as file:
            return _decoded(_recognised(file, name), name, least)


def _name(source: Source) -> str:
    """What messages call it."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", None) or getattr(source, "filename", None) or "the picture")


@contextlib.contextmanager
def _opened(source: Any, name: str) -> Iterator[IO[bytes]]:
    """A file to read from; a path is opened here, so that Pillow never maps it into memory."""
    if isinstance(source, bytes) or hasattr(source, "read"):
        yield io.BytesIO(source if isinstance(source, bytes) else source.read())
        return
    try:
        file = open(source, "rb")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name}: expected a picture, received '{reason}'; correct the path") from error
    with file:
        yield file


def _recognised(file: IO[bytes], name: str) -> Image.Image:
    """The picture in a file, of which only the first lines have been read."""
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error)) from error
    except DAMAGE as error:
        file.seek(0)
        start = file.read(12)
        raise ImageError(
            f"{name}: expected a picture ({', '.join(FORMATS)}), received "
            f"{f'a file that starts with {start!r}' if start else 'an empty file'}; save it as JPEG or PNG"
        ) from error


def _decoded(picture: Image.Image, name: str, least: int | None) -> Image.Image:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} x {height}")
    try:
        if least:
            picture.draft(None, (least, least))
        picture.load()
        turn = UPRIGHT.get(_orientation(picture))
        return _rgb(picture if turn is None else picture.transpose(turn), name)
    except ImageError:
        raise
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name}: expected a whole {picture.format or 'picture'}, received a damaged one ({reason}); get it again"
        ) from error


def _too_large(name: str, received: str) -> ImageError:
    return ImageError(
        f"{name}: expected at most {MAX_PIXELS} pixels, received {received}; make it smaller first, or raise "
        "minicnn.data.image.MAX_PIXELS"
    )


def _orientation(picture: Image.Image) -> int:
    """The number in Exif; 1, upright, where that is damaged, for the picture itself need not be."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGE:
        return 1


def _rgb(picture: Image.Image, name: str) -> Image.Image:
    """Any of Pillow's modes as RGB."""
    if picture.mode[0] in "IF":  # more than 8 bits
        picture = Image.fromarray(_levels(np.asarray(picture), name))
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _from_array(array: NDArray[Any], name: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(
            f"{name}: expected an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), received {array.shape}; "
            "give one picture, channels last"
        )
    return Image.fromarray(_levels(array, name))


def _levels(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Numbers of any type as the nearest of the levels 0 ... 255."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    low, top = (float(values.min()), float(values.max())) if kind in "biuf" else (np.nan, np.nan)
    if kind == "b" or (kind == "f" and top < 2):  # beyond 1 by more than rounding, and it is refused below
        full = 1
    else:
        full = 65535 if (kind, bits) == ("u", 16) or top > 255 else 255
    if not (low >= -1e-3 * full and top <= 1.001 * full):  # NaN is neither
        raise ImageError(
            f"{name}: expected levels 0 ... 255, 16-bit numbers or fractions 0 ... 1, received {values.dtype} from "
            f"{low:.6g} to {top:.6g}; scale it to one of these"
        )
    scaled = np.multiply(values, np.float32(255 / full), dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled).astype(np.uint8)
