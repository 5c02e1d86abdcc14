"""What happens to a row of pixels while it is in the first-level cache: activation, statistics,
pooling, normalisation. row_gradients.py has the way back.

Each kernel takes one register of channels through all pixels of a row, so that whatever is per
channel (bias, sums, slopes) stays in a register meanwhile. In all of them pixels of `channels`
numbers lie in order.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import product, starmap
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.functions import Function, value
from minicnn.machine.emit import I32, Emitter, kernel
from minicnn.machine.operands import Bytes, Numbers


class Activate(NamedTuple):
    """z, y: pixels; the others (channels,)."""

    z: Numbers
    y: Numbers
    pixels: int
    channels: int
    bias: Numbers
    center: Numbers
    deviations: Numbers
    squares: Numbers


class Pool(NamedTuple):
    """y: rows of pixels, row_step numbers apart; best, winner: windows; sign (channels,)."""

    y: Numbers
    row_step: int
    windows: int
    channels: int
    sign: Numbers
    best: Numbers
    winner: Bytes


class Finish(NamedTuple):
    """x, addend, y: pixels; the others (channels,)."""

    x: Numbers
    addend: Numbers
    pixels: int
    channels: int
    center: Numbers
    scale: Numbers
    shift: Numbers
    y: Numbers


def each_register(emit: Emitter, work: Callable[[ir.Value], None]) -> None:
    """work(c) for the first channel c of every register."""

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        work(emit.builder.mul(v, emit.integer(emit.lanes)))
        return []

    emit.loop(emit.builder.sdiv(emit.arg["channels"], emit.integer(emit.lanes)), [], register)


def pixel_place(emit: Emitter, array: str, p: ir.Value, c: ir.Value) -> ir.Value:
    """The address of channel c of pixel p."""
    return emit.at(emit.arg[array], emit.builder.add(emit.builder.mul(p, emit.arg["channels"]), c))


@kernel
def activate(
    dtype: str, function: Function | None, moments: bool, streams: bool = False
) -> Emitter:
    """y = f(z + bias); if moments, also three numbers per channel of the row:

        center     = its first value
        deviations = sum of (y - center)
        squares    = sum of (y - center)^2

    Sums of differences from a value of the row itself lose no digits to a large mean (norm.fold_row
    makes mean and squares of them). Pixels go in pairs to two sums: a single one would wait for its
    last addition every time. z and y may be the same, unless y `streams` past the cache.
    Source: Chan, Golub, LeVeque 1983, section 3 (shifted data).
    """
    emit = Emitter(dtype, Activate, aliases=True)
    put = emit.stream if streams else emit.store
    arg, build = emit.arg, emit.builder

    def work(c: ir.Value) -> None:
        bias = emit.load(emit.at(arg["bias"], c))

        def activated(p: ir.Value) -> ir.Value:
            z = build.fadd(emit.load(pixel_place(emit, "z", p, c)), bias)
            return value(emit, function, z) if function else z

        center = activated(emit.integer(0)) if moments else emit.fill(0.0)

        def pixel(p: ir.Value) -> list[ir.Value]:
            y = activated(p)
            put(y, pixel_place(emit, "y", p, c))
            d = build.fsub(y, center)
            return [d, build.fmul(d, d)] if moments else []

        sums = sum_of_pixels(emit, pixel, 2 if moments else 0)
        if moments:
            for name, total in zip(
                ("center", "deviations", "squares"), [center, *sums], strict=True
            ):
                emit.store(total, emit.at(arg[name], c))

    each_register(emit, work)
    return emit


def sum_of_pixels(
    emit: Emitter, values_of: Callable[[ir.Value], list[ir.Value]], count: int
) -> list[ir.Value]:
    """The sums of the `count` values_of(0) ... values_of(pixels - 1), each in two interleaved
    parts.
    """
    build, pixels, two = emit.builder, emit.arg["pixels"], emit.integer(2)

    def add(sums: Sequence[ir.Value], p: ir.Value) -> list[ir.Value]:
        return [build.fadd(total, value) for total, value in zip(sums, values_of(p), strict=True)]

    def pair(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
        p = build.mul(i, two)
        even = add(sums[:count], p)
        return even + add(sums[count:], build.add(p, emit.integer(1)))

    def last(_: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
        return add(sums, build.sub(pixels, emit.integer(1)))

    halves = emit.loop(build.sdiv(pixels, two), [emit.fill(0.0)] * (2 * count), pair)
    sums = [build.fadd(even, odd) for even, odd in zip(halves[:count], halves[count:], strict=True)]
    return emit.loop(build.srem(pixels, two), sums, last)


def winner(emit: Emitter, keys: Iterator[ir.Value]) -> tuple[ir.Value, ir.Value]:
    """The first of the largest keys, or the first NaN, and its number."""
    build, kind = emit.builder, ir.VectorType(I32, emit.lanes)
    best, where = next(keys), ir.Constant(kind, [0] * emit.lanes)
    for number, key in enumerate(keys, 1):
        # Larger or NaN, unless the best is NaN already.
        wins = build.and_(
            build.fcmp_unordered(">", key, best), build.fcmp_ordered("ord", best, best)
        )
        index = ir.Constant(kind, [number] * emit.lanes)
        best, where = build.select(wins, key, best), build.select(wins, index, where)
    return best, where


def largest(emit: Emitter, keys: Iterator[ir.Value]) -> ir.Value:
    """The first of the largest keys, or NaN: an operation for each, which forgets a NaN, and half a
    comparison, which does not.
    """
    build = emit.builder
    best = before = next(keys)
    checks, number = [], 0
    for number, key in enumerate(keys, 1):
        best = emit.choice(">", key, best, key, best)
        if number % 2:
            checks.append(build.fcmp_unordered("uno", key, before))
        before = key
    if number % 2 == 0:
        checks.append(build.fcmp_unordered("uno", before, before))
    return build.select(reduce(build.or_, checks), emit.fill(math.nan), best)


@kernel
def pool(dtype: str, height: int, width: int, tracks: bool) -> Emitter:
    """best[q, c] = the y of a window with the largest sign[c] * y, and if it `tracks`, winner[q, c]
    = its place in it, row-major.

    y: `height` rows, row_step numbers apart; of equals the first wins, of all NaN.
    """
    emit = Emitter(dtype, Pool)
    arg, build = emit.arg, emit.builder

    def work(c: ir.Value) -> None:
        sign = emit.load(emit.at(arg["sign"], c))

        def window(q: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            def key(h: int, w: int) -> ir.Value:
                pixel = build.add(build.mul(q, emit.integer(width)), emit.integer(w))
                row = build.mul(arg["row_step"], emit.integer(h))
                y = emit.load(emit.at(pixel_place(emit, "y", pixel, c), row))
                return build.fmul(y, sign)

            keys = starmap(key, product(range(height), range(width)))
            best, where = winner(emit, keys) if tracks else (largest(emit, keys), None)
            emit.store(build.fmul(best, sign), pixel_place(emit, "best", q, c))
            if where is not None:
                emit.store_bytes(where, pixel_place(emit, "winner", q, c))
            return []

        emit.loop(arg["windows"], [], window)

    each_register(emit, work)
    return emit


@kernel
def finish(dtype: str, function: Function | None, adds: bool, streams: bool = False) -> Emitter:
    """y = f((x - center) * scale + shift), per channel; with the addend added before f, if it
    `adds`.

    x and y may be the same, unless y `streams` past the cache.
    """
    emit = Emitter(dtype, Finish, aliases=True)
    put = emit.stream if streams else emit.store

    def work(c: ir.Value) -> None:
        center, scale, shift = (
            emit.load(emit.at(emit.arg[name], c)) for name in ("center", "scale", "shift")
        )

        def pixel(p: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            x = emit.builder.fsub(emit.load(pixel_place(emit, "x", p, c)), center)
            y = emit.multiply_add(x, scale, shift)
            if adds:
                y = emit.builder.fadd(y, emit.load(pixel_place(emit, "addend", p, c)))
            if function:
                y = value(emit, function, y)
            put(y, pixel_place(emit, "y", p, c))
            return []

        emit.loop(emit.arg["pixels"], [], pixel)

    each_register(emit, work)
    return emit
