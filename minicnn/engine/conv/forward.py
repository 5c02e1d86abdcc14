"""The forward pass of a ConvBlock: the kernel laid out, pictures convolved, rows finished.

What happens to a row of pixels, from z to y, is `finish_band`. In all functions r is the record
(layout.py): s = r.sizes; p = r.programs, tables of calls; r.work, what is wanted, and by which row
kernels, 0 for none; r.channels, a number for each channel; r.data, the batch's arrays; r.scratch,
places in `memory`, which is one thread's own. Arrays are addresses: at(array, i, like) is that of
its number i, with `like` for the type, and word(table, i) the integer i of a table.
"""

from minicnn.engine.conv import groups, norm, winograd_passes
from minicnn.engine.conv.layout import share
from minicnn.engine.conv.pixels import back_to_back, crop, widened
from minicnn.engine.products import pack_part, run
from minicnn.engine.row_kernels import Activate, Finish, Pool
from minicnn.engine.row_moves import Copy, Rescale
from minicnn.machine.call import at, caller, view, word
from minicnn.machine.jit import jit_part

call_activate, call_pool, call_finish = caller(Activate), caller(Pool), caller(Finish)
call_copy, call_rescale = caller(Copy), caller(Rescale)


@jit_part
def load_part(r, k, like):
    """Part k of CHUNKS of the kernel, as the forward program reads it."""
    s, work, data, kernel = r.sizes, r.work, r.data, r.scratch.kernel
    if work.winograd:
        first, last = share(s.C, k), share(s.C, k + 1)
        winograd_passes.load_part(s, r.winograd, like, data.weights, kernel, first, last)
    elif work.groups > 1:
        groups.load_part(s, work.copy, like, data.weights, kernel, k)
    else:
        blocks = (s.F + 2 * work.lanes - 1) // (2 * work.lanes)
        first, last = share(blocks, k), share(blocks, k + 1)
        pack_part(
            work.copy, like, work.lanes, data.weights, s.cells * s.C, s.F, s.FP, kernel, first, last
        )


@jit_part
def forward_chunk(r, k, memory, like):
    """The pictures of chunk k: activations, winners and moments, and y unless it must wait for
    these.

    Which way a convolution is computed decides how many pictures, or rows, are convolved before
    they are finished: as many as stay in the cache.
    """
    s, p, work, n = r.sizes, r.programs, r.work, r.data.n
    mean, m2 = norm.zeros_in(r.batch.means, k, s.FP), norm.zeros_in(r.batch.m2s, k, s.FP)
    count, last = 0, share(n, k + 1)  # values of each channel so far
    for first in range(share(n, k), last, s.pictures):
        images = min(s.pictures, last - first)
        if work.rescale != 0:
            rescale(r, first, images, like)
        if work.winograd:
            winograd_passes.forward(r, first, images, memory, like)
        elif p.gathers:
            convolve_gathered(r, first, images, memory, like)
        else:
            convolve_by_blocks(r, first, images, memory, like)
        for i in range(images):
            for band in range(p.band_count):
                convolve_band(r, first + i, band, memory, like)
                count = finish_band(r, first + i, i, band, count, mean, m2, memory, like)


@jit_part
def rescale(r, first, images, like):
    """x of some pictures, made of bytes."""
    s, data = r.sizes, r.data
    size = s.H * s.W * s.C
    start = first * size
    call_rescale(
        r.work.rescale,
        Rescale(
            x=data.bytes + start,
            y=at(data.x, start, like),
            size=images * size,
            scale=data.scale,
            offset=data.offset,
        ),
    )


@jit_part
def convolve_gathered(r, first, images, memory, like):
    """z of some pictures so small that they are copied to lie side by side, and convolved as
    one.
    """
    s, p, own = r.sizes, r.programs, r.scratch
    size, v = s.H * s.W * s.C, memory + own.v
    x = at(r.data.x, first * size, like)
    call_copy(r.work.copy, Copy(x=x, x_row=0, y=v, y_row=0, rows=1, size=images * size))
    run(p.forward, 0, p.forward_calls, like, v, own.kernel, memory + own.z)


@jit_part
def convolve_by_blocks(r, first, images, memory, like):
    """z of some pictures, one block of filters after the other: of a kernel that is larger than
    the cache each block is read once for all of them.
    """
    s, p = r.sizes, r.programs
    for block in range(p.block_count):
        calls, end = word(p.blocks, block), word(p.blocks, block + 1)
        for i in range(images):
            x = at(r.data.x, (first + i) * s.H * s.W * s.C, like)
            z = place_of_z(r, first + i, i, 0, memory, like)
            run(p.forward, calls, end, like, x, r.scratch.kernel, z)


@jit_part
def convolve_band(r, image, band, memory, like):
    """z of a band of rows, (bottom - top, columns, FP), as small as the first-level cache. The
    table has (top, bottom, first call, behind the last call) of each.

    In the other ways a picture is one band, which is convolved already: it has no calls.
    """
    s, p = r.sizes, r.programs
    top = word(p.bands, 4 * band)
    calls, end = word(p.bands, 4 * band + 2), word(p.bands, 4 * band + 3)
    x = at(r.data.x, image * s.H * s.W * s.C, like)
    run(
        p.forward, calls, end, like, x, r.scratch.kernel, place_of_z(r, image, 0, top, memory, like)
    )


@jit_part
def place_of_z(r, image, i, top, memory, like):
    """Where row 0 of z of an image lies, or would: where it stays, or as the i-th in scratch
    memory, which begins with row `top`.
    """
    s = r.sizes
    if r.work.in_place:
        return at(r.data.a, image * s.OH * s.OW * s.FP, like)
    return at(memory + r.scratch.z, (i * s.z_rows - top) * s.columns * s.FP, like)


@jit_part
def activation_row(r, image, row, memory, like):
    """Where row `row` of the activations lies, (OW, FP); those that are not kept lie in a strip
    for the rows of a window.
    """
    s = r.sizes
    if r.work.keep:
        return at(r.data.a, (image * s.OH + row) * s.OW * s.FP, like)
    return at(memory + r.scratch.strip, row % s.PH * s.OW * s.FP, like)


@jit_part
def finish_band(r, image, i, band, count, mean, m2, memory, like):
    """From z to y, row by row: bias and activation, moments, pooling, normalisation.

    Returns of how many values per channel mean and m2 are now.
    """
    s, p, work, channels, data = r.sizes, r.programs, r.work, r.channels, r.data
    top, bottom = word(p.bands, 4 * band), word(p.bands, 4 * band + 1)
    for row in range(top, bottom):
        # rows (OW, FP): y, what is made at last; z, by the convolution; a, the activations
        y = z = activation_row(r, image, row, memory, like)
        if not work.in_place:
            rows = place_of_z(r, image, i, top, memory, like)  # (OH, columns, FP)
            z = at(rows, row * s.columns * s.FP, like)
        a = z if work.aside else y
        if work.activate != 0:
            activate_row(r, work.activate, z, a, s.OW, channels.bias, memory)
        if work.moments and not work.pool_first:
            count = fold_row(r, count, mean, m2, s.OW, memory, like)
        target, pixels = (image * s.OH + row) * s.OW, s.OW  # of y
        if work.pool != 0:
            if (row + 1) % s.PH != 0:
                continue
            window = activation_row(r, image, row - s.PH + 1, memory, like)
            target, pixels = (image * s.down + row // s.PH) * s.across, s.across
            a = y = at(data.pooled, target * s.FP, like)
            call_pool(
                work.pool,
                Pool(
                    y=window,
                    row_step=s.OW * s.FP,
                    windows=s.across,
                    channels=s.FP,
                    sign=channels.sign,
                    best=a,
                    winner=data.winner + target * s.FP,
                ),
            )
            if work.moments and work.pool_first:
                activate_row(r, work.measure, a, a, pixels, channels.none, memory)
                count = fold_row(r, count, mean, m2, pixels, memory, like)
        if not work.normalize:
            finish_row(r, a, y, target, pixels, memory, like)
    return count


@jit_part
def activate_row(r, kernel, z, y, pixels, bias, memory):
    """y = f(z + bias) of some pixels, and their moments, to this thread's numbers per channel."""
    own = r.scratch
    call_activate(
        kernel,
        Activate(
            z=z,
            y=y,
            pixels=pixels,
            channels=r.sizes.FP,
            bias=bias,
            center=memory + own.center,
            deviations=memory + own.deviations,
            squares=memory + own.squares,
        ),
    )


@jit_part
def activations_of(r, image, row, top, memory, like):
    """Where a row of activations lies, (OW, FP), that the forward pass has made.

    Those that were not kept are made again, from a band of z that begins with row `top`.
    """
    s, a = r.sizes, activation_row(r, image, row, memory, like)
    if r.work.again:
        z = at(place_of_z(r, image, 0, top, memory, like), row * s.columns * s.FP, like)
        activate_row(r, r.work.activate, z, a, s.OW, r.channels.bias, memory)
    return a


@jit_part
def fold_row(r, count, mean, m2, pixels, memory, like):
    """Fold the moments of a row into those of `count` values; returns how many it makes."""
    s, own = r.sizes, r.scratch
    center = view(memory + own.center, s.FP, like)
    deviations = view(memory + own.deviations, s.FP, like)
    squares = view(memory + own.squares, s.FP, like)
    norm.fold_row(count, mean, m2, pixels, center, deviations, squares)
    return count + pixels


@jit_part
def finish_row(r, x, y, target, pixels, memory, like):
    """The normalisation, the sum with the addend, and the activation after them, if any.

    And, where channels are padded or some of many, y as it is wanted, to crop.

    Args:
        x, y: addresses of `pixels` pixels of FP channels.
        target: the number of the first of them in the batch's output.
    """
    s, work, channels, data = r.sizes, r.work, r.channels, r.data
    if work.finish != 0:
        addend = x
        if work.adds:
            addend = widened(r, data.addend, s.F, target, pixels, memory, like)
        call_finish(
            work.finish,
            Finish(
                x=x,
                addend=addend,
                pixels=pixels,
                channels=s.FP,
                center=channels.center,
                scale=channels.scale,
                shift=channels.shift,
                y=y,
            ),
        )
    if not back_to_back(s, data.pitch):
        crop(r, y, target, pixels, like)


@jit_part
def normalize_chunk(r, k, memory, like):
    """y of chunk k, by way of a strip where its pixels lie apart and nobody reads it otherwise."""
    s, data = r.sizes, r.data
    apart = not (back_to_back(s, data.pitch) or r.work.writes)
    for row in range(share(data.n, k) * s.down, share(data.n, k + 1) * s.down):
        target = row * s.across
        x, y = at(data.winners, target * s.FP, like), memory + r.scratch.strip
        if not apart:
            y = at(data.y, target * s.FP, like)
        finish_row(r, x, y, target, s.across, memory, like)
