"""Matrix products of any size as lists of micro-kernel calls, and the packed form of their
right-hand sides.

Which tiles a product is cut into depends on shapes only. So a Program is made once, in Python, when
a model's shapes are known; what runs for every picture is a loop over its calls.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from minicnn.engine import simd
from minicnn.engine.row_moves import Copy
from minicnn.engine.simd import Tile
from minicnn.machine import processor
from minicnn.machine.call import at, caller, clear, word
from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.jit import jit_part
from minicnn.machine.operands import Numbers
from minicnn.machine.record import WORD
from minicnn.types import Array

FIELDS = 7  # of a call in a table


class Square(NamedTuple):
    """x, y: rows of as many numbers as a register has lanes, x_row and y_row numbers apart."""

    x: Numbers
    x_row: int
    y: Numbers
    y_row: int


call_tile, call_copy, call_square = caller(Tile), caller(Copy), caller(Square)


class Left(NamedTuple):
    """Where the left-hand side lies: elements from one outer row, inner row, segment and step to
    the next.
    """

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
        width: columns of the result; all products have this width.
    """

    def __init__(self, dtype: np.dtype, width: int):
        self.dtype, self.width = np.dtype(dtype).name, width
        self.lanes, self.limit = processor.lanes(dtype), processor.instruction_set().rows
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
        once: bool = False,
        columns: tuple[int, int] | None = None,
    ) -> None:
        """Append C[rows, width] (+)= the product that simd.py defines, in tiles of at most `limit`
        rows.

        Args:
            rows: (outer, inner).
            c: elements of C from one outer row, and from one inner row, to the next.
            starts: of a, b and c, in elements.
            groups: elements of A, and rows of B, from one group to the next, for `run_together`.
            once: whether a number of A belongs to one row only, so that all of A passes by once.
            columns: (first, after the last) of C and a plain B, if not all.
        """
        outer_count, inner_count = rows
        first_column, end = columns or (0, self.width)
        tiles = list(cuts(outer_count, inner_count, self.limit))
        block, v = 2 * self.lanes, first_column
        tallest = max([outer * inner for _, outer, _, inner in tiles], default=0)
        while v < end:
            width = self.width_of_tiles(tallest, end - v, b)
            b_step = min(width, block) if b.packed else self.width
            b_start = starts[1] + b.row * b_step + (v * b.rows if b.packed else v)
            for o, outer, i, inner in tiles:
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
                    b_block=b.rows * block if b.packed and width > block else 0,
                    a_next=0 if not once else outer * a.outer if outer > 1 else inner * a.inner,
                )
                address = simd.tile(self.dtype, outer, inner, width, strides)
                a_start = starts[0] + o * a.outer + i * a.inner
                c_start = starts[2] + o * c[0] + i * c[1] + v
                self.calls.append(
                    (address, a_start, b_start, c_start, segments, depth, int(accumulate))
                )
            v += width

    def width_of_tiles(self, rows: int, columns: int, b: Right) -> int:
        """How many of the columns that are left tiles of so many rows take.

        Of a packed B those are whole blocks, or the last, narrower one. With `rows` 0 it is handed
        over block by block.
        """
        block = 2 * self.lanes
        most = block if b.packed and not b.rows else simd.widest(rows) * self.lanes
        if not b.packed:
            return min(most, columns)
        return min(most, columns // block * block) or columns

    def fetch(self, start: int, numbers: int) -> None:
        """Append a call that brings so many numbers of A into the cache."""
        self.calls.append((simd.touch(self.dtype), start, 0, 0, 1, numbers, 0))

    def table(self) -> Array:
        """The calls as integers (calls, 7), for `run`."""
        return np.array(self.calls, np.int64).reshape(-1, FIELDS)


def cuts(outer: int, inner: int, limit: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut outer x inner rows into rectangles of at most `limit`: (first outer, outers, first inner,
    inners).
    """
    if 2 * inner > limit:
        for o in range(outer):
            for i, size in parts(inner, limit):
                yield o, 1, i, size
    elif inner:
        for o, size in parts(outer, limit // inner):
            yield o, size, 0, inner


def parts(count: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut range(count) into as few parts as possible of nearly equal size, none above limit:
    (first, size).
    """
    number = -(-count // limit)
    for k in range(number):
        first = count * k // number
        yield first, count * (k + 1) // number - first


@jit_part
def do_call(call, like, groups, depth, a, b, c, accumulate):
    """The one call at this address, of a program's table."""
    call_tile(
        word(call, 0),
        Tile(
            a=at(a, word(call, 1), like),
            groups=groups,
            segments=word(call, 4),
            depth=depth,
            b=at(b, word(call, 2), like),
            c=at(c, word(call, 3), like),
            accumulate=accumulate,
        ),
    )


@jit_part
def run(calls, first, last, like, a, b, c):
    """Do the calls first ... last-1 of a program's table, for numbers at these addresses."""
    run_together(calls, first, last, like, 1, a, b, c, False)


@jit_part
def run_together(calls, first, last, like, groups, a, b, c, onto):
    """The same, each call for as many groups (pictures) together; all add to C where it is done
    `onto` what is there.
    """
    for number in range(first, last):
        call = calls + number * FIELDS * WORD
        do_call(call, like, groups, word(call, 5), a, b, c, word(call, 6) | onto)


@jit_part
def run_deep(calls, first, last, like, a, b, c, depth, accumulate):
    """Do the calls first ... last-1 of a program's table with another depth; add to C or not."""
    for number in range(first, last):
        do_call(calls + number * FIELDS * WORD, like, 1, depth, a, b, c, accumulate)


@jit_part
def pack_part(copy, like, lanes, b, rows, columns, width, packed, first, last):
    """Blocks first ... last-1 of b (rows, columns), packed: cut into blocks two registers wide, one
    after the other.

    A tile then reads its block of B as one contiguous stream. What is beyond b's columns, up to
    `width`, is 0.
    """
    for c in range(first * 2 * lanes, min(last * 2 * lanes, columns), 2 * lanes):
        across, block = min(2 * lanes, width - c), at(packed, c * rows, like)
        if columns - c < across:
            clear(block, rows * across * like.itemsize)
        size = min(across, columns - c)
        rows_of_b = at(b, c, like)
        call_copy(
            copy,
            Copy(x=rows_of_b, x_row=columns, y=block, y_row=across, rows=rows, size=size),
        )


@jit_part
def pack_transposed_part(square, copy, like, lanes, kernel, cells, C, F, rows, packed, first, last):
    """Parts first ... last-1, of cells * blocks, of a packed kernel (cells, C, F) with its cells in
    reverse order and transposed, each with `rows` >= F rows and C columns; what is beyond F is 0.
    """
    block = 2 * lanes
    blocks = (C + block - 1) // block
    for part in range(first, last):
        k, c = part // blocks, part % blocks * block
        across = min(block, C - c)
        y = at(packed, c * cells * rows + (cells - 1 - k) * rows * across, like)
        x = at(kernel, (k * C + c) * F, like)
        transpose(square, copy, like, lanes, x, F, across, F, y, across)
        clear(at(y, F * across, like), (rows - F) * across * like.itemsize)


@jit_part
def transpose(square, copy, like, lanes, x, x_row, rows, columns, y, y_row):
    """y[j, i] = x[i, j] for i < rows, j < columns; rows lie x_row and y_row numbers apart."""
    for j in range(0, columns, lanes):
        done = 0
        if columns - j >= lanes:
            while done + lanes <= rows:
                source, target = at(x, done * x_row + j, like), at(y, j * y_row + done, like)
                call_square(square, Square(x=source, x_row=x_row, y=target, y_row=y_row))
                done += lanes
        for i in range(j, min(columns, j + lanes)):  # what fills no square
            source, target = at(x, done * x_row + i, like), at(y, i * y_row + done, like)
            call_copy(
                copy,
                Copy(x=source, x_row=x_row, y=target, y_row=1, rows=rows - done, size=1),
            )


@kernel
def square(dtype: str) -> Emitter:
    """y = x transposed.

    In log2(lanes) rounds: round s swaps, between registers i and i + s, the lanes whose number has
    bit s set in one and not set in the other.
    """
    emit = Emitter(dtype, Square)
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
                rows[i + s] = emit.choose(
                    a, b, [lanes + j if j & s else j + s for j in range(lanes)]
                )
        s *= 2
    for i in range(lanes):
        emit.store(rows[i], line("y", i))
    return emit
