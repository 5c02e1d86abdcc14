"""The end of a ConvBlock's backward pass: dkernel and dbias of the whole batch.

dkernel is the sum of what the chunks of backward.py have made; or it is made of all pictures
at once, in slices.
"""

from minicnn.engine.conv import direct, norm, winograd_passes
from minicnn.engine.conv.layout import CHUNKS, share
from minicnn.engine.products import FIELDS, run_together
from minicnn.engine.row_moves import Copy, Fold
from minicnn.machine.call import at, caller, clear, view, word
from minicnn.machine.jit import jit_part

call_copy = caller(Copy)
call_fold = caller(Fold)

# Numbers of pictures that are taken together: more than fit, but they are read in order.
FEW_NUMBERS = 512 * 1024


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
            h = row % rows * s.row_step
            call_copy(
                work.copy,
                Copy(
                    x=at(data.x, ((start + row // rows) * s.H + h) * s.W * s.C, like),
                    x_row=s.column_step * s.C,
                    y=at(spaced, row * columns * step, like),
                    y_row=step,
                    rows=columns,
                    size=s.C,
                ),
            )
        for k in range(lo, hi):
            first, last = word(p.slices, k), word(p.slices, k + 1)
            column = word(p.weights, FIELDS * first + 3) % s.FP
            width = min(2 * work.lanes, s.FP - column)
            call_copy(
                work.copy,
                Copy(
                    x=at(dz, start * pixels * s.FP + column, like),
                    x_row=s.FP,
                    y=block,
                    y_row=width,
                    rows=pictures * pixels,
                    size=width,
                ),
            )
            run_together(p.weights, first, last, like, pictures, spaced, block, data.dkernel, False)


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
        winograd_passes.kernel_gradient(
            r, own.memory + own.du, data.dkernel, share(s.C, k), share(s.C, k + 1), like
        )  # fmt: skip
        return
    registers = (data.dkernel_size + lanes - 1) // lanes
    lo, hi = (
        share(registers, k) * lanes,
        min(share(registers, k + 1) * lanes, data.dkernel_size),
    )
    call_fold(
        r.work.fold,
        Fold(
            first=at(own.memory + own.dkernels, lo, like),
            apart=data.dkernel_size,
            parts=CHUNKS,
            total=at(data.dkernel, lo, like),
            size=hi - lo,
        ),
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
