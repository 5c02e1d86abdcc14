"""A NormStep's two passes in stages; rows are finished, and gone back through, as those of a
convolution are.
"""

from numba import carray

from minicnn.engine.conv import backward, norm
from minicnn.engine.conv.forward import activate_row, finish_row, fold_row
from minicnn.engine.conv.layout import CHUNKS, Work, share
from minicnn.engine.conv.measure import add_up
from minicnn.machine.call import at
from minicnn.machine.jit import jit_part
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.shares import each_chunk

PREPARE, MEASURE, MOMENTS, FINISH, SUMS, GRADIENT_NUMBERS, GRADIENTS = range(7)


def forward_stages(work: Work, single: bool) -> Stages:
    """The moments, if those of the batch are used, and all rows; a `single` sample is one thread's
    work.
    """
    stages = [SERIAL + PREPARE] if work.norms else []
    weights = 0 if work.moments else len(stages)
    if work.moments:
        stages += [MEASURE, SERIAL + MOMENTS]
    stages.append(FINISH)
    return Stages(*(stage | (SERIAL if single else 0) for stage in stages), weights=weights)


def backward_stages(work: Work) -> Stages:
    """The gradients of the normalisation, if any, then those of all rows."""
    stages = [SUMS] if work.sums else []
    if work.norms:
        stages.append(SERIAL + GRADIENT_NUMBERS)
    return Stages(*stages, *([GRADIENTS] if work.inputs else []))


@Task
def alone(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    memory = r.scratch.memory + t * r.scratch.stride
    if stage == PREPARE:
        norm.prepare(r, numbers)
    elif stage == MOMENTS:
        if not norm.fold_chunks(r):
            measure_again(r, numbers)
        norm.use_moments(r, numbers)
    elif stage == GRADIENT_NUMBERS:
        norm.load_backward(r, numbers)
    else:
        for k in each_chunk(r.shares, CHUNKS, t, workers):
            do_chunk(r, stage, k, memory, numbers)


@jit_part
def do_chunk(r, stage, k, memory, like):
    """Chunk k of a stage."""
    if stage == SUMS:
        backward.sums_chunk(r, k, memory, like)
        return
    s, data = r.sizes, r.data
    mean, m2 = norm.zeros_in(r.batch.means, k, s.FP), norm.zeros_in(r.batch.m2s, k, s.FP)
    count = 0
    for row in range(share(data.n, k) * s.down, share(data.n, k + 1) * s.down):
        target = row * s.across  # of the row's first pixel
        x = at(data.winners, target * s.FP, like)  # (across, FP)
        if stage == MEASURE:
            y = at(data.y, target * s.FP, like)  # a place for x, which is finished later
            activate_row(r, r.work.measure, x, y, s.across, r.channels.none, memory)
            count = fold_row(r, count, mean, m2, s.across, memory, like)
        elif stage == FINISH:
            finish_row(r, x, at(data.y, target * s.FP, like), target, s.across, memory, like)
        else:
            gradient_row(r, target, memory, like)


@jit_part
def gradient_row(r, target, memory, like):
    """dx of the row whose first pixel has this number; each pixel is a window of its own."""
    s, data = r.sizes, r.data
    x = at(data.winners, target * s.FP, like)
    backward.gradient_row(
        r,
        a=x,
        dy=at(data.y if r.work.writes else data.dy, target * s.FP, like),
        best=x,
        winner=data.winner,
        cell=0,
        windows=s.across,
        dropped=0,
        dz=at(data.dx, target * s.FP, like),
        total=memory + r.scratch.deviations,
    )


@jit_part
def measure_again(r, like):
    """Mean and variance in two passes and in double precision: see conv/measure.py."""
    s, data = r.sizes, r.data
    mean, variance = norm.zeros_in(r.batch.mean, 0, s.FP), norm.zeros_in(r.batch.variance, 0, s.FP)
    pixels = data.n * s.down * s.across
    for squares in range(2):
        add_up(data.winners, pixels, pixels, mean, variance, squares, like)
