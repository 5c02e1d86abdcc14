"""Pooling over windows in stages, and the record that they are handed.

Every stage is cut by rows of its result, of all pictures: each number is made by one thread, and
the same way whatever is beside it.
"""

from typing import NamedTuple

from numba import carray

from minicnn.engine.conv.layout import CHUNKS, NONE, share
from minicnn.engine.pooling.window_kernels import Divide, Windows
from minicnn.machine.call import at, caller, word
from minicnn.machine.jit import jit_part
from minicnn.machine.region import Task
from minicnn.machine.shares import each_chunk
from minicnn.types import Array

FORWARD, SHARE, BACKWARD = range(3)
RUN = 5  # integers of a run of windows
call_windows, call_divide = caller(Windows), caller(Divide)


class Layout(NamedTuple):
    """N pictures (H, W, C), windows (PH, PW) in steps of SH rows, the first `top` rows before the
    picture; the kernel for share, unless one cell of a window has won.

    x and dx are (N, H, W, C), y, dy, winner, of bytes, and share (N, OH, OW, C): dy by the number
    of cells.
    """

    N: int
    H: int
    W: int
    C: int
    PH: int
    PW: int
    SH: int
    top: int
    OH: int
    OW: int
    divide: int = 0
    x: Array = NONE
    y: Array = NONE
    winner: Array = NONE
    dy: Array = NONE
    share: Array = NONE
    dx: Array = NONE


class Direction(NamedTuple):
    """Forward or backward: runs of windows in a row, a kernel for windows (height, width) and one
    for others, if there are any, the widths of source and result, and what the kernels are told:
    see Windows.

    A run: the first result, how many, where in the row its source begins, the width of its windows,
    and the column that the first cell has in its window of x.
    """

    runs: Array
    run_count: int
    height: int
    width: int
    cuts: bool
    source_width: int
    result_width: int
    down: int
    across: int
    step: int
    whole: int = 0
    cut: int = 0


@jit_part
def do_row(d, C, like, source, winner, result, lines, height, index, back):
    """A row of results.

    lines: the rows of all pictures where its windows begin in the source, and where it lies itself.
    height, index: of the windows, and the place of their first row.
    """
    for run in range(0, RUN * d.run_count, RUN):
        count, width = word(d.runs, run + 1), word(d.runs, run + 3)
        target = (lines[1] * d.result_width + word(d.runs, run)) * C
        begin = (lines[0] * d.source_width + word(d.runs, run + 2)) * C
        whole = height == d.height and width == d.width
        call_windows(
            d.whole if whole else d.cut,
            Windows(
                source=at(source, begin, like),
                winner=winner + (begin if back else target),
                result=at(result, target, like),
                cell=index + word(d.runs, run + 4),
                down=d.down,
                across=d.across,
                row=d.source_width * C,
                step=C if back else d.step * C,
                apart=d.step * C if back else C,
                height=height,
                width=width,
                windows=count,
                channels=C,
            ),
        )


@jit_part
def forward_row(r, row, like):
    """y of a row of all pictures' windows."""
    s = r.layout
    start = row % s.OH * s.SH - s.top
    hidden = max(-start, 0)
    height = min(start + s.PH, s.H) - start - hidden
    lines = row // s.OH * s.H + start + hidden, row
    do_row(r.forward, s.C, like, s.x, s.winner, s.y, lines, height, hidden * s.PW, False)


@jit_part
def share_row(r, row, like):
    """share of a row of all pictures' windows."""
    s, d = r.layout, r.forward
    start = row % s.OH * s.SH - s.top
    height = min(start + s.PH, s.H) - max(start, 0)
    for run in range(0, RUN * d.run_count, RUN):
        first = (row * s.OW + word(d.runs, run)) * s.C
        call_divide(
            s.divide,
            Divide(
                dy=at(s.dy, first, like),
                share=at(s.share, first, like),
                cells=height * word(d.runs, run + 3),
                channels=word(d.runs, run + 1) * s.C,
            ),
        )


@jit_part
def backward_row(r, row, like):
    """dx of a row of all pictures, of the windows that it lies in."""
    s = r.layout
    place = row % s.H + s.top
    first = max((place - s.PH + s.SH) // s.SH, 0)
    height = max(min(place // s.SH, s.OH - 1) - first + 1, 0)
    lines = row // s.H * s.OH + first, row
    index = (place - first * s.SH) * s.PW
    dy = s.share if s.divide != 0 else s.dy
    do_row(r.back, s.C, like, dy, s.winner, s.dx, lines, height, index, True)


@Task
def task(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    rows = r.layout.N * (r.layout.H if stage == BACKWARD else r.layout.OH)
    for k in each_chunk(r.shares, CHUNKS, t, workers):
        for row in range(share(rows, k), share(rows, k + 1)):
            if stage == FORWARD:
                forward_row(r, row, numbers)
            elif stage == SHARE:
                share_row(r, row, numbers)
            else:
                backward_row(r, row, numbers)
