"""Convolutions of whole numbers on all threads: what the kernels of integer_tiles.py are given.

A convolution or a dense layer is cut into blocks of pixels. Each block's patches are written as
rows of int16 (im2row), padding as the zero point, and multiplied by panels of 16 filters. A
depthwise convolution is cut into bands of rows; each band is copied into a frame of the zero point,
over which windows slide without looking for its edge.

Axes: N pictures, H W, C channels of a group, G groups, F filters of a group, OH OW positions.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.engine.integer_tiles import ROWS, SLIDE, TILE, WIDTH
from minicnn.machine.call import caller
from minicnn.machine.jit import jit_part, parallel_jit
from minicnn.types import Array

LIKE = np.zeros(0, np.uint8)
call_tile, call_slide = caller(TILE), caller(SLIDE)


class Slid(NamedTuple):
    """How a window slides: positions, size, strides, padding before, dilation."""

    OH: int
    OW: int
    KH: int
    KW: int
    SH: int
    SW: int
    top: int
    left: int
    DH: int
    DW: int


class Packed(NamedTuple):
    """Weights as kernels take them: b int16 (G, panels, pairs, 16, 2), bias int32 and factor
    float32 (G, panels, 16), limits float32 (3,).
    """

    b: Array
    bias: Array
    factor: Array
    limits: Array


@jit_part
def im2row(x, first, count, slid, g, C, zero, rows):
    """rows[p, (kh*KW + kw)*C + c] = x at pixel first + p, or the zero point in the padding."""
    _, H, W, channels = x.shape
    flat = x.reshape(x.size)
    whole = channels == C and slid.DW == 1
    for p in range(count):
        row = rows[p]
        n, rest = divmod(first + p, slid.OH * slid.OW)
        i, j = divmod(rest, slid.OW)
        w_first, k = j * slid.SW - slid.left, 0
        for kh in range(slid.KH):
            h = i * slid.SH - slid.top + kh * slid.DH
            if whole and 0 <= h < H and 0 <= w_first and w_first + slid.KW <= W:
                start = ((n * H + h) * W + w_first) * C
                for c in range(slid.KW * C):
                    row[k + c] = flat[start + c]
                k += slid.KW * C
                continue
            for kw in range(slid.KW):
                w = w_first + kw * slid.DW
                if 0 <= h < H and 0 <= w < W:
                    start = ((n * H + h) * W + w) * channels + g * C
                    for c in range(C):
                        row[k + c] = flat[start + c]
                else:
                    for c in range(C):
                        row[k + c] = zero
                k += C
        if k < rows.shape[1]:
            row[k] = 0


@jit_part
def multiply_block(x, first, count, slid, packed, F, zero, kernels, rows, y):
    """y (pixels, G*F) of `count` pixels from `first` on."""
    G, panels, pairs = packed.b.shape[:3]
    C, channels = x.shape[3] // G, G * F
    a_row = rows.shape[1] * 2
    for g in range(G):
        im2row(x, first, count, slid, g, C, zero, rows)
        for panel in range(panels):
            ragged = 2 if F - panel * WIDTH < WIDTH else 0
            where = g * panels + panel
            done = 0
            while done < count:
                many = count >= ROWS
                # the last tile begins early enough to be whole: some rows are made twice
                r = min(done, count - ROWS) if many else done
                call_tile(
                    kernels[ragged] if many else kernels[ragged + 1],
                    LIKE,
                    (
                        *(rows.ctypes.data, r * a_row, a_row),
                        *(packed.b.ctypes.data, where * pairs * WIDTH * 4, pairs),
                        *(packed.bias.ctypes.data, where * WIDTH * 4),
                        *(packed.factor.ctypes.data, where * WIDTH * 4),
                        *(packed.limits.ctypes.data, 0),
                        *(y.ctypes.data, (first + r) * channels + g * F + panel * WIDTH),
                        channels,
                    ),
                )
                done = r + (ROWS if many else 1)


@parallel_jit
def multiply(x, slid, packed, F, zero, kernels, scratch, y):
    """All blocks; scratch is int16 (threads, pixels of a block, 2 * pairs), y (pixels, G*F)."""
    pixels, block = y.shape[0], scratch.shape[1]
    blocks, parts = (pixels + block - 1) // block, scratch.shape[0]
    for t in prange(parts):
        for number in range(blocks * t // parts, blocks * (t + 1) // parts):
            first = number * block
            multiply_block(
                x, first, min(block, pixels - first), slid, packed, F, zero, kernels,
                scratch[t], y,
            )  # fmt: skip


@jit_part
def framed(x, n, top, left, repeat, zero, frame):
    """frame[h, w, c*repeat + m] = x[n, top + h, left + w, c], or the zero point outside of x."""
    _, H, W, C = x.shape
    for h in range(frame.shape[0]):
        for w in range(frame.shape[1]):
            cell = frame[h, w]
            if 0 <= top + h < H and 0 <= left + w < W:
                from_cell = x[n, top + h, left + w]
                if repeat == 1:
                    for c in range(C):
                        cell[c] = from_cell[c]
                else:
                    for c in range(C):
                        for m in range(repeat):
                            cell[c * repeat + m] = from_cell[c]
            else:
                for c in range(C * repeat):
                    cell[c] = zero


@jit_part
def slide_band(x, n, first, count, slid, packed, places, zero, kernel, frame, line, y):
    """Rows first, first + 1, ... of y[n]; frame and line are one thread's own."""
    channels = y.shape[3]
    top, left = first * slid.SH - slid.top, -slid.left
    deep = (count - 1) * slid.SH + (slid.KH - 1) * slid.DH + 1
    framed(x, n, top, left, channels // x.shape[3], zero, frame[:deep])
    panels, pairs = packed.b.shape[1:3]
    wide = panels * WIDTH
    for i in range(count):
        for panel in range(panels):
            call_slide(
                kernel,
                LIKE,
                (
                    *(frame.ctypes.data, i * slid.SH * frame.shape[1] * wide + panel * WIDTH),
                    *(slid.SW * wide, places.ctypes.data, 0, pairs),
                    *(packed.b.ctypes.data, panel * pairs * WIDTH * 4),
                    *(packed.bias.ctypes.data, panel * WIDTH * 4),
                    *(packed.factor.ctypes.data, panel * WIDTH * 4),
                    *(packed.limits.ctypes.data, 0, line.ctypes.data, panel * WIDTH, wide),
                    slid.OW,
                ),
            )
        for j in range(slid.OW):
            for c in range(channels):
                y[n, first + i, j, c] = line[j, c]


@parallel_jit
def slide_all(x, slid, packed, places, zero, kernel, band, frames, lines, y):
    """All bands of `band` rows; frames and lines have one for each thread."""
    bands, parts = (slid.OH + band - 1) // band, frames.shape[0]
    items = y.shape[0] * bands
    for t in prange(parts):
        for item in range(items * t // parts, items * (t + 1) // parts):
            first = item % bands * band
            slide_band(
                x, item // bands, first, min(band, slid.OH - first), slid, packed, places, zero,
                kernel, frames[t], lines[t], y,
            )  # fmt: skip
