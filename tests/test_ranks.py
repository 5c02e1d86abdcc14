"""Training on several ranks of MPI leaves the bits of one process without MPI."""

import re

import mpi
import pytest
from mpi import TESTS, needs_mpi

JOB = TESTS / "rank_job.py"


def bits_of(ended, ranks):
    """What all ranks have printed, which is the same."""
    assert ended.code == 0, ended.err[-3000:]
    lines = re.findall(r"rank (\d+) of (\d+): (.*)", ended.out)
    assert sorted(int(rank) for rank, *_ in lines) == list(range(ranks)), ended.out
    assert {int(size) for _, size, _ in lines} == {ranks}
    (found,) = {found for *_, found in lines}
    return found


@pytest.fixture(scope="module")
def alone():
    """What one process leaves without MPI, by the arguments of the job."""
    import subprocess
    import sys

    known = {}

    def found(*arguments, threads=1):
        if arguments not in known:
            done = subprocess.run(
                [sys.executable, str(JOB), *arguments],
                env=mpi.environment(threads, PYTHONHASHSEED="0"),
                capture_output=True,
                text=True,
                timeout=mpi.LONGEST,
            )
            known[arguments] = bits_of(mpi.Ended(done.returncode, done.stdout, done.stderr), 1)
        return known[arguments]

    return found


@needs_mpi
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_and_threads_change_no_bit(ranks, threads, alone):
    """Augmentation, dropout, batch normalisation, averages of the weights, a last smaller batch,
    validation, evaluate and predict.
    """
    ended = mpi.run(ranks, JOB, "plain", threads=threads, PYTHONHASHSEED="0")
    assert bits_of(ended, ranks) == alone("plain")
    assert ended.out.count("Epoch 1/3") == 1  # rank 0 alone prints


@needs_mpi
def test_a_network_with_branches(alone):
    assert bits_of(mpi.run(2, JOB, "branched", PYTHONHASHSEED="0"), 2) == alone("branched")


@needs_mpi
def test_shards_that_are_no_power_of_two(alone):
    assert bits_of(mpi.run(3, JOB, "plain", "--shards", "7", PYTHONHASHSEED="0"), 3) == alone(
        "plain", "--shards", "7"
    )


@needs_mpi
@pytest.mark.parametrize(("ranks", "threads"), [(1, 2), (2, 1), (3, 2), (4, 1)])
def test_statistics_of_the_whole_batch(ranks, threads, alone):
    """Of the last batch, of 3 samples for 8 shards, some ranks have nothing."""
    for what in ("plain", "branched"):
        arguments = [what, "--batch-norm", "sync"]
        ended = mpi.run(ranks, JOB, *arguments, threads=threads, PYTHONHASHSEED="0")
        assert bits_of(ended, ranks) == alone(*arguments) != alone(what)
