"""The micro-kernel of whole numbers: a small matrix product whose sums stay in registers until they
are bytes again.

As in simd.py, patches are addressed and never copied: for each row of a kernel, the KW*C numbers
that lie under it are one run of a frame of pixels, read 32 bits at a time (`steps`). The frame is
a copy of some rows of a picture, written as taps (integer_sets.py) with the padding around it.

Where max pooling follows, a tile makes all positions of some windows and only the largest sums of
each window are requantized: a quarter of the work. Requantizing keeps the order of numbers, so that
this makes the same bits. A batch normalisation of one cell between them, the second stage, keeps it
or turns it around; for filters of which it turns it around, weights, bias and factor are
negative.
"""

from collections.abc import Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine import integer_sets as sets
from minicnn.engine.integer_sets import Instructions, load
from minicnn.machine.emit import I32, Emitter, kernel
from minicnn.machine.operands import Bytes


class Tile(NamedTuple):
    """a: taps, pixels, rows and segments so many bytes apart; b (segments, steps, panel, taps);
    ends: see `tile`; y: pixels y_step bytes apart.
    """

    a: Bytes
    a_pixel: int
    a_row: int
    segments: int
    a_segment: int
    steps: int
    b: Bytes
    ends: Bytes
    y: Bytes
    y_step: int


@kernel
def tile(isa: Instructions, pixels: int, pool: tuple[int, int], width: int, stages: int) -> Emitter:
    """y[p, f] for `pixels` neighbours p and `width` filters f of a panel.

        sum[q, f] = bias[f] + sum over s, k of a[q, s, k] * b[s, k, f]
        y[p, f] = requantized, `stages` times, of the largest sum[q, f] of the positions q of p

    A window p has pool[0] rows, a_row bytes apart, of pool[1] positions, a_pixel bytes apart.
    ends are `stages` times (6, panel), see integer_sets.STAGE.
    """
    emit = Emitter("float32", Tile)
    arg, build, lanes = emit.arg, emit.builder, isa.lanes
    wholes, row = sets.vector(I32, lanes), 4 * isa.width
    vectors = range(-(-width // lanes))
    window = pool[0] * pool[1]

    def start(p: int, h: int, w: int) -> ir.Value:
        across = build.mul(arg["a_pixel"], emit.integer(p * pool[1] + w))
        return emit.at(arg["a"], build.add(across, build.mul(arg["a_row"], emit.integer(h))))

    starts = [start(p, h, w) for p in range(pixels) for h in range(pool[0]) for w in range(pool[1])]

    def segment(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
        a_first = build.mul(s, arg["a_segment"])
        b_first = build.mul(s, arg["steps"])

        def step(k: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            place = emit.at(arg["b"], build.mul(build.add(b_first, k), emit.integer(row)))
            b = [load(emit, place, wholes, 4 * lanes * v) for v in vectors]
            offset = build.add(a_first, build.mul(k, emit.integer(4)))
            made: list[ir.Value] = []
            for place in starts:
                a = sets.spread(emit, load(emit, emit.at(place, offset), I32), lanes)
                for one in b:
                    made.append(sets.multiply_add(emit, isa, sums[len(made)], a, one))
            return made

        return emit.loop(arg["steps"], sums, step)

    biases = [load(emit, arg["ends"], wholes, row * sets.BIAS + 4 * lanes * v) for v in vectors]
    sums = emit.loop(arg["segments"], biases * len(starts), segment)
    for p in range(pixels):
        place = emit.at(arg["y"], build.mul(arg["y_step"], emit.integer(p)))
        for v in vectors:
            mine = sums[p * window * len(vectors) :][: window * len(vectors)][v :: len(vectors)]
            total = mine[0]
            for one in mine[1:]:
                total = build.select(build.icmp_signed(">", total, one), total, one)
            y = ended(emit, isa, total, 4 * lanes * v, row, stages)
            sets.store_bytes(
                emit, y, emit.at(place, emit.integer(v * lanes)), min(lanes, width - v * lanes)
            )
    return emit


def ended(
    emit: Emitter, isa: Instructions, total: ir.Value, first: int, row: int, stages: int
) -> ir.Value:
    """Sums as numbers of 8 bits, after one stage or two, in 32 bits."""
    build = emit.builder
    y = sets.requantized(emit, isa.lanes, total, emit.arg["ends"], row, first)
    for stage in range(1, stages):
        ends = emit.at(emit.arg["ends"], emit.integer(stage * sets.STAGE * row))
        weight, bias = (load(emit, ends, y.type, row * n + first) for n in (sets.WEIGHT, sets.BIAS))
        total = build.add(build.mul(y, weight), bias)
        y = sets.requantized(emit, isa.lanes, total, ends, row, first)
    return y
