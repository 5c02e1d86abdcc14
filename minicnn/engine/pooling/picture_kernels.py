"""Pooling over a whole picture, forward and backward.

A kernel takes some registers of channels through all pixels. That is one line of the cache after
the other, and several sums that do not wait for each other.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.pooling.channels import each_register
from minicnn.engine.pooling.window_kernels import wins
from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.operands import Numbers

REGISTERS = 2  # at a time: of doubles 4, and more would not fit beside winners into 16
MOST_PIXELS = 2**24  # winners are numbers, and float32 has no further integers one by one


class Picture(NamedTuple):
    """x: pixels; y, winner (channels,)."""

    x: Numbers
    y: Numbers
    winner: Numbers
    pixels: int
    channels: int


def place(emit: Emitter, p: ir.Value, c: ir.Value) -> ir.Value:
    """The address of channel c of pixel p of x."""
    return emit.at(emit.arg["x"], emit.builder.add(emit.builder.mul(p, emit.arg["channels"]), c))


def each_part(emit: Emitter, work: Callable[[ir.Value, int], None]) -> Emitter:
    """work(c, numbers) for all channels, some registers at a time."""
    each_register(emit, work, REGISTERS * emit.lanes)
    return emit


@kernel
def largest(dtype: str, tracks: bool) -> Emitter:
    """y = the largest x of every channel, and if `tracks`, winner = the number of its pixel.

    Of equals the first wins, of all the first NaN.
    """
    emit = Emitter(dtype, Picture)
    arg, build = emit.arg, emit.builder

    def part(c: ir.Value, numbers: int) -> None:
        def pixel(p: ir.Value, before: list[ir.Value]) -> Sequence[ir.Value]:
            value = emit.load(place(emit, p, c), numbers)
            won = wins(emit, value, before[0])
            candidates = [value]
            if tracks:
                candidates.append(emit.spread(build.sitofp(p, emit.element), numbers))
            return [build.select(won, *pair) for pair in zip(candidates, before, strict=True)]

        # where all are -inf nothing is larger, and the first stays
        first = [emit.fill(float("-inf"), numbers), emit.fill(0.0, numbers)][: 1 + tracks]
        found = emit.loop(arg["pixels"], first, pixel)
        for name, value in zip(("y", "winner"), found, strict=False):
            emit.store(value, emit.at(arg[name], c))

    return each_part(emit, part)


@kernel
def mean(dtype: str) -> Emitter:
    """y = the mean of x of every channel, added up in double precision, pixel by pixel."""
    emit = Emitter(dtype, Picture)
    arg, build = emit.arg, emit.builder

    single = dtype == "float32"

    def part(c: ir.Value, numbers: int) -> None:
        double = ir.VectorType(ir.DoubleType(), numbers)

        def pixel(p: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            value = emit.load(place(emit, p, c), numbers)
            return [build.fadd(total[0], build.fpext(value, double) if single else value)]

        total = emit.loop(arg["pixels"], [ir.Constant(double, [0.0] * numbers)], pixel)[0]
        pixels = emit.spread(build.sitofp(arg["pixels"], double.element), numbers)
        mean = build.fdiv(total, pixels)
        if single:
            mean = build.fptrunc(mean, ir.VectorType(emit.element, numbers))
        emit.store(mean, emit.at(arg["y"], c))

    return each_part(emit, part)


@kernel
def mean_back(dtype: str) -> Emitter:
    """x = y / pixels for all pixels: the gradient of `mean`, x of its x and y of its y."""
    emit = Emitter(dtype, Picture)
    arg, build = emit.arg, emit.builder

    def part(c: ir.Value, numbers: int) -> None:
        pixels = emit.spread(build.sitofp(arg["pixels"], emit.element), numbers)
        own = build.fdiv(emit.load(emit.at(arg["y"], c), numbers), pixels)

        def pixel(p: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
            emit.store(own, place(emit, p, c))
            return []

        emit.loop(arg["pixels"], [], pixel)

    return each_part(emit, part)
