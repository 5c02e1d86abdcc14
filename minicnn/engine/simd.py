"""The micro-kernel: a small matrix product whose result stays in vector registers.

    C[r, v] (+)= sum over g < groups, s < segments, k < depth of A[r, g, s, k] * B[g, s, k, v]
    for r < rows, v < width

Everything heavy in the engine is a list of such products. A is *addressed*, never copied: its
element lies at r_outer * a_outer + r_inner * a_inner + g * a_group + s * a_segment + k * a_step
from a start. In NHWC that makes a convolution a matrix product without im2col: for one output row,
the KW*C numbers that a kernel row covers are one contiguous run of the picture, so k runs over
them, s over the KH kernel rows, and r over the pixels of a row (inner) of some rows (outer). A
weight gradient sums over pixels k, rows s and, if they are small, pictures g.

How it gets fast: C stays in accumulators, `vectors` registers a row, the last perhaps filled in
part. Each step of k loads `vectors` registers of B, broadcasts `rows` numbers of A, and does rows *
vectors fused multiply-adds, more than the loads it needs, so that the multipliers never wait. All
registers but a few hold accumulators; with too few the additions would wait for each other
(latency), with too many some would move to memory (spills). So a tile of few rows is wide. The
strides are constants of the code: then the distance of a row is part of its load instruction, and
no register is spent on it.

Memory is slower than all that, so a tile asks in time for what it will need: when it begins, for
the lines of C that it ends with; while it multiplies, for the rows of the next tile, where each is
read only once (a_next).

Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication"; Georganas et
al. 2018, arXiv:1808.05567 (the same for convolutions).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.operands import Numbers

LINE, AHEAD = 64, 8  # bytes of a cache line, steps to prefetch ahead
Values = list[ir.Value]


class Tile(NamedTuple):
    """What a tile is called with; accumulate: whether C is added to."""

    a: Numbers
    groups: int
    segments: int
    depth: int
    b: Numbers
    c: Numbers
    accumulate: int


class Strides(NamedTuple):
    """How many elements lie from one row, segment or step to the next.

    b_block: from two registers of B to the next two, of a tile that is wider; 0 if side by side.
    a_next: how far the rows of the next tile are, if they come from memory; else 0.
    """

    a_outer: int
    a_inner: int
    a_group: int
    a_segment: int
    a_step: int
    b_group: int
    b_segment: int
    b_step: int
    c_outer: int
    c_inner: int
    b_block: int = 0
    a_next: int = 0


def widest(rows: int) -> int:
    """Registers in a row of the widest tile of so many rows: of as many sums as the latency of a
    multiply-add asks for, where there are registers for them.
    """
    return {1: 8, 2: 4}.get(rows, 2)


@kernel
def touch(dtype: str) -> Emitter:
    """Fetch `depth` numbers from a on into the cache, in order, as memory likes it; what tiles then
    read with steps.
    """
    emit = Emitter(dtype, Tile)
    line = emit.integer(LINE * 8 // emit.bits)

    def fetch(k: ir.Value, _: Values) -> Values:
        emit.prefetch(emit.at(emit.arg["a"], emit.builder.mul(k, line)))
        return []

    emit.loop(emit.builder.sdiv(emit.arg["depth"], line), [], fetch)
    return emit


@kernel
def tile(dtype: str, outer: int, inner: int, width: int, strides: Strides) -> Emitter:
    """The kernel for outer * inner rows of `width` numbers."""
    emit = Emitter(dtype, Tile)
    arg, build = emit.arg, emit.builder
    rows = [(o, i) for o in range(outer) for i in range(inner)]
    registers = [(first, min(emit.lanes, width - first)) for first in range(0, width, emit.lanes)]
    block = 2 * emit.lanes if strides.b_block else width
    of_b = [first // block * strides.b_block + first % block for first, _ in registers]

    def times(index: ir.Value, stride: int) -> ir.Value:
        return build.mul(index, emit.integer(stride))

    def group(g: ir.Value, sums: Values) -> Sequence[ir.Value]:
        a_group = emit.at(arg["a"], times(g, strides.a_group))
        b_group = emit.at(arg["b"], times(g, strides.b_group))

        def segment(s: ir.Value, sums: Values) -> Sequence[ir.Value]:
            a_start = emit.at(a_group, times(s, strides.a_segment))
            b_start = emit.at(b_group, times(s, strides.b_segment))
            return emit.loop(arg["depth"], sums, step(a_start, b_start))

        return emit.loop(arg["segments"], sums, segment)

    def step(a_start: ir.Value, b_start: ir.Value) -> Callable[[ir.Value, Values], Values]:
        def multiply_and_add(k: ir.Value, sums: Values) -> Values:
            b_row = emit.at(b_start, times(k, strides.b_step))
            b = [
                emit.load(emit.at(b_row, emit.integer(place)), lanes)
                for place, (_, lanes) in zip(of_b, registers, strict=True)
            ]
            a_column = emit.at(a_start, times(k, strides.a_step))
            # every step is in another line, too far for the processor to guess
            if strides.a_step * emit.bits // 8 >= LINE:
                emit.prefetch(emit.at(a_column, emit.integer(AHEAD * strides.a_step)))
            if strides.a_next:  # over all steps, as many numbers as a tile has
                after = emit.at(a_start, emit.integer(strides.a_next))
                emit.prefetch(emit.at(after, times(k, len(rows))))
            updated: Values = []
            for (
                o,
                i,
                # one number of A at a time: it needs a register only for its own multiply-adds
            ) in rows:
                a = emit.broadcast(
                    emit.at(a_column, emit.integer(o * strides.a_outer + i * strides.a_inner))
                )
                for (_, lanes), values in zip(registers, b, strict=True):
                    updated.append(
                        emit.multiply_add(
                            emit.choose(a, a, range(lanes)), values, sums[len(updated)]
                        )
                    )
            return updated

        return multiply_and_add

    c_rows = [
        emit.at(arg["c"], emit.integer(o * strides.c_outer + i * strides.c_inner)) for o, i in rows
    ]
    c_places = [
        (emit.at(row, emit.integer(first)), lanes) for row in c_rows for first, lanes in registers
    ]
    for place, _ in c_places:
        emit.prefetch(place, write=True)
    zeros = [emit.fill(0.0, lanes) for _, lanes in c_places]
    # With accumulate = 1 one turn of this loop replaces the zeros by what C holds, with 0 none
    # does.
    start = emit.loop(
        arg["accumulate"], zeros, lambda _, __: [emit.load(*place) for place in c_places]
    )
    for value, (place, _) in zip(emit.loop(arg["groups"], start, group), c_places, strict=True):
        emit.store(value, place)
    return emit
