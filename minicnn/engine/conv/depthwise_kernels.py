"""The two micro-kernels of a depthwise convolution, or one in narrow groups (depthwise.py): a
register of channels at a time, some pixels at once.

Their signature is that of a tile (simd.py), so that products.run calls them too; of its operands
`segments` are rows of the kernel, or of pixels, and `depth` is a number of blocks. As there,
distances are constants of the code. What fills no whole register is computed with the register that
ends where the channels do.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.simd import Tile
from minicnn.machine import processor
from minicnn.machine.emit import I32, Emitter, kernel

PIXELS = 8  # at once: then a load of a weight or of a pixel is used by several of them

# Pixels that are computed at once: for each, which position of A meets which column of the kernel.
Block = tuple[tuple[tuple[int, int], ...], ...]


class Across(NamedTuple):
    """Numbers of a map from one pixel, row and block to the next."""

    pixel: int
    row: int
    block: int


class Within(NamedTuple):
    """Numbers of a kernel from one cell, row, and channel of a group to the next."""

    cell: int
    row: int
    channel: int


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


def by_position(pixels: Block) -> list[tuple[int, list[tuple[int, int]]]]:
    """The positions of A in their order, each with the pixels (p, column) that meet it: so it is
    loaded once.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for p, meets in enumerate(pixels):
        for position, k in meets:
            found.setdefault(position, []).append((p, k))
    return sorted(found.items())


def step(emit: Emitter, pointer: ir.Value, index: ir.Value, numbers: int) -> ir.Value:
    """The address of the thing of that index, which are so many numbers each."""
    return emit.at(pointer, emit.builder.mul(index, emit.integer(numbers)))


def loads(emit: Emitter, pointer: ir.Value, numbers: int, lanes: int) -> Callable[[int], ir.Value]:
    """A function that loads the thing of an index, so many numbers further on each, when it is
    first asked for it.
    """
    return cache(lambda index: emit.load(emit.at(pointer, emit.integer(index * numbers)), lanes))


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
    dtype: str,
    pixels: Block,
    channels: int,
    depth: int,
    a: Across,
    b: Within,
    c: Across,
    streams: bool = False,
) -> Emitter:
    """C[i, p, v] = sum over s < segments, (position, k) of pixels[p], j < depth of
    A[s, i, position, channel j of v's group] * B[s, k, j, v] for all blocks i.

    Behind its `channels` numbers, a pixel of C has zeros; unless it `streams` past the cache.
    """
    emit = Emitter(dtype, Tile)
    put = emit.stream if streams else emit.store
    arg, lanes = emit.arg, min(emit.lanes, channels)
    rows, blocks = arg["segments"], arg["depth"]  # as a tile's operands are called

    def row(channel: ir.Value, a_block: ir.Value) -> Callable[..., Sequence[ir.Value]]:
        def add(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            a_row = step(emit, emit.at(a_block, channel), s, a.row)
            b_row = step(emit, emit.at(arg["b"], channel), s, b.row)
            sums = list(sums)
            for j in range(depth):
                weights = loads(emit, emit.at(b_row, emit.integer(j * b.channel)), b.cell, lanes)
                for position, users in by_position(pixels):
                    x = emit.load(emit.at(a_row, emit.integer(position * a.pixel)), lanes)
                    value = of_groups(emit, x, depth, j)
                    for p, k in users:
                        sums[p] = emit.multiply_add(value, weights(k), sums[p])
            return sums

        return add

    def block(i: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        a_block, c_block = step(emit, arg["a"], i, a.block), step(emit, arg["c"], i, c.block)
        places = [emit.at(c_block, emit.integer(p * c.pixel)) for p in range(len(pixels))]
        if c.pixel > channels:
            clear_ends(emit, places, c.pixel)

        def register(channel: ir.Value, _: ir.Value) -> None:
            zeros = [emit.fill(0.0, lanes)] * len(pixels)
            sums = emit.loop(rows, zeros, row(channel, a_block))
            for total, place in zip(sums, places, strict=True):
                put(total, emit.at(place, channel))

        each_register(emit, channels, register)
        return []

    emit.loop(blocks, [], block)
    return emit


def clear_ends(emit: Emitter, places: Sequence[ir.Value], numbers: int) -> None:
    """Zeros to the last register of each of these pixels of so many numbers."""
    for place in places:
        emit.store(emit.fill(0.0), emit.at(place, emit.integer(numbers - emit.lanes)))


@kernel
def cells_gradient(
    dtype: str, pixels: Block, channels: int, depth: int, a: Across, b: Across, c: Within
) -> Emitter:
    """C[k, j, v] += sum over s < segments, blocks i, (position, k) of pixels[p] of
    A[s, i, position, channel j of v's group] * B[s, i, p, v] for j < depth, a group's channels.

    Pixels are added to two sums in turn, if there is room for them: or each addition would wait
    for the one before. And for as many j at once as there is room for.
    """
    emit = Emitter(dtype, Tile)
    arg, lanes = emit.arg, min(emit.lanes, channels)
    rows, blocks = arg["segments"], arg["depth"]  # as a tile's operands are called
    columns = sorted({k for meets in pixels for _, k in meets})
    beside = len(columns) + (1 if depth == 1 else 2)  # a gradient for each column, and the pixel
    at_once = min(depth, max(1, (registers() - beside) // len(columns)))
    turns = 2 if 2 * len(columns) * at_once + beside <= registers() else 1

    def sums_of(channel: ir.Value, of_group: range) -> dict[tuple[int, int], list[ir.Value]]:
        """For each (j, k), its sums."""
        keys = [(turn, j, k) for turn in range(turns) for j in of_group for k in columns]

        def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            a_row = step(emit, emit.at(arg["a"], channel), s, a.row)
            b_row = step(emit, emit.at(arg["b"], channel), s, b.row)

            def block(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a_block, b_block = step(emit, a_row, i, a.block), step(emit, b_row, i, b.block)
                total, dz = dict(zip(keys, sums, strict=True)), loads(emit, b_block, b.pixel, lanes)
                for position, users in by_position(pixels):
                    x = emit.load(emit.at(a_block, emit.integer(position * a.pixel)), lanes)
                    for j in of_group:
                        value = of_groups(emit, x, depth, j)
                        for p, k in users:
                            key = p % turns, j, k
                            total[key] = emit.multiply_add(value, dz(p), total[key])
                return list(total.values())

            if b.block == 0:  # there is one, and a loop would move all sums between registers
                return block(emit.integer(0), sums)
            return emit.loop(blocks, sums, block)

        sums = emit.loop(rows, [emit.fill(0.0, lanes)] * len(keys), row)
        found = dict(zip(keys, sums, strict=True))
        return {(j, k): [found[turn, j, k] for turn in range(turns)] for _, j, k in keys}

    def work(channel: ir.Value, done: ir.Value) -> None:
        for first in range(0, depth, at_once):
            of_group = range(first, min(first + at_once, depth))
            for (j, k), sums in sums_of(channel, of_group).items():
                offset = emit.integer(k * c.cell + j * c.channel)
                add_to(emit, emit.at(arg["c"], channel, offset), sums, channels % lanes, done)

    each_register(emit, channels, work)
    return emit


def add_to(
    emit: Emitter, place: ir.Value, sums: Sequence[ir.Value], overlaps: int, done: ir.Value
) -> None:
    """Add sums to the numbers at a place; where registers may overlap, not to the first `done`."""
    build = emit.builder
    value = before = emit.load(place, sums[0].type.count)
    for total in sums:
        value = build.fadd(value, total)
    if overlaps:
        lane = ir.Constant(ir.VectorType(I32, value.type.count), list(range(value.type.count)))
        again = build.icmp_signed("<", lane, emit.spread(build.trunc(done, I32), value.type.count))
        value = build.select(again, before, value)
    emit.store(value, place)
