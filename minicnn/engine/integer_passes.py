"""Matrix products of whole numbers on all threads: what tiles (integer_tiles.py) are given.

Most convolutions are cut into bands of rows. A band's pixels are copied into a frame, as taps and
with the padding around them, and tiles read patches from there, wherever they lie. Dense layers and
convolutions of single pixels are cut into blocks of pixels, which are rows of a matrix as they are;
so are those whose patches lie in too many pieces, dilated or in groups, once these have been put
together (im2row).

Axes: N pictures, H W, C channels of a group, G groups, F filters of a group, OH OW positions of
what is made, behind the pooling if there is one.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.engine.integer_tiles import Tile
from minicnn.engine.integer_windows import Move
from minicnn.machine.call import caller
from minicnn.machine.jit import jit, jit_part, parallel_jit
from minicnn.types import Array

LANE = 4  # bytes
call_tile, call_move = caller(Tile), caller(Move)


class Slid(NamedTuple):
    """How a window slides: positions, size, strides, padding before, dilation, and the windows of
    the pooling behind it, 1 and 1 where there is none.
    """

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
    PH: int
    PW: int


class Packed(NamedTuple):
    """Weights as kernels take them, panel by panel: b (G, panels, lines, steps, width, taps), ends
    int32 (G, panels, stages * 6, width), see integer_sets.STAGE.
    """

    b: Array
    ends: Array


class Kernels(NamedTuple):
    """Addresses: bytes made taps; tiles of `pixels` and of one, for panels of `width` filters and
    for the last one.
    """

    move: int
    tile: int
    tile_1: int
    last: int
    last_1: int
    pixels: int
    width: int


@jit_part
def byte(array, index):
    """The address of a byte of an array."""
    return np.intp(array.ctypes.data) + index


@jit_part
def run_of_row(x, start, w_first, cells, C, pad, move, y, y_start):
    """y (1-dimensional) from y_start on: `cells` pixels of C from w_first on of the row of pixels
    that begins at x.flat[start]; pad outside of it.
    """
    W, size = x.shape[2], y.itemsize
    left = min(max(-w_first, 0), cells)
    right = max(min(W - w_first, cells), left)
    for k in range(y_start, y_start + left * C):
        y[k] = pad
    source, target = byte(x, start + (w_first + left) * C), byte(y, (y_start + left * C) * size)
    call_move(move, Move(x=source, y=target, size=(right - left) * C))
    for k in range(y_start + right * C, y_start + cells * C):
        y[k] = pad


@jit_part
def framed(x, n, top, rows, left, cells, pad, move, frame):
    """frame (rows * cells * C): the pixels x[n, top + h, w - left], or pad where there is none."""
    _, H, W, C = x.shape
    wide = cells * C
    above = min(max(-top, 0), rows)
    below = max(min(H - top, rows), above)
    frame[: above * wide] = pad
    frame[below * wide : rows * wide] = pad
    start = (n * H + top) * W * C
    if left == 0 and cells == W:
        source, target = byte(x, start + above * wide), byte(frame, above * wide * frame.itemsize)
        call_move(move, Move(x=source, y=target, size=(below - above) * wide))
        return
    for h in range(above, below):
        run_of_row(x, start + h * W * C, -left, cells, C, pad, move, frame, h * wide)


@jit_part
def multiply_band(x, n, first, count, slid, cells, packed, F, pad, kernels, frame, y):
    """Rows first, first + 1, ... of y[n]; frame is one thread's own."""
    C, size = x.shape[3], frame.itemsize
    top = first * slid.PH * slid.SH - slid.top
    rows = (count * slid.PH - 1) * slid.SH + (slid.KH - 1) * slid.DH + 1
    framed(x, n, top, rows, slid.left, cells, pad, kernels.move, frame)
    line, a_pixel = cells * C * size, slid.SW * C * size
    a_row = slid.SH * line
    panels, segments, steps = packed.b.shape[1:4]
    for panel in range(panels):
        tile = kernels.last if F - panel * kernels.width < kernels.width else kernels.tile
        for i in range(count):
            start = (n * slid.OH + first + i) * slid.OW
            done = 0
            while done < slid.OW:
                # the last tile begins early enough to be whole: some pixels are made twice
                j = min(done, slid.OW - kernels.pixels)
                call_tile(
                    tile,
                    Tile(
                        a=byte(frame, i * slid.PH * a_row + j * slid.PW * a_pixel),
                        a_pixel=a_pixel,
                        a_row=a_row,
                        segments=segments,
                        a_segment=slid.DH * line,
                        steps=steps,
                        b=byte(packed.b, panel * segments * steps * kernels.width * LANE),
                        ends=byte(packed.ends, panel * packed.ends[0, 0].size * LANE),
                        y=byte(y, (start + j) * F + panel * kernels.width),
                        y_step=F,
                    ),
                )
                done = j + kernels.pixels


@jit_part
def multiply_bands_of(t, x, slid, band, cells, packed, F, pad, kernels, frames, y):
    """The bands of thread t."""
    bands, parts = (slid.OH + band - 1) // band, frames.shape[0]
    items = x.shape[0] * bands
    for item in range(items * t // parts, items * (t + 1) // parts):
        first = item % bands * band
        multiply_band(
            x, item // bands, first, min(band, slid.OH - first), slid, cells, packed, F, pad,
            kernels, frames[t], y,
        )  # fmt: skip


@parallel_jit
def multiply_bands(x, slid, band, cells, packed, F, pad, kernels, frames, y):
    """All bands of `band` rows; frames of `cells` pixels a row has one for each thread."""
    for t in prange(frames.shape[0]):
        multiply_bands_of(t, x, slid, band, cells, packed, F, pad, kernels, frames, y)


@jit
def multiply_bands_alone(x, slid, band, cells, packed, F, pad, kernels, frames, y):
    """The same on the calling thread, for what is too little to wake others."""
    multiply_bands_of(0, x, slid, band, cells, packed, F, pad, kernels, frames, y)


@jit_part
def im2row(x, first, count, slid, g, C, pad, move, rows):
    """rows[p, (kh*KW + kw)*C + c] = x at pixel first + p, or pad; what is left of a row is 0."""
    _, H, W, channels = x.shape
    flat, depth = rows.reshape(rows.size), rows.shape[1]
    K, size = slid.KH * slid.KW * C, rows.itemsize
    if slid.KH * slid.KW * slid.SH * slid.SW == 1 and channels == C == depth:
        call_move(move, Move(x=byte(x, first * C), y=byte(rows, 0), size=count * C))
        return
    n, rest = divmod(first, slid.OH * slid.OW)
    i, j = divmod(rest, slid.OW)
    for p in range(count):
        k = p * depth
        for kh in range(slid.KH):
            h = i * slid.SH - slid.top + kh * slid.DH
            for kw in range(slid.KW):
                w = j * slid.SW - slid.left + kw * slid.DW
                if 0 <= h < H and 0 <= w < W:
                    source = byte(x, ((n * H + h) * W + w) * channels + g * C)
                    call_move(move, Move(x=source, y=byte(rows, k * size), size=C))
                else:
                    for c in range(C):
                        flat[k + c] = pad
                k += C
        for c in range(depth - K):
            flat[k + c] = 0
        j += 1
        if j == slid.OW:
            i, j = i + 1, 0
        if i == slid.OH:
            n, i = n + 1, 0


@jit_part
def multiply_block(x, first, count, slid, packed, F, pad, kernels, rows, y):
    """y (pixels, G*F) of `count` pixels from `first` on."""
    G, panels, _, steps = packed.b.shape[:4]
    C, channels = x.shape[3] // G, G * F
    a_pixel, P = rows.shape[1] * rows.itemsize, kernels.pixels
    for g in range(G):
        im2row(x, first, count, slid, g, C, pad, kernels.move, rows)
        for panel in range(panels):
            last = F - panel * kernels.width < kernels.width
            wide = kernels.last if last else kernels.tile
            single = kernels.last_1 if last else kernels.tile_1
            where = g * panels + panel
            done = 0
            while done < count:
                many = count >= P
                r = min(done, count - P) if many else done
                call_tile(
                    wide if many else single,
                    Tile(
                        a=byte(rows, r * a_pixel),
                        a_pixel=a_pixel,
                        a_row=0,
                        segments=1,
                        a_segment=0,
                        steps=steps,
                        b=byte(packed.b, where * steps * kernels.width * LANE),
                        ends=byte(packed.ends, where * packed.ends[0, 0].size * LANE),
                        y=byte(y, (first + r) * channels + g * F + panel * kernels.width),
                        y_step=channels,
                    ),
                )
                done = r + (P if many else 1)


@jit_part
def multiply_blocks_of(t, x, slid, packed, F, pad, kernels, scratch, y):
    """The blocks of thread t."""
    pixels, (parts, block, _) = y.shape[0], scratch.shape
    blocks = (pixels + block - 1) // block
    for number in range(blocks * t // parts, blocks * (t + 1) // parts):
        first = number * block
        count = min(block, pixels - first)
        multiply_block(x, first, count, slid, packed, F, pad, kernels, scratch[t], y)


@parallel_jit
def multiply_blocks(x, slid, packed, F, pad, kernels, scratch, y):
    """All blocks; scratch (threads, pixels of a block, steps * taps), y (pixels, G*F)."""
    for t in prange(scratch.shape[0]):
        multiply_blocks_of(t, x, slid, packed, F, pad, kernels, scratch, y)


@jit
def multiply_blocks_alone(x, slid, packed, F, pad, kernels, scratch, y):
    """The same on the calling thread."""
    multiply_blocks_of(0, x, slid, packed, F, pad, kernels, scratch, y)
