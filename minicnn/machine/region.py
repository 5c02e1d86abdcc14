"""Work that threads share: a function compiled once, and called by its address from the only
parallel region there is.

Numba takes a quarter of a second to compile a region, and compiles what a function calls anew with
every caller. So there is one region, which knows nothing but a function's address, and the
functions with all the work know nothing of regions. A job is a sequence of stages. In each, every
thread does its share; the next begins when all are done. A stage marked as SERIAL one thread does
alone.

To enter a region from Python takes time, mostly because the numbers of a network have pushed
Python's own out of the cache. So the jobs of neighbouring layers are collected, as long as nobody
looks at their results, and done in one.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Self

import numpy as np
from llvmlite import ir
from numba import prange, threading_layer, types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from minicnn.machine.call import word
from minicnn.machine.jit import jit_part, parallel_jit, task_jit, thread_count
from minicnn.machine.record import WORD, Record, address
from minicnn.machine.team import SERIAL, begin, gate, gather, meet
from minicnn.machine.threads import start
from minicnn.types import Array


class Stages:
    """The numbers of a job's stages, with SERIAL or without, in their order.

    Args:
        weights: how many of them, at the beginning, look at nothing but weights.
    """

    def __init__(self, *numbers: int, weights: int = 0):
        self.numbers = np.array(numbers, np.int64)
        self.place, self.count = address(self.numbers), len(numbers)
        self.weights = weights


class Task:
    """A compiled function(records, like, stage, t, workers): what thread t of `workers` does of a
    stage.

    records and like are addresses for `numba.carray`: of the record, and of nothing, for the type
    of the numbers.
    """

    def __init__(self, function: Callable[..., None]):
        self.kernel = task_jit(function)

    def on(self, record: Record, dtype: np.dtype) -> "Job":
        """This function, for a record and a type of numbers."""
        return Job(record, self._entry(record.memory.dtype, dtype))

    def _entry(self, record: np.dtype, dtype: np.dtype) -> int:
        """The address of its machine code for such a record and type of numbers."""
        pointers = (types.CPointer(from_dtype(kind)) for kind in (record, dtype))
        return entry(self.kernel, *pointers, types.intp, types.intp, types.intp)


class Job:
    """A task on a record, which it keeps alive."""

    def __init__(self, record: Record, entry: int):
        self.record, self.entry, self.place = record, entry, address(record.memory)


class Region:
    """Jobs for a parallel region. One that is added runs at once, or, after `with`, when the region
    is run:

    with region:
        ...  # steps that add jobs and pass on arrays that are yet to be computed
        region.run()  # before somebody looks at their numbers
        ...
    # here all has run, unless there was an exception
    """

    def __init__(self) -> None:
        self.jobs: list[tuple[Job, Stages]] = []
        self.afterwards: list[Callable[[], None]] = []
        self.waits = False

    def add(self, job: Job, stages: Stages, then: Callable[[], None] | None = None) -> None:
        """Do these stages of a job, and when all that waits is done, call a function."""
        self.jobs.append((job, stages))
        if then is not None:
            self.afterwards.append(then)
        if not self.waits:
            self.run()

    def run(self) -> None:
        """Do what has been added."""
        if not self.jobs:
            return
        jobs, afterwards, self.jobs, self.afterwards = self.jobs, self.afterwards, [], []
        run_jobs(table(jobs))
        for then in afterwards:
            then()

    def forget(self) -> None:
        """Do none of what has been added."""
        self.jobs, self.afterwards = [], []

    def __enter__(self) -> Self:
        self.waits = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.waits = False
        if kind is None:
            self.run()
        else:
            self.forget()


def table(jobs: Sequence[tuple[Job, Stages]], weights: bool = True) -> Array:
    """Jobs as run_jobs takes them, whose arrays the caller keeps alive; without the stages that
    look at nothing but weights, if these have been done before.
    """
    rows = []
    for job, stages in jobs:
        done = 0 if weights else stages.weights
        place = stages.place + done * WORD
        rows.append((job.entry, job.place, place, stages.count - done))
    return np.array(rows, np.int64).reshape(-1, 4)


@intrinsic
def call(typingctx: Any, function: Any, numbers: Any) -> Any:  # noqa: ARG001
    """Call the function at an address with some integers, or addresses."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        values = [
            context.cast(builder, builder.extract_value(args[1], i), kind, types.intp)
            for i, kind in enumerate(signature.args[1].types)
        ]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.intp, numbers), codegen


@jit_part
def call_task(task, record, stage, t, workers):
    """What thread t does of a stage of the task at an address."""
    call(task, (record, record, stage, t, workers))


def run_jobs(jobs: Array) -> None:
    """All stages of jobs, (n, 4) integers: the addresses of task, record and stages, and the number
    of stages.
    """
    if are_a_team():
        run_together(turn_of_thread(), jobs, gate())
    else:
        run_by_stage(jobs)


@cache
def are_a_team() -> bool:
    """Whether the threads that take the turns of a loop are as many: so it is with OpenMP, but not
    with TBB, where one may take several.
    """
    start()
    return threading_layer() == "omp"


@parallel_jit
def run_by_stage(jobs):
    """run_jobs, with a parallel loop for each stage."""
    for job in range(len(jobs)):
        task, record, stages = jobs[job, 0], jobs[job, 1], jobs[job, 2]
        for k in range(jobs[job, 3]):
            stage = word(stages, k)
            if stage >= SERIAL:
                call_task(task, record, stage - SERIAL, 0, 1)
            else:
                workers = thread_count()
                for t in prange(workers):
                    call_task(task, record, stage, t, workers)


@parallel_jit
def run_together(turn, jobs, gate):
    """run_jobs, in one parallel loop, whose threads wait at the gate between two stages.

    Args:
        turn: the address of take_turn.
    """
    place, count = jobs.ctypes.data, len(jobs)
    workers = thread_count() if has_shared(place, count) else 1
    if workers == 1:  # what one thread is to do alone needs no loop
        call(turn, (place, count, gate, 0, 1))
    else:
        begin(gate)
        for t in prange(workers):
            call(turn, (place, count, gate, t, workers))


@jit_part
def has_shared(jobs, count):
    """Whether there is a stage for several threads."""
    for job in range(count):
        for k in range(word(jobs, 4 * job + 3)):
            if word(word(jobs, 4 * job + 2), k) < SERIAL:
                return True
    return False


@task_jit
def take_turn(jobs, count, gate, t, workers):
    """What thread t of `workers` does of all stages of all jobs, once all are here.

    Between two stages that the same thread does alone nobody has to wait.
    """
    present = gather(gate, workers) if workers > 1 else 1
    if present < workers:
        t, workers = 0, present
    times, was_alone = 0, True
    for job in range(count if present > 0 else 0):
        task, record, stages = word(jobs, 4 * job), word(jobs, 4 * job + 1), word(jobs, 4 * job + 2)
        for k in range(word(jobs, 4 * job + 3)):
            stage = word(stages, k)
            is_alone = stage >= SERIAL
            if workers > 1 and not (was_alone and is_alone):
                times += 1
                meet(gate, workers, times)
            if not is_alone:
                call_task(task, record, stage, t, workers)
            elif t == 0:
                call_task(task, record, stage - SERIAL, 0, 1)
            was_alone = is_alone


@cache
def turn_of_thread() -> int:
    """The address of take_turn's machine code."""
    return entry(take_turn, types.intp, types.intp, types.intp, types.intp, types.intp)


def entry(kernel: Any, *signature: Any) -> int:
    """The address of a task's machine code, for arguments of these types."""
    kernel.compile(signature)
    compiled = kernel.overloads[signature]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
