"""What becomes of two numbers at one place of two arrays."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.machine.emit import Emitter, kernel

COMBINE = "a* b* y* size"


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
    emit = Emitter(dtype, COMBINE, aliases=True)
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
