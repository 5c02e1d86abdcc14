"""Nobody waits for ever: a thread ends this process when it has waited for others too long.

MPI itself waits: for a machine whose link is cut, for a process that is stopped. Nothing comes of
that, and nobody is told. Whoever waits here holds no lock of Python's, so this thread runs.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from minicnn.errors import DataError

SECONDS = 20.0  # that others may be late in a step, beside what is usual
PATIENCE = 600.0  # while others may compile, validate, or write
USUAL = 3  # how many of the longest steps so far are usual
TICK = 0.25
EXIT_CODE = 75  # "temporary failure" in sysexits.h: the same command may work next time
SETTING = "MINICNN_RANKS_TIMEOUT"  # in place of SECONDS and PATIENCE


class Waiting:
    """Watches over this process's waits for others.

    Args:
        named: this rank, for messages.

    Attributes:
        longest: seconds between the ends of two waits, so far.
    """

    def __init__(self, named: str):
        self.named = named
        self.set = seconds_set()
        self.longest = 0.0
        self._ended: float | None = None
        self._since, self._most, self._doing, self._go_on = 0.0, 0.0, "", ""
        self._waited = 0.0  # seconds, without those in which this process itself was stopped
        self._waits = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, doing: str, go_on: str, *, patient: bool) -> Iterator[None]:
        """While this context is open, this process waits for others."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="minicnn ranks", daemon=True)
            self._thread.start()
        steady = self._ended is not None and not patient
        self._most = self.set or (SECONDS + USUAL * self.longest if steady else PATIENCE)
        self._doing, self._go_on, self._waited = doing, go_on, 0.0
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
            now = time.monotonic()
            if steady and self._ended is not None:
                self.longest = max(self.longest, now - self._ended)
            self._ended = now

    def _watch(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            # a laptop that slept, or a job that was suspended, has not waited
            self._waited += min(now - before, 2 * TICK)
            before = now
            if self._waits and self._waited > self._most:
                give_up(self.named, self._waited, self._doing, self._go_on)


def give_up(named: str, seconds: float, doing: str, go_on: str) -> None:
    """Say it, and end this process at once: MPI's own end would wait, too."""
    sys.stderr.write(
        f"minicnn: {named} has waited {seconds:.0f} s for the other ranks in {doing}: one of them "
        f"is stopped, cut off or hangs; giving up ({SETTING}=SECONDS in the environment waits "
        f"longer). {go_on}\n"
    )
    sys.stderr.flush()
    os._exit(EXIT_CODE)


def seconds_set() -> float | None:
    """What the environment says. Raises DataError for what is no number of seconds."""
    given = os.environ.get(SETTING)
    try:
        seconds = None if given is None else float(given)
    except ValueError:
        seconds = -1.0
    if seconds is not None and not seconds > 0:
        raise DataError(f"{SETTING} expected a number of seconds above 0, received {given!r}")
    return seconds
