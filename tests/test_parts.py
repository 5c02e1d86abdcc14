"""Functions that only kernels call: compiled with the kernel, and nowhere else."""

import numpy as np
import pytest
from numba.core.registry import cpu_target

from minicnn.machine.jit import ENABLED, jit, jit_part

pytestmark = pytest.mark.skipif(not ENABLED, reason="needs compiled kernels")

WEIGHTS = np.array([2.0, 3.0])


@jit_part
def positive(x):
    if x < 0:
        raise ValueError("expected a number of 0 or more")
    return x


@jit_part
def weighted(x, k):
    return WEIGHTS[k] * positive(x)


@jit
def total(xs):
    result = 0.0
    for k in range(xs.size):
        result += weighted(xs[k], k)
    return result


def test_parts_of_parts_work_in_a_kernel():
    assert total(np.array([10.0, 100.0])) == 320


def test_an_error_leaves_a_part():
    with pytest.raises(ValueError, match="^expected a number of 0 or more$"):
        total(np.array([1.0, -1.0]))


def test_kernels_have_machine_code_and_parts_none():
    total(np.zeros(2))
    engine = cpu_target.target_context.codegen()._engine
    defined = [name for name in engine._defined_symbols if "NumbaEnv" not in name]
    assert [name for name in defined if "test_parts" in name and "total" in name]
    assert not [name for name in defined if "weighted" in name or "positive" in name]
