"""The two micro-kernels of a depthwise convolution, or one in narrow groups (depthwise.py): a
register of channels at a time, some pixels at once.

Their signature is that of a tile (simd.py), so that products.run calls them too. As there, strides
are constants of the code. What fills no whole register is computed with the register that ends
where the channels do.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.simd import Tile
from minicnn.machine import processor
from minicnn.machine.emit import I32, Emitter, kernel

PIXELS = 8  # at once: then a load of a weight or of a pixel is used by several of them


# Pixels that are computed at once: for each, which position of A meets which column of the kernel.
Block = tuple[tuple[tuple[int, int], ...], ...]


class TapSteps(NamedTuple):
    """Numbers from one pixel, row and block to the next, in A and C; and from one cell, row and
    channel of a group to the next in B, the kernel.
    """

    a_pixel: int
    a_row: int
    a_block: int
    b_cell: int
    b_row: int
    b_step: int
    c_pixel: int
    c_block: int


class Steps(NamedTuple):
    """Numbers from one pixel, kernel column, row and channel of a group to the next: a, b, c."""

    a_pixel: int
    a_column: int
    a_row: int
    b_pixel: int
    b_row: int
    c_column: int
    c_step: int


def most(columns: int, depth: int = 1) -> int:
    """How many pixels may be computed at once: beside their sums there are a weight per column, and
    a pixel; or all pixels that they see, which the next channel of a group needs again.
    """
    beside = 2 + columns
    room = registers() - beside if depth == 1 else (registers() - beside - columns) // 2
    return max(1, min(PIXELS, room))


def registers() -> int:
    """How many there are for sums, weights and pixels: those that a tile fills."""
    return 2 * processor.instruction_set().rows + 4


def times(emit: Emitter, index: ir.Value, step: int) -> ir.Value:
    """How far it is to a pixel, row or block of that index."""
    return emit.builder.mul(index, emit.integer(step))


def each_register(emit: Emitter, channels: int, work: Callable[[ir.Value, ir.Value], None]) -> None:
    """work(c, done) for the first channel c of every register of min(lanes, channels) numbers.

    The last one ends with the last channel, so that nothing beyond is touched, and `done` of its
    numbers belong to the one before too.
    """
    build, lanes = emit.builder, min(emit.lanes, channels)

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        c, done = build.mul(v, emit.integer(lanes)), emit.integer(0)
        if channels % lanes:
            last = emit.integer(channels - lanes)
            beyond = build.sub(c, last)
            done = build.select(build.icmp_signed(">", beyond, done), beyond, done)
            c = build.sub(c, done)
        work(c, done)
        return []

    emit.loop(emit.integer(-(-channels // lanes)), [], register)


def of_groups(emit: Emitter, value: ir.Value, depth: int, j: int) -> ir.Value:
    """A register in which every channel has the number of channel j of its group of `depth`."""
    if depth == 1:
        return value
    return emit.choose(value, value, [v - v % depth + j for v in range(value.type.count)])


@kernel
def taps(
    dtype: str, pixels: Block, channels: int, depth: int, steps: TapSteps, streams: bool = False
) -> Emitter:
    """C[i, p, v] = sum over s < segments, (a, k) of pixels[p], j < depth of A[s, i, a, channel j
    of v's group] * B[s, k, j, v] for i < blocks, which the call names its depth.

    Behind its `channels` numbers, a pixel of C has zeros; unless it `streams` past the cache.
    """
    emit = Emitter(dtype, Tile)
    store = emit.stream if streams else emit.store
    arg, lanes = emit.arg, min(emit.lanes, channels)
    # where a pixel of A is for several pixels of C: it is loaded once
    shared: dict[int, list[tuple[int, int]]] = {}
    for p, sums_over in enumerate(pixels):
        for a, k in sums_over:
            shared.setdefault(a, []).append((p, k))
    columns = sorted({k for users in shared.values() for _, k in users})

    def block(i: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        a, c = (
            emit.at(arg[x], times(emit, i, step))
            for x, step in (("a", steps.a_block), ("c", steps.c_block))
        )
        places = [emit.at(c, emit.integer(p * steps.c_pixel)) for p in range(len(pixels))]
        if steps.c_pixel > channels:
            for place in places:
                emit.store(emit.fill(0.0), emit.at(place, emit.integer(steps.c_pixel - emit.lanes)))

        def register(channel: ir.Value, _: ir.Value) -> None:
            def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a_row = emit.at(a, channel, times(emit, s, steps.a_row))
                b_row = emit.at(arg["b"], channel, times(emit, s, steps.b_row))
                sums = list(sums)
                for j in range(depth):
                    weights = {}
                    for k in columns:
                        place = emit.at(b_row, emit.integer(k * steps.b_cell + j * steps.b_step))
                        weights[k] = emit.load(place, lanes)
                    for offset, users in sorted(shared.items()):
                        place = emit.at(a_row, emit.integer(offset * steps.a_pixel))
                        value = of_groups(emit, emit.load(place, lanes), depth, j)
                        for p, k in users:
                            sums[p] = emit.multiply_add(value, weights[k], sums[p])
                return sums

            zeros = [emit.fill(0.0, lanes)] * len(pixels)
            for total, place in zip(emit.loop(arg["segments"], zeros, row), places, strict=True):
                store(total, emit.at(place, channel))

        each_register(emit, channels, register)
        return []

    emit.loop(arg["depth"], [], block)
    return emit


@kernel
def cells_gradient(
    dtype: str, pixels: int, columns: int, channels: int, depth: int, steps: Steps
) -> Emitter:
    """C[k, j, v] += sum over s < segments, p < pixels * the call's depth of A[s, p, k, channel j of
    v's group] * B[s, p, v] for k < columns, j < depth.

    Pixels are added to two sums in turn, if there is room for them: or each addition would wait
    for the one before. And for as many j at once as there is room for.
    """
    emit = Emitter(dtype, Tile)
    arg, build, lanes = emit.arg, emit.builder, min(emit.lanes, channels)
    beside = columns + (1 if depth == 1 else 2)  # a gradient for each column, and the pixel
    at_once = min(depth, max(1, (registers() - beside) // columns))
    turns = 2 if 2 * columns * at_once + beside <= registers() else 1
    # where a pixel of A is met by several gradients: it is loaded once
    met: dict[int, list[tuple[int, int]]] = {}
    for p in range(pixels):
        for k in range(columns):
            met.setdefault(p * steps.a_pixel + k * steps.a_column, []).append((p, k))

    def sums_of(channel: ir.Value, of_group: range) -> list[ir.Value]:
        """The sums [turn, j, k]."""

        def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            a_row = emit.at(arg["a"], channel, times(emit, s, steps.a_row))
            b_row = emit.at(arg["b"], channel, times(emit, s, steps.b_row))

            def block(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a = emit.at(a_row, times(emit, i, pixels * steps.a_pixel))
                b = emit.at(b_row, times(emit, i, pixels * steps.b_pixel))
                sums, dz = list(sums), {}
                for offset, users in sorted(met.items()):
                    x = emit.load(emit.at(a, emit.integer(offset)), lanes)
                    for p, _ in users:
                        if p not in dz:
                            dz[p] = emit.load(emit.at(b, emit.integer(p * steps.b_pixel)), lanes)
                    for number, j in enumerate(of_group):
                        value = of_groups(emit, x, depth, j)
                        for p, k in users:
                            total = (p % turns * len(of_group) + number) * columns + k
                            sums[total] = emit.multiply_add(value, dz[p], sums[total])
                return sums

            return emit.loop(arg["depth"], sums, block)

        zeros = [emit.fill(0.0, lanes)] * (turns * len(of_group) * columns)
        return emit.loop(arg["segments"], zeros, row)

    def work(channel: ir.Value, done: ir.Value) -> None:
        for first in range(0, depth, at_once):
            of_group = range(first, min(first + at_once, depth))
            sums, each = sums_of(channel, of_group), len(of_group) * columns
            for number in range(each):
                j, k = first + number // columns, number % columns
                offset = emit.integer(k * steps.c_column + j * steps.c_step)
                place = emit.at(arg["c"], channel, offset)
                before = emit.load(place, lanes)
                value = before
                for total in sums[number::each]:
                    value = build.fadd(value, total)
                if channels % lanes:
                    lane = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
                    again = build.icmp_signed("<", lane, emit.spread(build.trunc(done, I32)))
                    value = build.select(again, before, value)
                emit.store(value, place)

    each_register(emit, channels, work)
    return emit
