"""One step of the plan: a dense layer with an optional ReLU, on the micro-kernel.

    y = x K + bias (then max(., 0));   dK = x^T dz,   dbias = sum of dz,   dx = dz K^T

Forward and dx are cut by sample, dK by rows of K, so that every sum is made by one thread in one order.
"""

import numpy as np
from numba import prange

from minicnn.engine import emit, row_kernels
from minicnn.engine.call import caller
from minicnn.engine.geometry import padded
from minicnn.engine.products import Left, Program, Right, pack, pack_transposed, run, square
from minicnn.kernels.jit import jit_part, parallel_jit
from minicnn.layers.base import Array, Layer
from minicnn.layers.dense import Dense

PARTS = 8
NOTHING = np.zeros((0, 7), np.int64), np.zeros(PARTS + 1, np.int64)  # a product without calls
call_activate = caller(row_kernels.ACTIVATE)


@jit_part
def forward_part(calls, marks, k, activate, x, kernel, bias, rows, UP, y):
    """Part k of the samples of y (N, UP); all arrays flat, rows[k] ... rows[k + 1] - 1 its samples."""
    run(calls, marks[k], marks[k + 1], x, 0, kernel, 0, y, 0)
    start = rows[k] * UP
    call_activate(activate, (y, start, y, start, rows[k + 1] - rows[k], UP, bias, 0, bias, 0, bias, 0, bias, 0))


@parallel_jit
def forward_all(calls, marks, activate, x, kernel, bias, rows, UP, y):
    """forward_part of all parts."""
    for k in prange(PARTS):
        forward_part(calls, marks, np.int64(k), activate, x, kernel, bias, rows, UP, y)


@parallel_jit
def backward_all(weight_calls, weight_marks, input_calls, input_marks, x, dz, kernel_t, dkernel, dx):
    """dkernel and dx, each cut into parts; a table without calls leaves its product out."""
    for k in prange(PARTS):
        run(weight_calls, weight_marks[k], weight_marks[k + 1], x, 0, dz, 0, dkernel, 0)
        run(input_calls, input_marks[k], input_marks[k + 1], dz, 0, kernel_t, 0, dx, 0)


def product(dtype: np.dtype, count: int, a: Left, depth: int, b: Right, width: int) -> tuple[Array, Array]:
    """C (count, width) = A B as a table of calls, and the marks between its parts."""
    program, marks = Program(dtype, width), [0]
    for k in range(PARTS):
        first, last = count * k // PARTS, count * (k + 1) // PARTS
        if last > first:
            starts = (first * a.inner, 0, first * width)
            program.multiply((1, last - first), a, 1, depth, b, (0, width), starts=starts)
        marks.append(len(program.calls))
    return program.table(), np.array(marks)


class DenseStep:
    """Runs a built Dense layer; borrows its arrays and owns only buffers.

    Args:
        dense: the layer, run without its activation.
        relu: whether a ReLU comes next.
    """

    needs_input_grad = True

    def __init__(self, dense: Dense, relu: bool):
        self.dense, self.relu = dense, relu
        self.layers: list[Layer] = [dense]
        self.lanes = emit.lanes(dense.dtype)
        D, U = dense.params["kernel"].shape
        self.UP, self.DP = padded(U, self.lanes), padded(D, self.lanes)
        # As it is, if its rows are whole registers; else packed, with zeros behind them.
        self.kernel = dense.params["kernel"].reshape(-1) if U == self.UP else np.zeros(D * self.UP, dense.dtype)
        self.kernel_t = np.zeros(U * self.DP, dense.dtype)
        self.bias = np.zeros(self.UP, dense.dtype)
        self.dkernel = np.zeros((D, self.UP), dense.dtype)
        self.square = square(dense.dtype.name)
        self.activate = row_kernels.activate(dense.dtype.name, relu, False)
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x, dense, U = self.dense.accept(x), self.dense, self.dense.units
        own = self._buffers(len(x))
        if U != self.UP:
            pack(dense.params["kernel"], self.lanes, self.kernel)
        if dense.use_bias:
            self.bias[:U] = dense.params["bias"]
        forward_all(
            *own.forward, self.activate, x.reshape(-1), self.kernel, self.bias, own.rows, self.UP, own.y.reshape(-1)
        )
        self._cache = (x, own) if training else ()
        if U == self.UP:
            return own.y
        own.cropped[...] = own.y[:, :U]
        return own.cropped

    def backward(self, dy: Array) -> Array | None:
        dy = self.dense.accept_gradient(dy, bool(self._cache), len(self._cache[0]) if self._cache else 0)
        (x, own), self._cache = self._cache, ()
        dense, U, D = self.dense, self.dense.units, x.shape[1]
        dz = own.dz[:, :U]
        np.multiply(dy, own.y[:, :U] > 0, out=dz) if self.relu else np.copyto(dz, dy)
        if self.needs_input_grad:
            pack_transposed(self.square, self.lanes, dense.params["kernel"].reshape(-1), 1, D, U, U, self.kernel_t)
        backward_all(
            *(own.weights if dense.trainable else NOTHING), *(own.inputs if self.needs_input_grad else NOTHING),
            x.reshape(-1), own.dz.reshape(-1), self.kernel_t, self.dkernel.reshape(-1), own.dx.reshape(-1),
        )  # fmt: skip
        if dense.trainable:
            dense.grads["kernel"][...] = self.dkernel[:, :U]
            if dense.use_bias:
                dense.grads["bias"][...] = dz.sum(axis=0, dtype=np.float64)
        return own.dx[:, :D] if self.needs_input_grad else None

    def _buffers(self, n: int) -> "Buffers":
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]


class Buffers:
    """What a DenseStep writes for n samples, allocated once, and the products for that many."""

    def __init__(self, step: DenseStep, n: int):
        (D, U), dtype, UP, DP = step.dense.params["kernel"].shape, step.dense.dtype, step.UP, step.DP
        self.y, self.dz, self.cropped, self.dx = (np.zeros((n, width), dtype) for width in (UP, UP, U, DP))
        self.rows = np.array([n * k // PARTS for k in range(PARTS + 1)])
        self.forward = product(dtype, n, Left(0, D, 0, 1), D, Right(D, packed=U != UP), UP)
        self.weights = product(dtype, D, Left(0, 1, 0, D), n, Right(n, packed=False), UP)
        self.inputs = product(dtype, n, Left(0, UP, 0, 1), U, Right(U, packed=True), DP)
