"""Work that threads share: a function compiled once, and called by its address from the only parallel region there is.

Numba takes a quarter of a second to compile a region, and compiles what a function calls anew with every caller. So
there is one region, which knows nothing but a function's address, and the functions with all the work know nothing of
regions. A piece of work is a sequence of stages. In each, every thread does its share; the next begins when all are
done. A stage marked as SERIAL one thread does alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from minicnn.engine.record import Record, address
from minicnn.kernels.jit import parallel_jit, task_jit, thread_count
from minicnn.layers.base import Array

SERIAL = 1 << 32


class Task:
    """A compiled function(records, like, stage, t, workers): what thread t of `workers` does of a stage.

    records and like are addresses for `numba.carray`: of the record, and of nothing, for the type of the numbers.
    """

    def __init__(self, function: Callable[..., None]):
        self.kernel = task_jit(function)

    def on(self, record: Record, dtype: np.dtype) -> "Job":
        """This function, for a record and a type of numbers."""
        return Job(record, self._entry(record.memory.dtype, dtype))

    def _entry(self, record: np.dtype, dtype: np.dtype) -> int:
        """The address of its machine code for such a record and type of numbers."""
        pointers = (types.CPointer(from_dtype(kind)) for kind in (record, dtype))
        signature = (*pointers, types.intp, types.intp, types.intp)
        self.kernel.compile(signature)
        compiled = self.kernel.overloads[signature]
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)


class Job:
    """A task on a record, which it keeps alive."""

    def __init__(self, record: Record, entry: int):
        self.record, self.entry, self.place = record, entry, address(record.memory)

    def run(self, stages: Array) -> None:
        """Do these stages, numbers with SERIAL or without, in their order."""
        run_stages(self.entry, self.place, stages)


@intrinsic
def call_task(typingctx: Any, task: Any, record: Any, stage: Any, t: Any, workers: Any) -> Any:  # noqa: ARG001
    """Call the function at an address."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:  # noqa: ARG001
        task, record, *numbers = args
        pointer = ir.IntType(8).as_pointer()
        where = builder.inttoptr(record, pointer)
        values = [where, where, *numbers]
        function = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(task, function.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), codegen


@parallel_jit
def run_stages(task, record, stages):
    """All stages of a piece of work."""
    for stage in stages:
        if stage >= SERIAL:
            call_task(task, record, stage - SERIAL, 0, 1)
        else:
            workers = thread_count()
            for t in prange(workers):
                call_task(task, record, stage, t, workers)
