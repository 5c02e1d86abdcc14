"""The working half of a measurement: a process that prepares what it is told to, and then repeats
it in blocks.

Requests and answers are lines of JSON, one answer to each request:

    {"prepare": {...}}                      builds and warms up; answers {"seconds": of that, ...}
    {"block": {"seconds": 0.5, "least": 3}} repeats it that long and that often; answers {"seconds":
        median of a call}
"""

import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

Timed = Callable[[], float]  # one call, and the seconds it took


def timed(call: Callable[[], Any], before: Callable[[], Any] | None = None) -> Timed:
    """The call with a clock around it; what it needs done before each time is not measured."""

    def run() -> float:
        if before is not None:
            before()
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    return run


def median_of_calls(run: Timed, seconds: float, least: int) -> float:
    """Median seconds of a call, of as many as fill the time.

    It leaves out the first, which finds its caches cold.
    """
    times = [run() for _ in range(least)]
    while sum(times) < seconds:
        times.append(run())
    return median(times)


def serve(prepare: Callable[..., tuple[Timed, dict[str, Any]]]) -> None:
    """Answer requests until standard input ends.

    `prepare` returns what to time, and what to tell about it.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not pass for an answer
    run: Timed
    for line in sys.stdin:
        request, begun = json.loads(line), time.perf_counter()
        if "prepare" in request:
            run, notes = prepare(**request["prepare"])
            answer = {"seconds": time.perf_counter() - begun} | notes
        else:
            answer = {"seconds": median_of_calls(run, **request["block"])}
        print(json.dumps(answer), file=answers, flush=True)
