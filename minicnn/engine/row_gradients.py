"""The way back through what row_kernels.py does to a row of pixels."""

from collections.abc import Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.functions import Function, through
from minicnn.engine.row_kernels import each_register, pixel_place, sum_of_pixels
from minicnn.machine.emit import I32, Emitter, kernel
from minicnn.machine.operands import Bytes, Numbers


class Sums(NamedTuple):
    """dy, x, y: pixels; the others (channels,)."""

    dy: Numbers
    x: Numbers
    y: Numbers
    pixels: int
    channels: int
    center: Numbers
    inverse: Numbers
    scale: Numbers
    shift: Numbers
    total: Numbers
    product: Numbers


class Gradient(NamedTuple):
    """a, dz: a row of pixels; dy, best, winner: of its windows; the others (channels,).

    cell: the number, within a window, of the row's first one.
    dropped: pixels behind the last window.
    """

    a: Numbers
    dy: Numbers
    best: Numbers
    winner: Bytes
    cell: int
    windows: int
    dropped: int
    channels: int
    center: Numbers
    unit: Numbers
    slope: Numbers
    offset: Numbers
    factor: Numbers
    scale: Numbers
    shift: Numbers
    dz: Numbers
    total: Numbers


class Way(NamedTuple):
    """What gradient goes back through.

    width: of the pooling windows.
    pooled: whether there are any; else a window is one pixel.
    pool_first: whether pooling comes before the normalisation.
    norms: whether there is a normalisation.
    before, after: the activations before and after the normalisation, where it is left to
        `gradient` to go back through them.
    """

    width: int
    pooled: bool
    pool_first: bool
    norms: bool
    before: Function | None
    after: Function | None


@kernel
def sums(dtype: str, function: Function | None, adds: bool, writes: bool) -> Emitter:
    """total[c] = sum of dy over the row, product[c] = sum of dy * ((x - center) * inverse).

    Where a function came next, that is after dy has gone back through it; this dy goes to y, if it
    `writes`. Where something was added before the function, its slope is that at y, which came out.
    """
    emit = Emitter(dtype, Sums, aliases=True)
    build = emit.builder

    def work(c: ir.Value) -> None:
        names = ("center", "inverse", "scale", "shift")
        center, inverse, scale, shift = (emit.load(emit.at(emit.arg[name], c)) for name in names)

        def values(p: ir.Value) -> list[ir.Value]:
            dy = emit.load(pixel_place(emit, "dy", p, c))
            moved = build.fsub(emit.load(pixel_place(emit, "x", p, c)), center)
            if function:
                y = pixel_place(emit, "y", p, c)
                came = emit.load(y) if adds else emit.multiply_add(moved, scale, shift)
                dy = through(emit, function, came, dy)
                if writes:
                    emit.store(dy, y)
            return [dy, build.fmul(dy, build.fmul(moved, inverse))]

        for name, total in zip(("total", "product"), sum_of_pixels(emit, values, 2), strict=True):
            emit.store(total, emit.at(emit.arg[name], c))

    each_register(emit, work)
    return emit


@kernel
def gradient(dtype: str, way: Way) -> Emitter:
    """The gradient of a row before activation, from that of the pooled row, and its sum.

        dz = dy[q]    where its cell, cell + w, won window q (always, if not pooled), else 0
        dz = factor * dz + offset + slope * (a - center) * unit    through a normalisation: what
                                        came through the batch's mean and variance is added to it
        dz = dz * before'(a)
        dy[q] = dy[q] * after'((best[q] - center) * scale + shift)
        total[c] = sum of dz

    Where pooling comes first, only winners have been normalised: dz is that of best[q] in place of
    a where its cell won, else 0. a and dz: windows * width pixels, and then `dropped` ones that are
    in no window (odd sizes).
    """
    emit = Emitter(dtype, Gradient)
    arg, build, zero = emit.arg, emit.builder, emit.fill(0.0)

    def work(c: ir.Value) -> None:
        names = ("center", "unit", "slope", "offset", "factor", "scale", "shift")
        center, unit, slope, offset, factor, scale, shift = (
            emit.load(emit.at(arg[name], c)) for name in names
        )
        moved = build.fmul(build.fsub(zero, center), unit)

        def normalized(a: ir.Value, own: ir.Value | None) -> ir.Value:
            """The gradient of an activation a, of which `own` is what came to it alone."""
            value = zero if own is None else own
            if way.norms:  # else an infinite a would make NaN of a slope of 0
                value = emit.multiply_add(slope, emit.multiply_add(a, unit, moved), offset)
                if own is not None:
                    value = build.fadd(value, own)
            return through(emit, way.before, a, value)

        def pixel(p: ir.Value, own: ir.Value | None) -> ir.Value:
            return normalized(emit.load(pixel_place(emit, "a", p, c)), own)

        def window(q: ir.Value, totals: list[ir.Value]) -> Sequence[ir.Value]:
            dy = build.fmul(factor, emit.load(pixel_place(emit, "dy", q, c)))
            if way.after or way.pool_first:
                best = emit.load(pixel_place(emit, "best", q, c))
            if way.after:
                finished = emit.multiply_add(build.fsub(best, center), scale, shift)
                dy = through(emit, way.after, finished, dy)
            if way.pool_first:
                dy = normalized(best, dy)
            winner = emit.load_bytes(pixel_place(emit, "winner", q, c)) if way.pooled else None
            updated = []
            for w, total in enumerate(totals):
                own = dy
                if winner is not None:
                    cell = build.trunc(build.add(arg["cell"], emit.integer(w)), I32)
                    won = build.icmp_unsigned("==", winner, emit.spread(cell))
                    own = build.select(won, dy, zero)
                p = build.add(build.mul(q, emit.integer(way.width)), emit.integer(w))
                updated.append(put(p, own if way.pool_first else pixel(p, own), total))
            return updated

        def put(p: ir.Value, dz: ir.Value, total: ir.Value) -> ir.Value:
            emit.store(dz, pixel_place(emit, "dz", p, c))
            return build.fadd(total, dz)

        def left_over(i: ir.Value, totals: list[ir.Value]) -> Sequence[ir.Value]:
            p = build.add(build.mul(arg["windows"], emit.integer(way.width)), i)
            return [put(p, zero if way.pool_first else pixel(p, None), totals[0])]

        first, *others = emit.loop(arg["windows"], [zero] * way.width, window)
        for other in others:
            first = build.fadd(first, other)
        emit.store(emit.loop(arg["dropped"], [first], left_over)[0], emit.at(arg["total"], c))

    each_register(emit, work)
    return emit
