"""Depthwise convolutions of whole numbers on all threads: what integer_windows.py is given.

The rows of pixels that lie under one row of windows are woven into lines, of as many rows each as
a lane has taps, with the padding at both ends, and windows slide over them without looking for
edges. Axes as in integer_passes.py.
"""

from typing import NamedTuple

from numba import prange

from minicnn.engine.integer_passes import LANE, byte
from minicnn.engine.integer_windows import Slide, Weave
from minicnn.machine.call import caller
from minicnn.machine.jit import jit, jit_part, parallel_jit

call_weave, call_slide = caller(Weave), caller(Slide)


class SlideKernels(NamedTuple):
    """Addresses: rows made lines; windows, for panels of `lanes` channels and for the last one."""

    weave: int
    slide: int
    last: int
    lanes: int


@jit_part
def row_place(x, n, h, blank):
    """The address of the pixels x[n, h], or of blank ones."""
    _, H, W, C = x.shape
    if 0 <= h < H:
        return byte(x, (n * H + h) * W * C)
    return byte(blank, 0)


@jit_part
def woven(x, n, h, between, slid, blank, weave, line):
    """line: the rows h, h + between, ... of x[n] from -left on, side by side; blank outside."""
    W, C = x.shape[2:]
    cells = (slid.OW - 1) * slid.SW + (slid.KW - 1) * slid.DW + 1
    inside = min(W, cells - slid.left)
    a, b = row_place(x, n, h, blank), row_place(x, n, h + between, blank)
    c, d = row_place(x, n, h + 2 * between, blank), row_place(x, n, h + 3 * between, blank)
    y, right = byte(line, slid.left * C * LANE), slid.left + inside
    weave_blank(weave, blank, line, 0, slid.left * C)
    call_weave(weave, Weave(a=a, b=b, c=c, d=d, y=y, size=inside * C))
    weave_blank(weave, blank, line, right * C, (cells - right) * C)


@jit_part
def weave_blank(weave, blank, line, first, count):
    """`count` lanes of a line from the first on, of blank pixels."""
    x, y = byte(blank, 0), byte(line, first * LANE)
    call_weave(weave, Weave(a=x, b=x, c=x, d=x, y=y, size=count))


@jit_part
def slide_row(x, n, i, slid, packed, blank, kernels, lines, y):
    """y[n, i]; lines (lines of a window, bytes) are one thread's own."""
    C, (panels, count, taps, lanes, rows) = x.shape[3], packed.b.shape[1:]
    for line in range(count):
        h = i * slid.SH - slid.top + line * rows * slid.DH
        woven(x, n, h, slid.DH, slid, blank, kernels.weave, lines[line])
    start = (n * slid.OH + i) * slid.OW * C
    for panel in range(panels):
        call_slide(
            kernels.last if panel == panels - 1 else kernels.slide,
            Slide(
                x=byte(lines, panel * lanes * LANE),
                x_step=slid.SW * C * LANE,
                lines=count,
                x_line=lines.shape[1],
                taps=taps,
                x_tap=slid.DW * C * LANE,
                b=byte(packed.b, panel * count * taps * lanes * LANE),
                ends=byte(packed.ends, panel * packed.ends[0, 0].size * LANE),
                y=byte(y, start + panel * lanes),
                y_step=C,
                windows=slid.OW,
            ),
        )


@jit_part
def slide_rows_of(t, x, slid, packed, blank, kernels, lines, y):
    """The rows of thread t."""
    items, parts = x.shape[0] * slid.OH, lines.shape[0]
    for item in range(items * t // parts, items * (t + 1) // parts):
        slide_row(x, item // slid.OH, item % slid.OH, slid, packed, blank, kernels, lines[t], y)


@parallel_jit
def slide_rows(x, slid, packed, blank, kernels, lines, y):
    """All rows; lines has some for each thread, blank is a row of zero points."""
    for t in prange(lines.shape[0]):
        slide_rows_of(t, x, slid, packed, blank, kernels, lines, y)


@jit
def slide_rows_alone(x, slid, packed, blank, kernels, lines, y):
    """The same on the calling thread."""
    slide_rows_of(0, x, slid, packed, blank, kernels, lines, y)
