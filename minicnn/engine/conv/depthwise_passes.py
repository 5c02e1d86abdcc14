"""How a depthwise kernel is laid out for its programs (depthwise.py): rows of FP numbers."""

from minicnn.engine import row_moves
from minicnn.machine.call import caller, clear
from minicnn.machine.jit import jit_part

call_copy = caller(row_moves.COPY)


@jit_part
def load_part(s, copy, like, kernel, rows, k):
    """Part k of a kernel (cells, C) as rows (cells, FP): all of it is part 0, it is small."""
    if k == 0:
        clear(rows, s.cells * s.FP * like.itemsize)
        call_copy(copy, like, (kernel, 0, s.C, rows, 0, s.FP, s.cells, s.C))


@jit_part
def load_turned_part(s, copy, like, kernel, rows, k):
    """The same, turned around: the last cell first."""
    if k == 0:
        clear(rows, s.cells * s.FP * like.itemsize)
        call_copy(copy, like, (kernel, (s.cells - 1) * s.C, -s.C, rows, 0, s.FP, s.cells, s.C))
