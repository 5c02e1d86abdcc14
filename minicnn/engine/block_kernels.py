"""The parallel regions of conv_block.py: one driver each, cut by picture into chunks, over functions for one chunk.

Work is cut into CHUNKS parts whatever the number of threads, and partial sums are folded in the order of the chunks: so
a result does not depend on the number of threads, not in its last bit. A thread does its chunks one after the other in
the same scratch memory, which so stays in its cache. All arrays of numbers are flat here, with the
positions computed from Sizes.
"""

from typing import NamedTuple

import numpy as np
from numba import get_num_threads, prange

from minicnn.engine import direct as direct_programs
from minicnn.engine import norm, row_kernels, winograd
from minicnn.engine.call import caller
from minicnn.engine.products import run, run_deep, run_together
from minicnn.kernels.jit import jit, parallel_jit
from minicnn.layers.base import Array

call_activate = caller(row_kernels.ACTIVATE)
call_pool = caller(row_kernels.POOL)
call_affine = caller(row_kernels.AFFINE)
call_sums = caller(row_kernels.SUMS)
call_gradient = caller(row_kernels.GRADIENT)
call_copy = caller(row_kernels.COPY)
call_fold = caller(row_kernels.FOLD)

CHUNKS = 8
FEW_NUMBERS = 512 * 1024  # of pictures that are taken together: more than fit, but they are read in order


class Sizes(NamedTuple):
    """Of a block: picture H x W x C (CP), output OH x OW x F (FP), pool windows PH x PW, down x across of them.

    z and dz are buffers of z_rows and dz_rows rows of `columns` pixels, for `pictures` at a time.
    """

    H: int
    W: int
    C: int
    CP: int
    OH: int
    OW: int
    F: int
    FP: int
    PH: int
    PW: int
    down: int
    across: int
    pictures: int
    columns: int
    z_rows: int
    dz_rows: int


class Direct(NamedTuple):
    """The programs of direct.py. With Winograd's algorithm there is one band, of all rows, and no calls."""

    forward: Array
    bands: Array
    weights: Array
    inputs: Array
    scatters: bool  # whether `inputs` adds to dx
    slices: Array  # marks in `weights` between parts that write to different numbers; empty: it is cut by picture


class Work(NamedTuple):
    """What a block is to do this time: addresses of its row kernels (0: leave that out), and what is wanted of it."""

    winograd: bool
    lanes: int
    activate: int = 0
    pool: int = 0
    affine: int = 0
    sums: int = 0
    gradient: int = 0
    copy: int = 0
    fold: int = 0
    moments: bool = False  # normalise by the batch's own moments
    normalize: bool = False  # from the winners to y, which are both kept; else at once, row by row
    keep: bool = False  # store the activations, for backward
    in_place: bool = False  # and let the convolution write to where they are stored
    weights: bool = False
    inputs: bool = False


class Scratch(NamedTuple):
    """Buffers of each thread (threads, size): a row of activations, one of dy, some channels of dz,
    some pictures, z, dz, and those of winograd.py."""

    strip: Array
    wide: Array
    block: Array
    spaced: Array
    z: Array
    dz: Array
    frame: Array
    halo: Array
    v: Array
    m: Array
    u: Array


@jit
def scratch_of(own, t):
    """The buffers of thread t, flat."""
    return Scratch(
        own.strip[t], own.wide[t], own.block[t], own.spaced[t], own.z[t], own.dz[t],
        own.frame[t], own.halo[t], own.v[t], own.m[t], own.u[t],
    )  # fmt: skip


@jit
def forward_chunk(s, work, direct, w, own, x, lo, hi, kernel, channels, a, pooled, winner, mean, m2):
    """Pictures lo ... hi-1: a (N, OH, OW, FP), pooled and winner (N, down, across, FP), mean and m2 (FP,)."""
    strip, z = own.strip, own.z
    center, deviations, squares = np.empty((3, s.FP), z.dtype)
    mean[:] = 0
    m2[:] = 0
    count = 0
    row_size, z_row = s.OW * s.FP, s.columns * s.FP
    activated = a if work.keep else strip
    made = a if work.in_place else z
    result = pooled if work.pool != 0 else a
    for n in range(lo, hi, s.pictures):
        images = min(s.pictures, hi - n)
        if work.winograd:
            winograd.forward(w, x, n, images, kernel, own.frame, own.v, own.m, z)
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
                    place, pixels = row, s.OW
                    if work.pool != 0:
                        if (i + 1) % s.PH != 0:
                            continue
                        place, pixels = (image * s.down + i // s.PH) * s.across * s.FP, s.across
                        window = row - (s.PH - 1) * row_size
                        call_pool(
                            work.pool,
                            (activated, window, row_size, pixels, s.FP, channels.sign, 0, pooled, place, winner, place),
                        )
                    if work.affine != 0 and not work.normalize:
                        affine_row(work.affine, s, channels, result, place, pixels, result)


@jit
def affine_row(affine, s, channels, x, place, pixels, y):
    """The affine part of batch normalisation, of `pixels` pixels from a place on."""
    call_affine(
        affine,
        (x, place, pixels, s.FP, channels.center, 0, channels.scale, 0, channels.shift, 0, y, place),
    )


@parallel_jit
def forward_all(s, work, direct, w, own, x, n, kernel, channels, batch, a, pooled, winner, y):
    """forward_chunk of n pictures on all chunks, and if work.moments, the normalisation by their moments: y."""
    workers = get_num_threads()
    for t in prange(workers):
        mine = scratch_of(own, t)
        for k in range(CHUNKS * t // workers, CHUNKS * (t + 1) // workers):
            lo, hi = n * k // CHUNKS, n * (k + 1) // CHUNKS
            mean, m2 = batch.means[k], batch.m2s[k]
            forward_chunk(s, work, direct, w, mine, x, lo, hi, kernel, channels, a, pooled, winner, mean, m2)
    if work.moments:
        norm.finish_moments(batch)
        norm.load_forward(batch.mean, batch.variance, batch, channels)
    if work.normalize:
        winners = pooled if work.pool != 0 else a
        for k in prange(CHUNKS):
            for row in range(n * k // CHUNKS * s.down, n * (k + 1) // CHUNKS * s.down):
                affine_row(work.affine, s, channels, winners, row * s.across * s.FP, s.across, y)


@jit
def widen(s, work, own, dy, row):
    """Copy a row of dy (N, down, across, F) to own.wide, FP channels apart; returns where it begins to be so.

    (No array is returned: to hold one, however shortly, is counted, and all threads would count in the same place.)
    """
    if s.F == s.FP:
        return row * s.across * s.FP
    call_copy(work.copy, (dy, row * s.across * s.F, s.F, own.wide, 0, s.FP, s.across, s.F))
    return 0


@jit
def sums_chunk(s, work, own, channels, dy, x, lo, hi, dbeta, dgamma):
    """dbeta (FP,) = sum of dy, dgamma (FP,) = sum of dy * x_hat over rows lo ... hi-1 of `across` pixels; float64."""
    total, product = np.empty((2, s.FP), dy.dtype)
    dbeta[:] = 0
    dgamma[:] = 0
    source = dy if s.F == s.FP else own.wide
    for row in range(lo, hi):
        place = widen(s, work, own, dy, row)
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


@jit
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
            place = widen(s, work, own, dy, window)
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


@jit
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
            if by_picture:
                run(direct.weights, 0, len(direct.weights), x, n * s.H * s.W * s.C, dz, start, dkernel, 0)
            if work.inputs:
                if direct.scatters:
                    dx[n * dx_size : (n + 1) * dx_size] = 0
                run(direct.inputs, 0, len(direct.inputs), dz, start, kernel_t, 0, dx, n * dx_size)
    if work.winograd and work.weights and hi > lo:
        winograd.apply(w.to_dkernel, own.u, dkernel, w.C)


@jit
def together(s):
    """How many pictures the weight gradient may take together: so many stay in the cache."""
    return max(1, FEW_NUMBERS // (s.H * s.W * s.C + s.OH * s.OW * s.FP))


@jit
def weight_slices(s, work, direct, own, x, n, dz, dkernel, lo, hi):
    """Slices lo ... hi-1 of the weight gradient of all pictures, some pictures at a time.

    The pictures, and what a slice needs of dz, are copied: with pixels at a distance of which a multiple is a power of
    two, as they are, they would compete for the same few places of the first-level cache.
    """
    pixels, x_pixels, few = s.OH * s.OW, s.H * s.W, together(s)
    for start in range(0, n, few):
        pictures = min(n - start, few)
        place, spaced = start * x_pixels * s.C, s.C + direct_programs.SPARE
        call_copy(work.copy, (x, place, s.C, own.spaced, 0, spaced, pictures * x_pixels, s.C))
        for k in range(lo, hi):
            first, last = direct.slices[k], direct.slices[k + 1]
            column = direct.weights[first, 3] % s.FP
            width = min(2 * work.lanes, s.FP - column)
            source = start * pixels * s.FP + column
            call_copy(work.copy, (dz, source, s.FP, own.block, 0, width, pictures * pixels, width))
            run_together(direct.weights, first, last, pictures, own.spaced, 0, own.block, 0, dkernel)


@parallel_jit
def backward_all(
    s, work, direct, w, own, x, n, kernel, kernel_t, channels, batch, a, winners, dy, winner,
    dz_all, dkernels, dkernel, dbias, dx,
):  # fmt: skip
    """The gradients of a batch normalisation if work.sums, then backward_chunk of n pictures on all chunks.

    dkernel is the sum of the chunks' dkernels (CHUNKS, size), unless it is cut otherwise; dbias (CHUNKS, FP).
    """
    workers = get_num_threads()
    if work.sums != 0:
        for t in prange(workers):
            mine = scratch_of(own, t)
            for k in range(CHUNKS * t // workers, CHUNKS * (t + 1) // workers):
                lo, hi = n * k // CHUNKS * s.down, n * (k + 1) // CHUNKS * s.down
                sums_chunk(s, work, mine, channels, dy, winners, lo, hi, batch.dbetas[k], batch.dgammas[k])
        norm.load_backward(work.moments, batch, channels)
    if work.weights or work.inputs:
        for t in prange(workers):
            mine = scratch_of(own, t)
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
            slices = len(direct.slices) - 1
            lo, hi = slices * t // workers, slices * (t + 1) // workers
            weight_slices(s, work, direct, scratch_of(own, t), x, n, dz, dkernel, lo, hi)
    elif work.weights:
        slices = 64
        registers = dkernel.size // work.lanes
        parts = dkernels.reshape(-1)
        for k in prange(slices):
            lo, hi = registers * k // slices * work.lanes, registers * (k + 1) // slices * work.lanes
            call_fold(work.fold, (parts, lo, dkernel.size, CHUNKS, dkernel, lo, hi - lo))
