"""One step of the plan: a dense layer with an optional ReLU, on the micro-kernel.

    y = x K + bias (then max(., 0));   dK = x^T dz,   dbias = sum of dz,   dx = dz K^T

Forward and dx are cut by sample, dK by rows of K, so that every sum is made by one thread in one order.
"""

import numpy as np
from numba import prange

from minicnn.engine import emit, row_kernels
from minicnn.engine.call import caller
from minicnn.engine.geometry import padded, tile_table
from minicnn.engine.products import multiply, pack, pack_transposed
from minicnn.kernels.jit import jit, parallel_jit
from minicnn.layers.base import Array, Layer
from minicnn.layers.dense import Dense

PARTS = 8
call_activate = caller(row_kernels.ACTIVATE)


@jit
def forward_rows(tiles, limit, lanes, activate, x, lo, hi, kernel, bias, y):
    """Samples lo ... hi-1 of y (N, UP) for x (N, D) and kernel, the pack of (D, U)."""
    D, UP = x.shape[1], y.shape[1]
    multiply(tiles, limit, lanes, hi - lo, x, lo * D, 0, D, 1, 1, 0, D, kernel, 0, 0, 0, D, y, lo * UP, 0, UP, UP, 0)
    call_activate(activate, (y, lo * UP, hi - lo, UP, bias, 0, bias, 0, bias, 0, bias, 0))


@parallel_jit
def forward_all(tiles, limit, lanes, activate, parts, x, kernel, bias, y):
    """forward_rows on all samples."""
    N = x.shape[0]
    for k in prange(parts):
        lo, hi = N * k // parts, N * (k + 1) // parts
        if hi > lo:
            forward_rows(tiles, limit, lanes, activate, x, lo, hi, kernel, bias, y)


@jit
def input_rows(tiles, limit, lanes, dz, lo, hi, units, kernel_t, dx):
    """Samples lo ... hi-1 of dx (N, DP) for dz (N, UP) and kernel_t, the pack of (U, D)."""
    UP, DP = dz.shape[1], dx.shape[1]
    a = lo * UP
    multiply(
        tiles, limit, lanes, hi - lo, dz, a, 0, UP, 1, 1, 0, units, kernel_t, 0, 0, 0, units, dx, lo * DP, 0, DP, DP, 0
    )


@jit
def kernel_rows(tiles, limit, lanes, x, lo, hi, dz, dkernel):
    """Rows lo ... hi-1 of dkernel (D, UP): the products of x's columns with dz, over all samples."""
    N, D = x.shape
    UP = dz.shape[1]
    multiply(tiles, limit, lanes, hi - lo, x, lo, 0, 1, D, 1, 0, N, dz, 0, 0, 0, 0, dkernel, lo * UP, 0, UP, UP, 0)


@parallel_jit
def backward_all(tiles, limit, lanes, parts, x, dz, units, kernel_t, weights, inputs, dkernel, dx):
    """input_rows and kernel_rows, each cut into parts."""
    N, D = x.shape
    for k in prange(parts):
        if weights and D * (k + 1) // parts > D * k // parts:
            kernel_rows(tiles, limit, lanes, x, D * k // parts, D * (k + 1) // parts, dz, dkernel)
        if inputs and N * (k + 1) // parts > N * k // parts:
            input_rows(tiles, limit, lanes, dz, N * k // parts, N * (k + 1) // parts, units, kernel_t, dx)


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
        self.lanes, self.limit = emit.lanes(dense.dtype), emit.instruction_set().rows
        D, U = dense.params["kernel"].shape
        self.UP, self.DP = padded(U, self.lanes), padded(D, self.lanes)
        self.kernel = np.zeros(D * self.UP, dense.dtype)
        self.kernel_t = np.zeros(U * self.DP, dense.dtype)
        self.bias = np.zeros(self.UP, dense.dtype)
        self.dkernel = np.zeros((D, self.UP), dense.dtype)
        self.activate = row_kernels.activate(dense.dtype.name, relu, False)
        self.buffers: dict[int, tuple[Array, ...]] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.dense.accept(x)
        U = self.dense.units
        tiles, y, cropped, _, _ = own = self._buffers(len(x))
        pack(self.dense.params["kernel"], self.lanes, self.kernel)
        if self.dense.use_bias:
            self.bias[:U] = self.dense.params["bias"]
        forward_all(tiles, self.limit, self.lanes, self.activate, PARTS, x, self.kernel, self.bias, y)
        self._cache = (x, own) if training else ()
        if U == self.UP:
            return y
        cropped[...] = y[:, :U]
        return cropped

    def backward(self, dy: Array) -> Array | None:
        dy = self.dense.accept_gradient(dy, bool(self._cache), len(self._cache[0]) if self._cache else 0)
        (x, (tiles, y, _, dz, dx)), self._cache = self._cache, ()
        dense, U, D = self.dense, self.dense.units, x.shape[1]
        np.multiply(dy, y[:, :U] > 0, out=dz[:, :U]) if self.relu else np.copyto(dz[:, :U], dy)
        if self.needs_input_grad:
            pack_transposed(dense.params["kernel"], self.lanes, 1, self.kernel_t)
        backward_all(
            tiles, self.limit, self.lanes, PARTS, x, dz, U, self.kernel_t,
            dense.trainable, self.needs_input_grad, self.dkernel, dx,
        )  # fmt: skip
        if dense.trainable:
            dense.grads["kernel"][...] = self.dkernel[:, :U]
            if dense.use_bias:
                dense.grads["bias"][...] = dz[:, :U].sum(axis=0, dtype=np.float64)
        return dx[:, :D] if self.needs_input_grad else None

    def _buffers(self, n: int) -> tuple[Array, ...]:
        """Addresses of the tiles that n samples need, then y (n, UP), y without padding, dz (n, UP) and dx (n, DP)."""
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            rows = (n, len(self.dkernel))
            counts = {total * (k + 1) // PARTS - total * k // PARTS for total in rows for k in range(PARTS)}
            tiles = tile_table(self.dense.dtype, 1, counts - {0}, self.limit)
            widths = (self.UP, self.dense.units, self.UP, self.DP)
            self.buffers[n] = tiles, *(np.zeros((n, width), self.dense.dtype) for width in widths)
        return self.buffers[n]
