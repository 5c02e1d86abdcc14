"""The parallel regions of conv_block.py: one driver each, cut by picture into chunks, over functions for one chunk.

Work is cut into CHUNKS parts whatever the number of threads, and partial sums are folded in the order of the chunks: so
a result does not depend on the number of threads, not in its last bit.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.engine import conv, row_kernels, rows
from minicnn.engine.call import caller
from minicnn.kernels.jit import jit, parallel_jit

call_activate = caller(row_kernels.ACTIVATE)
call_pool = caller(row_kernels.POOL)
call_gradient = caller(row_kernels.GRADIENT)


class Run(NamedTuple):
    """What a block is to do this time: addresses of its row kernels (pool 0: none), and what is wanted of it."""

    activate: int
    pool: int
    gradient: int
    moments: bool
    weights: bool
    inputs: bool


CHUNKS = 8


@jit
def forward_chunk(g, run, tiles, x, lo, hi, kernel, bias, sign, a, pooled, winner, mean, m2):
    """Pictures lo ... hi-1: a (N, OH, OW, FP), pooled and winner (N, OH//PH, OW//PW, FP), mean and m2 (FP,)."""
    center, deviations, squares = np.empty((3, g.FP), a.dtype)
    mean[:] = 0
    m2[:] = 0
    count = 0
    n = lo
    row_size = g.OW * g.FP
    while n < hi:
        images = min(g.G, hi - n)
        for i in range(g.OH):
            row = (n * g.OH + i) * row_size
            conv.forward_row(g, tiles[images], images, x, n, i, kernel, a, row, g.OH * row_size)
            for image in range(n, n + images):
                row = (image * g.OH + i) * row_size
                call_activate(run.activate, (a, row, g.OW, g.FP, bias, 0, center, 0, deviations, 0, squares, 0))
                if run.moments:
                    rows.fold_row(count, mean, m2, g.OW, center, deviations, squares)
                    count += g.OW
                if run.pool != 0 and (i + 1) % g.PH == 0:
                    top = row - (g.PH - 1) * row_size
                    best = ((image * pooled.shape[1] + i // g.PH) * pooled.shape[2]) * g.FP
                    call_pool(run.pool, (a, top, row_size, pooled.shape[2], g.FP, sign, 0, pooled, best, winner, best))
        n += images


@parallel_jit
def forward_all(g, run, tiles, x, kernel, bias, sign, a, pooled, winner, mean, m2):
    """forward_chunk on all chunks; mean, m2 (CHUNKS, FP)."""
    N, chunks = x.shape[0], mean.shape[0]
    for k in prange(chunks):
        lo, hi = N * k // chunks, N * (k + 1) // chunks
        forward_chunk(g, run, tiles, x, lo, hi, kernel, bias, sign, a, pooled, winner, mean[k], m2[k])


@parallel_jit
def affine_all(x, mean, scale, shift, y):
    """rows.affine on all pictures: x (N, OH, OW, FP), y (N, OH, OW, F)."""
    for n in prange(x.shape[0]):
        for i in range(x.shape[1]):
            rows.affine(x[n, i], mean, scale, shift, y[n, i])


@parallel_jit
def gradient_sums_all(dy, x, center, inv_std, dbeta, dgamma):
    """rows.gradient_sums per chunk: dy (N, OH, OW, F), x (N, OH, OW, FP), sums (CHUNKS, F)."""
    N, chunks = dy.shape[0], dbeta.shape[0]
    for k in prange(chunks):
        dbeta[k] = 0
        dgamma[k] = 0
        for n in range(N * k // chunks, N * (k + 1) // chunks):
            for i in range(dy.shape[1]):
                rows.gradient_sums(dy[n, i], x[n, i], center, inv_std, dbeta[k], dgamma[k])


@jit
def backward_chunk(
    g, run, tiles, x, lo, hi, kernel_t, a, dy, winner, center, slope, offset, factor, dz, dkernel, dbias, dx
):
    """Pictures lo ... hi-1: dkernel (KH*KW*C, FP), dbias (FP,) float64, dx (N, H, W, CP); dz (G, OH, OW, FP) scratch.

    a (N, OH, OW, FP) activations, dy and winner (N, OH//PH, OW//PW, FP), the rest (FP,): see row_kernels.gradient.
    """
    total = np.empty(g.FP, dz.dtype)
    dkernel[...] = 0
    dbias[:] = 0
    n = lo
    row_size = g.OW * g.FP
    windows_down, windows = dy.shape[1], dy.shape[2]
    while n < hi:
        images = min(g.G, hi - n)
        for image in range(images):
            for i in range(g.OH):
                q = i // g.PH
                across = windows if q < windows_down else 0  # a row below the last window is dropped
                index = (i - q * g.PH) * g.PW
                source = ((n + image) * g.OH + i) * row_size
                pooled = ((n + image) * windows_down + min(q, windows_down - 1)) * windows * g.FP
                call_gradient(
                    run.gradient,
                    (
                        a, source, dy, pooled, winner, pooled, index, across, g.OW - across * g.PW, g.FP,
                        center, 0, slope, 0, offset, 0, factor, 0, dz, (image * g.OH + i) * row_size, total, 0,
                    ),
                )  # fmt: skip
                for c in range(g.FP):
                    dbias[c] += total[c]
            if run.weights:
                conv.weight_gradient(g, tiles[1], x, n + image, dz, image * g.OH * row_size, dkernel, 0)
        if run.inputs:
            for h in range(g.H):
                start = (n * g.H + h) * g.W * g.CP
                conv.input_gradient_row(g, tiles[images], images, dz, 0, h, kernel_t, dx, start, g.H * g.W * g.CP)
        n += images


@parallel_jit
def backward_all(g, run, tiles, x, kernel_t, a, dy, winner, center, slope, offset, factor, dz, dkernel, dbias, dx):
    """backward_chunk on all chunks; dz (CHUNKS, G, OH, OW, FP), dkernel (CHUNKS, ...), dbias (CHUNKS, FP)."""
    N, chunks = x.shape[0], dkernel.shape[0]
    for k in prange(chunks):
        backward_chunk(
            g, run, tiles, x, N * k // chunks, N * (k + 1) // chunks, kernel_t, a, dy, winner,
            center, slope, offset, factor, dz[k], dkernel[k], dbias[k], dx,
        )  # fmt: skip


@parallel_jit
def fold(parts, total):
    """total[r, c] = the sum of parts[0, r, c], parts[1, r, c], ... in this order, for the columns that total has."""
    for r in prange(total.shape[0]):
        for c in range(total.shape[1]):
            total[r, c] = parts[0, r, c]
        for k in range(1, parts.shape[0]):
            for c in range(total.shape[1]):
                total[r, c] += parts[k, r, c]


@jit
def finish_moments(counts, means, m2s, mean, variance):
    """Fold the chunks' moments (CHUNKS, FP), of counts[k] values each, into mean and biased variance (FP,)."""
    mean[:] = 0
    variance[:] = 0
    count = 0
    for k in range(counts.size):
        if counts[k] > 0:
            rows.fold_moments(count, mean, variance, counts[k], means[k], m2s[k])
            count += counts[k]
    for c in range(variance.size):
        variance[c] /= count
