"""How many threads are worth having while other programs use the processor, too.

At the end of every stage the threads wait for each other. Where another program takes a processor
from one of them,
all stand still: two threads on two busy processors were seen to do half of what one does. So while
the threads get less of the processors than they could use, now and then a window of steps is tried
with one thread fewer, and later with one more, and what is faster is kept. Results do not depend on
it.
"""

from time import perf_counter, process_time
from types import TracebackType
from typing import Self

from minicnn.machine import threads

STEPS, SECONDS = 4, 0.1  # of a window, at least: many turns of the system's scheduler
# of a thread each on the processors, at least: nobody else is there (0.97 on a quiet machine, 0.5
# beside one)
FULL = 0.85
GAIN = 1.1  # as much faster another number of threads must be
CHANGE = 2  # a rate so many times what it was, or its inverse: the machine is another, look again
# windows between two trials, so many times as many after each that gained nothing
SOONEST, LATEST, LONGER = (
    2,
    128,
    4,
)


class Pace:
    """While this context is open, the calling thread uses as many of its threads as bring it on
    fastest.
    """

    def __init__(self) -> None:
        self._begun = False
        self._began: tuple[float, float] | None = None
        self._start()

    def _start(self) -> None:
        # threads: to choose from, chosen, and those of a trial
        self.most = self.count = self.now = threads.used()
        self.fewer = True  # whether the next trial is one with fewer
        self.rate = self.settled = (
            0.0  # samples per second with `count` threads: just now; after the last trial
        )
        self.wait = self.left = (
            SOONEST  # windows from the last trial to the next, and those still to come
        )
        self._open()

    def _open(self) -> None:
        self.steps, self.samples, self.seconds, self.worked = 0, 0, 0.0, 0.0  # of the window

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.now != self.most:
            threads.use(self.most)

    def begin(self) -> None:
        """A step begins."""
        # The first is not counted: it may compile, and of one alone nothing follows. To read the
        # clock of all threads takes some microseconds, a tenth of what a small network takes.
        self._began = (perf_counter(), process_time()) if self._begun else None
        self._begun = True

    def end(self, samples: int) -> None:
        """It is over, and was on so many samples."""
        if self._began is not None:
            began, worked = self._began
            self.note(samples, perf_counter() - began, process_time() - worked)

    def note(self, samples: int, seconds: float, worked: float) -> None:
        """Count a step on so many samples, which took so long, and so many seconds of all
        processors together.
        """
        self.steps += 1
        self.samples += samples
        self.seconds += seconds
        self.worked += worked
        if self.steps < STEPS or self.seconds < SECONDS:
            return
        if threads.used() != self.now:  # they have been started since, or set_threads was called
            self._start()
        elif self.most > 1:
            self._decide(self.samples / self.seconds)
            self._open()

    def _decide(self, rate: float) -> None:
        """Begin a trial, end one, or go on, after a window with that rate."""
        if self.now != self.count:
            self._end_trial(rate)
            return
        self.rate = rate
        self.left -= 1
        changed = self.settled > 0 and not 1 / CHANGE < rate / self.settled < CHANGE
        if self.left > 0 and not changed:
            return
        full = self.worked >= FULL * self.count * self.seconds
        self.fewer = self.count > 1 and not full and (self.count == self.most or not self.fewer)
        if self.fewer:
            self._use(self.count - 1)
        elif self.count < self.most:
            self._use(self.count + 1)

    def _end_trial(self, rate: float) -> None:
        gained = rate > GAIN * self.rate
        if gained:
            self.count, self.rate = self.now, rate
        self.wait = SOONEST if gained else min(LONGER * self.wait, LATEST)
        self.left, self.settled = self.wait, self.rate
        self._use(self.count)

    def _use(self, n: int) -> None:
        self.now = n
        threads.use(n)
