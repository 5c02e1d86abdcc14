"""The parts of a DenseStep's passes, in stages, and the record that they are handed.

Forward and dx are cut by sample, dK by rows of K, so that every sum is made by one thread in one
order. So it is where a single sample is cut by units, each of them being one sum.
"""

from functools import cache
from typing import NamedTuple

from numba import carray

from minicnn.engine.products import pack_part, pack_transposed_part, run
from minicnn.engine.row_kernels import Activate
from minicnn.engine.row_moves import Copy
from minicnn.machine.call import at, caller, view, word
from minicnn.machine.jit import jit_part
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.types import Array

PARTS = 8
LOAD, FORWARD, PREPARE, BACKWARD = range(4)
BACKWARD_STAGES = Stages(PREPARE, BACKWARD)
call_activate, call_copy = caller(Activate), caller(Copy)


class Products(NamedTuple):
    """Tables of calls, and marks between their PARTS parts; made: those between the numbers of y
    that each part of the forward product makes, of whole samples, or units of a single one.
    """

    forward: Array
    forward_marks: Array
    made: Array
    weights: Array
    weight_marks: Array
    inputs: Array
    input_marks: Array


class Layout(NamedTuple):
    """Sizes, addresses of kernels, what is wanted, and arrays: x (N, D), weights (D, U), kernel (D,
    UP), y (N, UP).

    dy is (N, U), dz (N, UP), dbias (U,); cropped (N, U) and grads (D, U) are y and dkernel without
    what pads them.
    """

    N: int
    D: int
    U: int
    UP: int
    lanes: int
    activate: int
    copy: int
    square: int
    relu: bool
    use_bias: bool
    packs: bool
    wants_weights: bool
    wants_inputs: bool
    x: Array
    weights: Array
    kernel: Array
    bias: Array
    y: Array
    cropped: Array
    dy: Array
    dz: Array
    dbias: Array
    kernel_t: Array
    dkernel: Array
    grads: Array
    dx: Array


@cache
def forward_stages(packs: bool, alone: bool) -> Stages:
    """For a kernel that is packed, or read as it is; one thread's work, if it is `alone`."""
    stages = (LOAD, FORWARD) if packs else (FORWARD,)
    return Stages(*((SERIAL if alone else 0) + stage for stage in stages), weights=int(packs))


@jit_part
def load_part(t, k, like):
    """Part k of the kernel, packed."""
    blocks = (t.U + 2 * t.lanes - 1) // (2 * t.lanes)
    first, last = blocks * k // PARTS, blocks * (k + 1) // PARTS
    pack_part(t.copy, like, t.lanes, t.weights, t.D, t.U, t.UP, t.kernel, first, last)


@jit_part
def forward_part(r, k, like):
    """Part k of y."""
    t, p = r.layout, r.products
    first, last = word(p.made, k), word(p.made, k + 1)
    if first == last:
        return
    kernel = t.kernel if t.packs else t.weights
    run(p.forward, word(p.forward_marks, k), word(p.forward_marks, k + 1), like, t.x, kernel, t.y)
    y, channels = at(t.y, first, like), min(t.UP, last - first)
    bias = at(t.bias, first % t.UP, like)
    call_activate(
        t.activate,
        Activate(
            z=y,
            y=y,
            pixels=(last - first) // channels,
            channels=channels,
            bias=bias,
            center=bias,  # of which there are none without moments, nor of the next two
            deviations=bias,
            squares=bias,
        ),
    )
    if t.packs:
        crop(t, y, t.cropped, first // t.UP, (last - first) // t.UP, like)


@jit_part
def crop(t, x, cropped, first, rows, like):
    """Copy rows of UP numbers to where those of U are, from row `first` on."""
    y = at(cropped, first * t.U, like)
    call_copy(t.copy, Copy(x=x, x_row=t.UP, y=y, y_row=t.U, rows=rows, size=t.U))


@jit_part
def gradient_part(t, k, like):
    """Part k of the columns of dz, dy times (y > 0) where there is a ReLU, and of dbias, its sum
    over the samples.
    """
    dy, dz, y = (
        view(t.dy, t.N * t.U, like),
        view(t.dz, t.N * t.UP, like),
        view(t.y, t.N * t.UP, like),
    )
    dbias = view(t.dbias, t.U, like)
    for u in range(t.U * k // PARTS, t.U * (k + 1) // PARTS):
        total = 0.0
        for n in range(t.N):
            passes = y[n * t.UP + u] > 0 or not t.relu
            dz[n * t.UP + u] = dy[n * t.U + u] * like.dtype.type(passes)
            total += dz[n * t.UP + u]
        if t.use_bias and t.wants_weights:
            dbias[u] = total


@jit_part
def load_transposed_part(t, k, like):
    """Part k of the kernel, transposed and packed."""
    blocks = (t.D + 2 * t.lanes - 1) // (2 * t.lanes)
    pack_transposed_part(
        t.square, t.copy, like, t.lanes, t.weights, 1, t.D, t.U, t.U, t.kernel_t,
        blocks * k // PARTS, blocks * (k + 1) // PARTS,
    )  # fmt: skip


@jit_part
def backward_part(r, k, like):
    """Part k of dkernel and of dx."""
    t, p = r.layout, r.products
    if t.wants_weights:
        first, last = word(p.weight_marks, k), word(p.weight_marks, k + 1)
        run(p.weights, first, last, like, t.x, t.dz, t.dkernel)
        if t.packs:
            row, end = t.D * k // PARTS, t.D * (k + 1) // PARTS
            crop(t, at(t.dkernel, row * t.UP, like), t.grads, row, end - row, like)
    if t.wants_inputs:
        first, last = word(p.input_marks, k), word(p.input_marks, k + 1)
        run(p.inputs, first, last, like, t.dz, t.kernel_t, t.dx)


@Task
def dense_part(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the parts."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    for k in range(PARTS * t // workers, PARTS * (t + 1) // workers):
        if stage == LOAD:
            load_part(r.layout, k, numbers)
        elif stage == FORWARD:
            forward_part(r, k, numbers)
        elif stage == PREPARE:
            gradient_part(r.layout, k, numbers)
            if r.layout.wants_inputs:
                load_transposed_part(r.layout, k, numbers)
        else:
            backward_part(r, k, numbers)
