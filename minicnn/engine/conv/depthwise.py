"""The three products of a depthwise convolution as programs over one picture: sums of shifted rows.

A channel meets numbers of its own only, so nothing here is a matrix product:

    y[p, c] = sum over kernel cells k of x[the pixel that p sees through k, c] * kernel[k, c]

and so is the gradient of x, with y and x exchanged and the kernel turned around: every pixel of dx
gathers what it got from the outputs that saw it. With strides these are others from pixel to pixel,
but the same from every SH-th row and SW-th column to the next. Pixels of one row that see, or were
seen through, the same cells are computed in one call; so padding costs no multiplication, and every
number of dx is written once.

A kernel (KH, KW, C, 1) is laid out as rows (KH * KW, FP); for dx in reverse order. x and dx have C
channels; y and dy FP: what is beyond C is written as 0. The signature is that of a tile (simd.py),
so that products.run calls these kernels too.
"""

from collections.abc import Callable, Iterator, Sequence
from math import gcd
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from minicnn.engine.conv.direct import ROWS
from minicnn.engine.conv.geometry import Geometry, runs
from minicnn.engine.products import FIELDS
from minicnn.engine.simd import ARGUMENTS
from minicnn.machine import emit as machine
from minicnn.machine.emit import I32, Emitter, kernel
from minicnn.types import Array

PIXELS = 8  # at once: then a load of a weight or of a pixel is used by several of them
Calls = list[tuple[int, ...]]


class Steps(NamedTuple):
    """Numbers from one pixel, kernel column and row to the next, in a, b and c (0: there is none
    such).
    """

    a_pixel: int
    a_column: int
    a_row: int
    b_pixel: int
    b_column: int
    b_row: int
    c_pixel: int
    c_column: int


class Run(NamedTuple):
    """Outputs along one axis that see the same cells of a kernel; the first of them sees position
    `start` through the first of these.
    """

    outputs: range
    cells: range
    start: int


class Axis(NamedTuple):
    """What outputs along one axis see: `step` positions from one output to the next of a run,
    `cell` from one of its cells to the next.
    """

    runs: list[Run]
    step: int
    cell: int


def forward(g: Geometry, dtype: np.dtype, longest: int) -> tuple[Array, Array]:
    """z (OH, OW, FP) of a picture (H, W, C), in bands of at most `longest` rows; as
    direct.forward.
    """
    rows = seeing(g.OH, g.kernel_rows, g.SH, g.DH, g.top)
    columns = seeing(g.OW, g.kernel_columns, g.SW, g.DW, g.left)
    calls = taps_of(g, dtype, rows, columns, (g.W, g.C), (g.OW, g.FP))
    each = len(columns.runs)  # calls of a row
    bands = [(i, min(i + longest, g.OH)) for i in range(0, g.OH, longest)]
    return calls, np.array([(i, j, i * each, j * each) for i, j in bands], np.int64)


def input_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """dx (H, W, C) from dz (OH, OW, FP), each number of it written once."""
    rows = seen_by(g.H, g.OH, g.KH, g.SH, g.DH, g.top)
    columns = seen_by(g.W, g.OW, g.KW, g.SW, g.DW, g.left)
    return taps_of(g, dtype, rows, columns, (g.OW, g.FP), (g.W, g.C))


def weight_gradient(g: Geometry, dtype: np.dtype) -> Array:
    """The calls that add to dkernel (KH * KW, FP): x times dz, summed over the outputs.

    Rows go in bands that stay in the first-level cache for all kernel rows.
    """
    calls: Calls = []
    row_bytes = np.dtype(dtype).itemsize * (g.OW * g.FP + g.SH * g.W * g.C)
    for band, kernel_rows in runs(g.OH, g.kernel_rows, max(1, ROWS // row_bytes)):
        for kh in kernel_rows:
            for columns, cells in runs(g.OW, g.kernel_columns, g.OW):
                if not cells:
                    continue
                steps = Steps(
                    g.SW * g.C, g.DW * g.C, g.SH * g.W * g.C, g.FP, 0, g.OW * g.FP, 0, g.FP
                )
                h, w = band[0] * g.SH - g.top + kh * g.DH, columns[0] * g.SW - g.left
                for first, pixels, blocks in cut(len(columns), most(len(cells))):
                    address = cells_gradient(np.dtype(dtype).name, pixels, len(cells), g.C, steps)
                    a = (h * g.W + w + cells[0] * g.DW + first * g.SW) * g.C
                    b = (band[0] * g.OW + columns[0] + first) * g.FP
                    c = (kh * g.KW + cells[0]) * g.FP
                    calls.append((address, a, b, c, len(band), blocks, 1))
    return table(calls)


def taps_of(
    g: Geometry,
    dtype: np.dtype,
    rows: Axis,
    columns: Axis,
    a: tuple[int, int],
    c: tuple[int, int],
) -> Array:
    """The calls that write all pixels of c from those of a, (pixels of a row, numbers of a pixel)
    each.
    """
    calls: Calls = []
    (a_width, a_numbers), (c_width, c_numbers) = a, c
    for row in rows.runs:
        for k, i in enumerate(row.outputs):
            for column in columns.runs:
                steps = Steps(
                    a_pixel=columns.step * a_numbers,
                    a_column=columns.cell * a_numbers,
                    a_row=rows.cell * a_width * a_numbers,
                    b_pixel=0,
                    b_column=column.cells.step * g.FP,
                    b_row=row.cells.step * g.KW * g.FP,
                    c_pixel=column.outputs.step * c_numbers,
                    c_column=0,
                )
                pixels = min(len(column.outputs), most(len(column.cells)))
                address = taps(
                    np.dtype(dtype).name, pixels, len(column.cells), g.C, c_numbers, steps
                )
                h, seen = row.start + k * rows.step, bool(row.cells and column.cells)
                calls.append(
                    (
                        address,
                        seen * (h * a_width + column.start) * a_numbers,
                        seen * (row.cells.start * g.KW + column.cells.start) * g.FP,
                        (i * c_width + column.outputs[0]) * c_numbers,
                        seen * len(row.cells),
                        len(column.outputs),
                        0,
                    )
                )
    return table(calls)


def seeing(
    outputs: int, cells: Callable[[int], range], stride: int, dilation: int, before: int
) -> Axis:
    """Forward: which pixels each output sees."""
    found = [
        Run(positions, reach, positions[0] * stride - before + reach.start * dilation)
        for positions, reach in runs(outputs, cells, outputs)
    ]
    return Axis(found, stride, dilation)


def seen_by(n: int, outputs: int, size: int, stride: int, dilation: int, before: int) -> Axis:
    """Backward: by which outputs each of n pixels was seen, through which cells of the kernel that
    is turned around.
    """
    common = gcd(stride, dilation)

    def output(pixel: int, cell: int) -> tuple[int, int]:
        """(output that sees the pixel through the cell, what is left over if none does)."""
        return divmod(pixel + before - (size - 1 - cell) * dilation, stride)

    def cells(pixel: int) -> range:
        fit = [k for k in range(size) for i, rest in [output(pixel, k)] if not rest]
        fit = [k for k in fit if 0 <= output(pixel, k)[0] < outputs]
        return range(fit[0], fit[-1] + 1, stride // common) if fit else range(0)

    found = []
    for first in range(min(stride, n)):
        pixels = range(first, n, stride)
        for part, reach in runs(len(pixels), lambda j, pixels=pixels: cells(pixels[j]), n):
            start = output(pixels[part[0]], reach[0])[0] if reach else 0
            found.append(Run(pixels[part.start : part.stop], reach, start))
    return Axis(found, 1, dilation // common)


def most(columns: int) -> int:
    """How many pixels may be computed at once: beside their sums there are a weight per column, and
    a pixel.
    """
    return max(1, min(PIXELS, registers() - 2 - columns))


def registers() -> int:
    """How many there are for sums, weights and pixels: those of a tile, see machine/emit.py."""
    return 2 * machine.instruction_set().rows + 4


def cut(count: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """Pixels in blocks of equal size, and a smaller one of what is left over: (first, pixels,
    blocks).
    """
    pixels = min(
        range(min(count, limit), 0, -1), key=lambda size: (-(-count // size), count % size)
    )
    yield 0, pixels, count // pixels
    if count % pixels:
        yield count - count % pixels, count % pixels, 1


def table(calls: Calls) -> Array:
    """The calls as integers (calls, 7), for products.run."""
    return np.array(calls, np.int64).reshape(-1, FIELDS)


def each_register(emit: Emitter, channels: int, work: Callable[[ir.Value, ir.Value], None]) -> None:
    """work(c, done) for the first channel c of every register of min(lanes, channels) numbers.

    The last one ends with the last channel, so that nothing beyond is touched, and `done` of its
    numbers belong to the one before too.
    """
    build, lanes = emit.builder, min(emit.lanes, channels)

    def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        c, done = build.mul(v, emit.integer(lanes)), emit.integer(0)
        if channels % lanes:
            last = emit.integer(channels - lanes)
            beyond = build.sub(c, last)
            done = build.select(build.icmp_signed(">", beyond, done), beyond, done)
            c = build.sub(c, done)
        work(c, done)
        return []

    emit.loop(emit.integer(-(-channels // lanes)), [], register)


@kernel
def taps(
    dtype: str, pixels: int, columns: int, channels: int, c_numbers: int, steps: Steps
) -> Emitter:
    """C[p, v] = sum over s < segments, k < columns of A[p, s, k, v] * B[s, k, v] for p < depth.

    `pixels` of them are computed at once, the last ones with some of those before, once more; so
    depth may be any number from `pixels` on. Behind its `channels` numbers, a pixel of C has zeros
    up to c_numbers.
    """
    emit = Emitter(dtype, ARGUMENTS)
    arg, build, lanes = emit.arg, emit.builder, min(emit.lanes, channels)
    # where a pixel of A is for several pixels of C: it is loaded once
    shared: dict[int, list[tuple[int, int]]] = {}
    for p in range(pixels):
        for k in range(columns):
            shared.setdefault(p * steps.a_pixel + k * steps.a_column, []).append((p, k))

    def times(index: ir.Value, step: int) -> ir.Value:
        return build.mul(index, emit.integer(step))

    def block(i: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        first, last = times(i, pixels), build.sub(arg["depth"], emit.integer(pixels))
        first = build.select(build.icmp_signed("<", first, last), first, last)
        a, c = (emit.at(arg[x], times(first, getattr(steps, f"{x}_pixel"))) for x in "ac")
        places = [emit.at(c, emit.integer(p * steps.c_pixel)) for p in range(pixels)]
        if c_numbers > channels:
            for place in places:
                emit.store(emit.fill(0.0), emit.at(place, emit.integer(c_numbers - emit.lanes)))

        def register(channel: ir.Value, _: ir.Value) -> None:
            def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a_row = emit.at(a, channel, times(s, steps.a_row))
                b_row = emit.at(arg["b"], channel, times(s, steps.b_row))
                weights = [
                    emit.load(emit.at(b_row, emit.integer(k * steps.b_column)), lanes)
                    for k in range(columns)
                ]
                sums = list(sums)
                for offset, users in sorted(shared.items()):
                    value = emit.load(emit.at(a_row, emit.integer(offset)), lanes)
                    for p, k in users:
                        sums[p] = emit.multiply_add(value, weights[k], sums[p])
                return sums

            zeros = [emit.fill(0.0, lanes)] * pixels
            for total, place in zip(emit.loop(arg["segments"], zeros, row), places, strict=True):
                emit.store(total, emit.at(place, channel))

        each_register(emit, channels, register)
        return []

    blocks = build.sdiv(build.add(arg["depth"], emit.integer(pixels - 1)), emit.integer(pixels))
    emit.loop(blocks, [], block)
    return emit


@kernel
def cells_gradient(dtype: str, pixels: int, columns: int, channels: int, steps: Steps) -> Emitter:
    """C[k, v] += sum over s < segments, p < depth * pixels of A[s, p, k, v] * B[s, p, v] for k <
    columns.

    Pixels are added to two sums in turn, if there is room for them: or each addition would wait
    for the one before.
    """
    emit = Emitter(dtype, ARGUMENTS)
    arg, build, lanes = emit.arg, emit.builder, min(emit.lanes, channels)
    turns = 2 if 3 * columns + 1 <= registers() else 1  # beside them, a pixel per column, and one

    def times(index: ir.Value, step: int) -> ir.Value:
        return build.mul(index, emit.integer(step))

    def work(channel: ir.Value, done: ir.Value) -> None:
        def row(s: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            a_row = emit.at(arg["a"], channel, times(s, steps.a_row))
            b_row = emit.at(arg["b"], channel, times(s, steps.b_row))

            def block(i: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
                a = emit.at(a_row, times(i, pixels * steps.a_pixel))
                b = emit.at(b_row, times(i, pixels * steps.b_pixel))
                sums, seen = list(sums), {}
                for p in range(pixels):
                    dz = emit.load(emit.at(b, emit.integer(p * steps.b_pixel)), lanes)
                    for k in range(columns):
                        offset = p * steps.a_pixel + k * steps.a_column
                        if offset not in seen:
                            seen[offset] = emit.load(emit.at(a, emit.integer(offset)), lanes)
                        total = p % turns * columns + k
                        sums[total] = emit.multiply_add(seen[offset], dz, sums[total])
                return sums

            return emit.loop(arg["depth"], sums, block)

        sums = emit.loop(arg["segments"], [emit.fill(0.0, lanes)] * (turns * columns), row)
        for k in range(columns):
            place = emit.at(arg["c"], channel, emit.integer(k * steps.c_column))
            before = emit.load(place, lanes)
            value = before
            for total in sums[k::columns]:
                value = build.fadd(value, total)
            if channels % lanes:
                lane = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
                again = build.icmp_signed("<", lane, emit.spread(build.trunc(done, I32)))
                value = build.select(again, before, value)
            emit.store(value, place)

    each_register(emit, channels, work)
    return emit
