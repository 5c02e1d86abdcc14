"""The three products of a convolution as programs over one picture, without im2col and without
padding.

`padding="same"` costs no multiplication: where the kernel sticks out of the picture, the sums are
simply shorter. So output pixels are taken together that see the same part of the kernel: all but
those at the edges. z and dz are FP wide: F, or, for what happens to them row by row, F rounded up
to whole registers; what is beyond stays 0.

The kernel's layouts as right-hand sides, packed (products.py): (KH * KW * C, F); and for the input
gradient (KH * KW * FP, C), rows and columns of the kernel in reverse. In groups a filter has fewer
rows, those of its group's channels (geometry.depth), and the layouts are plain.
"""

import itertools

import numpy as np

from minicnn.engine.conv.geometry import Geometry, runs
from minicnn.engine.conv.layout import NONE
from minicnn.engine.products import Left, Program, Right
from minicnn.types import Array

TINY = 9  # pixels of output
CACHE = 256 * 1024  # bytes of the second-level cache that a product may fill
ROWS = 32 * 1024  # bytes of a band of rows that stays in the first-level cache
SPARE = 16  # numbers between pixels: a line of the cache


def tiny(g: Geometry) -> bool:
    """Whether a picture has so few pixels that a tile needs those of several pictures.

    Then its rows are the pixels at the same place of so many pictures, which therefore must lie
    side by side.
    """
    return g.OH * g.OW <= TINY


def forward(g: Geometry, dtype: np.dtype, longest: int, pictures: int = 1) -> tuple[Array, Array]:
    """z (OH, OW, FP) of a picture (H, W, C), or of several pictures together, in bands of at most
    `longest` rows.

    Returns the calls, and the bands: (first row, row after the last, first call, call after the
    last) each.
    """
    program, bands = Program(dtype, g.FP), []
    for rows, kernel_rows in runs(g.OH, g.kernel_rows, 1 if pictures > 1 else longest):
        before = len(program.calls)
        for columns, kernel_columns in runs(g.OW, g.kernel_columns, g.OW):
            for part, kernel_group in enumerate(contiguous(kernel_columns, g)):
                h = rows[0] * g.SH - g.top + kernel_rows.start * g.DH
                w = columns[0] * g.SW - g.left + kernel_group.start * g.DW
                outer, down, z_down = len(rows), g.SH * g.W * g.C, g.OW * g.FP
                if pictures > 1:
                    outer, down, z_down = pictures, g.H * g.W * g.C, g.OH * g.OW * g.FP
                for channel, filters in g.groups_of_channels():
                    program.multiply(
                        (outer, len(columns)),
                        Left(down, g.SW * g.C, g.DH * g.W * g.C, 1),
                        len(kernel_rows),
                        len(kernel_group) * g.depth,
                        Right(
                            g.KH * g.KW * g.depth,
                            packed=g.groups == 1,
                            row=(kernel_rows.start * g.KW + kernel_group.start) * g.depth,
                            segment=g.KW * g.depth,
                        ),
                        (z_down, g.FP),
                        starts=(
                            (h * g.W + w) * g.C + channel,
                            0,
                            (rows[0] * g.OW + columns[0]) * g.FP,
                        ),
                        accumulate=part > 0,
                        once=g.KH * g.KW == g.groups == 1,
                        columns=filters,
                    )
        bands.append((rows[0], rows[-1] + 1, before, len(program.calls)))
    return program.table(), np.array(bands, np.int64)


def large(g: Geometry, dtype: np.dtype) -> bool:
    """Whether the kernel is too large for the second-level cache.

    Then it is read by blocks of filters, each for several pictures, not as a whole for each.
    """
    return g.kernel_numbers * np.dtype(dtype).itemsize > 2 * CACHE


def by_blocks(calls: Array, width: int, lanes: int) -> tuple[Array, Array]:
    """The calls of a program in the order of the columns that they write, and marks between those
    of other columns.
    """
    block = calls[:, 3] % width // (2 * lanes)
    order = np.argsort(block, kind="stable")
    changes = np.flatnonzero(np.diff(block[order])) + 1
    return calls[order], np.array([0, *changes, len(calls)], np.int64)


def rows_of_band(g: Geometry, row: int, dtype: np.dtype) -> int:
    """How many rows of `row` numbers to take at a time: few, that they stay near; more, if the
    kernel is large.
    """
    size = CACHE if large(g, dtype) else ROWS
    return min(g.OH, max(1, size // (row * np.dtype(dtype).itemsize)))


def input_gradient(g: Geometry, dtype: np.dtype, pictures: int = 1) -> Array:
    """dx (H, W, C) from dz (OH, OW, FP): every output sends its gradient back to the pixels that it
    saw.

    For stride 1 that is a convolution itself, of dz with the kernel turned around. Otherwise one
    kernel cell after the other, which its outputs reach at strided pixels; these are added to, so
    dx must be 0 before. This goes in bands of rows, which stay in the cache while all cells add to
    them.
    """
    back = g.transposed()
    if (g.SH, g.SW) == (1, 1):
        return forward(back, dtype, rows_of_band(back, g.OW * g.FP, dtype), pictures)[0]
    program = Program(dtype, g.C)
    row_bytes = np.dtype(dtype).itemsize * (g.OW * g.FP + g.SH * g.W * g.C)
    height = 1 if pictures > 1 else max(1, CACHE // row_bytes)
    for top, kh, kw in itertools.product(range(0, g.OH, height), range(g.KH), range(g.KW)):
        rows = [i for i in range(top, min(top + height, g.OH)) if kh in g.kernel_rows(i)]
        columns = [j for j in range(g.OW) if kw in g.kernel_columns(j)]
        if rows and columns:
            h, w = rows[0] * g.SH - g.top + kh * g.DH, columns[0] * g.SW - g.left + kw * g.DW
            outer, down, x_down = len(rows), g.OW * g.FP, g.SH * g.W * g.C
            if pictures > 1:
                outer, down, x_down = pictures, g.OH * g.OW * g.FP, g.H * g.W * g.C
            for filter_, channels in back.groups_of_channels():
                program.multiply(
                    (outer, len(columns)),
                    Left(down, g.FP, 0, 1),
                    1,
                    back.depth,
                    Right(
                        g.KH * g.KW * back.depth,
                        packed=g.groups == 1,
                        row=((g.KH - kh) * g.KW - 1 - kw) * back.depth,
                    ),
                    (x_down, g.SW * g.C),
                    starts=(
                        (rows[0] * g.OW + columns[0]) * g.FP + filter_,
                        0,
                        (h * g.W + w) * g.C,
                    ),
                    accumulate=True,
                    once=g.KH * g.KW == g.groups == 1,
                    columns=channels,
                )
    return program.table()


def weight_gradient(g: Geometry, dtype: np.dtype, by_slices: bool) -> tuple[Array, Array]:
    """The calls that add to dkernel (KH * KW * C, FP).

    That is for every kernel number the sum of the pixels that it met, times the gradients that they
    led to.

    Here a tile's rows are the kernel's numbers, contiguous below one kernel row; k and s run over
    the output pixels. They do so in bands of rows that stay in the cache while all tiles pass over
    them.

    by_slices: dz is handed over as a block of one or two registers of filters, those of the slice,
    and x with pixels C + SPARE numbers apart.

    Returns also, if by_slices, marks between slices of the calls: what one slice writes, no other
    does. They may run at once.
    """
    program, C = Program(dtype, g.FP), g.C + SPARE if by_slices else g.C
    row_bytes = np.dtype(dtype).itemsize * (g.OW * g.FP + g.SH * g.W * g.C)
    for band, kernel_rows in runs(g.OH, g.kernel_rows, max(1, CACHE // row_bytes)):
        if not by_slices:
            first, last = (min(max(i * g.SH - g.top, 0), g.H) for i in (band[0], band[-1] + 1))
            program.fetch(first * g.W * C, (last - first) * g.W * C)
        for kh in kernel_rows:
            for columns, kernel_columns in runs(g.OW, g.kernel_columns, g.OW):
                for kernel_group in contiguous(kernel_columns, g):
                    h = band[0] * g.SH - g.top + kh * g.DH
                    w = columns[0] * g.SW - g.left + kernel_group.start * g.DW
                    of_kernel = len(kernel_group)
                    for channel, filters in g.groups_of_channels():
                        program.multiply(
                            (of_kernel, g.C) if by_slices else (1, of_kernel * g.depth),
                            Left(C, 1, g.SH * g.W * C, g.SW * C),
                            len(band),
                            len(columns),
                            Right(
                                0, packed=by_slices, row=band[0] * g.OW + columns[0], segment=g.OW
                            ),
                            (g.depth * g.FP, g.FP),
                            starts=(
                                (h * g.W + w) * C + channel,
                                0,
                                (kh * g.KW + kernel_group.start) * g.depth * g.FP,
                            ),
                            accumulate=True,
                            groups=(g.H * g.W * C, g.OH * g.OW),
                            columns=filters,
                        )
    if not by_slices:
        return program.table(), NONE
    # A slice is what belongs to one kernel row and one or two registers of filters.
    of_slice = [(c // (g.KW * g.C * g.FP), c % g.FP) for _, _, _, c, *_ in program.calls]
    order = sorted(range(len(of_slice)), key=of_slice.__getitem__)
    slices = [
        k for k in range(len(order)) if k == 0 or of_slice[order[k]] != of_slice[order[k - 1]]
    ]
    return program.table()[order], np.array([*slices, len(order)], np.int64)


def contiguous(kernel_columns: range, g: Geometry) -> list[range]:
    """The kernel columns as runs whose numbers lie side by side in a picture: all of them, if there
    are no gaps, of pixels or of channels.
    """
    if g.DW == g.groups == 1 or not kernel_columns:
        return [kernel_columns]
    return [range(k, k + 1) for k in kernel_columns]
