"""One step of the plan: a dense layer with an optional ReLU, on the micro-kernel.

    y = x K + bias (then max(., 0));   dK = x^T dz,   dbias = sum of dz,   dx = dz K^T

Forward and dx are cut by sample, dK by rows of K, so that every sum is made by one thread in one
order.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import carray

from minicnn.engine import row_kernels, row_moves
from minicnn.engine.block_data import NONE
from minicnn.engine.borrowed import borrowed
from minicnn.engine.geometry import padded
from minicnn.engine.products import (
    Left,
    Program,
    Right,
    pack_part,
    pack_transposed_part,
    run,
    square,
)
from minicnn.layers.base import Layer
from minicnn.layers.dense import Dense
from minicnn.machine import emit
from minicnn.machine.call import caller, view, word
from minicnn.machine.jit import jit_part
from minicnn.machine.record import Operands, Record
from minicnn.machine.region import SERIAL, Region, Stages, Task
from minicnn.types import Array

PARTS = 8
LOAD, FORWARD, PREPARE, BACKWARD = range(4)
BACKWARD_STAGES = Stages(PREPARE, BACKWARD)
call_activate, call_copy = caller(row_kernels.ACTIVATE), caller(row_moves.COPY)


@cache
def forward_stages(packs: bool, single: bool) -> Stages:
    """For a kernel that is packed, or read as it is; a `single` sample is one thread's work."""
    return Stages(
        *((SERIAL if single else 0) + stage for stage in ((LOAD, FORWARD) if packs else (FORWARD,)))
    )


class Products(NamedTuple):
    """Tables of calls, and marks between their PARTS parts; rows: the samples of each part of the
    forward product.
    """

    forward: Array
    forward_marks: Array
    rows: Array
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


@jit_part
def load_part(t, k, like):
    """Part k of the kernel, packed."""
    blocks = (t.U + 2 * t.lanes - 1) // (2 * t.lanes)
    first, last = blocks * k // PARTS, blocks * (k + 1) // PARTS
    pack_part(t.copy, like, t.lanes, t.weights, t.D, t.U, t.UP, t.kernel, first, last)


@jit_part
def forward_part(r, k, like):
    """Part k of the samples of y."""
    t, p = r.layout, r.products
    kernel = t.kernel if t.packs else t.weights
    run(
        p.forward,
        word(p.forward_marks, k),
        word(p.forward_marks, k + 1),
        like,
        t.x,
        0,
        kernel,
        0,
        t.y,
        0,
    )
    first, last = word(p.rows, k), word(p.rows, k + 1)
    start, bias = first * t.UP, t.bias
    call_activate(
        t.activate,
        like,
        (t.y, start, t.y, start, last - first, t.UP, bias, 0, bias, 0, bias, 0, bias, 0),
    )
    if t.packs:
        call_copy(t.copy, like, (t.y, start, t.UP, t.cropped, first * t.U, t.U, last - first, t.U))


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
        run(p.weights, first, last, like, t.x, 0, t.dz, 0, t.dkernel, 0)
        if t.packs:
            row, count = t.D * k // PARTS, t.D * (k + 1) // PARTS - t.D * k // PARTS
            call_copy(
                t.copy, like, (t.dkernel, row * t.UP, t.UP, t.grads, row * t.U, t.U, count, t.U)
            )
    if t.wants_inputs:
        first, last = word(p.input_marks, k), word(p.input_marks, k + 1)
        run(p.inputs, first, last, like, t.dz, 0, t.kernel_t, 0, t.dx, 0)


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


def product(
    dtype: np.dtype, count: int, a: Left, depth: int, b: Right, width: int
) -> tuple[Array, Array]:
    """C (count, width) = A B as a table of calls, and the marks between its parts."""
    program, marks = Program(dtype, width), [0]
    for k in range(PARTS):
        first, last = count * k // PARTS, count * (k + 1) // PARTS
        if last > first:
            starts = (first * a.inner, 0, first * width)
            program.multiply((1, last - first), a, 1, depth, b, (0, width), starts=starts)
        marks.append(len(program.calls))
    return program.table(), np.array(marks, np.int64)


class DenseStep:
    """Runs a built Dense layer; borrows its arrays and owns only buffers.

    Args:
        dense: the layer, run without its activation.
        relu: the ReLU after it, if any.
    """

    needs_input_grad = True

    def __init__(self, dense: Dense, relu: Layer | None = None):
        self.dense, self.relu = dense, relu
        self.layers: list[Layer] = [dense]
        lanes, name = emit.lanes(dense.dtype), dense.dtype.name
        D, U = dense.params["kernel"].shape
        UP = padded(U, lanes)
        grads = borrowed(dense, "grads", "kernel", D * U, dense.dtype)
        self.packs = U != UP  # else the kernel's rows are whole registers, and it is read as it is
        self.bias = np.zeros(UP, dense.dtype)
        self.layout = Layout(
            *(
                0,
                D,
                U,
                UP,
                lanes,
                row_kernels.activate(name, bool(relu), False),
                row_moves.copy(name),
                square(name),
            ),
            relu=bool(relu),
            use_bias=dense.use_bias,
            packs=self.packs,
            wants_weights=False,
            wants_inputs=False,
            x=NONE,
            weights=NONE,
            kernel=np.zeros(D * UP if self.packs else 1, dense.dtype),
            bias=self.bias,
            y=NONE,
            cropped=NONE,
            dy=NONE,
            dz=NONE,
            dbias=borrowed(dense, "grads", "bias", U, dense.dtype) if dense.use_bias else NONE,
            kernel_t=np.zeros(U * D, dense.dtype),
            dkernel=grads if U == UP else np.zeros((D, UP), dense.dtype),
            grads=grads,
            dx=NONE,
        )
        self.region = Region()
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x, dense = self.dense.accept(x), self.dense
        own = self._buffers(len(x))
        if dense.use_bias:
            self.bias[: dense.units] = dense.params["bias"]
        weights = np.ascontiguousarray(dense.params["kernel"], dense.dtype)
        own.operands.put(x=x, weights=weights)
        self.region.add(own.job, forward_stages(self.packs, single=len(x) == 1))
        self._cache = (x, own) if training else ()
        return own.cropped if self.packs else own.y

    def backward(self, dy: Array) -> Array | None:
        dy = self.dense.accept_gradient(
            dy, bool(self._cache), len(self._cache[0]) if self._cache else 0
        )
        (x, own), self._cache = self._cache, ()
        own.wants_weights[0], own.wants_inputs[0] = (
            bool(self.dense.trainable),
            self.needs_input_grad,
        )
        own.operands.put(x=x, dy=dy)
        self.region.add(own.job, BACKWARD_STAGES)
        return own.dx if self.needs_input_grad else None

    def _buffers(self, n: int) -> "Buffers":
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]


class Buffers:
    """What a DenseStep writes for n samples, allocated once, and the record for its parallel
    regions.
    """

    def __init__(self, step: DenseStep, n: int):
        (_, D, U, UP, *_), dtype = step.layout, step.dense.dtype
        self.y, self.dz, self.cropped, self.dx = (
            np.zeros((n, width), dtype) for width in (UP, UP, U, D)
        )
        products = Products(
            *product(dtype, n, Left(0, D, 0, 1), D, Right(D, packed=step.packs), UP),
            np.array([n * k // PARTS for k in range(PARTS + 1)], np.int64),
            *product(dtype, D, Left(0, 1, 0, D), n, Right(n, packed=False), UP),
            *product(dtype, n, Left(0, UP, 0, 1), U, Right(U, packed=True), D),
        )
        layout = step.layout._replace(N=n, y=self.y, cropped=self.cropped, dz=self.dz, dx=self.dx)
        self.record = Record(layout=layout, products=products)
        self.operands = Operands(
            self.record, "layout", x=(n * D, dtype), weights=(D * U, dtype), dy=(n * U, dtype)
        )
        self.wants_weights, self.wants_inputs = (
            self.record.place("layout", name) for name in ("wants_weights", "wants_inputs")
        )
        self.job = dense_part.on(self.record, dtype)
