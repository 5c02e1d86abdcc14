"""The parts of a ConvBlock's backward pass: sums for a normalisation; dz, dx and dkernel of some
pictures at a time.

Arrays of numbers are addresses here, with positions computed from Sizes; `like` is an array of the
block's type.
"""

from minicnn.engine import row_kernels, row_moves
from minicnn.engine.conv import norm, winograd_passes
from minicnn.engine.conv.layout import CHUNKS
from minicnn.engine.products import pack_transposed_part, run
from minicnn.machine.call import caller, clear, view, word
from minicnn.machine.jit import jit_part

call_activate = caller(row_kernels.ACTIVATE)
call_sums = caller(row_kernels.SUMS)
call_gradient = caller(row_kernels.GRADIENT)
call_copy = caller(row_moves.COPY)


@jit_part
def load_transposed_part(r, k, like):
    """Part k of CHUNKS of the kernel, as the program of the input gradient reads it, if that is
    wanted.
    """
    s, work, data, shared = r.sizes, r.work, r.data, r.scratch
    if not work.inputs:
        return
    turned, kernel_t = shared.memory + shared.turned, shared.memory + shared.kernel_t
    if work.winograd:
        registers = s.F // work.lanes
        first, last = (
            registers * k // CHUNKS * work.lanes,
            registers * (k + 1) // CHUNKS * work.lanes,
        )
        winograd_passes.load_transposed_part(
            s, r.winograd, work, like, data.weights, turned, kernel_t, first, last
        )  # fmt: skip
    else:
        parts = s.cells * ((s.C + 2 * work.lanes - 1) // (2 * work.lanes))
        pack_transposed_part(
            work.square, work.copy, like, work.lanes, data.weights, s.cells, s.C, s.F, s.FP,
            kernel_t, parts * k // CHUNKS, parts * (k + 1) // CHUNKS,
        )  # fmt: skip


@jit_part
def widen(r, like, wide, row):
    """Copy a row of dy (N, down, across, F) to wide, FP channels apart; returns where it begins to
    be so.
    """
    s = r.sizes
    if s.F == s.FP:
        return row * s.across * s.FP
    call_copy(
        r.work.copy, like, (r.data.dy, row * s.across * s.F, s.F, wide, 0, s.FP, s.across, s.F)
    )
    return 0


@jit_part
def sums_chunk(r, k, memory, like):
    """Of chunk k: dbeta (FP,) = sum of dy, dgamma (FP,) = sum of dy * x_hat, row by row; in double.

    Only with a batch normalisation.
    """
    s, work, data, own, channels = r.sizes, r.work, r.data, r.scratch, r.channels
    if work.sums == 0:
        return
    wide, total, product = memory + own.wide, memory + own.deviations, memory + own.squares
    dbeta, dgamma = norm.zeros_in(r.batch.dbetas, k, s.FP), norm.zeros_in(r.batch.dgammas, k, s.FP)
    totals, products = view(total, s.FP, like), view(product, s.FP, like)
    source = data.dy if s.F == s.FP else wide
    for row in range(data.n * k // CHUNKS * s.down, data.n * (k + 1) // CHUNKS * s.down):
        place = widen(r, like, wide, row)
        call_sums(
            work.sums,
            like,
            (
                source, place, data.winners, row * s.across * s.FP, s.across, s.FP,
                channels.center, 0, channels.inverse, 0, channels.scale, 0, channels.shift, 0,
                total, 0, product, 0,
            ),
        )  # fmt: skip
        for c in range(s.FP):
            dbeta[c] += totals[c]
            dgamma[c] += products[c]


@jit_part
def gradient_rows(r, n, memory, like, dz, dz_start, dbias):
    """dz of picture n from dz_start on, row by row, and what it adds to dbias.

    Activations that were not kept are made again.
    """
    s, p, work, data, own, channels = r.sizes, r.programs, r.work, r.data, r.scratch, r.channels
    z, strip, wide, total = (
        memory + own.z,
        memory + own.strip,
        memory + own.wide,
        memory + own.deviations,
    )
    kernel = own.kernel
    z_row = s.columns * s.FP
    activated = data.a if work.keep else strip
    source = data.dy if s.F == s.FP else wide
    totals = view(total, s.FP, like)
    for band in range(0, 4 * p.band_count, 4):
        top, bottom = word(p.bands, band), word(p.bands, band + 1)
        if not work.keep:
            first, last = word(p.bands, band + 2), word(p.bands, band + 3)
            run(
                p.forward,
                first,
                last,
                like,
                data.x,
                n * s.H * s.W * s.C,
                kernel,
                0,
                z,
                -top * z_row,
            )
        for i in range(top, bottom):
            row = (n * s.OH + i) * s.OW * s.FP
            if not work.keep:
                row = 0
                call_activate(
                    work.activate,
                    like,
                    (
                        z, (i - top) * z_row, activated, row, s.OW, s.FP,
                        channels.bias, 0, total, 0, total, 0, total, 0,
                    ),
                )  # fmt: skip
            q = i // s.PH
            across = s.across if q < s.down else 0  # a row below the last window is dropped
            window = n * s.down + min(q, s.down - 1)
            place = widen(r, like, wide, window)
            call_gradient(
                work.gradient,
                like,
                (
                    activated, row, source, place,
                    data.winner, window * s.across * s.FP, (i - q * s.PH) * s.PW,
                    across, s.OW - across * s.PW, s.FP,
                    channels.center, 0, channels.unit, 0, channels.slope, 0, channels.offset, 0,
                    channels.factor, 0, channels.scale, 0, channels.shift, 0,
                    data.winners, window * s.across * s.FP, dz, dz_start + i * z_row, total, 0,
                ),
            )  # fmt: skip
            for c in range(s.FP):
                dbias[c] += totals[c]


@jit_part
def backward_chunk(r, k, memory, like):
    """The pictures of chunk k: dkernel (KH, KW, C, FP), dbias (FP,) in double, dx (N, H, W, C).

    Where dkernel is made of all pictures at once, what it is made of is kept: dz, or what
    winograd.py makes of it.
    """
    s, p, work, data, own = r.sizes, r.programs, r.work, r.data, r.scratch
    lo, hi = data.n * k // CHUNKS, data.n * (k + 1) // CHUNKS
    dbias = norm.zeros_in(data.dbiases, k, s.FP)
    dkernel = own.memory + own.dkernels + k * data.dkernel_size * like.itemsize
    by_picture = work.weights and not p.at_once
    if by_picture and (not work.winograd or lo == hi):
        clear(dkernel, data.dkernel_size * like.itemsize)
    dz_size, as_it_is = s.dz_rows * s.columns * s.FP, work.gradient == 0
    of_all = as_it_is or p.at_once and not work.winograd
    dz = data.dy if as_it_is else own.memory + own.all_dz if of_all else memory + own.dz
    for n in range(lo, hi, s.pictures):
        images, start = min(s.pictures, hi - n), n * dz_size if of_all else 0
        for i in range(0 if as_it_is else images):
            gradient_rows(r, n + i, memory, like, dz, start + i * dz_size, dbias)
        if work.winograd:
            winograd_passes.gradients(r, n, images, n > lo, dz, memory, like)
            continue
        for i in range(images if by_picture else 0):
            place, source = (n + i) * s.H * s.W * s.C, start + i * dz_size
            run(p.weights, 0, p.weight_calls, like, data.x, place, dz, source, dkernel, 0)
        if work.inputs:
            input_gradient(r, n, images, dz, start, memory, like)
    if by_picture and work.winograd and lo < hi:
        winograd_passes.kernel_gradient(r, memory + own.u, dkernel, 0, s.C, like)


@jit_part
def input_gradient(r, n, images, dz, start, memory, like):
    """dx (N, H, W, C) of the pictures from the n-th on, whose dz begins at `start`."""
    s, p, work, data, own = r.sizes, r.programs, r.work, r.data, r.scratch
    dx_size, dz_size, kernel_t = (
        s.H * s.W * s.C,
        s.dz_rows * s.columns * s.FP,
        own.memory + own.kernel_t,
    )
    if p.gathers:
        v = memory + own.v
        if p.scatters:
            clear(v, s.pictures * dx_size * like.itemsize)
        run(p.inputs, 0, p.input_calls, like, dz, start, kernel_t, 0, v, 0)
        call_copy(work.copy, like, (v, 0, 0, data.dx, n * dx_size, 0, 1, images * dx_size))
        return
    if p.scatters:
        clear(data.dx + n * dx_size * like.itemsize, images * dx_size * like.itemsize)
    for block in range(p.input_block_count):
        first, last = word(p.input_blocks, block), word(p.input_blocks, block + 1)
        for i in range(images):
            run(
                p.inputs,
                first,
                last,
                like,
                dz,
                start + i * dz_size,
                kernel_t,
                0,
                data.dx,
                (n + i) * dx_size,
            )
