"""Where a convolution's tiles lie: all index arithmetic that depends on shapes only, done once."""

from typing import NamedTuple

import numpy as np

from minicnn.engine import emit, simd
from minicnn.layers.conv2d import Conv2D


class Geometry(NamedTuple):
    """One convolution (with an optional pool after it) as numbers, for Numba.

    Axes: H W C picture, KH KW kernel, S stride, D dilation, OH OW F output, FP and CP: F and C rounded up to whole
    vector registers, PH PW the pool's window, G pictures that share a tile because one row of theirs does not fill it.
    """

    H: int
    W: int
    C: int
    KH: int
    KW: int
    SH: int
    SW: int
    DH: int
    DW: int
    top: int
    left: int
    OH: int
    OW: int
    F: int
    FP: int
    CP: int
    PH: int
    PW: int
    G: int
    lanes: int
    limit: int  # rows of a tile


def geometry(conv: Conv2D, pool: tuple[int, int]) -> Geometry:
    """The geometry of a built layer followed by a pool of that window (1, 1: none)."""
    H, W, C = conv.input_shape
    OH, OW, F = conv.output_shape[0], conv.output_shape[1], conv.filters
    lanes, limit = emit.lanes(conv.dtype), emit.instruction_set().rows
    return Geometry(
        *(H, W, C),
        *conv.kernel_size,
        *conv.strides,
        *conv.dilation_rate,
        *conv.window.before,
        *(OH, OW, F),
        FP=padded(F, lanes),
        CP=padded(C, lanes),
        PH=pool[0],
        PW=pool[1],
        G=max(1, limit // OW),
        lanes=lanes,
        limit=limit,
    )


def padded(count: int, lanes: int) -> int:
    """count rounded up to whole registers."""
    return -(-count // lanes) * lanes


def tile_sizes(rows: int, limit: int) -> list[int]:
    """How `products.multiply` cuts rows into tiles of nearly equal size, none above limit."""
    parts = -(-rows // limit)
    sizes: list[int] = []
    for part in range(parts):
        sizes.append(-(-(rows - sum(sizes)) // (parts - part)))
    return sizes


def tile_table(dtype: np.dtype, outer: int, counts: set[int], limit: int) -> np.ndarray:
    """Addresses [vectors - 1, rows] of the kernels that products of those row counts need, compiled now."""
    table = np.zeros((2, limit + 1), np.int64)
    for size in {size for count in counts for size in tile_sizes(count, limit)}:
        for vectors in (1, 2):
            table[vectors - 1, size] = simd.tile(np.dtype(dtype).name, outer, size, vectors)
    return table


def valid_range(n: int, out: int, stride: int, offset: int) -> tuple[int, int]:
    """The output positions [first, end) whose input position j * stride + offset lies in 0 ... n - 1."""
    first = max(0, (stride - 1 - offset) // stride)
    last = min(out - 1, (n - 1 - offset) // stride)
    return first, max(first, last + 1)
