"""The forward pass of a ConvBlock in one parallel region (and one more where batch statistics must be known first).

All arrays of numbers are flat here, with the positions computed from Sizes.
"""

import numpy as np
from numba import prange

from minicnn.engine import norm, row_kernels, winograd
from minicnn.engine.block_data import CHUNKS, scratch_of
from minicnn.engine.call import caller
from minicnn.engine.products import run
from minicnn.kernels.jit import jit_part, parallel_jit, thread_count

call_activate = caller(row_kernels.ACTIVATE)
call_pool = caller(row_kernels.POOL)
call_affine = caller(row_kernels.AFFINE)
call_copy = caller(row_kernels.COPY)


@jit_part
def forward_chunk(s, work, direct, w, own, x, lo, hi, kernel, channels, a, pooled, winner, crop, mean, m2):
    """Pictures lo ... hi-1: a (N, OH, OW, FP), pooled and winner (N, down, across, FP), mean and m2 (FP,)."""
    strip, z = own.strip, own.z
    center, deviations, squares = np.empty((3, s.FP), z.dtype)
    mean[:] = 0
    m2[:] = 0
    count = np.int64(0)
    row_size, z_row = s.OW * s.FP, s.columns * s.FP
    activated = a if work.keep else strip
    made = a if work.in_place else z
    result = pooled if work.pool != 0 else activated
    for n in range(lo, hi, s.pictures):
        images = min(s.pictures, hi - n)
        if work.winograd:
            winograd.forward(w, x, n, images, kernel, own.frame, own.v, own.m, z)
        for block in range(len(direct.blocks) - 1):
            first, last = direct.blocks[block], direct.blocks[block + 1]
            for image in range(n, n + images):
                start = image * s.OH * row_size if work.in_place else (image - n) * s.z_rows * z_row
                run(direct.forward, first, last, x, image * s.H * s.W * s.C, kernel, 0, made, start)
        for image in range(n, n + images):
            for band in range(len(direct.bands)):
                top, bottom, first, last = direct.bands[band]
                start = image * s.OH * row_size if work.in_place else -top * z_row
                run(direct.forward, first, last, x, image * s.H * s.W * s.C, kernel, 0, made, start)
                for i in range(top, bottom):
                    row = (image * s.OH + i) * row_size if work.keep else i % s.PH * row_size
                    source = row if work.in_place else ((image - n) * s.z_rows + i - top) * z_row
                    if work.activate != 0:
                        call_activate(
                            work.activate,
                            (
                                made, source, activated, row, s.OW, s.FP,
                                channels.bias, 0, center, 0, deviations, 0, squares, 0,
                            ),
                        )  # fmt: skip
                    if work.moments:
                        norm.fold_row(count, mean, m2, s.OW, center, deviations, squares)
                        count += s.OW
                    place, target, pixels = row, (image * s.OH + i) * s.OW, s.OW
                    if work.pool != 0:
                        if (i + 1) % s.PH != 0:
                            continue
                        target, pixels = (image * s.down + i // s.PH) * s.across, s.across
                        place = target * s.FP
                        window = row - (s.PH - 1) * row_size
                        call_pool(
                            work.pool,
                            (activated, window, row_size, pixels, s.FP, channels.sign, 0, pooled, place, winner, place),
                        )
                    if not work.normalize:
                        finish_row(s, work, channels, result, place, pixels, result, crop, target)


@jit_part
def finish_row(s, work, channels, x, place, pixels, y, crop, target):
    """The affine part of batch normalisation, if any, of `pixels` pixels from a place on.

    And, where channels are padded, y without the padding, to crop from its pixel `target` on.
    """
    if work.affine != 0:
        call_affine(
            work.affine,
            (x, place, pixels, s.FP, channels.center, 0, channels.scale, 0, channels.shift, 0, y, place),
        )
    if s.F != s.FP:
        call_copy(work.copy, (y, place, s.FP, crop, target * s.F, s.F, pixels, s.F))


@parallel_jit
def forward_all(s, work, direct, w, own, x, n, kernel, channels, batch, a, pooled, winner, y, crop):
    """forward_chunk of n pictures on all chunks, and if work.moments, the normalisation by their moments: y."""
    workers = thread_count()
    for t in prange(workers):
        mine = scratch_of(own, np.int64(t))
        for k in range(CHUNKS * t // workers, CHUNKS * (t + 1) // workers):
            lo, hi = n * k // CHUNKS, n * (k + 1) // CHUNKS
            mean, m2 = batch.means[k], batch.m2s[k]
            forward_chunk(s, work, direct, w, mine, x, lo, hi, kernel, channels, a, pooled, winner, crop, mean, m2)
    if work.moments:
        norm.finish_moments(batch)
        norm.load_forward(batch.mean, batch.variance, batch, channels)
    if work.normalize:
        winners = pooled if work.pool != 0 else a
        for k in prange(CHUNKS):
            for row in range(n * k // CHUNKS * s.down, n * (k + 1) // CHUNKS * s.down):
                start = row * s.across
                finish_row(s, work, channels, winners, start * s.FP, s.across, y, crop, start)
