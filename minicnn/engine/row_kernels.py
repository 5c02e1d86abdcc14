"""What happens to a row of pixels while it is in the first-level cache: activation, statistics, pooling, and back.

Each kernel takes one register of channels through all pixels of a row, so that whatever is per channel (bias, sums,
slopes) stays in a register meanwhile. In all of them P pixels of C channels, C a multiple of the lanes, lie in order.
"""

from collections.abc import Callable, Sequence
from functools import cache

from llvmlite import ir

from minicnn.engine.emit import I8, I32, Emitter

ACTIVATE = "y* pixels channels bias* center* deviations* squares*"
POOL = "y* row_step windows channels sign* best* winner*u8"
GRADIENT = "a* dy* winner*u8 index windows dropped channels center* slope* offset* factor* dz* total*"


@cache
def activate(dtype: str, relu: bool, moments: bool) -> int:
    """y += bias, then y = max(y, 0) if relu; if moments, also three numbers per channel of the row:

        center = the mean, rounded;   deviations = sum of (y - center);   squares = sum of (y - center)^2

    The deviations, zero but for rounding, make up for it (rows.fold_row). Two passes, the second over what the first
    has just left in the cache. Pixels go in pairs to two sums: a single one would wait for its last addition every
    time. NaN stays NaN (it is not <= 0).
    """
    emit = Emitter(f"activate_{dtype}_{relu:d}{moments:d}", dtype, ACTIVATE)
    arg, build = emit.arg, emit.builder
    zero = emit.fill(0.0)

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        c = build.mul(v, emit.integer(emit.lanes))
        bias = emit.load(emit.at(arg["bias"], c))

        def place(p: ir.Value) -> ir.Value:
            return emit.at(arg["y"], build.add(build.mul(p, arg["channels"]), c))

        def finish(p: ir.Value) -> list[ir.Value]:
            value = build.fadd(emit.load(place(p)), bias)
            if relu:
                value = build.select(build.fcmp_ordered("<=", value, zero), zero, value)
            emit.store(value, place(p))
            return [value]

        total = sum_of_pixels(emit, finish, 1)
        if moments:
            pixels = build.sitofp(arg["pixels"], emit.element)
            center = build.fdiv(total[0], emit.spread(pixels))
            emit.store(center, emit.at(arg["center"], c))

            def deviation(p: ir.Value) -> list[ir.Value]:
                d = build.fsub(emit.load(place(p)), center)
                return [d, build.fmul(d, d)]

            deviations, squares = sum_of_pixels(emit, deviation, 2)
            emit.store(deviations, emit.at(arg["deviations"], c))
            emit.store(squares, emit.at(arg["squares"], c))
        return []

    emit.loop(build.sdiv(arg["channels"], emit.integer(emit.lanes)), [], register)
    return emit.compile()


def sum_of_pixels(emit: Emitter, values_of: Callable[[ir.Value], list[ir.Value]], count: int) -> list[ir.Value]:
    """The sums of the `count` values_of(0) ... values_of(pixels - 1), each in two interleaved parts."""
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


@cache
def pool(dtype: str, height: int, width: int) -> int:
    """best[q, c] = the y of a window with the largest sign[c] * y, winner[q, c] = its place in it, row-major.

    y: `height` rows, row_step numbers apart; of equals the first wins, of all the first NaN.
    """
    emit = Emitter(f"pool_{dtype}_{height}x{width}", dtype, POOL)
    arg, build = emit.arg, emit.builder
    indices = ir.VectorType(I32, emit.lanes)

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        c = build.mul(v, emit.integer(emit.lanes))
        sign = emit.load(emit.at(arg["sign"], c))

        def window(q: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            best = where = None
            for h in range(height):
                for w in range(width):
                    pixel = build.add(build.mul(q, emit.integer(width)), emit.integer(w))
                    offset = build.add(build.mul(pixel, arg["channels"]), c)
                    offset = build.add(offset, build.mul(arg["row_step"], emit.integer(h)))
                    key = build.fmul(emit.load(emit.at(arg["y"], offset)), sign)
                    index = ir.Constant(indices, [h * width + w] * emit.lanes)
                    if best is None:
                        best, where = key, index
                        continue
                    new_nan = build.and_(build.fcmp_unordered("uno", key, key), build.fcmp_ordered("ord", best, best))
                    wins = build.or_(build.fcmp_ordered(">", key, best), new_nan)
                    best, where = build.select(wins, key, best), build.select(wins, index, where)
            place = build.add(build.mul(q, arg["channels"]), c)
            emit.store(build.fmul(best, sign), emit.at(arg["best"], place))
            bytes_ = build.trunc(where, ir.VectorType(I8, emit.lanes))
            target = build.bitcast(emit.at(arg["winner"], place), bytes_.type.as_pointer())
            build.store(bytes_, target).align = 1
            return []

        emit.loop(arg["windows"], [], window)
        return []

    emit.loop(build.sdiv(arg["channels"], emit.integer(emit.lanes)), [], register)
    return emit.compile()


@cache
def gradient(dtype: str, width: int, pooled: bool, relu: bool) -> int:
    """The gradient of a row before activation, from that of the pooled row, and its sum over the pixels.

        dz = offset + slope * (a - center)       what reaches a pixel through the batch's mean and variance
           + factor * dy[q]                      where its cell, index + w, won window q (always, if not pooled)
        dz = 0                                   where relu stopped it: a is not positive
        total[c] = sum of dz

    a and dz: windows * width pixels, and then `dropped` ones that are in no window (odd sizes).
    """
    emit = Emitter(f"gradient_{dtype}_{width}_{pooled:d}{relu:d}", dtype, GRADIENT)
    arg, build = emit.arg, emit.builder
    zero, indices = emit.fill(0.0), ir.VectorType(I32, emit.lanes)

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        c = build.mul(v, emit.integer(emit.lanes))
        names = ("center", "slope", "offset", "factor")
        center, slope, offset, factor = (emit.load(emit.at(arg[name], c)) for name in names)

        def pixel(p: ir.Value, own: ir.Value | None) -> ir.Value:
            place = build.add(build.mul(p, arg["channels"]), c)
            a = emit.load(emit.at(arg["a"], place))
            value = emit.multiply_add(slope, build.fsub(a, center), offset)
            if own is not None:
                value = build.fadd(value, own)
            if relu:
                value = build.select(build.fcmp_ordered(">", a, zero), value, zero)
            emit.store(value, emit.at(arg["dz"], place))
            return value

        def window(q: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            place = build.add(build.mul(q, arg["channels"]), c)
            scaled = build.fmul(factor, emit.load(emit.at(arg["dy"], place)))
            if pooled:
                source = build.bitcast(emit.at(arg["winner"], place), ir.VectorType(I8, emit.lanes).as_pointer())
                stored = build.load(source, typ=ir.VectorType(I8, emit.lanes))
                stored.align = 1
                winner = build.zext(stored, indices)
            total = sums[0]
            for w in range(width):
                own = scaled
                if pooled:
                    cell = build.trunc(build.add(arg["index"], emit.integer(w)), I32)
                    won = build.icmp_unsigned("==", winner, emit.spread(cell))
                    own = build.select(won, scaled, zero)
                p = build.add(build.mul(q, emit.integer(width)), emit.integer(w))
                total = build.fadd(total, pixel(p, own))
            return [total]

        def left_over(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            first = build.mul(arg["windows"], emit.integer(width))
            return [build.fadd(sums[0], pixel(build.add(first, i), None))]

        sums = emit.loop(arg["windows"], [zero], window)
        sums = emit.loop(arg["dropped"], sums, left_over)
        emit.store(sums[0], emit.at(arg["total"], c))
        return []

    emit.loop(build.sdiv(arg["channels"], emit.integer(emit.lanes)), [], register)
    return emit.compile()
