"""The two micro-kernels of a depthwise convolution (depthwise.py): a register of channels at a
time, some pixels at once.

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
    """Numbers from one pixel, row and block to the next, in A and C; and from one cell and row to
    the next in B, the kernel.
    """

    a_pixel: int
    a_row: int
    a_block: int
    b_cell: int
    b_row: int
    c_pixel: int
    c_block: int


class Steps(NamedTuple):
    """Numbers from one pixel, kernel column and row to the next, in a, b and c."""

    a_pixel: int
    a_column: int
    a_row: int
    b_pixel: int
    b_row: int
    c_column: int


def most(columns: int) -> int:
    """How many pixels may be computed at once: beside their sums there are a weight per column, and
    a pixel.
    """
    return max(1, min(PIXELS, registers() - 2 - columns))


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


@kernel
def taps(
    dtype: str, pixels: Block, channels: int, steps: TapSteps, streams: bool = False
) -> Emitter:
    """C[i, p, v] = sum over s < segments, (a, k) of pixels[p] of A[s, i, a, v] * B[s, k, v] for
    blocks i < depth.

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
                weights = {
                    k: emit.load(emit.at(b_row, emit.integer(k * steps.b_cell)), lanes)
                    for k in columns
                }
                sums = list(sums)
                for offset, users in sorted(shared.items()):
                    place = emit.at(a_row, emit.integer(offset * steps.a_pixel))
                    value = emit.load(place, lanes)
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
def cells_gradient(dtype: str, pixels: int, columns: int, channels: int, steps: Steps) -> Emitter:
    """C[k, v] += sum over s < segments, p < depth * pixels of A[s, p, k, v] * B[s, p, v] for k <
    columns.

    Pixels are added to two sums in turn, if there is room for them: or each addition would wait
    for the one before.
    """
    emit = Emitter(dtype, Tile)
    arg, build, lanes = emit.arg, emit.builder, min(emit.lanes, channels)
    turns = 2 if 3 * columns + 1 <= registers() else 1  # beside them, a pixel per column, and one

    def work(channel: ir.Value, done: ir.Value) -> None:
        def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            a_row = emit.at(arg["a"], channel, times(emit, s, steps.a_row))
            b_row = emit.at(arg["b"], channel, times(emit, s, steps.b_row))

            def block(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a = emit.at(a_row, times(emit, i, pixels * steps.a_pixel))
                b = emit.at(b_row, times(emit, i, pixels * steps.b_pixel))
                sums, seen = list(sums), {}
                for p in range(pixels):
                    dz = emit.load(emit.at(b, emit.integer(p * steps.b_pixel)), lanes)
                    for k in range(columns):
                        offset = p * steps.a_pixel + k * steps.a_column
                        if offset not in seen:
                            seen[offset] = emit.load(emit.at(a, emit.integer(offset)), lanes)
                        total = p % turns * columns + k
                        sums[total] = emit.multiply_add(seen[offset], dz, sums[total])
                return sums

            return emit.loop(arg["depth"], sums, block)

        sums = emit.loop(arg["segments"], [emit.fill(0.0, lanes)] * (turns * columns), row)
        for k in range(columns):
            place = emit.at(arg["c"], channel, emit.integer(k * steps.c_column))
            before = emit.load(place, lanes)
            value = before
            for total in sums[k::columns]:
                value = build.fadd(value, total)
            if channels % lanes:
                lane = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
                again = build.icmp_signed("<", lane, emit.spread(build.trunc(done, I32)))
                value = build.select(again, before, value)
            emit.store(value, place)

    each_register(emit, channels, work)
    return emit
