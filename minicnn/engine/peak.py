"""What the processor could do at most: multiply-adds on all threads, on nothing but registers."""

from time import perf_counter

import numba
import numpy as np
from numba import prange

from minicnn.engine import emit
from minicnn.engine.call import caller
from minicnn.kernels.jit import jit, parallel_jit

ARGUMENTS = "values* turns"
TURNS = 400_000  # a millisecond or two

call_chains = caller(ARGUMENTS)


def chains() -> int:
    """Sums that go on side by side: more than an addition takes cycles times those that start in one."""
    return max(12, 2 * emit.instruction_set().rows)


@emit.kernel
def kernel(dtype: str) -> emit.Emitter:
    """values[i] = values[i] * factor + term, `turns` times, for a register of every chain.

    values: a register of factors, one of terms, then those of the chains.
    """
    code = emit.Emitter(dtype, ARGUMENTS)
    places = [code.at(code.arg["values"], code.integer(i * code.lanes)) for i in range(2 + chains())]
    factor, term, *sums = [code.load(place) for place in places]
    sums = code.loop(code.arg["turns"], sums, lambda _, sums: [code.multiply_add(x, factor, term) for x in sums])
    for value, place in zip(sums, places[2:], strict=True):
        code.store(value, place)
    return code


@jit
def run(address, turns, values):
    """The kernel on one thread; values: flat."""
    call_chains(address, (values, 0, turns))


@parallel_jit
def run_all(address, turns, row):
    """The kernel on every thread, each with a copy of row; returns these, (threads, row.size)."""
    values = np.empty((numba.get_num_threads(), row.size), row.dtype)
    for k in prange(values.shape[0]):
        values[k] = row
        run(address, turns, values[k])
    return values


def measure(dtype: str) -> tuple[float, int]:
    """Floating point operations per second (2 per multiply-add) in one short run, and the threads that did them."""
    size = chains() * emit.lanes(np.dtype(dtype))
    # Every chain goes to term / (1 - factor): no overflow, and nothing so small that a processor is slow with it.
    row = np.linspace(0.5, 0.9, size + 2 * emit.lanes(np.dtype(dtype)), dtype=dtype)
    run_all(kernel(dtype), 1, row)  # compiled and awake before the clock starts
    start = perf_counter()
    threads = len(run_all(kernel(dtype), TURNS, row))
    return 2 * size * TURNS * threads / (perf_counter() - start), threads
