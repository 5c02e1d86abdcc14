"""What the parallel regions of a ConvBlock are handed, in a record: sizes, programs, memory, and
what they are to do.

Work is cut by picture into CHUNKS parts whatever the number of threads, and partial sums are folded
in the order of the
chunks: so a result does not depend on the number of threads, not in its last bit. A thread does its
chunks one after the other in the same scratch memory, and so it stays in its cache.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from minicnn.machine.jit import jit_part
from minicnn.machine.workspace import LINE
from minicnn.types import Array

CHUNKS = 8


@jit_part
def share(count, k):
    """The first of `count` things that belongs to chunk k; share(count, k + 1) is behind the
    last.
    """
    return count * k // CHUNKS


NONE = np.zeros(0, np.int64)


class Sizes(NamedTuple):
    """Of a block: picture H x W x C, output OH x OW x F (FP), pool windows PH x PW, down x across
    of them. A filter has `cells` x `depth` numbers.

    Of a picture every row_step-th row and column_step-th column matters to the kernel, which is KH
    x KW. z and dz are buffers of z_rows and dz_rows rows of `columns` pixels, for `pictures` at a
    time.
    """

    H: int
    W: int
    C: int
    OH: int
    OW: int
    F: int
    FP: int
    PH: int
    PW: int
    down: int
    across: int
    cells: int
    depth: int
    row_step: int
    column_step: int
    pictures: int
    columns: int
    z_rows: int
    dz_rows: int


class Programs(NamedTuple):
    """Tables of calls (products.py) and their lengths, of direct.py or winograd.py, and how to go
    through them.

    bands: rows of output (first, after the last; calls that make them: first, after the last). In
    Winograd's way, of gathered pictures, and by blocks, there is one band, without calls of its
    own.
    gathers: whether `forward` and `inputs` are for several pictures at once, copied to scratch
        memory side by side.
    blocks: marks in `forward` between blocks of filters, each for several pictures; input_blocks
        the same in `inputs`.
    at_once: whether `weights` is for all pictures together, and not cut by picture. Then slices are
    marks in it between parts that write to different numbers.
    """

    forward: Array
    bands: Array
    blocks: Array
    weights: Array
    inputs: Array
    input_blocks: Array
    slices: Array
    forward_calls: int
    band_count: int
    block_count: int
    weight_calls: int
    input_calls: int
    input_block_count: int
    slice_count: int
    at_once: bool
    scatters: bool  # whether `inputs` adds to dx
    gathers: bool


def programs(
    *,
    forward: Array = NONE,
    bands: Array,
    blocks: Array = NONE,
    weights: Array = NONE,
    inputs: Array = NONE,
    input_blocks: Array = NONE,
    slices: Array = NONE,
    at_once: bool = False,
    scatters: bool = False,
    gathers: bool = False,
) -> Programs:
    """Programs with the lengths of these tables."""
    counts = (max(0, len(marks) - 1) for marks in (blocks, input_blocks, slices))
    blocks_, input_blocks_, slices_ = counts
    return Programs(
        *(forward, bands, blocks, weights, inputs, input_blocks, slices),
        *(len(forward), len(bands), blocks_, len(weights), len(inputs), input_blocks_, slices_),
        at_once,
        scatters,
        gathers,
    )


class Work(NamedTuple):
    """What a block is to do this time: addresses of its row kernels (0: leave that out), and what
    is wanted of it.
    """

    winograd: bool
    lanes: int
    groups: int = 1
    rescale: int = 0
    activate: int = 0
    measure: int = 0  # moments of what has been pooled
    pool: int = 0
    finish: int = 0
    sums: int = 0
    gradient: int = 0
    copy: int = 0
    fold: int = 0
    square: int = 0
    bias: bool = False
    norms: bool = False  # whether there is a normalisation
    adds: bool = False  # whether an addend comes after it
    pool_first: bool = False  # whether pooling comes before it
    moments: bool = False  # normalise by the batch's own moments
    normalize: bool = False  # from the winners to y, which are both kept; else at once, row by row
    keep: bool = False  # what activations are made goes to `a`: for backward, or as what comes out
    again: bool = False  # backward makes them again
    in_place: bool = False  # and let the convolution write to where they are stored
    aside: bool = False  # or only what they are finished to goes there, and they stay in scratch
    writes: bool = False  # backward keeps, over y, dy before the function that made y
    weights: bool = False
    inputs: bool = False
    onto: bool = False  # dx is added to the gradient that other users of x have given


class Data(NamedTuple):
    """The arrays of a batch of n pictures, and the weights.

    x (n, H, W, C), or bytes that become x: bytes * scale + offset, each in all lanes of a register.
    weights (KH, KW, C, F); a (n, OH, OW, FP) activations; pooled and winner (n, down, across, FP);
    winners: pooled, or a without pooling; y like winners, finished; crop: the output with `pitch`
    numbers from pixel to pixel, where that is not FP; dy, with dy_pitch, and addend of its shape;
    dkernel, of dkernel_size numbers; dbiases of the chunks (CHUNKS, FP) in double, dbias (F,); dx.
    """

    n: int
    bytes: Array
    scale: Array
    offset: Array
    x: Array
    weights: Array
    a: Array
    pooled: Array
    winner: Array
    winners: Array
    addend: Array
    y: Array
    crop: Array
    pitch: int
    dy: Array
    dy_pitch: int
    dkernel: Array
    dkernel_size: int
    dbiases: Array
    dbias: Array
    dx: Array


class Scratch(NamedTuple):
    """What a pass makes for itself in the workspace: `size` bytes at address `memory`, and where in
    it what begins.

    First comes memory of each thread, `stride` bytes, of which the first `blank` are set to 0
    before a stage: a row of dy (wide), dz, those of winograd.py (frame, halo, v, m, u), a row of
    activations (strip), some channels of dz (block), some pictures (spaced), z, and per channel
    what the row kernels say. Then what threads share: the weights as the programs read them, kernel
    (an address, which may lie elsewhere), and kernel_t for the input gradient, by way of turned;
    dkernels, the sums of the chunks; where dkernel is made of all pictures at once, all_dz (n, OH,
    OW, FP), or those of winograd.py (all_v, all_m, du).
    """

    memory: int
    size: int
    stride: int
    blank: int
    wide: int
    dz: int
    frame: int
    halo: int
    v: int
    m: int
    u: int
    strip: int
    block: int
    spaced: int
    z: int
    center: int
    deviations: int
    squares: int
    kernel: int
    turned: int
    kernel_t: int
    dkernels: int
    all_dz: int
    all_v: int
    all_m: int
    du: int


def scratch(
    threads: int,
    dtype: np.dtype,
    blank: Mapping[str, int],
    own: Mapping[str, int],
    shared: Mapping[str, int],
) -> Scratch:
    """Places for so many numbers in each buffer: blank and other ones of every thread, and shared
    ones.
    """
    starts = dict.fromkeys(Scratch._fields, 0)

    def lay(buffers: Mapping[str, int], start: int) -> int:
        for name, numbers in buffers.items():
            starts[name] = start
            start += -(-numbers * dtype.itemsize // LINE) * LINE + LINE  # a line is left free
        return start

    starts["blank"] = lay(blank, 0)
    starts["stride"] = lay(own, starts["blank"])
    starts["size"] = lay(shared, threads * starts["stride"])
    return Scratch(**starts)
