"""The parts of a ConvBlock's forward pass: the kernel laid out, pictures, and their normalisation.

Arrays of numbers are addresses here, with positions computed from Sizes; `like` is an array of the
block's type.
"""

from minicnn.engine import row_kernels, row_moves
from minicnn.engine.conv import norm, winograd_passes
from minicnn.engine.conv.layout import CHUNKS
from minicnn.engine.products import pack_part, run
from minicnn.machine.call import caller, view, word
from minicnn.machine.jit import jit_part

call_activate = caller(row_kernels.ACTIVATE)
call_pool = caller(row_kernels.POOL)
call_affine = caller(row_kernels.AFFINE)
call_copy = caller(row_moves.COPY)
call_rescale = caller(row_moves.RESCALE)


@jit_part
def load_part(r, k, like):
    """Part k of CHUNKS of the kernel, as the forward program reads it."""
    s, work, data, kernel = r.sizes, r.work, r.data, r.scratch.kernel
    if work.winograd:
        first, last = s.C * k // CHUNKS, s.C * (k + 1) // CHUNKS
        winograd_passes.load_part(s, r.winograd, like, data.weights, kernel, first, last)
    else:
        blocks = (s.F + 2 * work.lanes - 1) // (2 * work.lanes)
        first, last = blocks * k // CHUNKS, blocks * (k + 1) // CHUNKS
        pack_part(
            work.copy, like, work.lanes, data.weights, s.cells * s.C, s.F, s.FP, kernel, first, last
        )


@jit_part
def forward_chunk(r, k, memory, like):
    """The pictures of chunk k: activations, winners and moments, and y unless it must wait for
    these.
    """
    s, p, work, data, own, channels = r.sizes, r.programs, r.work, r.data, r.scratch, r.channels
    kernel = own.kernel
    z, strip = memory + own.z, memory + own.strip
    center, deviations, squares = memory + own.center, memory + own.deviations, memory + own.squares
    mean, m2 = norm.zeros_in(r.batch.means, k, s.FP), norm.zeros_in(r.batch.m2s, k, s.FP)
    count = 0
    row_size, z_row = s.OW * s.FP, s.columns * s.FP
    activated = data.a if work.keep else strip
    made = data.a if work.in_place else z
    result = data.pooled if work.pool != 0 else activated
    lo, hi = data.n * k // CHUNKS, data.n * (k + 1) // CHUNKS
    for n in range(lo, hi, s.pictures):
        images = min(s.pictures, hi - n)
        if work.rescale != 0:
            start, size = n * s.H * s.W * s.C, images * s.H * s.W * s.C
            call_rescale(
                work.rescale,
                like,
                (data.bytes, start, data.x, start, size, data.scale, 0, data.offset, 0),
            )
        if work.winograd:
            frame, v, m = memory + own.frame, memory + own.v, memory + own.m
            winograd_passes.forward(
                s, r.winograd, p, work.copy, like, data.x, n, images, kernel, frame, v, m, z
            )
        if p.gathers:
            size, v = s.H * s.W * s.C, memory + own.v
            call_copy(work.copy, like, (data.x, n * size, 0, v, 0, 0, 1, images * size))
            run(p.forward, 0, p.forward_calls, like, v, 0, kernel, 0, z, 0)
        for block in range(0 if p.gathers else p.block_count):
            first, last = word(p.blocks, block), word(p.blocks, block + 1)
            for image in range(n, n + images):
                start = image * s.OH * row_size if work.in_place else (image - n) * s.z_rows * z_row
                run(
                    p.forward,
                    first,
                    last,
                    like,
                    data.x,
                    image * s.H * s.W * s.C,
                    kernel,
                    0,
                    made,
                    start,
                )
        for image in range(n, n + images):
            for band in range(0, 4 * p.band_count, 4):
                top, bottom = word(p.bands, band), word(p.bands, band + 1)
                first, last = word(p.bands, band + 2), word(p.bands, band + 3)
                start = image * s.OH * row_size if work.in_place else -top * z_row
                run(
                    p.forward,
                    first,
                    last,
                    like,
                    data.x,
                    image * s.H * s.W * s.C,
                    kernel,
                    0,
                    made,
                    start,
                )
                for i in range(top, bottom):
                    row = (image * s.OH + i) * row_size if work.keep else i % s.PH * row_size
                    source = row if work.in_place else ((image - n) * s.z_rows + i - top) * z_row
                    if work.activate != 0:
                        call_activate(
                            work.activate,
                            like,
                            (
                                made, source, activated, row, s.OW, s.FP,
                                channels.bias, 0, center, 0, deviations, 0, squares, 0,
                            ),
                        )  # fmt: skip
                    if work.moments:
                        values = (
                            view(center, s.FP, like),
                            view(deviations, s.FP, like),
                            view(squares, s.FP, like),
                        )
                        norm.fold_row(count, mean, m2, s.OW, *values)
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
                            like,
                            (
                                activated, window, row_size, pixels, s.FP, channels.sign, 0,
                                data.pooled, place, data.winner, place,
                            ),
                        )  # fmt: skip
                    if not work.normalize:
                        finish_row(r, like, result, place, pixels, result, target)


@jit_part
def measure(r, memory, like):
    """Mean and variance of all activations again, in two passes and in double precision, by one
    thread.

    Sums of squares of a row overflow in float32 where activations differ by 1e18 and more.
    Activations that were not kept are made again.
    """
    s, p, work, data, own, channels = r.sizes, r.programs, r.work, r.data, r.scratch, r.channels
    z, strip, total = memory + own.z, memory + own.strip, memory + own.center
    mean, variance = norm.zeros_in(r.batch.mean, 0, s.FP), norm.zeros_in(r.batch.variance, 0, s.FP)
    row_size, z_row, count = s.OW * s.FP, s.columns * s.FP, data.n * s.OH * s.OW
    for squares in range(2):
        for n in range(data.n):
            for band in range(0, 4 * p.band_count, 4):
                top, bottom = word(p.bands, band), word(p.bands, band + 1)
                if not work.keep:
                    first, last = word(p.bands, band + 2), word(p.bands, band + 3)
                    place = n * s.H * s.W * s.C
                    run(
                        p.forward,
                        first,
                        last,
                        like,
                        data.x,
                        place,
                        own.kernel,
                        0,
                        z,
                        -top * z_row,
                    )
                for i in range(top, bottom):
                    row = data.a + (n * s.OH + i) * row_size * like.itemsize
                    if not work.keep:
                        row = strip
                        call_activate(
                            work.activate,
                            like,
                            (
                                z, (i - top) * z_row, strip, 0, s.OW, s.FP,
                                channels.bias, 0, total, 0, total, 0, total, 0,
                            ),
                        )  # fmt: skip
                    values = view(row, row_size, like)
                    for k in range(row_size):
                        c = k % s.FP
                        if squares:
                            variance[c] += (values[k] - mean[c]) ** 2 / count
                        else:
                            mean[c] += values[k] / count


@jit_part
def finish_row(r, like, x, place, pixels, y, target):
    """The affine part of batch normalisation, if any, of `pixels` pixels from a place on.

    And, where channels are padded or some of many, y as it is wanted, to crop from its pixel
    `target` on.
    """
    s, work, channels = r.sizes, r.work, r.channels
    if work.affine != 0:
        call_affine(
            work.affine,
            like,
            (
                x,
                place,
                pixels,
                s.FP,
                channels.center,
                0,
                channels.scale,
                0,
                channels.shift,
                0,
                y,
                place,
            ),
        )
    if r.data.pitch != s.FP:
        pitch = r.data.pitch
        call_copy(
            work.copy, like, (y, place, s.FP, r.data.crop, target * pitch, pitch, pixels, s.F)
        )


@jit_part
def normalize_chunk(r, k, like):
    """y of chunk k."""
    s, data = r.sizes, r.data
    for row in range(data.n * k // CHUNKS * s.down, data.n * (k + 1) // CHUNKS * s.down):
        start = row * s.across
        finish_row(r, like, data.winners, start * s.FP, s.across, data.y, start)
