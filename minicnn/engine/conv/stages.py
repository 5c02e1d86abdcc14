"""A ConvBlock's two passes as sequences of stages, each of which all threads share
(machine/region.py).
"""

from numba import carray

from minicnn.engine.conv import backward, forward, norm, weights, winograd_passes
from minicnn.engine.conv.layout import CHUNKS, Work
from minicnn.engine.conv.measure import measure
from minicnn.machine.call import clear
from minicnn.machine.jit import jit_part
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.shares import each_chunk

(
    LOAD,
    PICTURES,
    NORMALIZE,
    SUMS,
    GRADIENTS,
    SLICES,
    FOLD,
    PREPARE,
    MOMENTS,
    GRADIENT_NUMBERS,
    BIAS,
    CLEAR,
) = range(12)


def forward_stages(work: Work, single: bool, large: bool) -> Stages:
    """The kernel laid out, all pictures, and if their moments had to be known first, the
    normalisation.

    A `single` picture is one thread's work: then threads do not wait for each other, but for a
    `large` kernel's layout.
    """
    stages = [LOAD]
    if work.norms:
        stages.append(SERIAL + PREPARE)
    weights = 0 if work.moments else len(stages)
    stages.append(PICTURES)
    if work.moments:
        stages.append(SERIAL + MOMENTS)
    if work.normalize:
        stages.append(NORMALIZE)
    if single:
        stages = [stage if stage == LOAD and large else stage | SERIAL for stage in stages]
    return Stages(*stages, weights=weights)


def backward_stages(work: Work, at_once: bool) -> Stages:
    """The gradients of a batch normalisation, if any, then all pictures, and dkernel as the sum of
    their chunks'.

    Or dkernel of all pictures at once.
    """
    stages = [LOAD] if work.again else []
    if work.inputs or work.sums:
        stages.append(SUMS)
    if work.norms:
        stages.append(SERIAL + GRADIENT_NUMBERS)
    if work.inputs or work.weights:
        stages.append(GRADIENTS)
    if work.weights and work.bias:
        stages.append(SERIAL + BIAS)
    if work.weights:
        stages += (
            [SLICES, FOLD]
            if at_once and work.winograd
            else [SERIAL + CLEAR, SLICES]
            if at_once
            else [FOLD]
        )
    return Stages(*stages)


@Task
def block(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others', in
    memory of its own.
    """
    r, numbers = carray(records, 1)[0], carray(like, 0)
    memory = r.scratch.memory + t * r.scratch.stride
    if stage in (PICTURES, NORMALIZE, SUMS, GRADIENTS):
        clear(memory, r.scratch.blank)
    if stage == SLICES:
        do_slices(r, t, workers, memory, numbers)
    elif stage in (PREPARE, MOMENTS, GRADIENT_NUMBERS, BIAS, CLEAR):
        do_alone(r, stage, memory, numbers)
    else:
        for k in each_chunk(r.shares, CHUNKS, t, workers):
            do_chunk(r, stage, k, memory, numbers)


@jit_part
def do_slices(r, t, workers, memory, like):
    """Thread t's slices of the kernel's gradient."""
    count = r.programs.slice_count
    first, last = count * t // workers, count * (t + 1) // workers
    if r.work.winograd:
        winograd_passes.weight_planes(r, first, last, like)
    else:
        weights.weight_slices(r, first, last, memory, like)


@jit_part
def do_alone(r, stage, memory, like):
    """A stage of a few numbers per channel, which one thread does."""
    if stage == PREPARE:
        norm.prepare(r, like)
    elif stage == MOMENTS:
        if not norm.fold_chunks(r):
            measure(r, memory, like)
        norm.use_moments(r, like)
    elif stage == GRADIENT_NUMBERS:
        norm.load_backward(r, like)
    elif stage == BIAS:
        weights.fold_bias(r, like)
    elif stage == CLEAR:
        weights.clear_kernel(r, like)


@jit_part
def do_chunk(r, stage, k, memory, like):
    """Chunk k of a stage."""
    if stage == LOAD:
        forward.load_part(r, k, like)
    elif stage == PICTURES:
        forward.forward_chunk(r, k, memory, like)
    elif stage == NORMALIZE:
        forward.normalize_chunk(r, k, memory, like)
    elif stage == SUMS:
        backward.load_transposed_part(r, k, like)
        backward.sums_chunk(r, k, memory, like)
    elif stage == GRADIENTS:
        backward.backward_chunk(r, k, memory, like)
    elif stage == FOLD:
        weights.fold_part(r, k, like)
