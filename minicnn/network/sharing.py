"""Whether all threads share a picture, or one does it alone: whatever has been faster lately.

On a quiet machine two threads halve the tens of microseconds that a small network takes. Where
another program has one of the processors, they wait for each other for milliseconds: what is shared
is only ready when the last of them has had its turn. Results do not depend on it.
"""

from minicnn.machine.threads import times_set, used

MEMORY, QUICK = 8, 2  # calls that an average remembers of slower, and of faster ones
OUTLIER = 2  # a call that takes more than so many times the average counts as if it took that
TRIAL, LENGTH = 256, 8  # after so many calls the slower way is tried again, for so many


class Sharing:
    """The number of threads for the next picture, by how long the last ones took.

    Of a trial only the last call counts: the first ones wake threads up, and read kernels that the
    other way has pushed out of the cache.
    """

    def __init__(self) -> None:
        self.most = self.next = self.set = 0
        self.calls = 0
        self.seconds: dict[int, float] = {}  # on average, by number of threads

    def choose(self) -> int:
        """How many threads are to share the next picture."""
        self.calls += 1
        if self.next and self.calls % TRIAL >= LENGTH and self.set == times_set():
            return self.next
        if self.most != used():  # they have been started since, or set_threads was called
            self.most, self.seconds, self.next = used(), {}, 0
        self.set = times_set()
        for threads in (self.most, 1):
            if threads not in self.seconds:  # neither is known at first
                return threads
        return 1 if self.next == self.most else self.most

    def note(self, threads: int, seconds: float) -> None:
        """So many have shared one, and it took so long."""
        if self.next not in (0, threads) and self.calls % TRIAL < LENGTH - 1:
            return
        known = self.seconds
        before = known.get(threads, seconds)
        change = min(seconds, OUTLIER * before) - before
        known[threads] = before + change / (QUICK if change < 0 else MEMORY)
        other = 1 if threads == self.most else self.most
        if other in known:
            self.next = threads if known[threads] <= known[other] else other
