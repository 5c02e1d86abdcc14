"""Who is answered together: the queue before the models.

The first who waits goes as soon as a batch is full, as nobody else is on the way, or as `wait`
seconds have passed. A batch is of one model. Since a model's answers do not depend on the batch
(served.py tries it), this changes when an answer comes, never what it is.
"""

import threading
from asyncio import Future
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from minicnn.serve.served import Served
from minicnn.types import Array

Answer = tuple[Array, list[NDArray[np.uint8]]]  # probabilities (n, K), and maps (H, W) if wanted
NOTHING = np.empty(0, np.float32)


@dataclass(eq=False, slots=True)
class Question:
    """What one request asks, on its way through the threads.

    Attributes:
        served: the model as it was when the question was accepted.
        answer: set in the event loop.
        explain: whether maps are wanted, (H, W) for each picture's first class.
        x: pictures (n, H, W, C), once they are read.
        since: when it was accepted.
    """

    served: Served
    answer: "Future[Answer]"
    explain: bool = False
    x: NDArray[np.float32] = field(default_factory=lambda: NOTHING)
    since: float = field(default_factory=perf_counter)

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.answer.done()


class Batcher:
    """Questions that wait for a model, and one thread that takes them.

    Args:
        most: pictures in a batch.
        wait: seconds for which the first in the queue waits for company, at most.
    """

    def __init__(self, most: int, wait: float):
        self.most, self.wait = most, wait
        self._changed = threading.Condition()
        self._waiting: dict[tuple[Served, bool], deque[Question]] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._coming = 0
        self._open = True

    def expect(self) -> None:
        """Somebody is on the way: `put` or `withdraw` follows."""
        with self._changed:
            self._coming += 1

    def withdraw(self) -> None:
        """He does not come after all."""
        with self._changed:
            self._coming -= 1
            self._changed.notify()

    def put(self, question: Question) -> None:
        """Somebody who was expected has come."""
        with self._changed:
            self._coming -= 1
            self._waiting.setdefault((question.served, question.explain), deque()).append(question)
            self._changed.notify()

    def call(self, function: Callable[[], None]) -> None:
        """Let the thread that takes questions call a function, between two batches."""
        with self._changed:
            self._calls.append(function)
            self._changed.notify()

    def close(self) -> None:
        """Nobody will come any more: `take` empties the queue and then returns None."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def take(self) -> list[Question] | Callable[[], None] | None:
        """Who is answered next, together, or a function to call; waits until there is one."""
        with self._changed:
            while not self._waiting and not self._calls:
                if not self._open:
                    return None
                self._changed.wait()
            if self._calls:
                return self._calls.popleft()
            kind = min(self._waiting, key=lambda kind: self._waiting[kind][0].since)
            waiting = self._waiting[kind]
            served, explain = kind
            # maps are made one by one, and others shall not wait for all of them
            most = 1 if explain else min(self.most, served.most)
            self._wait_for_company(waiting, most)
            taken = [waiting.popleft()]
            pictures = len(taken[0].x)
            while waiting and pictures + len(waiting[0].x) <= most:
                taken.append(waiting.popleft())
                pictures += len(taken[-1].x)
            if not waiting:
                del self._waiting[kind]
            return taken

    def _wait_for_company(self, waiting: deque[Question], most: int) -> None:
        until = perf_counter() + self.wait
        while self._coming > 0 and sum(len(question.x) for question in waiting) < most:
            left = until - perf_counter()
            if left <= 0:
                return
            self._changed.wait(left)


def answers(batch: list[Question]) -> list[Answer]:
    """What the model says to all of a batch: probabilities and maps of each."""
    served = batch[0].served
    x = batch[0].x if len(batch) == 1 else np.concatenate([question.x for question in batch])
    probabilities = served.predict(x)
    found, at = [], 0
    for question in batch:
        own = probabilities[at : at + len(question.x)]
        at += len(question.x)
        maps = [
            served.heat(picture, int(row.argmax()))
            for picture, row in zip(question.x, own, strict=True)
            if question.explain
        ]
        found.append((own, maps))
    return found
