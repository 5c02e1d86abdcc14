"""Pooling over windows in two stages, and the record that they are handed.

Forward is cut by rows of y, of all pictures. Backward is cut by picture: a cell's gradient is the
sum over the windows that it lies in, added up by one thread, in the order in which the windows lie.
"""

from typing import NamedTuple

import numpy as np
from numba import carray

from minicnn.engine.conv.geometry import inside, runs
from minicnn.engine.conv.layout import CHUNKS, NONE
from minicnn.engine.pooling import window_kernels
from minicnn.engine.pooling.window_kernels import WINDOWS
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.machine.call import caller, clear, word
from minicnn.machine.jit import jit_part
from minicnn.machine.region import Task
from minicnn.machine.shares import take
from minicnn.types import Array

FORWARD, BACKWARD = range(2)
RUN = 5  # integers of a run of windows: see columns()
WRITTEN_OUT = 16  # cells at most, one after the other
call_windows = caller(WINDOWS)


class Layout(NamedTuple):
    """N pictures (H, W, C), windows (PH, PW) in steps of (SH, SW), beginning `top` rows and `left`
    columns before the picture; runs of windows in a row; kernels for whole windows and for those
    that are cut off.

    x and dx are (N, H, W, C), y, dy and winner, of bytes, (N, OH, OW, C).
    """

    N: int
    H: int
    W: int
    C: int
    PH: int
    PW: int
    SH: int
    SW: int
    top: int
    OH: int
    OW: int
    run_count: int
    runs: Array
    whole: int
    cut: int
    whole_back: int
    cut_back: int
    x: Array = NONE
    y: Array = NONE
    winner: Array = NONE
    dy: Array = NONE
    dx: Array = NONE


# where a Layout has its kernels
KERNELS = slice(Layout._fields.index("whole"), Layout._fields.index("cut_back") + 1)


def layout(pool: MaxPooling2D | AveragePooling2D) -> Layout:
    """That of a built layer, without kernels and arrays."""
    (H, W, C), (OH, OW, _) = pool.input_shape, pool.output_shape
    found = columns(pool)
    sizes = (H, W, C, *pool.pool_size, *pool.strides, pool.window.before[0], OH, OW)
    return Layout(0, *sizes, len(found), np.array(found, np.int64), *[0] * 4)


def columns(pool: MaxPooling2D | AveragePooling2D) -> list[tuple[int, ...]]:
    """The windows of a row, by what the edges leave of them: the first, how many of them, the
    column of the first one's first cell, their width, and the columns cut off before it.
    """
    (_, W, _), (_, OW, _) = pool.input_shape, pool.output_shape
    size, stride, left = pool.pool_size[1], pool.strides[1], pool.window.before[1]
    found = runs(OW, lambda j: inside(j * stride - left, size, 1, W), OW)
    return [
        (js.start, len(js), js.start * stride - left + cells.start, len(cells), cells.start)
        for js, cells in found
    ]


def kernels(pool: MaxPooling2D | AveragePooling2D, training: bool) -> tuple[int, ...]:
    """The addresses of the layer's kernels, in Layout's order: forward and, in training, back."""
    name, (PH, PW) = pool.dtype.name, pool.pool_size
    whole = (PH, PW) if PH * PW <= WRITTEN_OUT else (0, 0)
    sizes = whole, whole if pool.padding == "valid" else (0, 0)  # then none are cut off
    if isinstance(pool, MaxPooling2D):
        ahead = [window_kernels.largest(name, *size, training) for size in sizes]
        back = window_kernels.largest_back
    else:
        ahead = [window_kernels.mean(name, *size) for size in sizes]
        back = window_kernels.mean_back
    return (*ahead, *(back(name, *size) if training else 0 for size in sizes))


def winners(pool: MaxPooling2D | AveragePooling2D) -> np.dtype | None:
    """The type of the numbers of winners, if it has them."""
    return np.dtype(np.uint8) if isinstance(pool, MaxPooling2D) else None


@jit_part
def pool_rows(t, like, kernels, x, y, first, last):
    """Rows first ... last - 1 of the windows of all pictures, by the kernels for whole windows and
    for others.
    """
    for row in range(first, last):
        start = row % t.OH * t.SH - t.top
        hidden = max(-start, 0)
        height = min(start + t.PH, t.H) - start - hidden
        line = row // t.OH * t.H + start + hidden
        for run in range(0, RUN * t.run_count, RUN):
            j, count = word(t.runs, run), word(t.runs, run + 1)
            left, width, before = (
                word(t.runs, run + 2), word(t.runs, run + 3), word(t.runs, run + 4),
            )  # fmt: skip
            place = (row * t.OW + j) * t.C
            call_windows(
                kernels[0] if height == t.PH and width == t.PW else kernels[1],
                like,
                (
                    x, (line * t.W + left) * t.C, y, place, t.winner, place,
                    hidden * t.PW + before, t.PW, t.W * t.C, t.SW * t.C, height, width, count, t.C,
                ),
            )  # fmt: skip


@jit_part
def do_chunk(t, stage, k, like):
    """Chunk k of a stage."""
    if stage == FORWARD:
        rows = t.N * t.OH
        first, last = rows * k // CHUNKS, rows * (k + 1) // CHUNKS
        pool_rows(t, like, (t.whole, t.cut), t.x, t.y, first, last)
    else:
        size = t.H * t.W * t.C * like.itemsize
        for n in range(t.N * k // CHUNKS, t.N * (k + 1) // CHUNKS):
            clear(t.dx + n * size, size)
            kernels = t.whole_back, t.cut_back
            pool_rows(t, like, kernels, t.dx, t.dy, n * t.OH, (n + 1) * t.OH)


@Task
def task(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    for helped in range(workers):
        k = take(r.shares, CHUNKS, t, helped, workers)
        while k >= 0:
            do_chunk(r.layout, stage, k, numbers)
            k = take(r.shares, CHUNKS, t, helped, workers)
