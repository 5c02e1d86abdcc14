"""Kernels of whole numbers beside the matrix product: bytes that become taps, and windows that
slide over each channel by itself.

A lane holds one channel, so that a depthwise convolution needs the numbers that are added up there
side by side: those of one channel, below each other in the picture. `weave` writes them so, from as
many rows as there are taps, and what a window reads are whole registers from then on.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine import integer_sets as sets
from minicnn.engine.integer_sets import Instructions, load
from minicnn.engine.integer_tiles import ended
from minicnn.machine.emit import I8, I32, Emitter, kernel
from minicnn.machine.operands import Bytes

SIDE = 4  # windows beside each other that share what is loaded of a kernel


class Move(NamedTuple):
    """x: `size` bytes; y: as many taps."""

    x: Bytes
    y: Bytes
    size: int


class Weave(NamedTuple):
    """a, b, c, d: `size` bytes each; y: as many lanes."""

    a: Bytes
    b: Bytes
    c: Bytes
    d: Bytes
    y: Bytes
    size: int


class Slide(NamedTuple):
    """x: lanes, windows x_step bytes apart, lines x_line and taps x_tap; b (lines, taps, lanes);
    ends: see integer_tiles.tile; y: windows y_step bytes apart.
    """

    x: Bytes
    x_step: int
    lines: int
    x_line: int
    taps: int
    x_tap: int
    b: Bytes
    ends: Bytes
    y: Bytes
    y_step: int
    windows: int


@kernel
def move(isa: Instructions) -> Emitter:
    """y[i] = x[i] as a tap, for `size` bytes."""
    emit = Emitter("float32", Move)
    build = emit.builder

    def turn(i: ir.Value, lanes: int) -> None:
        x = load(emit, emit.at(emit.arg["x"], i), sets.vector(I8, lanes))
        if isa.taps == 4:
            x = build.xor(x, ir.Constant(x.type, [sets.FLIP] * lanes))
        else:
            x = build.sext(x, sets.vector(sets.I16, lanes))
            i = build.add(i, i)
        sets.store(emit, x, emit.at(emit.arg["y"], i))

    in_turns(emit, emit.arg["size"], (4 * isa.lanes, 8, 1), turn)
    return emit


@kernel
def weave(isa: Instructions) -> Emitter:
    """y[i] = (a[i], b[i], c[i], d[i]) as taps, or (a[i], b[i]) where there are two to a lane, for
    `size` bytes of each row.
    """
    emit = Emitter("float32", Weave)
    build = emit.builder
    names = "abcd"[: isa.taps]

    def turn(i: ir.Value, lanes: int) -> None:
        wholes = sets.vector(I32, lanes)
        together = ir.Constant(wholes, None)
        for n, name in enumerate(names):
            x = load(emit, emit.at(emit.arg[name], i), sets.vector(I8, lanes))
            bits = 8 if isa.taps == 4 else 16
            if isa.taps == 4:
                x = build.zext(x, wholes)
            else:
                x = build.zext(build.sext(x, sets.vector(sets.I16, lanes)), wholes)
            together = build.or_(together, build.shl(x, ir.Constant(wholes, [bits * n] * lanes)))
        if isa.taps == 4:
            flips = 0x01010101 * sets.FLIP
            together = build.xor(together, ir.Constant(wholes, [flips] * lanes))
        sets.store(emit, together, emit.at(emit.arg["y"], build.mul(i, emit.integer(4))))

    in_turns(emit, emit.arg["size"], (isa.lanes, 1), turn)
    return emit


@kernel
def slide(isa: Instructions, width: int, stages: int) -> Emitter:
    """y[j, c] for `width` channels c of a register, of `windows` windows j.

        sum[j, c] = bias[c] + sum over l < lines, t < taps of x[j, l, t, c] * b[l, t, c]

    x are lanes as `weave` writes them, ends as in integer_tiles.tile, for a panel of one register.
    """
    emit = Emitter("float32", Slide)
    arg, build, row = emit.arg, emit.builder, 4 * isa.lanes
    wholes = sets.vector(I32, isa.lanes)

    def make(first: ir.Value, count: int) -> None:
        windows = [build.add(first, emit.integer(j)) for j in range(count)]
        starts = [emit.at(arg["x"], build.mul(j, arg["x_step"])) for j in windows]

        def line(n: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            def tap(t: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                number = build.add(build.mul(n, arg["taps"]), t)
                b = load(emit, emit.at(arg["b"], build.mul(number, emit.integer(row))), wholes)
                offset = build.add(build.mul(n, arg["x_line"]), build.mul(t, arg["x_tap"]))
                return [
                    sets.multiply_add(
                        emit, isa, total, load(emit, emit.at(start, offset), wholes), b
                    )
                    for total, start in zip(sums, starts, strict=True)
                ]

            return emit.loop(arg["taps"], sums, tap)

        bias = load(emit, arg["ends"], wholes, row * sets.BIAS)
        for j, total in zip(windows, emit.loop(arg["lines"], [bias] * count, line), strict=True):
            y = ended(emit, isa, total, 0, row, stages)
            sets.store_bytes(emit, y, emit.at(arg["y"], build.mul(j, arg["y_step"])), width)

    in_turns(emit, arg["windows"], (SIDE, 1), make)
    return emit


def in_turns(
    emit: Emitter, count: ir.Value, sizes: Sequence[int], body: Callable[[ir.Value, int], None]
) -> None:
    """body(first, size) for the first `size` of `count` and so on, and by the next size what is
    left of them.
    """
    build, first = emit.builder, emit.integer(0)
    for size in sizes:
        turns = build.sdiv(build.sub(count, first), emit.integer(size))

        def turn(k: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
            body(build.add(first, build.mul(k, emit.integer(size))), size)  # noqa: B023  run at once
            return []

        emit.loop(turns, [], turn)
        first = build.add(first, build.mul(turns, emit.integer(size)))
