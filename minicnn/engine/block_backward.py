"""The backward pass of a ConvBlock: sums for batch normalisation, then dz, dx and dkernel of some pictures at a time.

All arrays of numbers are flat here, with the positions computed from Sizes.
"""

import numpy as np
from numba import prange

from minicnn.engine import direct as direct_programs
from minicnn.engine import norm, row_kernels, winograd
from minicnn.engine.block_data import CHUNKS, scratch_of
from minicnn.engine.call import caller
from minicnn.engine.products import run, run_deep, run_together
from minicnn.kernels.jit import jit_part, parallel_jit, thread_count

call_activate = caller(row_kernels.ACTIVATE)
call_sums = caller(row_kernels.SUMS)
call_gradient = caller(row_kernels.GRADIENT)
call_copy = caller(row_kernels.COPY)
call_fold = caller(row_kernels.FOLD)

FEW_NUMBERS = 512 * 1024  # of pictures that are taken together: more than fit, but they are read in order


@jit_part
def widen(s, work, wide, dy, row):
    """Copy a row of dy (N, down, across, F) to wide, FP channels apart; returns where it begins to be so.

    (No array is returned: to hold one, however shortly, is counted, and all threads would count in the same place.)
    """
    if s.F == s.FP:
        return row * s.across * s.FP
    call_copy(work.copy, (dy, row * s.across * s.F, s.F, wide, 0, s.FP, s.across, s.F))
    return 0


@jit_part
def sums_chunk(s, work, wide, channels, dy, x, lo, hi, dbeta, dgamma):
    """dbeta (FP,) = sum of dy, dgamma (FP,) = sum of dy * x_hat over rows lo ... hi-1 of `across` pixels; float64."""
    total, product = np.empty((2, s.FP), dy.dtype)
    dbeta[:] = 0
    dgamma[:] = 0
    source = dy if s.F == s.FP else wide
    for row in range(lo, hi):
        place = widen(s, work, wide, dy, row)
        call_sums(
            work.sums,
            (
                source, place, x, row * s.across * s.FP, s.across, s.FP,
                channels.center, 0, channels.inverse, 0, total, 0, product, 0,
            ),
        )  # fmt: skip
        for c in range(s.FP):
            dbeta[c] += total[c]
            dgamma[c] += product[c]


@jit_part
def gradient_rows(s, work, direct, own, x, n, kernel, channels, a, dy, winner, dz, dz_start, dbias):
    """dz of picture n from dz_start on, row by row, and what it adds to dbias. Without work.gradient it is dy, widened.

    a (N, OH, OW, FP) activations, made again if they were not kept; dy and winner (N, down, across, F or FP).
    """
    z_row = s.columns * s.FP
    activated = a if work.keep else own.strip
    source = dy if s.F == s.FP else own.wide
    total = np.empty(s.FP, dz.dtype)
    if work.gradient == 0:
        rows = s.OH * s.OW
        call_copy(work.copy, (dy, n * rows * s.F, s.F, dz, dz_start, s.FP, rows, s.F))
        return
    for band in range(len(direct.bands)):
        top, bottom, first, last = direct.bands[band]
        if not work.keep:
            run(direct.forward, first, last, x, n * s.H * s.W * s.C, kernel, 0, own.z, -top * z_row)
        for i in range(top, bottom):
            row = (n * s.OH + i) * s.OW * s.FP
            if not work.keep:
                row = 0
                call_activate(
                    work.activate,
                    (
                        own.z, (i - top) * z_row, activated, row, s.OW, s.FP,
                        channels.bias, 0, total, 0, total, 0, total, 0,
                    ),
                )  # fmt: skip
            q = i // s.PH
            across = s.across if q < s.down else 0  # a row below the last window is dropped
            window = n * s.down + min(q, s.down - 1)
            place = widen(s, work, own.wide, dy, window)
            call_gradient(
                work.gradient,
                (
                    activated, row, source, place, winner, window * s.across * s.FP, (i - q * s.PH) * s.PW,
                    across, s.OW - across * s.PW, s.FP, channels.center, 0, channels.slope, 0, channels.offset, 0,
                    channels.factor, 0, dz, dz_start + i * z_row, total, 0,
                ),
            )  # fmt: skip
            for c in range(s.FP):
                dbias[c] += total[c]


@jit_part
def backward_chunk(
    s, work, direct, w, own, x, lo, hi, kernel, kernel_t, channels, a, dy, winner, dz_all, dkernel, dbias, dx
):
    """Pictures lo ... hi-1: dkernel (KH, KW, C, FP), dbias (FP,) float64, dx (N, H, W, CP).

    Where the weight gradient is cut otherwise than by picture, dz of all pictures is left in dz_all for it.
    """
    dbias[:] = 0
    by_picture = work.weights and len(direct.slices) == 0
    if by_picture and (not work.winograd or lo == hi):
        dkernel[:] = 0
    dz_size, dx_size = s.dz_rows * s.columns * s.FP, s.H * s.W * s.CP
    dz = dz_all if len(direct.slices) > 0 else own.dz
    as_it_is = work.gradient == 0 and s.F == s.FP
    if as_it_is:
        dz = dy
    for n in range(lo, hi, s.pictures):
        images = min(s.pictures, hi - n)
        start = n * dz_size if as_it_is or len(direct.slices) > 0 else 0
        for p in range(0 if as_it_is else images):
            place = start + p * dz_size
            gradient_rows(s, work, direct, own, x, n + p, kernel, channels, a, dy, winner, dz, place, dbias)
        if work.winograd:
            winograd.gradient_patches(w, images, dz, own.m)
            if work.weights:
                winograd.patches_of(w, x, n, images, own.frame, own.v)
                run_deep(w.weights, own.v, own.m, own.u, images * w.down * w.across, n > lo)
            if work.inputs:
                winograd.input_gradient(w, n, images, kernel_t, own.halo, own.v, own.m, dx)
        else:
            for p in range(images if by_picture else 0):
                source = start + p * dz_size
                run(direct.weights, 0, len(direct.weights), x, (n + p) * s.H * s.W * s.C, dz, source, dkernel, 0)
            if work.inputs and direct.scatters:
                dx[n * dx_size : (n + images) * dx_size] = 0
            for block in range(len(direct.input_blocks) - 1 if work.inputs else 0):
                first, last = direct.input_blocks[block], direct.input_blocks[block + 1]
                for p in range(images):
                    run(direct.inputs, first, last, dz, start + p * dz_size, kernel_t, 0, dx, (n + p) * dx_size)
    if work.winograd and work.weights and hi > lo:
        winograd.call_transform(w.to_dkernel, (own.u, 0, dkernel, 0, 1, w.C))


@jit_part
def together(s):
    """How many pictures the weight gradient may take together: so many stay in the cache."""
    return max(1, FEW_NUMBERS // (s.H * s.W * s.C + s.OH * s.OW * s.FP))


@jit_part
def weight_slices(s, work, weights, slices, spaced, block, x, n, dz, dkernel, lo, hi):
    """Slices lo ... hi-1 of the weight gradient of all pictures, some pictures at a time.

    The pictures, and what a slice needs of dz, are copied: with pixels at a distance of which a multiple is a power of
    two, as they are, they would compete for the same few places of the first-level cache.
    """
    pixels, few, step = s.OH * s.OW, together(s), s.C + direct_programs.SPARE
    rows, columns = (s.H - 1) // s.row_step + 1, (s.W - 1) // s.column_step + 1
    for start in range(0, n, few):
        pictures = min(n - start, few)
        for row in range(pictures * rows):
            place = ((start + row // rows) * s.H + row % rows * s.row_step) * s.W * s.C
            call_copy(work.copy, (x, place, s.column_step * s.C, spaced, row * columns * step, step, columns, s.C))
        for k in range(lo, hi):
            first, last = slices[k], slices[k + 1]
            column = weights[first, 3] % s.FP
            width = min(2 * work.lanes, s.FP - column)
            source = start * pixels * s.FP + column
            call_copy(work.copy, (dz, source, s.FP, block, 0, width, pictures * pixels, width))
            run_together(weights, first, last, pictures, spaced, 0, block, 0, dkernel)


@parallel_jit
def backward_all(
    s, work, direct, w, own, x, n, kernel, kernel_t, channels, batch, a, winners, dy, winner,
    dz_all, dkernels, dkernel, dbias, dx,
):  # fmt: skip
    """The gradients of a batch normalisation if work.sums, then backward_chunk of n pictures on all chunks.

    dkernel is the sum of the chunks' dkernels (CHUNKS, size), unless it is cut otherwise; dbias (CHUNKS, FP).
    """
    workers = thread_count()
    if work.sums != 0:
        for t in prange(workers):
            wide = own.wide[t]
            for k in range(CHUNKS * t // workers, CHUNKS * (t + 1) // workers):
                lo, hi = n * k // CHUNKS * s.down, n * (k + 1) // CHUNKS * s.down
                sums_chunk(s, work, wide, channels, dy, winners, lo, hi, batch.dbetas[k], batch.dgammas[k])
        norm.load_backward(work.moments, batch, channels)
    if work.weights or work.inputs:
        for t in prange(workers):
            mine = scratch_of(own, np.int64(t))
            for k in range(CHUNKS * t // workers, CHUNKS * (t + 1) // workers):
                lo, hi = n * k // CHUNKS, n * (k + 1) // CHUNKS
                part = dkernels[min(k, len(dkernels) - 1)]  # there is but one where it is not cut by picture
                backward_chunk(
                    s, work, direct, w, mine, x, lo, hi, kernel, kernel_t, channels,
                    a, dy, winner, dz_all, part, dbias[k], dx,
                )  # fmt: skip
    if work.weights and len(direct.slices) > 0:
        dkernel[:] = 0
        dz = dy if work.gradient == 0 and s.F == s.FP else dz_all
        for t in prange(workers):
            count = len(direct.slices) - 1
            lo, hi = count * t // workers, count * (t + 1) // workers
            weight_slices(
                s, work, direct.weights, direct.slices, own.spaced[t], own.block[t], x, n, dz, dkernel, lo, hi
            )
    elif work.weights:
        slices = 64
        registers = dkernel.size // work.lanes
        parts = dkernels.reshape(-1)
        for k in prange(slices):
            lo, hi = registers * k // slices * work.lanes, registers * (k + 1) // slices * work.lanes
            call_fold(work.fold, (parts, lo, dkernel.size, CHUNKS, dkernel, lo, hi - lo))
