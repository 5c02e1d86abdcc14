"""Depthwise convolutions of whole numbers on all threads: what integer_windows.py is given.

The rows of pixels that lie under one row of windows are woven into lines, of as many rows each as
a lane has taps, with the padding at both ends, and windows slide over them without looking for
edges. Axes as in integer_passes.py.
"""

from typing import NamedTuple

from numba import prange

from minicnn.engine.integer_passes import LANE, LIKE
from minicnn.engine.integer_windows import SLIDE, WEAVE
from minicnn.machine.call import caller
from minicnn.machine.jit import jit, jit_part, parallel_jit

call_weave, call_slide = caller(WEAVE), caller(SLIDE)


class SlideKernels(NamedTuple):
    """Addresses: rows made lines; windows, for panels of `lanes` channels and for the last one."""

    weave: int
    slide: int
    last: int
    lanes: int


@jit_part
def row_place(x, n, h, blank):
    """(address, first byte) of the pixels x[n, h], or of blank ones."""
    _, H, W, C = x.shape
    if 0 <= h < H:
        return x.ctypes.data, (n * H + h) * W * C
    return blank.ctypes.data, 0


@jit_part
def woven(x, n, h, between, slid, blank, weave, line):
    """line: the rows h, h + between, ... of x[n] from -left on, side by side; blank outside."""
    W, C = x.shape[2:]
    cells = (slid.OW - 1) * slid.SW + (slid.KW - 1) * slid.DW + 1
    inside = min(W, cells - slid.left)
    empty = blank.ctypes.data, 0
    four = empty + empty + empty + empty
    rows = (
        row_place(x, n, h, blank)
        + row_place(x, n, h + between, blank)
        + row_place(x, n, h + 2 * between, blank)
        + row_place(x, n, h + 3 * between, blank)
    )
    right = slid.left + inside
    call_weave(weave, LIKE, (*four, line.ctypes.data, 0, slid.left * C))
    call_weave(weave, LIKE, (*rows, line.ctypes.data, slid.left * C * LANE, inside * C))
    call_weave(weave, LIKE, (*four, line.ctypes.data, right * C * LANE, (cells - right) * C))


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
            LIKE,
            (
                *(lines.ctypes.data, panel * lanes * LANE, slid.SW * C * LANE),
                *(count, lines.shape[1], taps, slid.DW * C * LANE),
                *(packed.b.ctypes.data, panel * count * taps * lanes * LANE),
                *(packed.ends.ctypes.data, panel * packed.ends[0, 0].size * LANE),
                *(y.ctypes.data, start + panel * lanes, C, slid.OW),
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
