"""Pooling over a row of windows, forward and backward.

A kernel has numbers of a source in windows, and makes a result of each window. Forward the source
is x, and the result y. Backward it is the other way round: the result is dx, and the windows of a
pixel are those numbers of dy that come from windows of x in which it lies. So each number of dx is
written once, as a sum.

Each kernel takes one register of channels through all windows of a row, which have the same height
and width: at the edge of a picture there are fewer cells. A kernel of windows of one size has their
cells written out one after the other; with height and width 0 it counts them, by its arguments.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llvmlite import ir

from minicnn.engine.pooling.channels import each_register
from minicnn.machine.emit import I32, Emitter, kernel
from minicnn.machine.operands import Bytes, Numbers

MOST_CELLS = 256  # of a window of x: winners are bytes


class Windows(NamedTuple):
    """A row of `windows` windows (height, width) of the source, and a result of each.

    Numbers of the source lie `row` and `channels` apart within a window, and `step` from one to the
    next, results `apart`; winner lies beside the one that is of y's shape. A cell's place in its
    window of x is the number `cell` in the first row and column, and changes by `down` and
    `across`.
    """

    source: Numbers
    winner: Bytes
    result: Numbers
    cell: int
    down: int
    across: int
    row: int
    step: int
    apart: int
    height: int
    width: int
    windows: int
    channels: int


class Divide(NamedTuple):
    """dy, share: as many numbers as `channels` says."""

    dy: Numbers
    share: Numbers
    cells: int
    channels: int


class Row:
    """An emitter, and the windows of its kernel.

    Args:
        height, width: of the windows, or 0 for windows of any size.
    """

    def __init__(self, dtype: str, height: int, width: int):
        self.emit = Emitter(dtype, Windows)
        self.height, self.width = height, width

    def each_window(self, work: Callable[[ir.Value, ir.Value, int], None]) -> Emitter:
        """work(q, c, numbers) for all windows q, by each register from channel c on."""
        emit = self.emit

        def register(c: ir.Value, numbers: int) -> None:
            def window(q: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
                work(q, c, numbers)
                return []

            emit.loop(emit.arg["windows"], [], window)

        each_register(emit, register)
        return emit

    def each_cell(
        self,
        values: Sequence[ir.Value],
        body: Callable[[ir.Value, ir.Value, list[ir.Value]], Sequence[ir.Value]],
    ) -> list[ir.Value]:
        """values = body(h, w, values) for the cells of a window, row by row; the last values."""
        emit = self.emit
        if not self.height:
            return emit.loop(
                emit.arg["height"],
                values,
                lambda h, before: emit.loop(
                    emit.arg["width"], before, lambda w, held: body(h, w, held)
                ),
            )
        for h in range(self.height):
            for w in range(self.width):
                values = body(emit.integer(h), emit.integer(w), list(values))
        return list(values)

    def cell(self, array: str, q: ir.Value, c: ir.Value, h: ir.Value, w: ir.Value) -> ir.Value:
        """The address of channel c of a cell of window q, in the source or beside it."""
        arg, build = self.emit.arg, self.emit.builder
        pixel = build.add(build.mul(h, arg["row"]), build.mul(w, arg["channels"]))
        return self.emit.at(arg[array], build.mul(q, arg["step"]), c, pixel)

    def result(self, array: str, q: ir.Value, c: ir.Value) -> ir.Value:
        """The address of channel c of window q, in the result or beside it."""
        arg, build = self.emit.arg, self.emit.builder
        return self.emit.at(arg[array], build.add(build.mul(q, arg["apart"]), c))

    def place(self, h: ir.Value, w: ir.Value, numbers: int) -> ir.Value:
        """A cell's place in its window of x, in a register of 32-bit integers."""
        build, arg = self.emit.builder, self.emit.arg
        row = build.add(arg["cell"], build.mul(h, arg["down"]))
        place = build.add(row, build.mul(w, arg["across"]))
        return self.emit.spread(build.trunc(place, I32), numbers)


def wins(emit: Emitter, value: ir.Value, best: ir.Value) -> ir.Value:
    """Whether a value is larger than the best, or the first NaN."""
    build = emit.builder
    larger = build.fcmp_unordered(">", value, best)
    return build.and_(larger, build.fcmp_ordered("ord", best, best))


@kernel
def largest(dtype: str, height: int, width: int, tracks: bool) -> Emitter:
    """result = the largest number of every window, and if `tracks`, winner = its place.

    Of equals the first wins, of all the first NaN.
    """
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        def cell(h: ir.Value, w: ir.Value, before: list[ir.Value]) -> Sequence[ir.Value]:
            value = emit.load(row.cell("source", q, c, h, w), numbers)
            won = wins(emit, value, before[0])
            candidates = [value, row.place(h, w, numbers)] if tracks else [value]
            return [build.select(won, *pair) for pair in zip(candidates, before, strict=True)]

        # where all are -inf nothing is larger, and the first stays
        first = [emit.fill(float("-inf"), numbers)]
        if tracks:
            first.append(row.place(emit.integer(0), emit.integer(0), numbers))
        best, *where = row.each_cell(first, cell)
        emit.store(best, row.result("result", q, c))
        if tracks:
            emit.store_bytes(where[0], row.result("winner", q, c))

    return row.each_window(window)


@kernel
def mean(dtype: str, height: int, width: int) -> Emitter:
    """result = the mean of every window."""
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder
    count = build.sitofp(build.mul(emit.arg["height"], emit.arg["width"]), emit.element)

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        def cell(h: ir.Value, w: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            return [build.fadd(total[0], emit.load(row.cell("source", q, c, h, w), numbers))]

        total = row.each_cell([emit.fill(0.0, numbers)], cell)[0]
        emit.store(build.fdiv(total, emit.spread(count, numbers)), row.result("result", q, c))

    return row.each_window(window)


@kernel
def gather(dtype: str, height: int, width: int, tracks: bool) -> Emitter:
    """result = the sum of every window, or if `tracks`, of the numbers whose winner is the place
    that they have there.
    """
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        zero = emit.fill(0.0, numbers)

        def cell(h: ir.Value, w: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            value = emit.load(row.cell("source", q, c, h, w), numbers)
            if tracks:
                winner = emit.load_bytes(row.cell("winner", q, c, h, w), numbers)
                won = build.icmp_unsigned("==", winner, row.place(h, w, numbers))
                value = build.select(won, value, zero)
            return [build.fadd(total[0], value)]

        emit.store(row.each_cell([zero], cell)[0], row.result("result", q, c))

    return row.each_window(window)


@kernel
def divide(dtype: str) -> Emitter:
    """share = dy / cells."""
    emit = Emitter(dtype, Divide)
    cells = emit.builder.sitofp(emit.arg["cells"], emit.element)

    def work(c: ir.Value, numbers: int) -> None:
        dy = emit.load(emit.at(emit.arg["dy"], c), numbers)
        share = emit.builder.fdiv(dy, emit.spread(cells, numbers))
        emit.store(share, emit.at(emit.arg["share"], c))

    each_register(emit, work)
    return emit
