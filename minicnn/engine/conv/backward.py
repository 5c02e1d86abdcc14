"""The backward pass of a ConvBlock: sums for a normalisation; dz, dx and dkernel of some pictures
at a time.

What happens to a row of pixels, from dy to dz, is `gradient_rows`. Arrays of numbers are addresses
here, with positions computed from Sizes; `like` is an array of the block's type.
"""

from minicnn.engine.conv import groups, norm, winograd_passes
from minicnn.engine.conv.forward import activations_of, convolve_band
from minicnn.engine.conv.layout import share
from minicnn.engine.conv.pixels import crop, widened
from minicnn.engine.products import pack_transposed_part, run, run_together
from minicnn.engine.row_gradients import Gradient, Sums
from minicnn.engine.row_moves import Copy
from minicnn.machine.call import at, caller, clear, view, word
from minicnn.machine.jit import jit_part

call_sums = caller(Sums)
call_gradient = caller(Gradient)
call_copy = caller(Copy)


@jit_part
def load_transposed_part(r, k, like):
    """Part k of CHUNKS of the kernel, as the program of the input gradient reads it, if that is
    wanted.
    """
    s, work, data, own = r.sizes, r.work, r.data, r.scratch
    if not work.inputs:
        return
    kernel_t = own.memory + own.kernel_t
    if work.winograd:
        registers = s.F // work.lanes
        first, last = share(registers, k) * work.lanes, share(registers, k + 1) * work.lanes
        turned = own.memory + own.turned
        winograd_passes.load_transposed_part(
            s, r.winograd, work, like, data.weights, turned, kernel_t, first, last
        )
    elif work.groups > 1:
        groups.load_turned_part(s, work, like, data.weights, kernel_t, k)
    else:
        parts = s.cells * ((s.C + 2 * work.lanes - 1) // (2 * work.lanes))
        pack_transposed_part(
            work.square, work.copy, like, work.lanes, data.weights, s.cells, s.C, s.F, s.FP,
            kernel_t, share(parts, k), share(parts, k + 1),
        )  # fmt: skip


@jit_part
def sums_chunk(r, k, memory, like):
    """Of chunk k: dbeta (FP,) = sum of dy, dgamma (FP,) = sum of dy * x_hat, row by row; in double.

    What comes after the normalisation dy goes back through first; where that is not cheap to do
    again, it is kept over y, which nobody needs any more.
    """
    s, work, data, own, channels = r.sizes, r.work, r.data, r.scratch, r.channels
    if work.sums == 0:
        return
    total, product = memory + own.deviations, memory + own.squares
    dbeta, dgamma = norm.zeros_in(r.batch.dbetas, k, s.FP), norm.zeros_in(r.batch.dgammas, k, s.FP)
    totals, products = view(total, s.FP, like), view(product, s.FP, like)
    for row in range(share(data.n, k) * s.down, share(data.n, k + 1) * s.down):
        target = row * s.across  # of the row's first pixel
        y = at(data.y, target * s.FP, like)
        call_sums(
            work.sums,
            Sums(
                dy=widened(r, data.dy, data.dy_pitch, target, s.across, memory, like),
                x=at(data.winners, target * s.FP, like),
                y=y,
                pixels=s.across,
                channels=s.FP,
                center=channels.center,
                inverse=channels.inverse,
                scale=channels.scale,
                shift=channels.shift,
                total=total,
                product=product,
            ),
        )
        if work.adds and work.writes and s.F != s.FP:
            crop(r, y, target, s.across, like)  # the gradient of the addend
        for c in range(s.FP):
            dbeta[c] += totals[c]
            dgamma[c] += products[c]


@jit_part
def gradient_rows(r, image, memory, like, dz, dbias):
    """dz (OH, columns, FP) of an image, row by row, and what it adds to dbias.

    Activations that were not kept are made again.
    """
    s, p, work, data = r.sizes, r.programs, r.work, r.data
    total = memory + r.scratch.deviations
    totals = view(total, s.FP, like)
    for band in range(p.band_count):
        if work.again:
            convolve_band(r, image, band, memory, like)
        top, bottom = word(p.bands, 4 * band), word(p.bands, 4 * band + 1)
        for row in range(top, bottom):
            a = activations_of(r, image, row, top, memory, like)
            q = row // s.PH
            across = s.across if q < s.down else 0  # a row below the last window is dropped
            # the number of the first window of this row
            target = (image * s.down + min(q, s.down - 1)) * s.across
            if work.writes:
                dy = at(data.y, target * s.FP, like)
            else:
                dy = widened(r, data.dy, data.dy_pitch, target, s.across, memory, like)
            gradient_row(
                r,
                a=a,
                dy=dy,
                best=at(data.winners, target * s.FP, like),
                winner=data.winner + target * s.FP,
                cell=(row - q * s.PH) * s.PW,
                windows=across,
                dropped=s.OW - across * s.PW,
                dz=at(dz, row * s.columns * s.FP, like),
                total=total,
            )
            for c in range(s.FP):
                dbias[c] += totals[c]


@jit_part
def gradient_row(r, a, dy, best, winner, cell, windows, dropped, dz, total):
    """dz of a row: what it is made of beside numbers per channel, see Gradient."""
    channels = r.channels
    call_gradient(
        r.work.gradient,
        Gradient(
            a=a,
            dy=dy,
            best=best,
            winner=winner,
            cell=cell,
            windows=windows,
            dropped=dropped,
            channels=r.sizes.FP,
            center=channels.center,
            unit=channels.unit,
            slope=channels.slope,
            offset=channels.offset,
            factor=channels.factor,
            scale=channels.scale,
            shift=channels.shift,
            dz=dz,
            total=total,
        ),
    )


@jit_part
def place_of_dz(r, n, memory, like):
    """Where dz of the images from the n-th on lies, (OH, columns, FP) each.

    With nothing behind the convolution it is dy itself. Where the kernel's gradient is made of all
    images at once, those of all are kept, and else those of a few, in scratch memory.
    """
    s, own = r.sizes, r.scratch
    size = s.dz_rows * s.columns * s.FP
    if r.work.gradient == 0:
        return at(r.data.dy, n * size, like)
    if r.programs.at_once and not r.work.winograd:
        return at(own.memory + own.all_dz, n * size, like)
    return memory + own.dz


@jit_part
def backward_chunk(r, k, memory, like):
    """The pictures of chunk k: dkernel (KH, KW, C, FP), dbias (FP,) in double, dx (N, H, W, C).

    Where dkernel is made of all pictures at once, what it is made of is kept: dz, or what
    winograd.py makes of it.
    """
    s, p, work, data, own = r.sizes, r.programs, r.work, r.data, r.scratch
    first, last = share(data.n, k), share(data.n, k + 1)
    dbias = norm.zeros_in(data.dbiases, k, s.FP)
    dkernel = at(own.memory + own.dkernels, k * data.dkernel_size, like)
    by_picture = work.weights and not p.at_once
    if by_picture and (not work.winograd or first == last):
        clear(dkernel, data.dkernel_size * like.itemsize)
    dz_size, x_size = s.dz_rows * s.columns * s.FP, s.H * s.W * s.C
    for n in range(first, last, s.pictures):
        images = min(s.pictures, last - n)
        dz = place_of_dz(r, n, memory, like)
        for i in range(images if work.gradient != 0 else 0):
            gradient_rows(r, n + i, memory, like, at(dz, i * dz_size, like), dbias)
        if work.winograd:
            winograd_passes.gradients(r, n, images, n > first, dz, memory, like)
            continue
        for i in range(images if by_picture else 0):
            x = at(data.x, (n + i) * x_size, like)
            run(p.weights, 0, p.weight_calls, like, x, at(dz, i * dz_size, like), dkernel)
        if work.inputs and p.gathers:
            gathered_input_gradient(r, n, images, dz, memory, like)
        elif work.inputs:
            input_gradient(r, n, images, dz, like)
    if by_picture and work.winograd and first < last:
        winograd_passes.kernel_gradient(r, memory + own.u, dkernel, 0, s.C, like)


@jit_part
def gathered_input_gradient(r, n, images, dz, memory, like):
    """dx of small pictures that lie side by side: made in scratch memory, and copied to where they
    belong.
    """
    s, p, own = r.sizes, r.programs, r.scratch
    size, v = s.H * s.W * s.C, memory + own.v
    if p.scatters:
        clear(v, s.pictures * size * like.itemsize)
    run(p.inputs, 0, p.input_calls, like, dz, own.memory + own.kernel_t, v)
    dx = at(r.data.dx, n * size, like)
    call_copy(r.work.copy, Copy(x=v, x_row=0, y=dx, y_row=0, rows=1, size=images * size))


@jit_part
def input_gradient(r, n, images, dz, like):
    """dx (N, H, W, C) of the pictures from the n-th on, or added to what others gave."""
    s, p, own, onto = r.sizes, r.programs, r.scratch, r.work.onto
    size = s.H * s.W * s.C
    dx = at(r.data.dx, n * size, like)
    if p.scatters and not onto:
        clear(dx, images * size * like.itemsize)
    for block in range(p.input_block_count):
        first, last = word(p.input_blocks, block), word(p.input_blocks, block + 1)
        for i in range(images):
            of_image = at(dz, i * s.dz_rows * s.columns * s.FP, like)
            kernel, of_x = own.memory + own.kernel_t, at(dx, i * size, like)
            run_together(p.inputs, first, last, like, 1, of_image, kernel, of_x, onto)
