"""Threads that go through all stages of some jobs together, without leaving the parallel region
between two of them.

To leave a region and enter the next takes OpenMP two microseconds, more than a small network's
stage itself. Threads that stay only have to wait for one another: each adds one to a counter, and
looks at it until all have.

A region promises so many turns of a loop, not that as many threads take them at the same time. So
they gather first. Who waits for the others in vain does all the work alone, and those that come
later find nothing to do; results do not depend on it.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from minicnn.machine.call import clear, fetch_add, word
from minicnn.machine.jit import jit_part
from minicnn.machine.record import WORD, address
from minicnn.machine.workspace import LINE, aligned

SERIAL = 1 << 32  # marks a stage that one thread does alone

# Counters of a gate, a cache line apart, and the address of the system's function by which a thread
# lets others run.
JOINED, STATE, PASSED, YIELD = (n * LINE // WORD for n in range(4))
GATHERING, TOGETHER, ALONE = range(3)  # states
SPINS = 20_000  # looks, some 50 microseconds, before a thread lets others run in between
PATIENCE = SPINS + 5_000  # looks until it gives up on the others, a millisecond later


_counters = aligned(4 * LINE // WORD, np.dtype(np.int64))


@cache
def gate() -> int:
    """The address of where threads meet; regions take turns (threads.py), so one is enough."""
    windows: Any = getattr(ctypes, "windll", None)
    function = windows.kernel32.SwitchToThread if windows else ctypes.CDLL(None).sched_yield
    _counters[YIELD] = ctypes.cast(function, ctypes.c_void_p).value or 0
    return address(_counters)


@jit_part
def begin(gate):
    """Nobody is there yet."""
    clear(gate, YIELD * WORD)


@jit_part
def gather(gate, workers):
    """Wait until all `workers` are here; returns how many go on, 0 for one that came too late."""
    state = gate + STATE * WORD
    if fetch_add(gate + JOINED * WORD, 1) == workers - 1:
        exchange(state, GATHERING, TOGETHER)
    looks = 0
    while look(state) == GATHERING:
        looks = be_patient(gate, looks)
        if looks == PATIENCE and exchange(state, GATHERING, ALONE):
            return 1
    return workers if look(state) == TOGETHER else 0


@jit_part
def meet(gate, workers, times):
    """Wait until all have come here for this, the times-th, time.

    To come is an atomic addition: it also lets others see what was stored past the cache
    (Emitter.stream).
    """
    passed = gate + PASSED * WORD
    fetch_add(passed, 1)
    looks = 0
    while look(passed) < times * workers:
        looks = be_patient(gate, looks)


@jit_part
def be_patient(gate, looks):
    """Look once more; after some time, let other threads run before that."""
    if looks < SPINS:
        pause(looks)
    else:
        let_others_run(word(gate, YIELD))
    return looks + 1


@intrinsic
def look(typingctx: Any, address: Any) -> Any:  # noqa: ARG001
    """The integer at an address, as other threads have left it by now."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        where = builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.int64)))
        return builder.load_atomic(where, "acquire", WORD)

    return types.int64(types.int64), codegen


@intrinsic
def exchange(typingctx: Any, address: Any, expected: Any, value: Any) -> Any:  # noqa: ARG001
    """Put a value in the place of the expected one; whether that was there, and no other thread
    was sooner.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        where = builder.inttoptr(args[0], context.get_value_type(types.CPointer(types.int64)))
        found = builder.cmpxchg(where, args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def pause(typingctx: Any, looks: Any) -> Any:  # noqa: ARG001
    """Tell the processor that this is a waiting loop, where it has an instruction for that."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        if str(builder.module.triple).startswith(("x86", "i386", "i686", "amd64")):
            kind = ir.FunctionType(ir.VoidType(), [])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause")
            builder.call(function, [])
        return context.get_dummy_value()

    return types.void(looks), codegen


@intrinsic
def let_others_run(typingctx: Any, function: Any) -> Any:  # noqa: ARG001
    """Call the function at an address, which takes nothing."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), codegen
