"""Pooling over a row of windows, forward and backward.

Each kernel takes one register of channels through all windows of a row. All these windows have the
same cells: at the edge of a picture a window is cut off, and has fewer than the others. Kernels of
whole windows have their cells written out one after the other; those with height and width 0 count
them, by their arguments.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from minicnn.engine.pooling.channels import each_register
from minicnn.machine.emit import I32, Emitter, kernel

# x and y: where the first window's first cell lies, and its result; from there pixels of `channels`
# numbers. `row` and `step` numbers from row to row, and from window to window. Of a window that is
# cut off, `index` is the place of its first cell in the whole one, whose rows have `pitch` cells.
WINDOWS = "x* y* winner*u8 index pitch row step height width windows channels"
MOST_CELLS = 256  # of a window: winners are bytes


class Row:
    """An emitter, and the windows of its kernel.

    Args:
        height, width: of the windows, or 0 for windows of any size.
    """

    def __init__(self, dtype: str, height: int, width: int):
        self.emit = Emitter(dtype, WINDOWS)
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

    def cell(self, q: ir.Value, c: ir.Value, h: ir.Value, w: ir.Value) -> ir.Value:
        """The address of channel c of a cell of window q."""
        arg, build = self.emit.arg, self.emit.builder
        pixel = build.add(build.mul(h, arg["row"]), build.mul(w, arg["channels"]))
        return self.emit.at(arg["x"], build.mul(q, arg["step"]), c, pixel)

    def result(self, array: str, q: ir.Value, c: ir.Value) -> ir.Value:
        """The address of channel c of window q, in y or winner."""
        arg, build = self.emit.arg, self.emit.builder
        return self.emit.at(arg[array], build.add(build.mul(q, arg["channels"]), c))

    def place(self, h: ir.Value, w: ir.Value, numbers: int) -> ir.Value:
        """The place of a cell in the whole window, in a register of 32-bit integers."""
        emit, build = self.emit, self.emit.builder
        index, pitch = emit.arg["index"], emit.arg["pitch"]
        if self.height:
            index, pitch = emit.integer(0), emit.integer(self.width)
        place = build.add(build.add(index, build.mul(h, pitch)), w)
        return emit.spread(build.trunc(place, I32), numbers)

    def cells(self) -> ir.Value:
        """How many cells a window has, as a number."""
        emit = self.emit
        if self.height:
            return ir.Constant(emit.element, float(self.height * self.width))
        cells = emit.builder.mul(emit.arg["height"], emit.arg["width"])
        return emit.builder.sitofp(cells, emit.element)


def wins(emit: Emitter, value: ir.Value, best: ir.Value) -> ir.Value:
    """Whether a value is larger than the best, or the first NaN."""
    build = emit.builder
    return build.and_(
        build.fcmp_unordered(">", value, best), build.fcmp_ordered("ord", best, best)
    )


@kernel
def largest(dtype: str, height: int, width: int, tracks: bool) -> Emitter:
    """y = the largest x of every window, and if `tracks`, winner = its place in the window.

    Of equals the first wins, of all the first NaN.
    """
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        def cell(h: ir.Value, w: ir.Value, before: list[ir.Value]) -> Sequence[ir.Value]:
            value = emit.load(row.cell(q, c, h, w), numbers)
            won = wins(emit, value, before[0])
            candidates = [value, row.place(h, w, numbers)] if tracks else [value]
            return [build.select(won, *pair) for pair in zip(candidates, before, strict=True)]

        # where all are -inf nothing is larger, and the first stays
        first = [emit.fill(float("-inf"), numbers)]
        if tracks:
            first.append(row.place(emit.integer(0), emit.integer(0), numbers))
        best, *where = row.each_cell(first, cell)
        emit.store(best, row.result("y", q, c))
        if tracks:
            emit.store_bytes(where[0], row.result("winner", q, c))

    return row.each_window(window)


@kernel
def mean(dtype: str, height: int, width: int) -> Emitter:
    """y = the mean of x over the cells of every window."""
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        def cell(h: ir.Value, w: ir.Value, total: list[ir.Value]) -> Sequence[ir.Value]:
            return [build.fadd(total[0], emit.load(row.cell(q, c, h, w), numbers))]

        total = row.each_cell([emit.fill(0.0, numbers)], cell)[0]
        mean = build.fdiv(total, emit.spread(row.cells(), numbers))
        emit.store(mean, row.result("y", q, c))

    return row.each_window(window)


@kernel
def largest_back(dtype: str, height: int, width: int) -> Emitter:
    """x += y where a cell has won its window: the gradient of `largest`, x of its x and y of its y.
    """
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        dy = emit.load(row.result("y", q, c), numbers)
        winner = emit.load_bytes(row.result("winner", q, c), numbers)

        def cell(h: ir.Value, w: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
            won = build.icmp_unsigned("==", winner, row.place(h, w, numbers))
            own = build.select(won, dy, emit.fill(0.0, numbers))
            place = row.cell(q, c, h, w)
            emit.store(build.fadd(emit.load(place, numbers), own), place)
            return []

        row.each_cell([], cell)

    return row.each_window(window)


@kernel
def mean_back(dtype: str, height: int, width: int) -> Emitter:
    """x += y / cells for all cells of a window: the gradient of `mean`, x of its x and y of its y.
    """
    row = Row(dtype, height, width)
    emit, build = row.emit, row.emit.builder

    def window(q: ir.Value, c: ir.Value, numbers: int) -> None:
        dy = emit.load(row.result("y", q, c), numbers)
        own = build.fdiv(dy, emit.spread(row.cells(), numbers))

        def cell(h: ir.Value, w: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
            place = row.cell(q, c, h, w)
            emit.store(build.fadd(emit.load(place, numbers), own), place)
            return []

        row.each_cell([], cell)

    return row.each_window(window)
