"""The three products of a convolution, row by row, without im2col and without padding.

`padding="same"` costs no multiplication: where the kernel sticks out of the picture, the sums are simply shorter.
The last axis of a buffer is FP (or CP) wide here, F (or C) rounded up to whole registers; what is beyond stays 0.
A tile's rows are pixels; in small pictures those of G pictures together, so that a tile is full.
"""

from collections.abc import Iterable

import numpy as np

from minicnn.engine.geometry import Geometry, tile_table
from minicnn.engine.geometry import valid_range as _valid_range
from minicnn.engine.products import multiply
from minicnn.kernels.jit import jit

valid_range = jit(_valid_range)


@jit
def interior(g):
    """The output columns [lo, hi) from which the whole kernel row lies inside the picture, as one contiguous run.

    With gaps between its columns (dilation) a kernel row is no contiguous run, and every column is at the edge.
    """
    lo, _ = valid_range(g.W, g.OW, g.SW, -g.left)
    _, hi = valid_range(g.W, g.OW, g.SW, (g.KW - 1) * g.DW - g.left)
    if hi <= lo or (g.DW > 1 and g.KW > 1):
        return 0, 0
    return lo, hi


@jit
def edges(g, kw, lo, hi):
    """The columns outside [lo, hi) that kernel column kw reaches: [first, before) left of it, [after, last) right."""
    first, last = valid_range(g.W, g.OW, g.SW, kw * g.DW - g.left)
    return first, max(first, min(last, lo)), max(first, hi), max(last, max(first, hi))


@jit
def forward_row(g, tiles, images, x, n, i, kernel, y, y_start, y_outer):
    """Row i of the convolution of `images` pictures (1 or G) from the n-th on.

    x (N, H, W, C); kernel: pack of (KH * KW * C, F); tiles: the table for `images` pictures.
    y receives OW * FP numbers from y_start on, and those of the next picture y_outer later.
    """
    limit, a_outer = g.limit // images, g.H * g.W * g.C
    kh_lo, kh_hi = valid_range(g.H, g.KH, g.DH, i * g.SH - g.top)
    h = i * g.SH - g.top + kh_lo * g.DH
    a_row, a_segment = (n * g.H + h) * g.W - g.left, g.DH * g.W * g.C
    b_row, b_segment, b_rows = kh_lo * g.KW * g.C, g.KW * g.C, g.KH * g.KW * g.C
    lo, hi = interior(g)
    if hi > lo:  # k runs over the KW * C numbers below a kernel row
        multiply(
            tiles,
            limit,
            g.lanes,
            hi - lo,
            x,
            (a_row + lo * g.SW) * g.C,
            a_outer,
            g.SW * g.C,
            1,
            kh_hi - kh_lo,
            a_segment,
            g.KW * g.C,
            kernel,
            0,
            b_row,
            b_segment,
            b_rows,
            y,
            y_start + lo * g.FP,
            y_outer,
            g.FP,
            g.FP,
            0,
        )
    if lo == 0 and hi == g.OW:
        return
    flat = y.reshape(-1)
    for image in range(images):
        start = y_start + image * y_outer
        flat[start : start + lo * g.FP] = 0
        flat[start + hi * g.FP : start + g.OW * g.FP] = 0
    for kw in range(g.KW):  # one kernel column at a time, added up
        first, before, after, last = edges(g, kw, lo, hi)
        for j_lo, j_hi in ((first, before), (after, last)):
            if j_hi > j_lo:
                multiply(
                    tiles,
                    limit,
                    g.lanes,
                    j_hi - j_lo,
                    x,
                    (a_row + j_lo * g.SW + kw * g.DW) * g.C,
                    a_outer,
                    g.SW * g.C,
                    1,
                    kh_hi - kh_lo,
                    a_segment,
                    g.C,
                    kernel,
                    0,
                    b_row + kw * g.C,
                    b_segment,
                    b_rows,
                    y,
                    y_start + j_lo * g.FP,
                    y_outer,
                    g.FP,
                    g.FP,
                    1,
                )


@jit
def input_gradient_row(g, tiles, images, dz, dz_start, h, kernel_t, dx, dx_start, dx_outer):
    """Row h of dx for `images` pictures: every output that saw a pixel of it sends its gradient back.

    dz: (images, OH, OW, FP) from dz_start on; kernel_t: pack_transposed of the kernel, (KH * KW * F, C).
    dx receives W * CP numbers from dx_start on, and those of the next picture dx_outer later.

    Output row i saw row h through kernel row kh when h = i * SH - top + kh * DH. Those kh are `step` apart, and their
    output rows are `back` apart, upwards: the segments of one product per kernel column, with k over the F gradients.
    """
    flat = dx.reshape(-1)
    for image in range(images):
        flat[dx_start + image * dx_outer : dx_start + image * dx_outer + g.W * g.CP] = 0
    step = 1
    while step * g.DH % g.SH != 0:
        step += 1
    back = step * g.DH // g.SH
    kh = 0
    while kh < g.KH and ((h + g.top - kh * g.DH) % g.SH != 0 or (h + g.top - kh * g.DH) // g.SH >= g.OH):
        kh += 1
    i = (h + g.top - kh * g.DH) // g.SH
    segments = 0
    while kh + segments * step < g.KH and i - segments * back >= 0:
        segments += 1
    if segments == 0:
        return
    for kw in range(g.KW):
        lo, hi = valid_range(g.W, g.OW, g.SW, kw * g.DW - g.left)
        if hi > lo:
            multiply(
                tiles,
                g.limit // images,
                g.lanes,
                hi - lo,
                dz,
                dz_start + (i * g.OW + lo) * g.FP,
                g.OH * g.OW * g.FP,
                g.FP,
                1,
                segments,
                -back * g.OW * g.FP,
                g.F,
                kernel_t,
                0,
                (kh * g.KW + kw) * g.F,
                step * g.KW * g.F,
                g.KH * g.KW * g.F,
                dx,
                dx_start + (lo * g.SW + kw * g.DW - g.left) * g.CP,
                dx_outer,
                g.SW * g.CP,
                g.CP,
                1,
            )


@jit
def weight_gradient(g, tiles, x, n, dz, dz_start, dkernel, dkernel_start):
    """Add picture n's share to dkernel: for every kernel number, the pixels it met times the gradients they led to.

    x (N, H, W, C); dz (OH, OW, FP) from dz_start on; dkernel (KH * KW * C, FP) from dkernel_start on.
    Here a tile's rows are the kernel's numbers, contiguous below one kernel row; k and s run over the output pixels.
    """
    lo, hi = interior(g)
    for kh in range(g.KH):
        i_lo, i_hi = valid_range(g.H, g.OH, g.SH, kh * g.DH - g.top)
        if i_hi <= i_lo:
            continue
        a_row = (n * g.H + i_lo * g.SH - g.top + kh * g.DH) * g.W - g.left
        b_row, c_start = i_lo * g.OW, dkernel_start + kh * g.KW * g.C * g.FP
        if hi > lo:
            multiply(
                tiles,
                g.limit,
                g.lanes,
                g.KW * g.C,
                x,
                (a_row + lo * g.SW) * g.C,
                0,
                1,
                g.SW * g.C,
                i_hi - i_lo,
                g.SH * g.W * g.C,
                hi - lo,
                dz,
                dz_start,
                b_row + lo,
                g.OW,
                0,
                dkernel,
                c_start,
                0,
                g.FP,
                g.FP,
                1,
            )
        if lo == 0 and hi == g.OW:
            continue
        for kw in range(g.KW):
            first, before, after, last = edges(g, kw, lo, hi)
            for j_lo, j_hi in ((first, before), (after, last)):
                if j_hi > j_lo:
                    multiply(
                        tiles,
                        g.limit,
                        g.lanes,
                        g.C,
                        x,
                        (a_row + j_lo * g.SW + kw * g.DW) * g.C,
                        0,
                        1,
                        g.SW * g.C,
                        i_hi - i_lo,
                        g.SH * g.W * g.C,
                        j_hi - j_lo,
                        dz,
                        dz_start,
                        b_row + j_lo,
                        g.OW,
                        0,
                        dkernel,
                        c_start + kw * g.C * g.FP,
                        0,
                        g.FP,
                        g.FP,
                        1,
                    )


def tile_tables(g: Geometry, dtype: np.dtype, chunks: Iterable[int]) -> np.ndarray:
    """Addresses [pictures together; vectors - 1; rows] of all kernels that the functions above call.

    chunks: how many pictures are worked on one after the other, G at a time and then the rest.
    """
    lo, hi = interior(g)
    pixels = {hi - lo}
    for kw in range(g.KW):
        first, last = valid_range(g.W, g.OW, g.SW, kw * g.DW - g.left)
        left, before, after, right = edges(g, kw, lo, hi)
        pixels |= {last - first, before - left, right - after}
    pixels.discard(0)
    tables = np.zeros((g.G + 1, 2, g.limit + 1), np.int64)
    together = {min(g.G, count) for count in chunks} | {count % g.G for count in chunks}
    for images in together - {0}:
        tables[images, :, : g.limit // images + 1] = tile_table(dtype, images, pixels, g.limit // images)
    tables[1] = tile_table(dtype, 1, pixels | {g.KW * g.C, g.C}, g.limit)  # the weight gradient's rows, too
    return tables
