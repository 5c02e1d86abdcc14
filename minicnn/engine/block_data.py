"""What the parallel regions of a ConvBlock are handed: sizes, programs, memory, and what they are to do.

Work is cut by picture into CHUNKS parts whatever the number of threads, and partial sums are folded in the order of the
chunks: so a result does not depend on the number of threads, not in its last bit. A thread does its chunks one after
the other in the same scratch memory, which so stays in its cache.
"""

from typing import NamedTuple

from minicnn.kernels.jit import jit_part
from minicnn.layers.base import Array

CHUNKS = 8


class Sizes(NamedTuple):
    """Of a block: picture H x W x C (CP), output OH x OW x F (FP), pool windows PH x PW, down x across of them.

    Of a picture every row_step-th row and column_step-th column matters to the kernel.
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
    row_step: int
    column_step: int
    pictures: int
    columns: int
    z_rows: int
    dz_rows: int


class Direct(NamedTuple):
    """The programs of direct.py. By blocks, or in Winograd's way, there is one band, without calls."""

    forward: Array
    bands: Array
    blocks: Array  # marks in `forward` between blocks of filters, each for several pictures; empty: it goes by bands
    weights: Array
    inputs: Array
    input_blocks: Array  # the same in `inputs`
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


@jit_part
def scratch_of(own, t):
    """The buffers of thread t, flat."""
    return Scratch(
        own.strip[t], own.wide[t], own.block[t], own.spaced[t], own.z[t], own.dz[t],
        own.frame[t], own.halo[t], own.v[t], own.m[t], own.u[t],
    )  # fmt: skip
