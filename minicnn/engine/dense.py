"""One step of the plan: a dense layer with an optional ReLU, on the micro-kernel.

    y = x K + bias (then max(., 0));   dK = x^T dz,   dbias = sum of dz,   dx = dz K^T

dense_passes.py has what the threads do.
"""

from itertools import pairwise

import numpy as np

from minicnn.engine import row_kernels, row_moves, simd
from minicnn.engine.borrowed import borrowed
from minicnn.engine.conv.geometry import padded
from minicnn.engine.conv.layout import NONE
from minicnn.engine.dense_passes import (
    BACKWARD_STAGES,
    PARTS,
    Layout,
    Products,
    dense_part,
    forward_stages,
)
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.functions import RELU
from minicnn.engine.products import Left, Program, Right, square
from minicnn.layers.base import Layer
from minicnn.layers.dense import Dense
from minicnn.machine import processor
from minicnn.machine.record import Operands, Record
from minicnn.types import Array

SHARED = 32_768  # numbers of a kernel that takes longer to read than to wait for another thread


class DenseStep(EngineStep):
    """Runs a built Dense layer; borrows its arrays and owns only buffers.

    Args:
        dense: the layer, run without its activation.
        relu: the ReLU after it, if any.
        frozen: for inference alone; see network/frozen.py.
    """

    def __init__(self, dense: Dense, relu: Layer | None = None, frozen: bool = False):
        self.dense, self.relu, self.frozen, self.shared = dense, relu, frozen, False
        super().__init__([dense])
        lanes, name = processor.lanes(dense.dtype), dense.dtype.name
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
                row_kernels.activate(name, RELU if relu else None, False),
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

    def share(self, threads: int) -> None:
        """Let so many threads share a single sample."""
        large = self.dense.params["kernel"].size >= SHARED
        self.shared = threads > 1 and large and not self.packs

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x, dense = self.dense.accept(x), self.dense
        own = self.buffers_of(len(x))
        if dense.use_bias:
            self.bias[: dense.units] = dense.params["bias"]
        weights = np.ascontiguousarray(dense.params["kernel"], dense.dtype)
        own.operands.put(x=x, weights=weights)
        self.region.add(own.job, forward_stages(self.packs, len(x) == 1 and not self.shared))
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

    @property
    def read_in_place(self) -> list[Array]:
        kernel = self.dense.params["kernel"]
        as_it_is = kernel.dtype == self.dense.dtype and kernel.flags.c_contiguous
        return [kernel] if as_it_is and not self.packs else []

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)


class Buffers:
    """What a DenseStep writes for n samples, allocated once, and the record for its parallel
    regions.
    """

    def __init__(self, step: DenseStep, n: int):
        (_, D, U, UP, *_), dtype = step.layout, step.dense.dtype
        self.y, self.dz, self.cropped, self.dx = (
            np.zeros((n, width), dtype) for width in (UP, UP, U, D)
        )
        cut_by_units = n == 1 and not step.packs
        forward = by_units if cut_by_units else product
        products = Products(
            *forward(dtype, n, Left(0, D, 0, 1), D, Right(D, packed=step.packs), UP),
            units(dtype, UP) if cut_by_units else UP * shares(n),
            *((NONE,) * 4 if step.frozen else gradients(dtype, n, D, U, UP)),
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


def shares(count: int) -> Array:
    """Marks between the PARTS parts of so many things."""
    return np.arange(PARTS + 1) * count // PARTS


def units(dtype: np.dtype, width: int) -> Array:
    """Marks between PARTS parts of the units, of as many as the widest tile has, or none."""
    each = simd.widest(1) * processor.lanes(dtype)
    return np.minimum(each * shares(-(-width // each)), width)


def by_units(
    dtype: np.dtype, _: int, a: Left, depth: int, b: Right, width: int
) -> tuple[Array, Array]:
    """As `product`, of one row of C, in parts of some columns."""
    program, marks = Program(dtype, width), [0]
    for columns in pairwise(units(dtype, width).tolist()):
        program.multiply((1, 1), a, 1, depth, b, (0, width), columns=columns)
        marks.append(len(program.calls))
    return program.table(), np.array(marks, np.int64)


def gradients(dtype: np.dtype, n: int, D: int, U: int, UP: int) -> tuple[Array, ...]:
    """The products of backward: dK and dx."""
    return (
        *product(dtype, D, Left(0, 1, 0, D), n, Right(n, packed=False), UP),
        *product(dtype, n, Left(0, UP, 0, 1), U, Right(U, packed=True), D),
    )


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
