"""What the processor could do at most: multiply-adds on all threads, on nothing but registers."""

from time import perf_counter
from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.machine import emit, processor, threads
from minicnn.machine.call import at, caller
from minicnn.machine.jit import parallel_jit
from minicnn.machine.operands import Numbers
from minicnn.machine.record import address

TURNS = 400_000  # a millisecond or two


class Chains(NamedTuple):
    """values: a register of factors, one of terms, then those of the chains."""

    values: Numbers
    turns: int


call_chains = caller(Chains)


def chains() -> int:
    """Sums that go on side by side: more than an addition takes cycles times those that start in
    one.
    """
    return max(12, 2 * processor.instruction_set().rows)


@emit.kernel
def kernel(dtype: str) -> emit.Emitter:
    """values[i] = values[i] * factor + term, `turns` times, for a register of every chain."""
    code = emit.Emitter(dtype, Chains)
    places = [
        code.at(code.arg["values"], code.integer(i * code.lanes)) for i in range(2 + chains())
    ]
    factor, term, *sums = [code.load(place) for place in places]
    sums = code.loop(
        code.arg["turns"], sums, lambda _, sums: [code.multiply_add(x, factor, term) for x in sums]
    )
    for value, place in zip(sums, places[2:], strict=True):
        code.store(value, place)
    return code


@parallel_jit
def run_all(kernel, turns, values, place):
    """The kernel on as many threads as there are rows of values, which lie at `place`."""
    for k in prange(values.shape[0]):
        of_thread = at(place, k * values.shape[1], values)
        call_chains(kernel, Chains(values=of_thread, turns=turns))


def measure(dtype: str) -> tuple[float, int]:
    """Floating point operations per second (2 per multiply-add) in one short run, and the threads
    that did them.
    """
    count, lanes = threads.state()["used"], processor.lanes(np.dtype(dtype))
    # Every chain goes to term / (1 - factor): no overflow, and nothing so small that a processor is
    # slow with it.
    values = np.linspace(0.5, 0.9, count * (2 + chains()) * lanes, dtype=dtype).reshape(count, -1)
    run_all(kernel(dtype), 1, values, address(values))  # compiled and awake before the clock starts
    start = perf_counter()
    run_all(kernel(dtype), TURNS, values, address(values))
    return 2 * chains() * lanes * TURNS * count / (perf_counter() - start), count
