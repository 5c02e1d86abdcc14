"""The three products of a depthwise convolution as programs over one picture: sums of shifted rows.

A channel meets numbers of its own only, so nothing here is a matrix product:

    y[p, c] = sum over kernel cells k of x[the pixel that p sees through k, c] * kernel[k, c]

and so is the gradient of x, with y and x exchanged and the kernel turned around: every pixel of dx
gathers what it got from the outputs that saw it. With strides these are others from pixel to pixel,
but the same from every SH-th row and SW-th column to the next. Pixels of one row that see, or were
seen through, the same cells are computed in one call; so padding costs no multiplication, and every
number of dx is written once.

A kernel (KH, KW, C, 1) is laid out as rows (KH * KW, FP); for dx in reverse order. x and dx have C
channels; y and dy FP: what is beyond C is written as 0.
"""

from collections.abc import Callable, Iterator
from math import gcd
from typing import NamedTuple

import numpy as np

from minicnn.engine.conv.depthwise_kernels import Steps, cells_gradient, most, taps
from minicnn.engine.conv.direct import ROWS
from minicnn.engine.conv.geometry import Geometry, runs
from minicnn.engine.products import FIELDS
from minicnn.types import Array

Calls = list[tuple[int, ...]]


class Run(NamedTuple):
    """Outputs along one axis that see the same cells of a kernel; the first of them sees position
    `start` through the first of these.
    """

    outputs: range
    cells: range
    start: int


class Axis(NamedTuple):
    """What outputs along one axis see: `step` positions from one output to the next of a run,
    `cell` from one of its cells to the next.
    """

    runs: list[Run]
    step: int
    cell: int


def forward(g: Geometry, dtype: np.dtype, longest: int) -> tuple[Array, Array]:
    """z (OH, OW, FP) of a picture (H, W, C), in bands of at most `longest` rows; as
    direct.forward.
    """
    rows = seeing(g.OH, g.kernel_rows, g.SH, g.DH, g.top)
    columns = seeing(g.OW, g.kernel_columns, g.SW, g.DW, g.left)
    calls = taps_of(g, dtype, rows, columns, (g.W, g.C), (g.OW, g.FP))
    each = len(columns.runs)  # calls of a row
    bands = [(i, min(i + longest, g.OH)) for i in range(0, g.OH, longest)]
    return calls, np.array([(i, j, i * each, j * each) for i, j in bands], np.int64)


def input_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """dx (H, W, C) from dz (OH, OW, FP), each number of it written once."""
    rows = seen_by(g.H, g.OH, g.KH, g.SH, g.DH, g.top)
    columns = seen_by(g.W, g.OW, g.KW, g.SW, g.DW, g.left)
    return taps_of(g, dtype, rows, columns, (g.OW, g.FP), (g.W, g.C))


def weight_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """The calls that add to dkernel (KH * KW, FP): x times dz, summed over the outputs.

    Rows go in bands that stay in the first-level cache for all kernel rows.
    """
    calls: Calls = []
    steps = Steps(
        a_pixel=g.SW * g.C,
        a_column=g.DW * g.C,
        a_row=g.SH * g.W * g.C,
        b_pixel=g.FP,
        b_row=g.OW * g.FP,
        c_column=g.FP,
    )
    row_bytes = np.dtype(dtype).itemsize * (g.OW * g.FP + g.SH * g.W * g.C)
    for band, kernel_rows in runs(g.OH, g.kernel_rows, max(1, ROWS // row_bytes)):
        for kh in kernel_rows:
            for columns, cells in runs(g.OW, g.kernel_columns, g.OW):
                if not cells:
                    continue
                h, w = band[0] * g.SH - g.top + kh * g.DH, columns[0] * g.SW - g.left
                for first, pixels, blocks in cut(len(columns), most(len(cells))):
                    address = cells_gradient(np.dtype(dtype).name, pixels, len(cells), g.C, steps)
                    a = (h * g.W + w + cells[0] * g.DW + first * g.SW) * g.C
                    b = (band[0] * g.OW + columns[0] + first) * g.FP
                    c = (kh * g.KW + cells[0]) * g.FP
                    calls.append((address, a, b, c, len(band), blocks, 1))
    return table(calls)


def taps_of(
    g: Geometry,
    dtype: np.dtype,
    rows: Axis,
    columns: Axis,
    a: tuple[int, int],
    c: tuple[int, int],
) -> Array:
    """The calls that write all pixels of c from those of a, (pixels of a row, numbers of a pixel)
    each.
    """
    calls: Calls = []
    (a_width, a_numbers), (c_width, c_numbers) = a, c
    for row in rows.runs:
        for k, i in enumerate(row.outputs):
            for column in columns.runs:
                steps = Steps(
                    a_pixel=columns.step * a_numbers,
                    a_column=columns.cell * a_numbers,
                    a_row=rows.cell * a_width * a_numbers,
                    b_column=column.cells.step * g.FP,
                    b_row=row.cells.step * g.KW * g.FP,
                    c_pixel=column.outputs.step * c_numbers,
                )
                pixels = min(len(column.outputs), most(len(column.cells)))
                address = taps(
                    np.dtype(dtype).name, pixels, len(column.cells), g.C, c_numbers, steps
                )
                h, seen = row.start + k * rows.step, bool(row.cells and column.cells)
                calls.append(
                    (
                        address,
                        seen * (h * a_width + column.start) * a_numbers,
                        seen * (row.cells.start * g.KW + column.cells.start) * g.FP,
                        (i * c_width + column.outputs[0]) * c_numbers,
                        seen * len(row.cells),
                        len(column.outputs),
                        0,
                    )
                )
    return table(calls)


def seeing(
    outputs: int, cells: Callable[[int], range], stride: int, dilation: int, before: int
) -> Axis:
    """Forward: which pixels each output sees."""
    found = [
        Run(positions, reach, positions[0] * stride - before + reach.start * dilation)
        for positions, reach in runs(outputs, cells, outputs)
    ]
    return Axis(found, stride, dilation)


def seen_by(n: int, outputs: int, size: int, stride: int, dilation: int, before: int) -> Axis:
    """Backward: by which outputs each of n pixels was seen, through which cells of the kernel that
    is turned around.
    """
    common = gcd(stride, dilation)

    def output(pixel: int, cell: int) -> tuple[int, int]:
        """(output that sees the pixel through the cell, what is left over if none does)."""
        return divmod(pixel + before - (size - 1 - cell) * dilation, stride)

    def cells(pixel: int) -> range:
        found = [(k, *output(pixel, k)) for k in range(size)]
        fit = [k for k, i, rest in found if rest == 0 and 0 <= i < outputs]
        return range(fit[0], fit[-1] + 1, stride // common) if fit else range(0)

    parts = []
    for first in range(min(stride, n)):
        pixels = range(first, n, stride)
        reaches = [cells(pixel) for pixel in pixels]
        for part, reach in runs(len(pixels), reaches.__getitem__, n):
            start = output(pixels[part[0]], reach[0])[0] if reach else 0
            parts.append(Run(pixels[part.start : part.stop], reach, start))
    return Axis(parts, 1, dilation // common)


def cut(count: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """Pixels in blocks of equal size, and a smaller one of what is left over: (first, pixels,
    blocks).
    """
    pixels = min(
        range(min(count, limit), 0, -1), key=lambda size: (-(-count // size), count % size)
    )
    yield 0, pixels, count // pixels
    if count % pixels:
        yield count - count % pixels, count % pixels, 1


def table(calls: Calls) -> Array:
    """The calls as integers (calls, 7), for products.run."""
    return np.array(calls, np.int64).reshape(-1, FIELDS)
