"""The way of a question through the threads, and back into the event loop.

A few threads read pictures, which Pillow does beside other Python, and one asks the models:
parallel kernels keep a team of threads for each thread that calls them, so it is always the same. A
question hops twice, and the answers of a batch come back in one piece.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.serve.batching import Answer, Batcher, Question, answers
from minicnn.serve.metrics import Metrics
from minicnn.serve.problems import Problem
from minicnn.serve.served import Served

Read = Callable[[], tuple[NDArray[np.float32], bool]]  # pictures (n, H, W, C); whether with maps


class Asking:
    """The threads, and the queues before them; made and used in an event loop.

    Args:
        batcher: where questions wait for the model.
        seconds: for which an answer is waited for.
        metrics: where batches are counted.
        readers: threads that read pictures.
    """

    def __init__(self, batcher: Batcher, seconds: float, metrics: Metrics, readers: int = 1):
        self._batcher, self._seconds, self._metrics = batcher, seconds, metrics
        self._loop = asyncio.get_running_loop()
        self._to_read: queue.SimpleQueue[tuple[Question, Read] | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, name="minicnn-pictures", daemon=True)
            for _ in range(readers)
        ]
        self._asker = threading.Thread(target=self._ask, name="minicnn-model", daemon=True)
        for thread in (*self._readers, self._asker):
            thread.start()

    async def answer(self, served: Served, read: Read) -> Answer:
        """What a model says to the pictures that `read` returns, which a reader calls.

        Raises what `read` raises, and Problem when the answer takes too long.
        """
        question = Question(served, self._loop.create_future())
        self._batcher.expect()
        self._to_read.put((question, read))
        try:
            async with asyncio.timeout(self._seconds):
                return await question.answer
        except TimeoutError:
            raise Problem(
                504,
                f"the answer expected to be there within {self._seconds:g} seconds: try again",
                {"retry-after": "1"},
            ) from None

    async def in_model_thread(self, function: Callable[[], Any]) -> Any:
        """What a function returns that only the thread that asks models may call."""
        future = self._loop.create_future()

        def work() -> None:
            try:
                result = function()
            except Exception as error:
                result = error
            self._loop.call_soon_threadsafe(_settle, future, result)

        self._batcher.call(work)
        return await future

    async def stop(self) -> None:
        """Answer what is there, and end the threads."""
        for _ in self._readers:
            self._to_read.put(None)
        for reader in self._readers:
            await asyncio.to_thread(reader.join)
        self._batcher.close()
        await asyncio.to_thread(self._asker.join)

    def _read(self) -> None:
        """What the readers do."""
        while (item := self._to_read.get()) is not None:
            question, read = item
            try:
                if not question.given_up:
                    question.x, question.explain = read()
            except Exception as error:  # whatever it is, the next one is to be read
                self._batcher.withdraw()
                self._loop.call_soon_threadsafe(_settle, question.answer, error)
            else:
                self._batcher.put(question)

    def _ask(self) -> None:
        """What the asker does."""
        while (work := self._batcher.take()) is not None:
            if callable(work):
                work()
                continue
            batch = [question for question in work if not question.given_up]
            if not batch:
                continue
            began = perf_counter()
            try:
                found: list[Any] = list(answers(batch))
            except Exception as error:  # whatever it is, the next batch is to be answered
                found = [error] * len(batch)
            pictures = sum(len(question.x) for question in batch)
            self._metrics.batch(pictures, perf_counter() - began, began - batch[0].since)
            self._loop.call_soon_threadsafe(_hand_out, batch, found)


def _hand_out(batch: list[Question], found: list[Any]) -> None:
    for question, own in zip(batch, found, strict=True):
        _settle(question.answer, own)


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    """Tell who waits, unless nobody does any more."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
