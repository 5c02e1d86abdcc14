"""The micro-kernels of whole numbers, for AVX2: products of int16 pairs, sums of int32.

vpmaddwd multiplies 16 pairs of int16 and adds up each two neighbours in int32: twice as many
multiply-adds an instruction as float32 has, and exact. Values of 8 bits become int16 where they
are packed, once, and not here. A tile's 6 rows of 2 registers are the sums; as everywhere in the
engine they never leave the registers before they are bytes again (numbers.requantized):

    y = int8(rint(clip(float32(sum + bias) * factor, low, high)) + zero)

with limits = low, high, zero. No instruction here may be fused or reordered: every bit is defined.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, PMADDWD.
"""

from collections.abc import Sequence
from functools import cache

from llvmlite import ir

from minicnn.machine.emit import I8, I32, Emitter, instruction_set, kernel, target

WIDTH, ROWS = 16, 6  # channels of a panel, rows of the best tile
HALF = WIDTH // 2  # of int32 in a register
TILE = "a*u8 a_row b*u8 pairs bias*u8 factor*u8 limits*u8 y*u8 y_row"
SLIDE = "x*u8 x_step places*u8 pairs b*u8 bias*u8 factor*u8 limits*u8 y*u8 y_step windows"
MOVE = "x*u8 y*u8 count"
I16, I64, F32 = ir.IntType(16), ir.IntType(64), ir.FloatType()
BYTES, WORDS = ir.VectorType(I8, WIDTH), ir.VectorType(I16, WIDTH)
SUMS, REALS = ir.VectorType(I32, HALF), ir.VectorType(F32, HALF)
# what vpunpcklwd and vpunpckhwd make of two registers, and the channels that these lanes are of
LOWER = [lane for half in (0, 8) for c in range(4) for lane in (half + c, WIDTH + half + c)]
UPPER = [lane + 4 for lane in LOWER]
UNPACKED = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15]


@cache
def available() -> bool:
    """Whether the processor has these instructions."""
    return instruction_set().fma and "+avx2" in target()[1].split(",")


@kernel
def tile(rows: int, width: int) -> Emitter:
    """y[r, f] of sum over k of a[r, k] * b[k, f], for `rows` rows and `width` <= 16 filters.

    a is int16, its rows a_row bytes apart; b is int16 (pairs, 16, 2), bias int32, factor float32.
    """
    emit = Emitter("float32", TILE)
    arg, build = emit.arg, emit.builder
    halves = range(-(-width // HALF))
    starts = [emit.at(arg["a"], build.mul(arg["a_row"], emit.integer(r))) for r in range(rows)]

    def step(k: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
        place = emit.at(arg["b"], build.mul(k, emit.integer(4 * WIDTH)))
        b = [_load(emit, place, WORDS, 4 * HALF * half) for half in halves]
        made = []
        for r, start in enumerate(starts):
            pair = _load(emit, emit.at(start, build.mul(k, emit.integer(4))), I32)
            a = build.bitcast(_spread(emit, pair, HALF), WORDS)
            made += [
                build.add(sums[r * len(halves) + half], _pairs(emit, a, b[half])) for half in halves
            ]
        return made

    nothing = ir.Constant(SUMS, None)
    sums = emit.loop(arg["pairs"], [nothing] * (rows * len(halves)), step)
    for r in range(rows):
        place = emit.at(arg["y"], build.mul(arg["y_row"], emit.integer(r)))
        _store(emit, _requantized(emit, sums[r * len(halves) :][: len(halves)]), place, width)
    return emit


@kernel
def slide() -> Emitter:
    """y[j, c] of sum over k of x[j * x_step + places[k], c] * b[k, c], for 16 channels c.

    x and y are int8, steps in bytes; places are int64, two for each pair; b is int16 (pairs, 16, 2)
    in the order UNPACKED of channels.
    """
    emit = Emitter("float32", SLIDE)
    arg, build = emit.arg, emit.builder

    def window(j: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
        start = emit.at(arg["x"], build.mul(j, arg["x_step"]))

        def step(k: ir.Value, sums: list[ir.Value]) -> Sequence[ir.Value]:
            places = emit.at(arg["places"], build.mul(k, emit.integer(16)))
            taps = [
                build.sext(
                    _load(emit, emit.at(start, _load(emit, places, I64, 8 * n)), BYTES), WORDS
                )
                for n in (0, 1)
            ]
            place = emit.at(arg["b"], build.mul(k, emit.integer(4 * WIDTH)))
            return [
                build.add(
                    sums[half],
                    _pairs(
                        emit,
                        emit.choose(taps[0], taps[1], lanes),
                        _load(emit, place, WORDS, 32 * half),
                    ),
                )
                for half, lanes in enumerate((LOWER, UPPER))
            ]

        low, high = emit.loop(arg["pairs"], [ir.Constant(SUMS, None)] * 2, step)
        in_order = [emit.choose(low, high, UNPACKED[half : half + HALF]) for half in (0, HALF)]
        place = emit.at(arg["y"], build.mul(j, arg["y_step"]))
        _store(emit, _requantized(emit, in_order), place, WIDTH)
        return []

    emit.loop(arg["windows"], [], window)
    return emit


@kernel
def move(widens: bool) -> Emitter:
    """y[i] = x[i] for `count` bytes, or for as many int16 that are made of them."""
    emit = Emitter("float32", MOVE)
    arg, build = emit.arg, emit.builder
    first = emit.integer(0)
    for lanes in (32, 8, 1):
        whole = emit.integer(lanes)
        turns = build.sdiv(build.sub(arg["count"], first), whole)
        made = I16 if widens else I8

        def turn(k: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
            i = build.add(first, build.mul(k, whole))  # noqa: B023  run at once
            x = _load(emit, emit.at(arg["x"], i), ir.VectorType(I8, lanes))  # noqa: B023
            if widens:
                x, i = build.sext(x, ir.VectorType(made, lanes)), build.add(i, i)  # noqa: B023
            place = build.bitcast(emit.at(arg["y"], i), x.type.as_pointer())
            build.store(x, place).align = 1
            return []

        emit.loop(turns, [], turn)
        first = build.add(first, build.mul(turns, whole))
    return emit


def _load(emit: Emitter, pointer: ir.Value, kind: ir.Type, offset: int = 0) -> ir.Value:
    place = emit.builder.bitcast(emit.at(pointer, emit.integer(offset)), kind.as_pointer())
    value = emit.builder.load(place, typ=kind)
    value.align = 1
    return value


def _spread(emit: Emitter, scalar: ir.Value, lanes: int) -> ir.Value:
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = emit.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return emit.choose(first, undefined, [0] * lanes)


def _called(emit: Emitter, name: str, made: ir.Type, *values: ir.Value) -> ir.Value:
    function = emit.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(made, [value.type for value in values])
        function = ir.Function(emit.module, kind, name)
    return emit.builder.call(function, values)


def _pairs(emit: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    return _called(emit, "llvm.x86.avx2.pmadd.wd", SUMS, a, b)


def _requantized(emit: Emitter, sums: Sequence[ir.Value]) -> ir.Value:
    """The bytes of one row of sums, in 32 bits each."""
    arg, build = emit.arg, emit.builder
    low, high, zero = (
        _spread(emit, _load(emit, arg["limits"], F32, 4 * n), HALF) for n in range(3)
    )
    made = []
    for half, total in enumerate(sums):
        biased = build.add(total, _load(emit, arg["bias"], SUMS, 4 * HALF * half))
        factor = _load(emit, arg["factor"], REALS, 4 * HALF * half)
        y = build.fmul(build.sitofp(biased, REALS), factor)
        y = build.select(build.fcmp_ordered(">", y, low), y, low)
        y = build.select(build.fcmp_ordered("<", y, high), y, high)
        y = build.fadd(_called(emit, "llvm.roundeven.v8f32", REALS, y), zero)
        made.append(build.fptosi(y, SUMS))
    return made[0] if len(made) == 1 else emit.choose(made[0], made[1], range(WIDTH))


def _store(emit: Emitter, row: ir.Value, pointer: ir.Value, width: int) -> None:
    """The first `width` numbers of a row as bytes, and no byte more."""
    first = 0
    for count in (16, 8, 4, 2, 1):
        if width - first >= count:
            part = emit.choose(row, row, range(first, first + count))
            narrow = emit.builder.trunc(part, ir.VectorType(I8, count))
            place = emit.at(pointer, emit.integer(first))
            kind = narrow.type.as_pointer()
            emit.builder.store(narrow, emit.builder.bitcast(place, kind)).align = 1
            first += count
