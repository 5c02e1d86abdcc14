"""Real numbers that become whole ones, on all threads: what is defined by
quantize/numbers.Quantization.integers.
"""

from typing import NamedTuple

from llvmlite import ir
from numba import prange

from minicnn.engine import integer_sets as sets
from minicnn.engine.integer_passes import byte
from minicnn.engine.integer_sets import Instructions, load
from minicnn.engine.integer_windows import in_turns
from minicnn.machine.call import caller
from minicnn.machine.emit import Emitter, kernel
from minicnn.machine.jit import jit, jit_part, parallel_jit
from minicnn.machine.operands import Bytes


class Round(NamedTuple):
    """x: `size` float32; told: scale, zero, low and high, float32; y: as many int8."""

    x: Bytes
    told: Bytes
    y: Bytes
    size: int


call_round = caller(Round)


@kernel
def rounded(isa: Instructions) -> Emitter:
    """y[i] = int8(clip(rint(x[i] / scale) + zero, low, high)) of `size` float32.

    A NaN becomes what NumPy makes of it, 0.
    """
    emit = Emitter("float32", Round)
    arg, build = emit.arg, emit.builder

    def turn(i: ir.Value, lanes: int) -> None:
        scale, zero, low, high = (
            sets.spread(emit, load(emit, arg["told"], sets.F32, 4 * n), lanes) for n in range(4)
        )
        place = emit.at(arg["x"], build.mul(i, emit.integer(4)))
        y = build.fdiv(load(emit, place, scale.type), scale)
        y = build.fadd(sets.called(emit, f"llvm.roundeven.v{lanes}f32", y.type, y), zero)
        # a NaN is neither below nor above, and stays
        y = build.select(build.fcmp_ordered("<", y, low), low, y)
        y = build.select(build.fcmp_ordered(">", y, high), high, y)
        wholes = sets.to_integers(emit, lanes, y)
        sets.store_bytes(emit, wholes, emit.at(arg["y"], i), lanes)

    in_turns(emit, arg["size"], (isa.lanes, 1), turn)
    return emit


@jit_part
def round_share(t, parts, x, told, kernel, y):
    """The numbers of share t of so many."""
    first, last = x.size * t // parts, x.size * (t + 1) // parts
    call_round(
        kernel,
        Round(x=byte(x, 4 * first), told=byte(told, 0), y=byte(y, first), size=last - first),
    )


@parallel_jit
def round_all(parts, x, told, kernel, y):
    """All numbers, in shares for that many threads."""
    for t in prange(parts):
        round_share(t, parts, x, told, kernel, y)


@jit
def round_alone(x, told, kernel, y):
    """The same on the calling thread."""
    round_share(0, 1, x, told, kernel, y)
