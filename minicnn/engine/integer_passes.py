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

from minicnn.engine.integer_tiles import MOVE, ROWS, SLIDE, TILE, WIDTH
from minicnn.machine.call import caller
from minicnn.machine.jit import jit, jit_part, parallel_jit
from minicnn.types import Array

LIKE = np.zeros(0, np.uint8)
call_tile, call_slide, call_move = caller(TILE), caller(SLIDE), caller(MOVE)


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


class Kernels(NamedTuple):
    """Addresses: tiles of ROWS and of 1 row, for 16 filters and for the last ones; bytes moved,
    and made int16; windows.
    """

    tile: int
    tile_1: int
    last: int
    last_1: int
    copy: int
    widen: int
    slide: int


@jit_part
def run_of_row(x, start, w_first, cells, C, zero, kernel, y, y_start):
    """y (1-dimensional) from y_start on: `cells` pixels of C from w_first on of the row of pixels
    that begins at x.flat[start]; the zero point outside of it.
    """
    W, size = x.shape[2], y.itemsize
    if 0 <= w_first and w_first + cells <= W:
        place = y.ctypes.data, y_start * size, cells * C
        call_move(kernel, LIKE, (x.ctypes.data, start + w_first * C, *place))
        return
    left = min(max(-w_first, 0), cells)
    right = max(min(W - w_first, cells), left)
    for k in range(y_start, y_start + left * C):
        y[k] = zero
    call_move(
        kernel,
        LIKE,
        (
            *(x.ctypes.data, start + (w_first + left) * C),
            *(y.ctypes.data, (y_start + left * C) * size, (right - left) * C),
        ),
    )
    for k in range(y_start + right * C, y_start + cells * C):
        y[k] = zero


@jit_part
def im2row(x, first, count, slid, g, C, zero, widen, rows):
    """rows[p, (kh*KW + kw)*C + c] = x at pixel first + p, or the zero point in the padding.

    Cells that lie together, a kernel's row of all channels, are moved together.
    """
    _, H, W, channels = x.shape
    flat, depth = rows.reshape(rows.size), rows.shape[1]
    if slid.KH * slid.KW * slid.SH * slid.SW == 1 and channels == C == depth:
        call_move(widen, LIKE, (x.ctypes.data, first * C, rows.ctypes.data, 0, count * C))
        return
    together = channels == C and slid.DW == 1
    n, rest = divmod(first, slid.OH * slid.OW)
    i, j = divmod(rest, slid.OW)
    for p in range(count):
        w_first, k = j * slid.SW - slid.left, p * depth
        for kh in range(slid.KH):
            h = i * slid.SH - slid.top + kh * slid.DH
            start = (n * H + h) * W * channels
            if not 0 <= h < H:
                for c in range(slid.KW * C):
                    flat[k + c] = zero
            elif together:
                run_of_row(x, start, w_first, slid.KW, C, zero, widen, flat, k)
            else:
                for kw in range(slid.KW):
                    w = w_first + kw * slid.DW
                    if 0 <= w < W:
                        begin = start + w * channels + g * C
                        call_move(
                            widen,
                            LIKE,
                            (x.ctypes.data, begin, rows.ctypes.data, 2 * (k + kw * C), C),
                        )
                    else:
                        for c in range(C):
                            flat[k + kw * C + c] = zero
            k += slid.KW * C
        if k < (p + 1) * depth:
            flat[k] = 0
        j += 1
        if j == slid.OW:
            i, j = i + 1, 0
        if i == slid.OH:
            n, i = n + 1, 0


@jit_part
def multiply_block(x, first, count, slid, packed, F, zero, kernels, rows, y):
    """y (pixels, G*F) of `count` pixels from `first` on."""
    G, panels, pairs = packed.b.shape[:3]
    C, channels = x.shape[3] // G, G * F
    a_row = rows.shape[1] * 2
    for g in range(G):
        im2row(x, first, count, slid, g, C, zero, kernels.widen, rows)
        for panel in range(panels):
            last = F - panel * WIDTH < WIDTH
            wide = kernels.last if last else kernels.tile
            single = kernels.last_1 if last else kernels.tile_1
            where = g * panels + panel
            done = 0
            while done < count:
                many = count >= ROWS
                # the last tile begins early enough to be whole: some rows are made twice
                r = min(done, count - ROWS) if many else done
                call_tile(
                    wide if many else single,
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


@jit_part
def multiply_share(t, x, slid, packed, F, zero, kernels, scratch, y):
    """The blocks of thread t."""
    pixels, (parts, block, _) = y.shape[0], scratch.shape
    blocks = (pixels + block - 1) // block
    for number in range(blocks * t // parts, blocks * (t + 1) // parts):
        first = number * block
        count = min(block, pixels - first)
        multiply_block(x, first, count, slid, packed, F, zero, kernels, scratch[t], y)


@parallel_jit
def multiply(x, slid, packed, F, zero, kernels, scratch, y):
    """All blocks; scratch is int16 (threads, pixels of a block, 2 * pairs), y (pixels, G*F)."""
    for t in prange(scratch.shape[0]):
        multiply_share(t, x, slid, packed, F, zero, kernels, scratch, y)


@jit
def multiply_alone(x, slid, packed, F, zero, kernels, scratch, y):
    """The same on the calling thread, for what is too little to wake others."""
    multiply_share(0, x, slid, packed, F, zero, kernels, scratch, y)


@jit_part
def framed(x, n, top, left, repeat, zero, copy, frame):
    """frame[h, w, c*repeat + m] = x[n, top + h, left + w, c], or the zero point outside of x."""
    _, H, W, C = x.shape
    rows, cells, wide = frame.shape
    flat = frame.reshape(frame.size)
    for h in range(rows):
        start, k = (n * H + top + h) * W * C, h * cells * wide
        if not 0 <= top + h < H:
            for c in range(cells * wide):
                flat[k + c] = zero
        elif C == wide:
            run_of_row(x, start, left, cells, C, zero, copy, flat, k)
        else:
            for w in range(cells):
                cell = frame[h, w]
                if not 0 <= left + w < W:
                    cell[:] = zero
                elif repeat == 1:
                    begin = start + (left + w) * C
                    call_move(
                        copy, LIKE, (x.ctypes.data, begin, frame.ctypes.data, k + w * wide, C)
                    )
                else:
                    for c in range(C):
                        for m in range(repeat):
                            cell[c * repeat + m] = x[n, top + h, left + w, c]


@jit_part
def slide_band(x, n, first, count, slid, packed, places, zero, kernels, frame, line, y):
    """Rows first, first + 1, ... of y[n]; frame and line are one thread's own."""
    _, OH, OW, channels = y.shape
    top = first * slid.SH - slid.top
    deep = (count - 1) * slid.SH + (slid.KH - 1) * slid.DH + 1
    repeat = channels // x.shape[3]
    framed(x, n, top, -slid.left, repeat, zero, kernels.copy, frame[:deep])
    panels, pairs = packed.b.shape[1:3]
    wide = panels * WIDTH
    for i in range(count):
        start = (n * OH + first + i) * OW * channels
        # what is no multiple of 16 channels goes by way of a line that is
        made = y.ctypes.data if channels == wide else line.ctypes.data
        made_start = start if channels == wide else 0
        for panel in range(panels):
            call_slide(
                kernels.slide,
                LIKE,
                (
                    *(frame.ctypes.data, i * slid.SH * frame.shape[1] * wide + panel * WIDTH),
                    *(slid.SW * wide, places.ctypes.data, 0, pairs),
                    *(packed.b.ctypes.data, panel * pairs * WIDTH * 4),
                    *(packed.bias.ctypes.data, panel * WIDTH * 4),
                    *(packed.factor.ctypes.data, panel * WIDTH * 4),
                    *(packed.limits.ctypes.data, 0),
                    *(made, made_start + panel * WIDTH, wide, OW),
                ),
            )
        if channels != wide:
            for j in range(OW):
                place = y.ctypes.data, start + j * channels
                call_move(kernels.copy, LIKE, (line.ctypes.data, j * wide, *place, channels))


@jit_part
def slide_share(t, x, slid, packed, places, zero, kernels, band, frames, lines, y):
    """The bands of thread t."""
    bands, parts = (slid.OH + band - 1) // band, frames.shape[0]
    items = y.shape[0] * bands
    for item in range(items * t // parts, items * (t + 1) // parts):
        first = item % bands * band
        slide_band(
            x, item // bands, first, min(band, slid.OH - first), slid, packed, places, zero,
            kernels, frames[t], lines[t], y,
        )  # fmt: skip


@parallel_jit
def slide_all(x, slid, packed, places, zero, kernels, band, frames, lines, y):
    """All bands of `band` rows; frames and lines have one for each thread."""
    for t in prange(frames.shape[0]):
        slide_share(t, x, slid, packed, places, zero, kernels, band, frames, lines, y)


@jit
def slide_alone(x, slid, packed, places, zero, kernels, band, frames, lines, y):
    """The same on the calling thread."""
    slide_share(0, x, slid, packed, places, zero, kernels, band, frames, lines, y)
