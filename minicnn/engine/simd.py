"""The micro-kernel: a small matrix product whose result stays in vector registers.

    C[r, v] (+)= sum over s < segments, k < depth of A[r, s, k] * B[s, k, v]         r < rows, v < vectors

Everything heavy in the engine is a loop around this product. A is *addressed*, never copied: its element (r, s, k) lies
at  r_outer * a_outer + r_inner * a_inner + s * a_segment + k * a_step  from a start. In NHWC that makes a convolution a
matrix product without im2col: for one output row, the KW*C numbers that a kernel row covers are one contiguous run of
the picture, so k runs over them, s over the KH kernel rows, and r over the pixels (inner) of several pictures (outer).

How it gets fast: every element of C is an accumulator of `lanes` numbers in a register. Each step of k loads `vectors`
registers of B, broadcasts `rows` numbers of A, and does rows * vectors fused multiply-adds, more than the loads it
needs, so that the multipliers never wait. All registers but a few hold accumulators; with too few the additions would
wait for each other (latency), with too many some would move to memory (spills).

Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication"; Georganas et al. 2018,
arXiv:1808.05567 (the same for convolutions).
"""

from collections.abc import Sequence
from functools import cache

from llvmlite import ir

from minicnn.engine.emit import Emitter

# All counts and strides are in elements.
ARGUMENTS = "a* a_outer a_inner a_step segments a_segment depth b* b_step b_segment c* c_outer c_inner accumulate"


def emit_tile(dtype: str, outer: int, inner: int, vectors: int) -> Emitter:
    """The kernel for outer * inner rows and `vectors` registers per row."""
    emit = Emitter(f"tile_{dtype}_{outer}x{inner}x{vectors}", dtype, ARGUMENTS)
    arg, build = emit.arg, emit.builder
    rows = [(o, i) for o in range(outer) for i in range(inner)]
    tile = [(r, v) for r in range(len(rows)) for v in range(vectors)]

    def row_starts(base: ir.Value, outer_stride: ir.Value, inner_stride: ir.Value) -> list[ir.Value]:
        offsets_o = [build.mul(outer_stride, emit.integer(o)) for o in range(outer)]
        offsets_i = [build.mul(inner_stride, emit.integer(i)) for i in range(inner)]
        return [emit.at(base, build.add(offsets_o[o], offsets_i[i])) for o, i in rows]

    def registers(line: ir.Value) -> list[ir.Value]:
        return [emit.at(line, emit.integer(v * emit.lanes)) for v in range(vectors)]

    def segment(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
        a_rows = row_starts(emit.at(arg["a"], build.mul(s, arg["a_segment"])), arg["a_outer"], arg["a_inner"])
        b_start = emit.at(arg["b"], build.mul(s, arg["b_segment"]))

        def step(k: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            b = [emit.load(place) for place in registers(emit.at(b_start, build.mul(k, arg["b_step"])))]
            offset = build.mul(k, arg["a_step"])
            a = [emit.broadcast(emit.at(row, offset)) for row in a_rows]
            return [emit.multiply_add(a[r], b[v], sums[i]) for i, (r, v) in enumerate(tile)]

        return emit.loop(arg["depth"], sums, step)

    c_places = [place for row in row_starts(arg["c"], arg["c_outer"], arg["c_inner"]) for place in registers(row)]
    zeros = [emit.fill(0.0)] * len(tile)
    # With accumulate = 1 one turn of this loop replaces the zeros by what C holds, with 0 none does.
    start = emit.loop(arg["accumulate"], zeros, lambda _, __: [emit.load(place) for place in c_places])
    for value, place in zip(emit.loop(arg["segments"], start, segment), c_places, strict=True):
        emit.store(value, place)
    return emit


@cache
def tile(dtype: str, outer: int, inner: int, vectors: int) -> int:
    """The address of the compiled kernel."""
    return emit_tile(dtype, outer, inner, vectors).compile()
