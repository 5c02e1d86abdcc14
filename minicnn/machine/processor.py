"""The processor that kernels are made for, and what the engine has to know of its family."""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm
import numpy as np
from numba.core import config
from numba.core.codegen import get_host_cpu_features


@dataclass(frozen=True)
class InstructionSet:
    """What the engine has to know of a family of processors."""

    name: str
    bits: int  # of a vector register
    rows: int  # of the best tile with two registers per row: see simd.py
    fma: bool  # whether multiply-add is one instruction


# rows * 2 accumulators, 2 registers for B and 1 for A: of 32 registers, of 16, of 32, of 16.
AVX512 = InstructionSet("AVX-512", 512, 14, True)
AVX2 = InstructionSet("AVX2", 256, 6, True)
NEON = InstructionSet("NEON", 128, 12, True)
GENERIC = InstructionSet("generic", 128, 4, False)


def target() -> tuple[str, str]:
    """(CPU name, features) that Numba compiles for, by its settings too: both must agree."""
    name, features = getattr(config, "CPU_NAME", None), getattr(config, "CPU_FEATURES", None)
    return (
        name or llvm.get_host_cpu_name(),
        get_host_cpu_features() if features is None else features,
    )


@cache
def instruction_set() -> InstructionSet:
    """The widest one that the target has."""
    _, features = target()
    enabled = set(features.split(","))
    if "+avx512f" in enabled:
        return AVX512
    if {"+avx2", "+fma"} <= enabled:
        return AVX2
    if "+neon" in enabled or llvm.get_default_triple().startswith(("aarch64", "arm64")):
        return NEON
    return GENERIC


def lanes(dtype: np.dtype | type) -> int:
    """Numbers of this type in one register."""
    return instruction_set().bits // (8 * np.dtype(dtype).itemsize)
