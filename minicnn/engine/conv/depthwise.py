"""The three products of a depthwise convolution as programs over one picture: sums of shifted rows.

A channel meets numbers of its own only, so nothing here is a matrix product:

    y[p, c] = sum over kernel cells k of x[the pixel that p sees through k, c] * kernel[k, c]

In groups of some channels and as many filters it meets those of its group, all of which lie in the
same register:

    y[p, c] = sum over k, j < depth of x[that pixel, c - c % depth + j] * kernel[k, j, c]

and so is the gradient of x, with y and x exchanged and the kernel turned around: every pixel of dx
gathers what it got from the outputs that saw it. With strides these are others from pixel to pixel,
but the same from every SH-th row and SW-th column to the next. Some pixels of a row are computed
at once, each from what it sees: so padding costs no multiplication, and every number of dx is
written once.

A kernel (KH, KW, depth, C) is laid out as rows (KH * KW * depth, FP); for dx turned around, its
groups transposed, C wide. x and dx have C channels; y and dy FP: what is beyond C is written as 0.
"""

from collections.abc import Callable
from itertools import product
from math import gcd
from typing import NamedTuple

import numpy as np

from minicnn.engine.conv.depthwise_kernels import Across, Block, Within, cells_gradient, most, taps
from minicnn.engine.conv.direct import CACHE, ROWS
from minicnn.engine.conv.geometry import Geometry, runs
from minicnn.engine.products import FIELDS
from minicnn.types import Array

Calls = list[tuple[int, ...]]
FEW = 4  # rows of a band


class Sum(NamedTuple):
    """What a pixel is a sum over along one axis: positions, each met through the kernel's cell of
    the same number.
    """

    positions: range
    cells: range


class Same(NamedTuple):
    """So many blocks of pixels, one after the other, that are computed alike.

    pixel: the first of all. position: from which the first block's are counted; the next one's is
    `step` further on.
    """

    block: Block
    blocks: int
    pixel: int
    position: int
    step: int

    @property
    def width(self) -> int:
        """Pixels from one block to the next."""
        return len(self.block) if self.blocks > 1 else 0


def fits(g: Geometry, lanes: int) -> bool:
    """Whether no group of channels reaches into another register, and each has as many filters."""
    return g.C == g.F and g.depth <= lanes and lanes % g.depth == 0


def forward(
    g: Geometry, dtype: np.dtype, longest: int, streams: bool = False
) -> tuple[Array, Array]:
    """z (OH, OW, FP) of a picture (H, W, C), in bands of at most `longest` rows; as
    direct.forward. If it `streams`, z is stored past the cache: then pixels must be whole lines.
    """
    rows = seeing(g.OH, g.kernel_rows, g.SH, g.DH, g.top)
    columns = alike(seeing(g.OW, g.kernel_columns, g.SW, g.DW, g.left), most(g.KW, g.depth), 1)
    calls = taps_of(g, dtype, rows, columns, (g.W, g.C), g.FP, (g.OW, g.FP), streams)
    each = len(columns)  # calls of a row
    bands = [(i, min(i + longest, g.OH)) for i in range(0, g.OH, longest)]
    return calls, np.array([(i, j, i * each, j * each) for i, j in bands], np.int64)


def input_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """dx (H, W, C) from dz (OH, OW, FP), each number of it written once."""
    rows = seen_by(g.H, g.OH, g.KH, g.SH, g.DH, g.top)
    columns = alike(seen_by(g.W, g.OW, g.KW, g.SW, g.DW, g.left), most(g.KW, g.depth), g.SW)
    return taps_of(g, dtype, rows, columns, (g.OW, g.FP), g.C, (g.W, g.C))


def weight_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """The calls that add to dkernel (KH * KW * depth, FP): x times dz, summed over the outputs.

    Rows go in bands that stay in the first-level cache for all kernel rows, but in no fewer than
    FEW: a band's sums are added to dkernel in memory, which takes as long as to sum some rows up.
    In groups a number is met so often that the second-level cache is near enough.
    """
    calls: Calls = []
    columns = alike(seeing(g.OW, g.kernel_columns, g.SW, g.DW, g.left), most(g.KW, g.depth), 1)
    row_bytes = np.dtype(dtype).itemsize * (g.OW * g.FP + g.SH * g.W * g.C)
    near, kept = ROWS // row_bytes, CACHE // row_bytes
    longest = max(1, near, min(FEW, kept)) if g.depth == 1 else max(1, kept)
    for band, kernel_rows in runs(g.OH, g.kernel_rows, longest):
        for kh, same in product(kernel_rows, columns):
            if not any(same.block):  # they see nothing
                continue
            address = cells_gradient(
                np.dtype(dtype).name,
                same.block,
                g.C,
                g.depth,
                Across(g.C, g.SH * g.W * g.C, same.step * g.C),
                Across(g.FP, g.OW * g.FP, same.width * g.FP),
                Within(g.depth * g.FP, 0, g.FP),
            )
            h = band[0] * g.SH - g.top + kh * g.DH
            a = (h * g.W + same.position) * g.C
            b = (band[0] * g.OW + same.pixel) * g.FP
            c = kh * g.KW * g.depth * g.FP
            calls.append((address, a, b, c, len(band), same.blocks, 1))
    return table(calls)


def taps_of(
    g: Geometry,
    dtype: np.dtype,
    rows: list[Sum],
    columns: list[Same],
    a: tuple[int, int],
    b_width: int,
    c: tuple[int, int],
    streams: bool = False,
) -> Array:
    """The calls that write all pixels of c from those of a, (pixels of a row, numbers of a pixel)
    each, and from the kernel's rows b.
    """
    calls: Calls = []
    (a_width, a_numbers), (c_width, c_numbers) = a, c
    for i, row in enumerate(rows):
        for same in columns:
            address = taps(
                np.dtype(dtype).name,
                same.block,
                g.C,
                g.depth,
                Across(a_numbers, row.positions.step * a_width * a_numbers, same.step * a_numbers),
                Within(g.depth * b_width, row.cells.step * g.KW * g.depth * b_width, b_width),
                Across(c_numbers, 0, same.width * c_numbers),
                streams,
            )
            seen = bool(row.cells)  # or the address of what is not read might be of no row
            calls.append(
                (
                    address,
                    seen * (row.positions.start * a_width + same.position) * a_numbers,
                    seen * row.cells.start * g.KW * g.depth * b_width,
                    (i * c_width + same.pixel) * c_numbers,
                    len(row.cells),
                    same.blocks,
                    0,
                )
            )
    return table(calls)


def alike(sums: list[Sum], limit: int, period: int) -> list[Same]:
    """A row's pixels in blocks of at most `limit`, and of whole periods of their sums, if they
    fit.
    """
    period = period if period <= limit else 1
    periods = -(-len(sums) // period)
    count = -(-periods // (limit // period))
    each, more = divmod(periods, count)  # the first blocks have one more
    found: list[Same] = []
    first = 0
    for k in range(count):
        pixels = sums[first : first + period * (each + (k < more))]
        start = min((one.positions[0] for one in pixels if one.positions), default=0)
        block = tuple(
            tuple((p - start, cell) for p, cell in zip(one.positions, one.cells, strict=True))
            for one in pixels
        )
        last = found[-1] if found else None
        step = start - last.position - last.step * (last.blocks - 1) if last else 0
        if last and last.block == block and (last.blocks == 1 or last.step == step):
            found[-1] = last._replace(blocks=last.blocks + 1, step=step)
        else:
            found.append(Same(block, 1, first, start, 0))
        first += len(pixels)
    return found


def seeing(
    outputs: int, cells: Callable[[int], range], stride: int, dilation: int, before: int
) -> list[Sum]:
    """Forward: which pixels each output sees."""
    found = []
    for i in range(outputs):
        first, reach = i * stride - before, cells(i)
        found.append(
            Sum(
                range(first + reach.start * dilation, first + reach.stop * dilation, dilation),
                reach,
            )
        )
    return found


def seen_by(n: int, outputs: int, size: int, stride: int, dilation: int, before: int) -> list[Sum]:
    """Backward: by which outputs each of n pixels was seen, through which cells of the kernel that
    is turned around.
    """
    common = gcd(stride, dilation)
    found = []
    for pixel in range(n):
        outputs_of = [
            divmod(pixel + before - (size - 1 - k) * dilation, stride) for k in range(size)
        ]
        fit = [k for k, (i, rest) in enumerate(outputs_of) if rest == 0 and 0 <= i < outputs]
        start, cells = 0, range(0, 0, stride // common)
        if fit:
            start, cells = outputs_of[fit[0]][0], range(fit[0], fit[-1] + 1, stride // common)
        step = dilation // common
        found.append(Sum(range(start, start + len(cells) * step, step), cells))
    return found


def table(calls: Calls) -> Array:
    """The calls as integers (calls, 7), for products.run."""
    return np.array(calls, np.int64).reshape(-1, FIELDS)
