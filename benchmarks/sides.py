"""The asking half of a measurement: worker processes, the order in which they work, and what their
times say.

Only one side works at a time, in short blocks in the order A B B A: what slows the machine down for
a while slows both down. What counts is the ratio of neighbouring blocks, its median and a bootstrap
95 % interval.
"""

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
THREADS = [
    "OMP_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
]
# PyTorch by itself asks the system for fresh memory for every large array, which can cost more than
# the arithmetic.
# With these settings glibc keeps what it once had, and large arrays lie in large pages, as NumPy's
# do.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "THP_MEM_ALLOC_ENABLE": "1",
}
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Ratio(NamedTuple):
    """Median of the ratios of pairs, and the ends of its 95 % interval."""

    median: float
    low: float
    high: float


def alternate(
    own: Callable[[], float], peer: Callable[[], float], pairs: int
) -> tuple[list[float], list[float]]:
    """Measure both sides `pairs` times, in the order own peer, peer own, own peer, ..."""
    ours: list[float] = []
    theirs: list[float] = []
    order = [(own, ours), (peer, theirs)]
    for pair in range(pairs):
        for measure, values in order if pair % 2 == 0 else order[::-1]:
            values.append(measure())
    return ours, theirs


def ratio(above: Sequence[float], below: Sequence[float], draws: int = 2000) -> Ratio:
    """Median of above / below, pair by pair, with its bootstrap 95 % interval: always the same
    draws.
    """
    ratios = np.divide(above, below)
    picked = np.random.default_rng(0).integers(len(ratios), size=(draws, len(ratios)))
    low, high = np.percentile(np.median(ratios[picked], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def environment(threads: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables of a worker: so many threads for every library, and nothing preset that would
    slow one of them.

    OPENBLAS_CORETYPE can halve the speed of NumPy's matrix product; without bytecode files every
    start compiles anew.
    """
    kept = {
        k: v
        for k, v in inherited.items()
        if not k.startswith("OPENBLAS_") and k != "PYTHONDONTWRITEBYTECODE"
    }
    kept |= dict.fromkeys(THREADS, str(threads))
    return kept | {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(HERE.parent),
    }


class WorkerError(RuntimeError):
    """A worker process ended; the message holds the last that it said."""


class Side:
    """A worker process, confined to as many processors as it has threads.

    Args:
        python: the interpreter.
        program: the file, by default in this folder, that it runs with `side` as argument.
        settings: more environment variables.
    """

    def __init__(
        self,
        python: str,
        program: str,
        side: str,
        threads: int,
        settings: Mapping[str, str] | None = None,
    ):
        self.name = f"{program} {side}"
        self.errors = tempfile.TemporaryFile()
        if PROCESSORS:
            # the worker inherits it; the first handle most interrupts
            os.sched_setaffinity(0, PROCESSORS[-threads:])
        self.process = subprocess.Popen(
            [python, str(HERE / program), side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(threads, os.environ) | dict(settings or {}),
        )
        if PROCESSORS:
            os.sched_setaffinity(0, PROCESSORS)

    def prepare(self, **what: Any) -> dict[str, Any]:
        """Let it build and warm up; returns what it tells about that."""
        return self._ask({"prepare": what})

    def block(self, seconds: float, least: int) -> float:
        """Median seconds of a call."""
        return self._ask({"block": {"seconds": seconds, "least": least}})["seconds"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkerError when the worker has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            return json.loads(answer)
        self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()[-5:]
        raise WorkerError(
            f"{self.name} ended with {self.process.returncode} at {request}:\n" + "\n".join(said)
        )

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
