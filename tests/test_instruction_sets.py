"""The engine's machine code, read: for processors of every instruction set, also those that are not
at hand.
"""

import itertools
import re
from typing import NamedTuple

import llvmlite.binding as llvm
import numpy as np
import pytest

from minicnn.engine import integer_sets, integer_tiles, row_gradients, row_kernels, row_moves, simd
from minicnn.engine.conv import depthwise_kernels as depthwise
from minicnn.engine.conv import winograd_form as winograd
from minicnn.engine.functions import RELU
from minicnn.engine.merging import kernels as merging
from minicnn.engine.pooling import picture_kernels, window_kernels
from minicnn.machine import processor as processors

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()


class Notation(NamedTuple):
    """How an assembler writes what is looked for, as regular expressions."""

    triple: str
    multiply: str  # whole registers; with the addition, where one instruction does both
    copy: str  # of a vector register
    stack: str  # a vector register that goes to the stack or comes from it


def x86(multiply, register):
    copy = rf"v?mov[au]p[sd]\s+%{register}\d+, %{register}"
    return Notation("x86_64-linux-gnu", multiply, copy, r"%[xyz]mm.*\(%rsp|\(%rsp.*%[xyz]mm")


NOTATIONS = {
    processors.AVX512: x86(r"vfmadd\d+p[sd]\s.*%zmm\d+$", "zmm"),
    processors.AVX2: x86(r"vfmadd\d+p[sd]\s.*%ymm\d+$", "ymm"),
    processors.NEON: Notation("aarch64-linux-gnu", r"fmla\s+v\d+\.(4s|2d)", r"mov\s+v\d+\.16b, v",
        r"\s[qdv]\d+\b.*\[sp"),
    processors.GENERIC: x86(r"mulp[sd]\s", "xmm"),
}  # fmt: skip
PROCESSORS = {
    "skylake-avx512": processors.AVX512,
    "sapphirerapids": processors.AVX512,
    "znver4": processors.AVX512,
    "x86-64-v4": processors.AVX512,  # what images are built for
    "x86-64-v3": processors.AVX2,
    "haswell": processors.AVX2,
    "alderlake": processors.AVX2,
    "znver3": processors.AVX2,
    "cortex-a72": processors.NEON,
    "neoverse-n1": processors.NEON,
    "apple-m1": processors.NEON,
    "x86-64": processors.GENERIC,
}


@pytest.fixture(params=PROCESSORS)
def processor(request, monkeypatch):
    """(instruction set, its notation, LLVM's compiler) of one processor; kernels are emitted for it
    meanwhile.
    """
    instructions = PROCESSORS[request.param]
    notation = NOTATIONS[instructions]
    try:
        target = llvm.Target.from_triple(notation.triple)
    except RuntimeError as error:
        pytest.skip(f"this llvmlite cannot compile for {request.param}: {error}")
    monkeypatch.setattr(processors, "instruction_set", lambda: instructions)
    machine = target.create_target_machine(
        cpu=request.param, opt=3, jit=True, codemodel="jitdefault"
    )
    return instructions, notation, machine


def innermost_loops(assembly):
    """The instructions of every block that ends in a jump to its own beginning."""
    loops, label, block = [], None, []
    for line in map(str.strip, assembly.splitlines()):
        if re.fullmatch(r"\.L\w+:", line):
            label, block = line[:-1], []
        elif line and not line.startswith("."):
            block.append(line)
            if label and line.split()[-1] == label:
                loops.append(block)
                label, block = None, []
    return loops


def count(pattern, block):
    return sum(bool(re.search(pattern, line)) for line in block)


def tiles(limit, outers):
    """(outer, inner) of the largest tiles with at most `limit` rows, and of a small one."""
    return [(o, i) for o in outers for i in {1, limit // o - 1, limit // o} - {0}]


W, C, F = 30, 32, 64  # of a convolution's input, and the filters
NONE = simd.Strides(*[0] * len(simd.Strides._fields))
STRIDES = {  # of its products with a 3x3 kernel
    "forward": NONE._replace(
        a_outer=W * C,
        a_inner=C,
        a_segment=W * C,
        a_step=1,
        b_segment=3 * C * F,
        b_step=F,
        c_outer=(W - 2) * F,
        c_inner=F,
    ),
    "weight gradient": NONE._replace(
        a_inner=1, a_segment=W * C, a_step=C, b_segment=(W - 2) * F, b_step=F, c_inner=F
    ),
}


@pytest.mark.parametrize("product", STRIDES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_tiles_inner_loop_is_its_multiplications_and_nothing_spilled(processor, dtype, product):
    """One multiplication of whole registers per accumulator and turn; none of these is moved
    elsewhere meanwhile.
    """
    instructions, notation, machine = processor
    outers = (1, 2, 3) if STRIDES[product].a_outer else (1,)
    for (outer, inner), vectors in itertools.product(tiles(instructions.rows, outers), (1, 2)):
        width = vectors * processors.lanes(dtype)
        assembly = simd.tile.emit(dtype, outer, inner, width, STRIDES[product]).assembly(machine)
        (loop,) = [loop for loop in innermost_loops(assembly) if count(notation.multiply, loop)]
        found = {
            "multiplications": count(notation.multiply, loop),
            "spills": count(notation.stack, loop),
        }
        # without, a product needs a register of its own, made by a copy of a factor
        if instructions.fma:
            found["copies"] = count(notation.copy, loop)
        expected = dict.fromkeys(found, 0) | {"multiplications": outer * inner * vectors}
        assert found == expected, f"{outer}x{inner} rows of {width} numbers:\n" + "\n".join(loop)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wide_tile_of_few_rows_spills_nothing_either(processor, dtype):
    """Of a plain B, and of one that is packed in blocks of two registers."""
    instructions, notation, machine = processor
    lanes = processors.lanes(dtype)
    strides = STRIDES["forward"]
    for rows, b_block in itertools.product((1, 2), (0, 9 * C * 2 * lanes)):
        vectors = simd.widest(rows)
        assembly = simd.tile.emit(
            dtype, 1, rows, vectors * lanes, strides._replace(b_block=b_block)
        ).assembly(machine)
        (loop,) = [loop for loop in innermost_loops(assembly) if count(notation.multiply, loop)]
        assert count(notation.multiply, loop) == rows * vectors
        assert not count(notation.stack, loop), f"{rows} rows, {b_block}:\n" + "\n".join(loop)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_registers_that_are_filled_in_part_are_not_spilled_either(processor, dtype, request):
    """A result as wide as the layer has filters, whatever their number.

    One exception is known: for Cortex-A72, LLVM loads all factors before it multiplies, and six
        filters are too many.
    """
    known = {6} if request.node.callspec.params["processor"] == "cortex-a72" else set()
    instructions, notation, machine = processor
    lanes = processors.lanes(dtype)
    for width in {1, lanes - 1, lanes + lanes // 2, 2 * lanes - 1} - {0} - known:
        assembly = simd.tile.emit(dtype, 1, instructions.rows, width, STRIDES["forward"]).assembly(
            machine
        )
        loops = innermost_loops(assembly)
        assert loops, width
        assert not sum(count(notation.stack, loop) for loop in loops), (
            f"{width} numbers:\n" + "\n".join(loops[-1])
        )


def test_a_spill_would_be_seen(processor):
    """A tile that is larger than all registers, by the same reading."""
    instructions, notation, machine = processor
    assembly = simd.tile.emit(
        "float32", 1, 2 * instructions.rows, instructions.bits // 16, STRIDES["forward"]
    ).assembly(machine)
    (loop,) = [loop for loop in innermost_loops(assembly) if count(notation.multiply, loop)]
    assert count(notation.stack, loop) > 0


def row_kernel_emitters(dtype):
    """Every kernel of row_kernels.py and row_gradients.py, and fold, in the variants that need most
    registers.
    """
    gradient, way = row_gradients.gradient.emit, row_gradients.Way
    return {
        "activate": row_kernels.activate.emit(dtype, RELU, True),
        "pool": row_kernels.pool.emit(dtype, 2, 2, True),
        "pool in inference": row_kernels.pool.emit(dtype, 2, 2, False),
        "finish": row_kernels.finish.emit(dtype, RELU, True),
        "sums": row_gradients.sums.emit(dtype, RELU, False, False),
        "sums of an addend": row_gradients.sums.emit(dtype, RELU, True, True),
        "fold": row_moves.fold.emit(dtype),
        "gradient": gradient(dtype, way(2, True, False, True, RELU, None)),
        "gradient of a ReLU after": gradient(dtype, way(2, True, False, True, None, RELU)),
        "gradient of the winners": gradient(dtype, way(2, True, True, True, RELU, None)),
        "sum with ReLU": merging.combine.emit(dtype, "add", True),
        "gradient of scaled channels": merging.scale_gradient.emit(dtype),
    }


@pytest.mark.parametrize("channels", [C, C + 3])
@pytest.mark.parametrize("size, stride, depth", [(3, 1, 1), (3, 2, 1), (5, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_depthwise_convolutions_inner_loops_spill_nothing(
    processor, dtype, size, stride, depth, channels
):
    """One load of a pixel for all pixels of the result that see it, one multiplication per cell."""
    instructions, notation, machine = processor
    pixels = depthwise.most(size, depth)
    block = tuple(tuple((stride * p + k, k) for k in range(size)) for p in range(pixels))
    a = depthwise.Across(C, W * C, stride * pixels * C)
    pixels_of = depthwise.Across(channels, W * channels, pixels * channels)
    weights = depthwise.Within(depth * C, size * depth * C, C)
    common = dtype, block, channels, depth, a
    emitted = {
        "taps": depthwise.taps.emit(*common, weights, pixels_of),
        "cells_gradient": depthwise.cells_gradient.emit(*common, pixels_of, weights),
    }
    for name, emitter in emitted.items():
        loops = innermost_loops(emitter.assembly(machine))
        (loop,) = [loop for loop in loops if count(notation.multiply, loop)]
        text = f"{name} of {pixels} pixels:\n" + "\n".join(loop)
        assert count(notation.stack, loop) == 0, text
        assert count(notation.multiply, loop) == pixels * size * depth, text


def pooling_emitters(dtype):
    """Every kernel of pooling, in the variants that need most registers."""
    return {
        "largest": window_kernels.largest.emit(dtype, 3, 3, True),
        "largest of any window": window_kernels.largest.emit(dtype, 0, 0, True),
        "mean": window_kernels.mean.emit(dtype, 3, 3),
        "gather": window_kernels.gather.emit(dtype, 3, 3, True),
        "gather of any window": window_kernels.gather.emit(dtype, 0, 0, True),
        "divide": window_kernels.divide.emit(dtype),
        "largest of a picture": picture_kernels.largest.emit(dtype, True),
        "mean of a picture": picture_kernels.mean.emit(dtype),
        "mean of a picture, back": picture_kernels.mean_back.emit(dtype),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooling_spills_nothing_where_there_are_32_registers(processor, dtype):
    """The places of a window's nine cells leave no room in 16 registers: some of them may wait on
    the stack there.
    """
    instructions, notation, machine = processor
    for name, emitter in pooling_emitters(dtype).items():
        most = 5 if "gather" in name or name == "largest" else 0
        if instructions in (processors.AVX512, processors.NEON):
            most = 0
        loops = innermost_loops(emitter.assembly(machine))
        assert loops, name
        for loop in loops:
            assert count(notation.stack, loop) <= most, f"{name}:\n" + "\n".join(loop)


@pytest.mark.parametrize("matrix", ["BT", "AT", "B", "A"])
def test_winograds_transforms_spill_nothing_where_there_are_32_registers(processor, matrix):
    """Their 16 numbers at a time leave no room in 16 registers: some of them may wait on the stack
    there.
    """
    instructions, notation, machine = processor
    _, _, bt, _, at = winograd.F2
    of = {"BT": bt, "AT": at, "B": winograd.transposed(bt), "A": winograd.transposed(at)}[matrix]
    pixels, products = (
        winograd.Steps(W * C, C, 2 * W * C, 2 * C),
        winograd.Steps(4 * 196 * C, 196 * C, 14 * C, C),
    )
    emitter = winograd.transform.emit("float32", of, pixels, products, C, matrix == "B")
    (loop,) = innermost_loops(emitter.assembly(machine))
    assert count(notation.stack, loop) <= (
        0 if instructions in (processors.AVX512, processors.NEON) else 5
    ), "\n".join(loop)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_row_kernels_spill_nothing(processor, dtype):
    _, notation, machine = processor
    for name, emitter in row_kernel_emitters(dtype).items():
        loops = innermost_loops(emitter.assembly(machine))
        assert loops, name
        for loop in loops:
            assert count(notation.stack, loop) == 0, name + "\n" + "\n".join(loop)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("+avx2,+fma,+avx512f,+avx512vl", processors.AVX512),
        ("+avx2,+fma,-avx512f", processors.AVX2),
        ("+avx2,-fma", processors.GENERIC),
        ("+sse4.2", processors.GENERIC),
        ("+neon,+fp-armv8", processors.NEON),
    ],
)
def test_the_widest_instructions_that_numba_compiles_for_are_chosen(
    monkeypatch, features, expected
):
    if expected is processors.GENERIC and llvm.get_default_triple().startswith(
        ("aarch64", "arm64")
    ):
        pytest.skip("every 64-bit ARM processor has NEON")
    monkeypatch.setattr(processors, "target", lambda: ("any", features))
    assert processors.instruction_set.__wrapped__() is expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_instruction_set_holds_whole_numbers_of_numbers(processor, dtype):
    instructions, _, _ = processor
    assert processors.lanes(dtype) * np.dtype(dtype).itemsize * 8 == instructions.bits


WHOLE = {  # what a processor's best tile of whole numbers multiplies with
    "cascadelake": (integer_sets.VNNI_512, r"vpdpbusd\s.*%zmm\d+$"),
    "sapphirerapids": (integer_sets.VNNI_512, r"vpdpbusd\s.*%zmm\d+$"),
    "znver4": (integer_sets.VNNI_512, r"vpdpbusd\s.*%zmm\d+$"),
    "alderlake": (integer_sets.VNNI_256, r"vpdpbusd\s.*%ymm\d+$"),
    "haswell": (integer_sets.AVX2, r"vpmaddwd\s.*%ymm\d+$"),
    "znver3": (integer_sets.AVX2, r"vpmaddwd\s.*%ymm\d+$"),
}


@pytest.mark.parametrize("pool", [(1, 1), (2, 2)])
@pytest.mark.parametrize("processor", WHOLE)
def test_a_tile_of_whole_numbers_keeps_its_sums_in_registers_until_they_are_bytes(processor, pool):
    isa, multiply = WHOLE[processor]
    try:
        target = llvm.Target.from_triple("x86_64-linux-gnu")
    except RuntimeError as error:
        pytest.skip(f"this llvmlite cannot compile for {processor}: {error}")
    machine = target.create_target_machine(cpu=processor, opt=3, jit=True, codemodel="jitdefault")
    pixels = isa.rows // (pool[0] * pool[1])
    text = integer_tiles.tile.emit(isa, pixels, pool, isa.width, 2).assembly(machine)
    (loop,) = [loop for loop in innermost_loops(text) if count(multiply, loop)]
    assert count(multiply, loop) == 2 * pixels * pool[0] * pool[1]
    assert count(r"%[xyz]mm.*\(%rsp|\(%rsp.*%[xyz]mm", loop) == 0, "\n".join(loop)
    # rounded in one instruction, half to even; nothing is fused
    assert count("vcvtps2dq", text.splitlines()) == 4 * pixels and "vfmadd" not in text
