"""Matrix products of any size as lists of micro-kernel calls, and the packed form of their right-hand sides.

Which tiles a product is cut into depends on shapes only. So a Program is made once, in Python, when a model's shapes are
known; what runs for every picture is a loop over its calls.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.engine import emit, simd
from minicnn.engine.call import caller
from minicnn.kernels.jit import jit, parallel_jit
from minicnn.layers.base import Array

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
    ) -> None:
        """Append C[rows, width] (+)= the product that simd.py defines, in tiles of at most `limit` rows.

        Args:
            rows: (outer, inner).
            c: elements of C from one outer row, and from one inner row, to the next.
            starts: of a, b and c, in elements.
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


@jit
def run(calls, first, last, a, a_start, b, b_start, c, c_start):
    """Do the calls first ... last-1 of a program's table, for flat arrays and these starts in them."""
    for t in range(first, last):
        call_tile(
            calls[t, 0],
            (
                a, a_start + calls[t, 1], calls[t, 4], calls[t, 5],
                b, b_start + calls[t, 2], c, c_start + calls[t, 3], calls[t, 6],
            ),
        )  # fmt: skip


@jit
def run_deep(calls, a, b, c, depth, accumulate):
    """Do all calls of a program's table with another depth, and add to C or not."""
    for t in range(len(calls)):
        call_tile(
            calls[t, 0], (a, calls[t, 1], calls[t, 4], depth, b, calls[t, 2], c, calls[t, 3], np.intp(accumulate))
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
def transpose(kernel, reverse, turned):
    """turned[k, f, c] = kernel[k, c, f], the cells k in reverse order if asked for; what turned has beyond stays."""
    cells, C, F = kernel.shape
    pieces = 8
    for piece in prange(cells * pieces):
        k, part = piece // pieces, piece % pieces
        for f in range(F * part // pieces, F * (part + 1) // pieces):
            for c in range(C):
                turned[cells - 1 - k if reverse else k, f, c] = kernel[k, c, f]
