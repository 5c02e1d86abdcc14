"""Matrix products of any size as lists of micro-kernel calls, and the packed form of their right-hand sides.

Which tiles a product is cut into depends on shapes only. So a Program is made once, in Python, when a model's shapes
are known; what runs for every picture is a loop over its calls.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import prange

from minicnn.engine import emit, simd
from minicnn.engine.call import caller
from minicnn.engine.emit import Emitter, kernel
from minicnn.kernels.jit import jit_part, parallel_jit
from minicnn.layers.base import Array

SQUARE = "x* x_row y* y_row"
call_tile = caller(simd.ARGUMENTS)


class Left(NamedTuple):
    """Where the left-hand side lies: elements from one outer row, inner row, segment and step to the next."""

    outer: int
    inner: int
    segment: int
    step: int


class Right(NamedTuple):
    """A right-hand side of `rows` rows: as `pack` makes it, or plain, row by row.

    A product begins with row `row`, and its next segment `segment` rows later.
    """

    rows: int
    packed: bool
    row: int = 0
    segment: int = 0


class Program:
    """The calls of some products, in order.

    Args:
        dtype: of all numbers.
        width: columns of the result, a multiple of the lanes; all products have this width.
    """

    def __init__(self, dtype: np.dtype, width: int):
        self.dtype, self.width = np.dtype(dtype).name, width
        self.lanes, self.limit = emit.lanes(dtype), emit.instruction_set().rows
        self.calls: list[tuple[int, ...]] = []

    def multiply(
        self,
        rows: tuple[int, int],
        a: Left,
        segments: int,
        depth: int,
        b: Right,
        c: tuple[int, int],
        *,
        starts: tuple[int, int, int] = (0, 0, 0),
        accumulate: bool = False,
        groups: tuple[int, int] = (0, 0),
    ) -> None:
        """Append C[rows, width] (+)= the product that simd.py defines, in tiles of at most `limit` rows.

        Args:
            rows: (outer, inner).
            c: elements of C from one outer row, and from one inner row, to the next.
            starts: of a, b and c, in elements.
            groups: elements of A, and rows of B, from one group to the next, for `run_together`.
        """
        outer_count, inner_count = rows
        for v in range(0, self.width, 2 * self.lanes):
            vectors = min(2, (self.width - v) // self.lanes)
            b_step = vectors * self.lanes if b.packed else self.width
            b_start = starts[1] + b.row * b_step + (v * b.rows if b.packed else v)
            for o, outer, i, inner in cuts(outer_count, inner_count, self.limit):
                # A stride that is never taken is set to 0, so that products share kernels.
                strides = simd.Strides(
                    a_outer=a.outer if outer > 1 else 0,
                    a_inner=a.inner if inner > 1 else 0,
                    a_group=groups[0],
                    b_group=groups[1] * b_step,
                    a_segment=a.segment if segments > 1 else 0,
                    a_step=a.step,
                    b_segment=b.segment * b_step if segments > 1 else 0,
                    b_step=b_step,
                    c_outer=c[0] if outer > 1 else 0,
                    c_inner=c[1] if inner > 1 else 0,
                )
                address = simd.tile(self.dtype, outer, inner, vectors, strides)
                a_start = starts[0] + o * a.outer + i * a.inner
                c_start = starts[2] + o * c[0] + i * c[1] + v
                self.calls.append((address, a_start, b_start, c_start, segments, depth, int(accumulate)))

    def table(self) -> Array:
        """The calls as integers (calls, 7), for `run`."""
        return np.array(self.calls, np.int64).reshape(-1, 7)


def cuts(outer: int, inner: int, limit: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut outer x inner rows into rectangles of at most `limit`: (first outer, outers, first inner, inners)."""
    if 2 * inner > limit:
        for o in range(outer):
            for i, size in parts(inner, limit):
                yield o, 1, i, size
    elif inner:
        for o, size in parts(outer, limit // inner):
            yield o, size, 0, inner


def parts(count: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut range(count) into as few parts as possible of nearly equal size, none above limit: (first, size)."""
    number = -(-count // limit)
    for k in range(number):
        first = count * k // number
        yield first, count * (k + 1) // number - first


@jit_part
def run(calls, first, last, a, a_start, b, b_start, c, c_start):
    """Do the calls first ... last-1 of a program's table, for flat arrays and these starts in them."""
    for t in range(first, last):
        call_tile(
            calls[t, 0],
            (
                a, a_start + calls[t, 1], 1, calls[t, 4], calls[t, 5],
                b, b_start + calls[t, 2], c, c_start + calls[t, 3], calls[t, 6],
            ),
        )  # fmt: skip


@jit_part
def run_together(calls, first, last, groups, a, a_start, b, b_start, c):
    """Do the calls first ... last-1, each for as many groups (pictures) together."""
    for t in range(first, last):
        call_tile(
            calls[t, 0],
            (
                a, a_start + calls[t, 1], groups, calls[t, 4], calls[t, 5],
                b, b_start + calls[t, 2], c, calls[t, 3], calls[t, 6],
            ),
        )  # fmt: skip


@jit_part
def run_deep(calls, a, b, c, depth, accumulate):
    """Do all calls of a program's table with another depth, and add to C or not."""
    for t in range(len(calls)):
        call_tile(
            calls[t, 0], (a, calls[t, 1], 1, calls[t, 4], depth, b, calls[t, 2], c, calls[t, 3], np.intp(accumulate))
        )


def pack(b: Array, lanes: int, packed: Array) -> None:
    """Cut b (rows, columns) into blocks two registers wide, one after the other in packed (flat), rows in order.

    A tile then reads its block of B as one contiguous stream. The last block may be one register wide; what it has
    beyond b's columns keeps the zeros that packed was made with.
    """
    rows, columns = b.shape
    block = 2 * lanes
    whole = columns // block * block
    packed[: rows * whole].reshape(-1, rows, block)[...] = b[:, :whole].reshape(rows, -1, block).swapaxes(0, 1)
    if whole < columns:
        packed[rows * whole :].reshape(rows, -1)[:, : columns - whole] = b[:, whole:]


@parallel_jit
def transpose(address, lanes, kernel, cells, C, F, turned):
    """turned (cells, F, C) = kernel (cells, C, F), transposed cell by cell; both flat."""
    pieces = (F + lanes - 1) // lanes
    for piece in prange(cells * pieces):
        k, f = piece // pieces, piece % pieces * lanes
        transpose_lines(address, lanes, kernel, k * C * F + f, F, C, min(lanes, F - f), turned, (k * F + f) * C, C)


@parallel_jit
def pack_transposed(address, lanes, kernel, cells, C, F, rows, packed):
    """pack of the kernel (cells, C, F) with cells in reverse order and transposed, each with `rows` >= F rows.

    What is beyond F and C keeps the zeros that packed was made with.
    """
    block = 2 * lanes
    width = packed.size // (cells * rows)
    blocks = (width + block - 1) // block
    for part in prange(cells * blocks):
        k, c = part // blocks, part % blocks * block
        across = min(block, width - c)
        start = c * cells * rows + (cells - 1 - k) * rows * across
        for f in range(0, F, lanes):
            source = (k * C + c) * F + f
            transpose_lines(
                address, lanes, kernel, source, F, min(across, C - c), min(lanes, F - f),
                packed, start + f * across, across,
            )  # fmt: skip


@jit_part
def transpose_lines(address, lanes, x, x_start, x_row, rows, columns, y, y_start, y_row):
    """y[j, i] = x[i, j] for i < rows, j < columns <= lanes; rows lie x_row and y_row numbers apart."""
    done = 0
    if columns == lanes:
        while done + lanes <= rows:
            call_square(address, (x, x_start + done * x_row, x_row, y, y_start + done, y_row))
            done += lanes
    for i in range(done, rows):
        for j in range(columns):
            y[y_start + j * y_row + i] = x[x_start + i * x_row + j]


@kernel
def square(dtype: str) -> Emitter:
    """y = x transposed, for a square of as many rows as a register has lanes; rows lie x_row and y_row numbers apart.

    In log2(lanes) rounds: round s swaps, between registers i and i + s, the lanes whose number has bit s set in one and
    not set in the other.
    """
    emit = Emitter(dtype, SQUARE)
    arg, build, lanes = emit.arg, emit.builder, emit.lanes

    def line(name: str, i: int) -> ir.Value:
        return emit.at(arg[name], build.mul(arg[f"{name}_row"], emit.integer(i)))

    rows = [emit.load(line("x", i)) for i in range(lanes)]
    s = 1
    while s < lanes:
        for i in range(lanes):
            if not i & s:
                a, b = rows[i], rows[i + s]
                rows[i] = emit.choose(a, b, [lanes + j - s if j & s else j for j in range(lanes)])
                rows[i + s] = emit.choose(a, b, [lanes + j if j & s else j + s for j in range(lanes)])
        s *= 2
    for i in range(lanes):
        emit.store(rows[i], line("y", i))
    return emit


call_square = caller(SQUARE)
