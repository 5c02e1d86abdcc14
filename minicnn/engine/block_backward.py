"""The parts of a ConvBlock's backward pass: sums for a normalisation; dz, dx and dkernel of some
pictures at a time.

Arrays of numbers are addresses here, with positions computed from Sizes; `like` is an array of the
block's type.
"""

from minicnn.engine import direct, norm, row_kernels, row_moves, winograd
from minicnn.engine.block_data import CHUNKS
from minicnn.engine.products import FIELDS, pack_transposed_part, run, run_together
from minicnn.machine.call import caller, clear, view, word
from minicnn.machine.jit import jit_part

call_activate = caller(row_kernels.ACTIVATE)
call_sums = caller(row_kernels.SUMS)
call_gradient = caller(row_kernels.GRADIENT)
call_copy = caller(row_moves.COPY)
call_fold = caller(row_moves.FOLD)

FEW_NUMBERS = (
    512 * 1024
)  # of pictures that are taken together: more than fit, but they are read in order


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
        winograd.load_transposed_part(
            s, r.winograd, work, like, data.weights, turned, kernel_t, first, last
        )  # fmt: skip
    else:
        parts = s.cells * ((s.C + 2 * work.lanes - 1) // (2 * work.lanes))
        pack_transposed_part(
            work.square, work.copy, like, work.lanes, data.weights, s.cells, s.C, s.F, s.FP, kernel_t,
            parts * k // CHUNKS, parts * (k + 1) // CHUNKS,
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
                channels.center, 0, channels.inverse, 0, channels.scale, 0, channels.shift, 0, total, 0, product, 0,
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
    kernel = own.memory + own.kernel
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
                    activated, row, source, place, data.winner, window * s.across * s.FP, (i - q * s.PH) * s.PW,
                    across, s.OW - across * s.PW, s.FP, channels.center, 0, channels.unit, 0, channels.slope, 0,
                    channels.offset, 0, channels.factor, 0, channels.scale, 0, channels.shift, 0,
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
            winograd.gradients(r, n, images, n > lo, dz, memory, like)
            continue
        for i in range(images if by_picture else 0):
            place, source = (n + i) * s.H * s.W * s.C, start + i * dz_size
            run(p.weights, 0, p.weight_calls, like, data.x, place, dz, source, dkernel, 0)
        if work.inputs:
            input_gradient(r, n, images, dz, start, memory, like)
    if by_picture and work.winograd and lo < hi:
        winograd.kernel_gradient(r, memory + own.u, dkernel, 0, s.C, like)


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


@jit_part
def together(s):
    """How many pictures the weight gradient may take together: so many stay in the cache."""
    return max(1, FEW_NUMBERS // (s.H * s.W * s.C + s.OH * s.OW * s.FP))


@jit_part
def weight_slices(r, lo, hi, memory, like):
    """Slices lo ... hi-1 of the weight gradient of all pictures, some pictures at a time.

    The pictures, and what a slice needs of dz, are copied: with pixels at a distance of which a
    multiple is a power of two, as they are, they would compete for the same few places of the
    first-level cache.
    """
    s, p, work, data, own = r.sizes, r.programs, r.work, r.data, r.scratch
    spaced, block = memory + own.spaced, memory + own.block
    dz = data.dy if work.gradient == 0 else own.memory + own.all_dz
    pixels, few, step = s.OH * s.OW, together(s), s.C + direct.SPARE
    rows, columns = (s.H - 1) // s.row_step + 1, (s.W - 1) // s.column_step + 1
    for start in range(0, data.n, few):
        pictures = min(data.n - start, few)
        for row in range(pictures * rows):
            place = ((start + row // rows) * s.H + row % rows * s.row_step) * s.W * s.C
            call_copy(
                work.copy,
                like,
                (
                    data.x,
                    place,
                    s.column_step * s.C,
                    spaced,
                    row * columns * step,
                    step,
                    columns,
                    s.C,
                ),
            )
        for k in range(lo, hi):
            first, last = word(p.slices, k), word(p.slices, k + 1)
            column = word(p.weights, FIELDS * first + 3) % s.FP
            width = min(2 * work.lanes, s.FP - column)
            source = start * pixels * s.FP + column
            call_copy(
                work.copy, like, (dz, source, s.FP, block, 0, width, pictures * pixels, width)
            )
            run_together(
                p.weights, first, last, like, pictures, spaced, 0, block, 0, data.dkernel, 0
            )


@jit_part
def fold_bias(r, like):
    """dbias: the sum of the chunks', in their order."""
    s, dbias = r.sizes, view(r.data.dbias, r.sizes.F, like)
    for c in range(s.F):
        total = 0.0
        for k in range(CHUNKS):
            total += norm.chunk_of(r.data.dbiases, k, s.FP)[c]
        dbias[c] = total


@jit_part
def clear_kernel(r, like):
    """dkernel = 0, which the slices add to."""
    clear(r.data.dkernel, r.data.dkernel_size * like.itemsize)


@jit_part
def fold_part(r, k, like):
    """Part k of CHUNKS of dkernel: the sum of the chunks' dkernels, in their order; or from dU of
    all pictures.
    """
    s, data, own, lanes = r.sizes, r.data, r.scratch, r.work.lanes
    if r.programs.at_once:
        winograd.kernel_gradient(
            r, own.memory + own.du, data.dkernel, s.C * k // CHUNKS, s.C * (k + 1) // CHUNKS, like
        )  # fmt: skip
        return
    registers = (data.dkernel_size + lanes - 1) // lanes
    lo, hi = (
        registers * k // CHUNKS * lanes,
        min(registers * (k + 1) // CHUNKS * lanes, data.dkernel_size),
    )
    dkernels = own.memory + own.dkernels
    call_fold(
        r.work.fold, like, (dkernels, lo, data.dkernel_size, CHUNKS, data.dkernel, lo, hi - lo)
    )
