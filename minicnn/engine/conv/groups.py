"""How the kernel of a convolution in groups is laid out for its programs: in plain rows."""

from minicnn.engine.conv.layout import share
from minicnn.engine.products import transpose
from minicnn.engine.row_moves import Copy
from minicnn.machine.call import at, caller, clear
from minicnn.machine.jit import jit_part

call_copy = caller(Copy)


@jit_part
def load_part(s, copy, like, kernel, rows, k):
    """Part k of CHUNKS of a kernel (cells, depth, F) as rows (cells * depth, FP), 0 beyond F."""
    count = s.cells * s.depth
    first, last = share(count, k), share(count, k + 1)
    x, y = at(kernel, first * s.F, like), at(rows, first * s.FP, like)
    if s.F != s.FP:
        clear(y, (last - first) * s.FP * like.itemsize)
    call_copy(copy, Copy(x=x, x_row=s.F, y=y, y_row=s.FP, rows=last - first, size=s.F))


@jit_part
def load_turned_part(s, work, like, kernel, rows, k):
    """Part k of CHUNKS of the kernel turned around, its last cell first, each group transposed:
    rows (cells * F/groups, C).
    """
    first, last = share(s.cells, k), share(s.cells, k + 1)
    if work.groups == s.C == s.F:  # each is one number
        x, y = at(kernel, (s.cells - 1 - first) * s.F, like), at(rows, first * s.F, like)
        call_copy(
            work.copy,
            Copy(x=x, x_row=-s.F, y=y, y_row=s.F, rows=last - first, size=s.F),
        )
        return
    each = s.F // work.groups
    for cell in range(first, last):
        for group in range(work.groups):
            x = at(kernel, (s.cells - 1 - cell) * s.depth * s.F + group * each, like)
            y = at(rows, cell * each * s.C + group * s.depth, like)
            transpose(work.square, work.copy, like, work.lanes, x, s.F, s.depth, each, y, s.C)
