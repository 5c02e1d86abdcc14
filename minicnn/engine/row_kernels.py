"""What happens to a row of pixels while it is in the first-level cache: activation, statistics,
pooling, and back.

Each kernel takes one register of channels through all pixels of a row, so that whatever is per
channel (bias, sums, slopes) stays in a register meanwhile. In all of them pixels of `channels`
numbers lie in order.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.machine.emit import I32, Emitter, kernel

ACTIVATE = "z* y* pixels channels bias* center* deviations* squares*"
POOL = "y* row_step windows channels sign* best* winner*u8"
AFFINE = "x* pixels channels center* scale* shift* y*"
SUMS = "dy* x* pixels channels center* inverse* scale* shift* total* product*"
SLOPES = "center* unit* slope* offset* factor* scale* shift*"
GRADIENT = f"a* dy* winner*u8 index windows dropped channels {SLOPES} best* dz* total*"


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
def activate(dtype: str, relu: bool, moments: bool) -> Emitter:
    """y = z + bias, then y = max(y, 0) if relu; if moments, also three numbers per channel of the
    row:

        center     = its first value
        deviations = sum of (y - center)
        squares    = sum of (y - center)^2

    Sums of differences from a value of the row itself lose no digits to a large mean (rows.fold_row
    makes mean and squares of them). Pixels go in pairs to two sums: a single one would wait for its
    last addition every time. z and y may be the same. NaN stays NaN (0 is not larger).
    Source: Chan, Golub, LeVeque 1983, section 3 (shifted data).
    """
    emit = Emitter(dtype, ACTIVATE, aliases=True)
    arg, build = emit.arg, emit.builder
    zero = emit.fill(0.0)

    def work(c: ir.Value) -> None:
        bias = emit.load(emit.at(arg["bias"], c))

        def value(p: ir.Value) -> ir.Value:
            z = build.fadd(emit.load(pixel_place(emit, "z", p, c)), bias)
            return build.select(build.fcmp_ordered(">", zero, z), zero, z) if relu else z

        center = value(emit.integer(0)) if moments else zero

        def finish(p: ir.Value) -> list[ir.Value]:
            y = value(p)
            emit.store(y, pixel_place(emit, "y", p, c))
            d = build.fsub(y, center)
            return [d, build.fmul(d, d)] if moments else []

        sums = sum_of_pixels(emit, finish, 2 if moments else 0)
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


@kernel
def pool(dtype: str, height: int, width: int) -> Emitter:
    """best[q, c] = the y of a window with the largest sign[c] * y, winner[q, c] = its place in it,
    row-major.

    y: `height` rows, row_step numbers apart; of equals the first wins, of all the first NaN.
    """
    emit = Emitter(dtype, POOL)
    arg, build = emit.arg, emit.builder
    indices = ir.VectorType(I32, emit.lanes)

    def work(c: ir.Value) -> None:
        sign = emit.load(emit.at(arg["sign"], c))

        def window(q: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            best = where = None
            for h in range(height):
                for w in range(width):
                    pixel = build.add(build.mul(q, emit.integer(width)), emit.integer(w))
                    row = build.mul(arg["row_step"], emit.integer(h))
                    key = build.fmul(
                        emit.load(emit.at(pixel_place(emit, "y", pixel, c), row)), sign
                    )
                    index = ir.Constant(indices, [h * width + w] * emit.lanes)
                    if best is None:
                        best, where = key, index
                        continue
                    # Larger or NaN, unless the best is NaN already.
                    wins = build.and_(
                        build.fcmp_unordered(">", key, best), build.fcmp_ordered("ord", best, best)
                    )
                    best, where = build.select(wins, key, best), build.select(wins, index, where)
            emit.store(build.fmul(best, sign), pixel_place(emit, "best", q, c))
            emit.store_bytes(where, pixel_place(emit, "winner", q, c))
            return []

        emit.loop(arg["windows"], [], window)

    each_register(emit, work)
    return emit


@kernel
def affine(dtype: str, relu: bool) -> Emitter:
    """y = (x - center) * scale + shift, per channel; of that max(y, 0) where a ReLU comes next."""
    emit = Emitter(dtype, AFFINE, aliases=True)
    zero = emit.fill(0.0)

    def work(c: ir.Value) -> None:
        center, scale, shift = (
            emit.load(emit.at(emit.arg[name], c)) for name in ("center", "scale", "shift")
        )

        def pixel(p: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            x = emit.builder.fsub(emit.load(pixel_place(emit, "x", p, c)), center)
            y = emit.multiply_add(x, scale, shift)
            if relu:
                y = emit.builder.select(emit.builder.fcmp_ordered("<", y, zero), zero, y)
            emit.store(y, pixel_place(emit, "y", p, c))
            return []

        emit.loop(emit.arg["pixels"], [], pixel)

    each_register(emit, work)
    return emit


@kernel
def sums(dtype: str, relu: bool) -> Emitter:
    """total[c] = sum of dy over the row, product[c] = sum of dy * ((x - center) * inverse).

    Where a ReLU came next, dy counts only where it let something through: where (x - center) *
    scale + shift > 0.
    """
    emit = Emitter(dtype, SUMS)
    build, zero = emit.builder, emit.fill(0.0)

    def work(c: ir.Value) -> None:
        names = ("center", "inverse", "scale", "shift")
        center, inverse, scale, shift = (emit.load(emit.at(emit.arg[name], c)) for name in names)

        def values(p: ir.Value) -> list[ir.Value]:
            dy = emit.load(pixel_place(emit, "dy", p, c))
            moved = build.fsub(emit.load(pixel_place(emit, "x", p, c)), center)
            if relu:
                dy = build.select(
                    build.fcmp_ordered(">", emit.multiply_add(moved, scale, shift), zero), dy, zero
                )
            return [dy, build.fmul(dy, build.fmul(moved, inverse))]

        for name, total in zip(("total", "product"), sum_of_pixels(emit, values, 2), strict=True):
            emit.store(total, emit.at(emit.arg[name], c))

    each_register(emit, work)
    return emit


@kernel
def gradient(dtype: str, width: int, pooled: bool, relu: bool, relu_after: bool) -> Emitter:
    """The gradient of a row before activation, from that of the pooled row, and its sum.

        dz = offset + slope * (a - center) * unit   through the batch's mean and variance
           + factor * dy[q]    where its cell, index + w, won window q (always, if not pooled)
        dz = 0                 where relu stopped it: a is not positive
        dy[q] = 0              where relu_after did: (best[q] - center) * scale + shift is not
        total[c] = sum of dz

    a and dz: windows * width pixels, and then `dropped` ones that are in no window (odd sizes).
    """
    emit = Emitter(dtype, GRADIENT)
    arg, build, zero = emit.arg, emit.builder, emit.fill(0.0)

    def work(c: ir.Value) -> None:
        names = ("center", "unit", "slope", "offset", "factor", "scale", "shift")
        center, unit, slope, offset, factor, scale, shift = (
            emit.load(emit.at(arg[name], c)) for name in names
        )
        moved = build.fmul(build.fsub(zero, center), unit)

        def pixel(p: ir.Value, own: ir.Value | None) -> ir.Value:
            a = emit.load(pixel_place(emit, "a", p, c))
            value = emit.multiply_add(slope, emit.multiply_add(a, unit, moved), offset)
            if own is not None:
                value = build.fadd(value, own)
            if relu:
                value = build.select(build.fcmp_ordered(">", a, zero), value, zero)
            emit.store(value, pixel_place(emit, "dz", p, c))
            return value

        def window(q: ir.Value, totals: list[ir.Value]) -> Sequence[ir.Value]:
            scaled = build.fmul(factor, emit.load(pixel_place(emit, "dy", q, c)))
            if relu_after:
                best = build.fsub(emit.load(pixel_place(emit, "best", q, c)), center)
                scaled = build.select(
                    build.fcmp_ordered(">", emit.multiply_add(best, scale, shift), zero),
                    scaled,
                    zero,
                )
            winner = emit.load_bytes(pixel_place(emit, "winner", q, c)) if pooled else None
            updated = []
            for w, total in enumerate(totals):
                own = scaled
                if winner is not None:
                    cell = build.trunc(build.add(arg["index"], emit.integer(w)), I32)
                    won = build.icmp_unsigned("==", winner, emit.spread(cell))
                    own = build.select(won, scaled, zero)
                p = build.add(build.mul(q, emit.integer(width)), emit.integer(w))
                updated.append(build.fadd(total, pixel(p, own)))
            return updated

        def left_over(i: ir.Value, totals: list[ir.Value]) -> Sequence[ir.Value]:
            first = build.mul(arg["windows"], emit.integer(width))
            return [build.fadd(totals[0], pixel(build.add(first, i), None))]

        totals = emit.loop(arg["windows"], [zero] * width, window)
        total = totals[0]
        for other in totals[1:]:
            total = build.fadd(total, other)
        emit.store(emit.loop(arg["dropped"], [total], left_over)[0], emit.at(arg["total"], c))

    each_register(emit, work)
    return emit
