"""All channels of a pixel in registers, however many they are."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.machine.emit import Emitter


def each_register(emit: Emitter, work: Callable[[ir.Value, int], None], most: int = 0) -> None:
    """work(c, numbers) until each of arg["channels"] has been once in a register that holds
    `numbers` channels from c on.

    Registers have `most` (`lanes`) numbers; what fills no whole one goes to one of half as many, of
    a quarter, and so on. So nothing is read or written beside a pixel, and nothing twice.
    """
    build, channels = emit.builder, emit.arg["channels"]

    def register(first: ir.Value, numbers: int) -> Sequence[ir.Value]:
        work(first, numbers)
        return []

    numbers = most or emit.lanes
    size = emit.integer(numbers)
    emit.loop(build.sdiv(channels, size), [], lambda v, _: register(build.mul(v, size), numbers))
    while numbers > 1:
        rest = build.srem(channels, emit.integer(numbers))
        first = build.sub(channels, rest)
        numbers //= 2
        count = build.sdiv(rest, emit.integer(numbers))  # 0 or 1
        emit.loop(count, [], lambda _, __, first=first, numbers=numbers: register(first, numbers))
