"""Threads that stay together through all stages of some jobs; and what becomes of those that wait
for others in vain.
"""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import carray

from minicnn.machine import region, team
from minicnn.machine.call import fetch_add, word
from minicnn.machine.jit import jit
from minicnn.machine.record import Record, address
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.threads import alone, state
from minicnn.types import Array

TRIES = 20  # regions, until the threads of a busy machine have met in one


class Counted(NamedTuple):
    """What is written down: by stage, what its threads have seen of the stage before."""

    done: Array
    seen: Array
    workers: Array


@Task
def count(records, like, stage, t, workers):  # noqa: ARG001
    """Wait a little, count oneself, and look how many had done so in the stage before."""
    r = carray(records, 1)[0].counted
    looks = 0
    while looks < 3000 * ((t + stage) % 3):
        looks += 1 + fetch_add(r.workers, 0)
    if stage > 0:
        before = word(r.done, stage - 1)
        fetch_add(r.seen + 8 * stage, before)
    fetch_add(r.done + 8 * stage, 1)


def counted(stages):
    counts = Counted(*np.zeros((3, len(stages) + 1), np.int64))
    numbers = [n + (SERIAL if serial else 0) for n, serial in enumerate(stages)]
    job = count.on(Record(counted=counts), np.dtype("float32"))
    return counts, job, Stages(*numbers)


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 3))
def test_every_stage_begins_when_all_have_done_the_one_before(stages, jobs):
    for _ in range(TRIES):
        made = [counted(stages) for _ in range(jobs)]
        region.run_jobs(region.table([(job, numbers) for _, job, numbers in made]))
        # on a busy machine a thread may have waited for the others in vain, and done all alone
        together = any((counts.done > 1).any() for counts, _, _ in made)
        workers = state()["used"] if together else 1
        expected = [1 if serial else workers for serial in stages]
        for counts, _, _ in made:
            assert counts.done[:-1].tolist() == expected
            seen = [before * own for before, own in zip(expected, expected[1:], strict=False)]
            assert counts.seen[1:-1].tolist() == seen
        if together or all(stages) or state()["used"] == 1:
            return
    pytest.fail(f"the threads have not met once in {TRIES} regions")


@pytest.mark.parametrize("run", ["run_together", "run_by_stage"])
def test_both_loops_do_the_same(run):
    workers = state()["used"]
    for _ in range(TRIES):
        counts, job, numbers = counted([False, True, False])
        rows = region.table([(job, numbers)])
        together = (region.turn_of_thread(), rows, team.gate())
        getattr(region, run)(*(together if run == "run_together" else (rows,)))
        if counts.done[:3].tolist() == [workers, 1, workers]:
            return
        assert run == "run_together" and counts.done[:3].tolist() == [1, 1, 1]
    pytest.fail(f"the threads have not met once in {TRIES} regions")


@jit
def come(gate, workers):
    return team.gather(gate, workers)


@jit
def open_gate(gate):
    team.begin(gate)


def test_who_waits_in_vain_does_all_alone_and_who_comes_later_nothing():
    with alone:
        gate = team.gate()
        open_gate(gate)
        assert come(gate, 3) == 1
        assert come(gate, 3) == 0
        assert come(gate, 3) == 0  # the last one, who would have let them begin
        open_gate(gate)
        assert come(gate, 1) == 1


def test_a_gate_has_the_system_function_that_lets_others_run():
    gate = team.gate()
    assert gate == address(team._counters) and team._counters[team.YIELD] != 0
