"""What processors have for whole numbers of 8 bits: instructions, and how kernels are written in
them.

Both multiply numbers in the 32 bits of a lane and add up the products, exactly:

vpdpbusd   4 unsigned bytes by 4 signed ones, added to a sum: four times as many multiply-adds an
           instruction as float32 has. It is a part of AVX-512 VNNI and of AVX-VNNI
vpmaddwd   2 int16 by 2 int16, which another instruction adds to a sum; AVX2

So what comes in is written as *taps*, as many to a lane as are added up there: q + 128 in a byte,
which is q with its highest bit flipped, or q in 16 bits.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, VPDPBUSD and PMADDWD.
"""

from functools import cache
from typing import NamedTuple

from llvmlite import ir

from minicnn.machine.emit import I8, I32, Emitter
from minicnn.machine.processor import target

I16, F32 = ir.IntType(16), ir.FloatType()
FLIP = 0x80  # the highest bit of a byte: q ^ FLIP is q + 128 without a sign
# rows of 32 bits for each filter that tell how a sum becomes a byte, see `requantized`
WEIGHT, BIAS, FACTOR, LOW, HIGH, ZERO = range(6)
STAGE = 6


class Instructions(NamedTuple):
    """What a kernel of whole numbers has to know of a processor.

    lanes: sums of 32 bits in a register.
    taps: products that are added up in a lane.
    rows: of the best tile with two registers a row; see simd.py.
    """

    name: str
    lanes: int
    taps: int
    rows: int

    @property
    def offset(self) -> int:
        """What is added to a number where it becomes a tap."""
        return 128 if self.taps == 4 else 0

    @property
    def width(self) -> int:
        """Filters of a panel: two registers."""
        return 2 * self.lanes

    @property
    def tap(self) -> str:
        """The NumPy type of what comes in."""
        return "uint8" if self.taps == 4 else "int16"

    @property
    def weight(self) -> str:
        """The NumPy type of kernels."""
        return "int8" if self.taps == 4 else "int16"


VNNI_512 = Instructions("AVX-512 VNNI", 16, 4, 14)
VNNI_256 = Instructions("AVX-VNNI", 8, 4, 6)
AVX2 = Instructions("AVX2", 8, 2, 6)
# best first, with what LLVM calls the features that one of them needs
NEEDS = {
    VNNI_512: [{"+avx512f", "+avx512bw", "+avx512vl", "+avx512vnni"}],
    VNNI_256: [{"+avx2", "+fma", "+avxvnni"}, {"+avx2", "+fma", "+avx512vl", "+avx512vnni"}],
    AVX2: [{"+avx2", "+fma"}],
}


@cache
def available() -> list[Instructions]:
    """Those that the processor has, best first."""
    features = set(target()[1].split(","))
    return [one for one, needs in NEEDS.items() if any(need <= features for need in needs)]


def vector(kind: ir.Type, lanes: int) -> ir.VectorType:
    """The type of a register."""
    return ir.VectorType(kind, lanes)


def load(emit: Emitter, pointer: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
    """What lies `offset` bytes behind an address, aligned or not."""
    place = emit.builder.bitcast(emit.at(pointer, emit.integer(offset)), kind.as_pointer())
    value = emit.builder.load(place, typ=kind)
    value.align = 1
    return value


def store(emit: Emitter, value: ir.Value, pointer: ir.Value, offset: int = 0) -> None:
    """Write it there."""
    place = emit.at(pointer, emit.integer(offset))
    emit.builder.store(value, emit.builder.bitcast(place, value.type.as_pointer())).align = 1


def spread(emit: Emitter, scalar: ir.Value, lanes: int) -> ir.Value:
    """One number in all lanes."""
    undefined = ir.Constant(vector(scalar.type, lanes), ir.Undefined)
    first = emit.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return emit.choose(first, undefined, [0] * lanes)


def multiply_add(
    emit: Emitter, isa: Instructions, sums: ir.Value, x: ir.Value, b: ir.Value
) -> ir.Value:
    """sums + the products of each lane's taps x and weights b, all of 32-bit lanes."""
    if isa.taps == 4:
        name = f"llvm.x86.avx512.vpdpbusd.{32 * isa.lanes}"
        return called(emit, name, sums.type, sums, x, b)
    x, b = (emit.builder.bitcast(one, vector(I16, 2 * isa.lanes)) for one in (x, b))
    return emit.builder.add(sums, called(emit, "llvm.x86.avx2.pmadd.wd", sums.type, x, b))


def requantized(
    emit: Emitter, lanes: int, total: ir.Value, stage: ir.Value, row: int, first: int = 0
) -> ir.Value:
    """Sums that have their bias as numbers between -128 and 127, in 32 bits:

        rint(clip(float32(sum) * factor, low, high)) + zero

    stage: the address of rows of `row` bytes, of which FACTOR, LOW, HIGH and ZERO are read from
    byte `first` on. As in numbers.requantized, no operation may be fused or left out.
    """
    build, reals, wholes = emit.builder, vector(F32, lanes), vector(I32, lanes)
    factor, low, high = (load(emit, stage, reals, row * n + first) for n in (FACTOR, LOW, HIGH))
    y = build.fmul(build.sitofp(total, reals), factor)
    y = build.select(build.fcmp_ordered(">", y, low), y, low)
    y = build.select(build.fcmp_ordered("<", y, high), y, high)
    zero = load(emit, stage, wholes, row * ZERO + first)
    return build.add(to_integers(emit, lanes, y), zero)


def to_integers(emit: Emitter, lanes: int, reals: ir.Value) -> ir.Value:
    """The nearest integers of 32 bits, half to even, which is how the processor rounds unless it is
    told otherwise.
    """
    name = f"llvm.lrint.v{lanes}i32.v{lanes}f32"
    return called(emit, name, vector(I32, lanes), reals)


def store_bytes(emit: Emitter, lanes: ir.Value, pointer: ir.Value, width: int) -> None:
    """The first `width` numbers of 32 bits as bytes, and no byte more."""
    first = 0
    for count in (16, 8, 4, 2, 1):
        if width - first >= count:
            part = emit.choose(lanes, lanes, range(first, first + count))
            narrow = emit.builder.trunc(part, vector(I8, count))
            store(emit, narrow, pointer, first)
            first += count


def called(emit: Emitter, name: str, made: ir.Type, *values: ir.Value) -> ir.Value:
    """What one of LLVM's intrinsic functions makes of values."""
    function = emit.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(made, [value.type for value in values])
        function = ir.Function(emit.module, kind, name)
    return emit.builder.call(function, values)
