"""All channels of a pixel in registers, however many they are."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.machine.emit import Emitter


def each_register(emit: Emitter, work: Callable[[ir.Value, int], None], most: int = 0) -> None:
    """work(c, numbers) until each of arg["channels"] has been once in a register that holds
    `numbers` channels from c on.

    There are `most` numbers at a time (those of one register); what is left goes to one register,
    then to parts of one, each a quarter as large as the one before. So nothing is read or written
    beside a pixel, and nothing twice.
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
        # half of several registers, a quarter of one; after 2 comes 1, and after that nothing
        numbers = (numbers // 4 if numbers <= emit.lanes else 0) or numbers // 2
