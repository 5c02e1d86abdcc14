"""What is done to rows of numbers that are all treated alike: copied, made of bytes, added up."""

from collections.abc import Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.operands import Bytes, Numbers

AHEAD = 8  # rows to prefetch ahead


class Copy(NamedTuple):
    """x, y: rows of `size` numbers, x_row and y_row numbers apart."""

    x: Numbers
    x_row: int
    y: Numbers
    y_row: int
    rows: int
    size: int


class Rescale(NamedTuple):
    """x: `size` bytes, y: as many numbers; scale, offset: a register each."""

    x: Bytes
    y: Numbers
    size: int
    scale: Numbers
    offset: Numbers


class Fold(NamedTuple):
    """first: the first of so many parts of `size` numbers, `apart` numbers from one to the next;
    total: as many numbers.
    """

    first: Numbers
    apart: int
    parts: int
    total: Numbers
    size: int


@kernel
def copy(dtype: str) -> Emitter:
    """y = x for some rows.

    What fills no whole register is copied with the register that ends where the row does, or, in
    rows shorter than that, number by number.
    """
    emit = Emitter(dtype, Copy)
    arg, build = emit.arg, emit.builder
    lanes, zero = emit.integer(emit.lanes), emit.integer(0)
    rest = build.srem(arg["size"], lanes)
    short = build.icmp_signed("<", arg["size"], lanes)
    ends = build.select(
        build.or_(short, build.icmp_signed("==", rest, zero)), zero, emit.integer(1)
    )

    def row(r: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        source, target = (emit.at(arg[a], build.mul(r, arg[f"{a}_row"])) for a in "xy")

        def move(offset: ir.Value) -> Sequence[ir.Value]:
            # rows that lie apart are too short for the processor to guess where the next ones go
            ahead = build.mul(arg["y_row"], emit.integer(AHEAD))
            emit.prefetch(emit.at(target, offset, ahead), write=True)
            emit.store(emit.load(emit.at(source, offset)), emit.at(target, offset))
            return []

        def number(i: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            build.store(build.load(emit.at(source, i), typ=emit.element), emit.at(target, i))
            return []

        emit.loop(build.sdiv(arg["size"], lanes), [], lambda v, _: move(build.mul(v, lanes)))
        emit.loop(ends, [], lambda _, __: move(build.sub(arg["size"], lanes)))
        return emit.loop(build.select(short, rest, zero), [], number)

    emit.loop(arg["rows"], [], row)
    return emit


@kernel
def rescale(dtype: str) -> Emitter:
    """y = x * scale + offset for `size` bytes x, a multiple of the lanes; scale and offset fill a
    register each.
    """
    emit = Emitter(dtype, Rescale)
    arg, build = emit.arg, emit.builder
    scale, offset = emit.load(arg["scale"]), emit.load(arg["offset"])

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        i = build.mul(v, emit.integer(emit.lanes))
        x = build.uitofp(emit.load_bytes(emit.at(arg["x"], i)), emit.vector)
        emit.store(build.fadd(build.fmul(x, scale), offset), emit.at(arg["y"], i))
        return []

    emit.loop(build.sdiv(arg["size"], emit.integer(emit.lanes)), [], register)
    return emit


@kernel
def fold(dtype: str) -> Emitter:
    """total[i] = first[i] + first[apart + i] + first[2 * apart + i] ..., for i < size."""
    emit = Emitter(dtype, Fold)
    arg, build = emit.arg, emit.builder

    def add_up(i: ir.Value, numbers: int) -> Sequence[ir.Value]:
        def add(k: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            offset = build.add(build.mul(build.add(k, emit.integer(1)), arg["apart"]), i)
            return [build.fadd(total[0], emit.load(emit.at(arg["first"], offset), numbers))]

        first = emit.load(emit.at(arg["first"], i), numbers)
        emit.store(
            emit.loop(build.sub(arg["parts"], emit.integer(1)), [first], add)[0],
            emit.at(arg["total"], i),
        )
        return []

    lanes = emit.integer(emit.lanes)
    rest = build.srem(arg["size"], lanes)
    emit.loop(
        build.sdiv(arg["size"], lanes),
        [],
        lambda v, _: add_up(build.mul(v, lanes), emit.lanes),
    )
    emit.loop(rest, [], lambda i, _: add_up(build.add(build.sub(arg["size"], rest), i), 1))
    return emit
