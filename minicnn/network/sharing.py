"""Whether all threads share a picture, or one does it alone: whatever has been faster lately.

On a quiet machine two threads halve the tens of microseconds that a small network takes. Where
another program has one of the processors, they wait for each other for milliseconds: what is shared
is only ready when the last of them has had its turn. Results do not depend on it.
"""

from minicnn.machine.threads import used

MEMORY, QUICK = 8, 2  # calls that an average remembers of slower, and of faster ones
TRIAL = 64  # after so many calls the slower way is tried again


class Sharing:
    """The number of threads for the next picture, by how long the last ones took."""

    def __init__(self) -> None:
        self.most = 0
        self.calls = 0
        self.seconds: dict[int, float] = {}  # on average, by number of threads

    def choose(self) -> int:
        """How many threads are to share the next picture."""
        if self.most != used():  # they have been started since, or set_threads was called
            self.most, self.seconds = used(), {}
        self.calls += 1
        for threads in (self.most, 1):
            if threads not in self.seconds:  # neither is known at first
                return threads
        faster = min(self.seconds, key=self.seconds.__getitem__)
        slower = 1 if faster == self.most else self.most
        return slower if self.calls % TRIAL == 0 else faster

    def note(self, threads: int, seconds: float) -> None:
        """So many have shared one, and it took so long."""
        before = self.seconds.get(threads, seconds)
        self.seconds[threads] = before + (seconds - before) / (
            QUICK if seconds < before else MEMORY
        )
