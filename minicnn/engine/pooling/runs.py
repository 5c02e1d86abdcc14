"""Windows of a row that have equally many cells, side by side: what a kernel does in one go."""

from collections.abc import Iterator

import numpy as np

from minicnn.engine.conv.geometry import inside, runs
from minicnn.engine.pooling.windows import Direction
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D

Pool = MaxPooling2D | AveragePooling2D
Run = tuple[int, int, int, int, int]


def forward(pool: Pool) -> Direction:
    """From x to y."""
    (_, W, _), (_, OW, _), (PH, PW) = pool.input_shape, pool.output_shape, pool.pool_size
    table = np.array(list(columns(pool)), np.int64)
    cuts = pool.padding == "same"
    return Direction(table, len(table), PH, PW, cuts, W, OW, PW, 1, pool.strides[1])


def backward(pool: Pool) -> Direction:
    """From dy to dx. In the middle, a pixel lies in about so many windows."""
    (_, W, _), (_, OW, _), (PH, PW) = pool.input_shape, pool.output_shape, pool.pool_size
    SH, SW = pool.strides
    table = np.array(list(pixels(pool)), np.int64)
    height, width = -(-PH // SH), -(-PW // SW)
    return Direction(table, len(table), height, width, True, OW, W, -SH * PW, -SW, SW)


def columns(pool: Pool) -> Iterator[Run]:
    """The windows of a row by the columns that the edges leave of them."""
    (_, W, _), (_, OW, _) = pool.input_shape, pool.output_shape
    size, stride, left = pool.pool_size[1], pool.strides[1], pool.window.before[1]
    for js, cells in runs(OW, lambda j: inside(j * stride - left, size, 1, W), OW):
        yield js.start, len(js), js.start * stride - left + cells.start, len(cells), cells.start


def pixels(pool: Pool) -> Iterator[Run]:
    """The pixels of a row by the columns that they are of the windows in which they lie, for every
    remainder of the stride.
    """
    (_, W, _), (_, OW, _) = pool.input_shape, pool.output_shape
    size, stride, left = pool.pool_size[1], pool.strides[1], pool.window.before[1]

    def first(w: int) -> int:
        return max((w + left - size + stride) // stride, 0)

    def cells(w: int) -> range:
        last = min((w + left) // stride, OW - 1)
        start = w + left - first(w) * stride
        return range(start, start - max(last - first(w) + 1, 0) * stride, -stride)

    for remainder in range(min(stride, W)):
        places = range(remainder, W, stride)
        reached = [cells(w) for w in places]
        for qs, reach in runs(len(places), reached.__getitem__, len(places)):
            w = places[qs.start]
            yield w, len(qs), first(w), len(reach), reach.start
