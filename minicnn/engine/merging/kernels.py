"""What becomes of two numbers at one place of two arrays, and of maps whose channels are scaled."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.operands import Numbers


class Combine(NamedTuple):
    """a, b, y: `size` numbers."""

    a: Numbers
    b: Numbers
    y: Numbers
    size: int


class Scale(NamedTuple):
    """x, y: pixels; scale (channels,)."""

    x: Numbers
    scale: Numbers
    y: Numbers
    pixels: int
    channels: int


class ScaleGradient(NamedTuple):
    """x, dy, dx: pixels; scale, dscale (channels,)."""

    x: Numbers
    scale: Numbers
    dy: Numbers
    dx: Numbers
    dscale: Numbers
    pixels: int
    channels: int


def passed(emit: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    """b where a is positive, else 0: the gradient of a ReLU whose output is a."""
    zero = emit.fill(0.0, a.type.count)
    return emit.builder.select(emit.builder.fcmp_ordered(">", a, zero), b, zero)


WAYS: dict[str, Callable[[Emitter, ir.Value, ir.Value], ir.Value]] = {
    "add": lambda emit, a, b: emit.builder.fadd(a, b),
    "multiply": lambda emit, a, b: emit.builder.fmul(a, b),
    "pass": passed,
}


@kernel
def combine(dtype: str, how: str, relu: bool) -> Emitter:
    """y = a + b, or another of WAYS, for `size` numbers; of that max(y, 0) where a ReLU comes next.

    y may be a. NaN stays NaN (it is not smaller than 0).
    """
    emit = Emitter(dtype, Combine, aliases=True)
    arg, build = emit.arg, emit.builder

    def some(i: ir.Value, numbers: int) -> Sequence[ir.Value]:
        a, b = (emit.load(emit.at(arg[name], i), numbers) for name in "ab")
        y = WAYS[how](emit, a, b)
        if relu:
            zero = emit.fill(0.0, numbers)
            y = build.select(build.fcmp_ordered("<", y, zero), zero, y)
        emit.store(y, emit.at(arg["y"], i))
        return []

    lanes = emit.integer(emit.lanes)
    rest = build.srem(arg["size"], lanes)
    emit.loop(
        build.sdiv(arg["size"], lanes), [], lambda v, _: some(build.mul(v, lanes), emit.lanes)
    )
    emit.loop(rest, [], lambda i, _: some(build.add(build.sub(arg["size"], rest), i), 1))
    return emit


def each_column(emit: Emitter, work: Callable[[ir.Value, int], None]) -> None:
    """work(c, numbers) for the first channel c of every register of channels.

    What fills no whole register is done with the register that ends where the channels do, once
    more for some of them, or, of fewer channels than that, one by one.
    """
    build, channels, lanes = emit.builder, emit.arg["channels"], emit.integer(emit.lanes)
    rest, zero = build.srem(channels, lanes), emit.integer(0)
    short = build.icmp_signed("<", channels, lanes)
    ends = build.select(
        build.or_(short, build.icmp_signed("==", rest, zero)), zero, emit.integer(1)
    )

    def column(c: ir.Value, numbers: int) -> Sequence[ir.Value]:
        work(c, numbers)
        return []

    emit.loop(build.sdiv(channels, lanes), [], lambda v, _: column(build.mul(v, lanes), emit.lanes))
    emit.loop(ends, [], lambda _, __: column(build.sub(channels, lanes), emit.lanes))
    emit.loop(build.select(short, rest, zero), [], lambda c, _: column(c, 1))


def place(emit: Emitter, array: str, p: ir.Value, c: ir.Value) -> ir.Value:
    """The address of channel c of pixel p."""
    return emit.at(emit.arg[array], emit.builder.add(emit.builder.mul(p, emit.arg["channels"]), c))


@kernel
def scale(dtype: str) -> Emitter:
    """y = x * scale, per channel."""
    emit = Emitter(dtype, Scale)

    def work(c: ir.Value, numbers: int) -> None:
        scale = emit.load(emit.at(emit.arg["scale"], c), numbers)

        def pixel(p: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            x = emit.load(place(emit, "x", p, c), numbers)
            emit.store(emit.builder.fmul(x, scale), place(emit, "y", p, c))
            return []

        emit.loop(emit.arg["pixels"], [], pixel)

    each_column(emit, work)
    return emit


@kernel
def scale_gradient(dtype: str) -> Emitter:
    """dx = dy * scale, and dscale = sum of dy * x over the pixels, per channel."""
    emit = Emitter(dtype, ScaleGradient)
    build = emit.builder

    def work(c: ir.Value, numbers: int) -> None:
        scale = emit.load(emit.at(emit.arg["scale"], c), numbers)

        def pixel(p: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            x, dy = (emit.load(place(emit, name, p, c), numbers) for name in ("x", "dy"))
            emit.store(build.fmul(dy, scale), place(emit, "dx", p, c))
            return [build.fadd(total[0], build.fmul(dy, x))]

        [total] = emit.loop(emit.arg["pixels"], [emit.fill(0.0, numbers)], pixel)
        emit.store(total, emit.at(emit.arg["dscale"], c))

    each_column(emit, work)
    return emit
