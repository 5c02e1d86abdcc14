"""Nobody waits for ever: a thread ends this process when it has waited for others too long.

MPI itself waits: for a machine whose link is cut, for a process that is stopped. Nothing comes of
that, and nobody is told. Whoever waits here holds no lock of Python's, so this thread runs.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from minicnn.errors import DataError

SECONDS = 20.0  # that others may be late, beside what is usual
USUAL = 3  # times what this rank has just had to do, or the most that it ever had: as usual
PATIENCE = 600.0  # where others may compile or write, while this rank does not
TICK = 0.25
EXIT_CODE = 75  # "temporary failure" in sysexits.h: the same command may work next time
SETTING = "MINICNN_RANKS_TIMEOUT"  # in place of SECONDS and PATIENCE


class Waiting:
    """Watches over this process's waits for others.

    Args:
        named: this rank, for messages.

    Attributes:
        most: seconds that the present wait may take.
        longest: seconds of the longest work between two waits, so far.
    """

    def __init__(self, named: str):
        self.named = named
        self.set = seconds_set()
        self.most = self.longest = 0.0
        self._known: set[str] = set()  # what has been waited for before
        self._ended = time.monotonic()  # when the last wait did
        self._doing = self._go_on = ""
        self._waited = 0.0  # seconds, without those in which this process itself was stopped
        self._waits = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """From now on everything is new again: kernels may have to be compiled."""
        self._known, self.longest = set(), 0.0

    @contextmanager
    def within(self, kind: str, doing: str, go_on: str, *, patient: bool) -> Iterator[None]:
        """While this context is open, this process waits for others.

        Args:
            kind: of exchange; for the first one of its kind the wait may be long.
            doing, go_on: see Group, for the message.
            patient: whether it may be long in any case.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="minicnn ranks", daemon=True)
            self._thread.start()
        usual = max(self.longest, time.monotonic() - self._ended)
        if kind in self._known and not patient:
            self.longest, self.most = usual, self.set or SECONDS + USUAL * usual
        else:
            self.most = self.set or PATIENCE
        self._known.add(kind)
        self._doing, self._go_on, self._waited = doing, go_on, 0.0
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
            self._ended = time.monotonic()

    def _watch(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            # a laptop that slept, or a job that was suspended, has not waited
            self._waited += min(now - before, 2 * TICK)
            before = now
            if self._waits and self._waited > self.most:
                give_up(self.named, self._waited, self._doing, self._go_on)


def give_up(named: str, seconds: float, doing: str, go_on: str) -> None:
    """Say it, and end this process at once: MPI's own end would wait, too."""
    text = (
        f"minicnn: {named} has waited {seconds:.0f} s for the other ranks in {doing}: one of them "
        f"is stopped, cut off or hangs; giving up ({SETTING}=SECONDS in the environment waits "
        f"longer). {go_on}\n"
    )
    os.write(2, text.encode())
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
