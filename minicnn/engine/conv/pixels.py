"""Pixels that do not lie as row kernels want them: they have F channels instead of FP, which are
whole registers, or lie in a slot, between others' channels. Copies of them do, and go back there.
"""

from minicnn.engine.row_moves import Copy
from minicnn.machine.call import at, caller
from minicnn.machine.jit import jit_part

call_copy = caller(Copy)


@jit_part
def back_to_back(s, pitch):
    """Whether pixels that begin `pitch` numbers apart are as row kernels write and read them: FP
    numbers of their own, no others between them. (In a slot of a map of FP channels some are of
    others.)
    """
    return pitch == s.FP and s.F == s.FP


@jit_part
def crop(r, y, target, pixels, like):
    """Copy pixels of FP channels to where the output has F."""
    s, data = r.sizes, r.data
    cropped = at(data.crop, target * data.pitch, like)
    call_copy(
        r.work.copy,
        Copy(x=y, x_row=s.FP, y=cropped, y_row=data.pitch, rows=pixels, size=s.F),
    )


@jit_part
def widened(r, rows, pitch, target, pixels, memory, like):
    """Some pixels of F channels, `pitch` numbers apart, as an address of such with FP: themselves,
    or a copy in scratch memory, beside which there are zeros.
    """
    s, wide = r.sizes, memory + r.scratch.wide
    own = at(rows, target * pitch, like)
    if back_to_back(s, pitch):
        return own
    call_copy(r.work.copy, Copy(x=own, x_row=pitch, y=wide, y_row=s.FP, rows=pixels, size=s.F))
    return wide
