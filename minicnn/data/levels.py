"""Numbers of any type as levels, 0 ... 255: of arrays, and of pictures with more than 8 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.errors import ImageError

Range = tuple[np.dtype[Any], float, float]


def value_range(values: NDArray[Any]) -> Range:
    """(type, least, greatest) of numbers; NaN where they are none, or one of them is none."""
    low, top = (
        (float(values.min()), float(values.max()))
        if values.dtype.kind in "biuf"
        else (np.nan, np.nan)
    )
    return values.dtype, low, top


def full_scale(parts: list[Range], name: str) -> int:
    """The number that stands for level 255, in the parts of a picture."""
    dtype, low, top = (
        parts[0][0],
        np.min([part[1] for part in parts]),
        np.max([part[2] for part in parts]),
    )
    kind, bits = dtype.kind, 8 * dtype.itemsize
    # a fraction beyond 1 by more than rounding is refused below
    if kind == "b" or (kind == "f" and top < 2):
        full = 1
    else:
        full = 65535 if (kind, bits) == ("u", 16) or top > 255 else 255
    if not (low >= -1e-3 * full and top <= 1.001 * full):  # NaN is neither
        raise ImageError(
            f"{name}: expected levels 0 ... 255, 16-bit numbers or fractions 0 ... 1, received "
            f"{dtype} from {low:.6g} to {top:.6g}: scale it to one of these"
        )
    return full


def levels(values: NDArray[Any], full: int) -> NDArray[np.uint8]:
    """Numbers from 0 to `full` as the nearest of the levels 0 ... 255."""
    scaled = np.multiply(values, np.float32(255 / full), dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled).astype(np.uint8)
