"""How the kernel of a convolution in groups is laid out for its programs: in plain rows."""

from minicnn.engine import row_moves
from minicnn.engine.conv.layout import share
from minicnn.engine.products import transpose
from minicnn.machine.call import caller, clear
from minicnn.machine.jit import jit_part

call_copy = caller(row_moves.COPY)


@jit_part
def load_part(s, copy, like, kernel, rows, k):
    """Part k of CHUNKS of a kernel (cells, depth, F) as rows (cells * depth, FP), 0 beyond F."""
    count = s.cells * s.depth
    first, last = share(count, k), share(count, k + 1)
    if s.F != s.FP:
        clear(rows + first * s.FP * like.itemsize, (last - first) * s.FP * like.itemsize)
    call_copy(copy, like, (kernel, first * s.F, s.F, rows, first * s.FP, s.FP, last - first, s.F))


@jit_part
def load_turned_part(s, work, like, kernel, rows, k):
    """Part k of CHUNKS of the kernel turned around, its last cell first, each group transposed:
    rows (cells * F/groups, C); or of one with a filter per channel, rows (cells, FP).
    """
    first, last = share(s.cells, k), share(s.cells, k + 1)
    if work.groups == s.C == s.F:
        call_copy(
            work.copy,
            like,
            (
                kernel, (s.cells - 1 - first) * s.F, -s.F,
                rows, first * s.FP, s.FP, last - first, s.F,
            ),
        )  # fmt: skip
        return
    each = s.F // work.groups
    for cell in range(first, last):
        for group in range(work.groups):
            source = (s.cells - 1 - cell) * s.depth * s.F + group * each
            target = cell * each * s.C + group * s.depth
            transpose(
                work.square, work.copy, like, work.lanes, kernel, source, s.F, s.depth, each,
                rows, target, s.C,
            )  # fmt: skip
