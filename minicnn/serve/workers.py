"""Several processes that answer at one address, and one that starts them again.

The models are loaded once, before the processes part, and share their memory. All accept from one
socket; who dies is replaced within moments, and meanwhile the others answer. A process that loses
its parent ends in order.
"""

import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger("minicnn.serve")
SOON, TRIES = 5.0, 5  # seconds after its start in which a worker must not die so many times


def run(count: int, work: Callable[[int, int], None], close: Callable[[], None]) -> int:
    """Keep `count` processes at work until a signal tells them to stop; an exit code.

    Args:
        work: called in each with its number and a file descriptor that ends when its parent does.
        close: gives up the socket that they share. Who waits there is cut when the last process
            lets go of it, and that is to be one that has looked who waits.
    """
    parent = Parent(work, close)
    for number in range(count):
        parent.start(number)
    return parent.watch()


class Parent:
    """The process that only waits for the others."""

    def __init__(self, work: Callable[[int, int], None], close: Callable[[], None]):
        self._work, self._close = work, close
        self._ends, self._held = os.pipe()  # nothing is ever written
        self._workers: dict[int, tuple[int, float]] = {}  # process: its number, when it began
        self._failures = self._code = 0
        self._stopping = False
        for which in (signal.SIGTERM, signal.SIGINT):
            signal.signal(which, self._stop)

    def start(self, number: int) -> None:
        """Start a worker."""
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # NumPy's BLAS has threads, which it starts anew in a fork; nobody else has any yet
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process == 0:
            self._begin(number)
        self._workers[process] = number, time.monotonic()
        if self._stopping:  # the signal came in between
            os.kill(process, signal.SIGTERM)

    def watch(self) -> int:
        """Start anew who dies, until all have ended after a signal."""
        while self._workers:
            try:
                process, status = os.wait()
            except InterruptedError:
                continue
            number, began = self._workers.pop(process, (None, 0.0))
            if number is None or self._stopping:
                continue
            self._failures = self._failures + 1 if time.monotonic() - began < SOON else 0
            if self._failures >= TRIES:
                log.error("minicnn serve: workers end as soon as they begin")
                self._stop(signal.SIGTERM, None)
                self._code = 1
                continue
            code = os.waitstatus_to_exitcode(status)
            log.warning("minicnn serve: a worker ended (%d) and is replaced", code)
            self.start(number)
        return self._code

    def _begin(self, number: int) -> None:
        """What a new process does; it does not return."""
        code = 1
        try:
            os.close(self._held)
            for which in (signal.SIGTERM, signal.SIGINT):
                signal.signal(which, signal.SIG_DFL)
            if not self._stopping:
                self._work(number, self._ends)
            code = 0
        except BaseException:
            log.exception("minicnn serve: a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _stop(self, which: int, frame: FrameType | None) -> Any:  # noqa: ARG002
        if not self._stopping:
            self._close()
        self._stopping = True
        for process in self._workers:
            try:
                os.kill(process, signal.SIGTERM)
            except ProcessLookupError:
                continue
