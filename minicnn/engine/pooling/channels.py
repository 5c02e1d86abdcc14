"""All channels of a pixel in registers, however many they are."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.machine.emit import Emitter


def each_register(emit: Emitter, work: Callable[[ir.Value, int], None], most: int = 0) -> None:
    """work(c, numbers) until each of arg["channels"] has been once in a register that holds
    `numbers` channels from c on.

    Registers have `most` (`lanes`) numbers; what fills no whole one goes to some of a quarter of
    it, and so on. So nothing is read or written beside a pixel, and nothing twice.
    """
    build, rest = emit.builder, emit.arg["channels"]
    numbers = most or emit.lanes
    while numbers:
        size, first = emit.integer(numbers), build.sub(emit.arg["channels"], rest)

        def register(
            v: ir.Value,
            _: Sequence[ir.Value],
            size: ir.Value = size,
            first: ir.Value = first,
            numbers: int = numbers,
        ) -> Sequence[ir.Value]:
            work(build.add(first, build.mul(v, size)), numbers)
            return []

        emit.loop(build.sdiv(rest, size), [], register)
        rest = build.srem(rest, size)
        numbers = numbers // 4 or numbers // 2  # and after 1, none
