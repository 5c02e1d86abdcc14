"""What goes wrong on one rank ends all, soon and in one sentence, and nothing is lost."""

import re

import mpi
import pytest
from mpi import TESTS, needs_mpi
from test_ranks import JOB, alone, bits_of  # noqa: F401

pytestmark = needs_mpi


def failed(ranks, *arguments, **options):
    """What minicnn, and Python, have said of a job that failed; printed for whoever reads it."""
    ended = mpi.run(ranks, JOB, "plain", *arguments, **options)
    assert ended.code != 0, ended.out
    said = [line for line in ended.err.splitlines() if "minicnn" in line or "rror" in line]
    print("\n".join(said))
    return ended.err


def test_a_killed_rank_ends_the_job_and_another_number_of_ranks_goes_on(tmp_path, alone):  # noqa: F811
    kept = ["--resume", str(tmp_path)]
    told = failed(2, *kept, "--fault", "kill")
    assert re.search(
        r"minicnn: 2 ranks train\. Whatever ends them: Go on: the same with fit\(resume='.*'\), on "
        r"any number of ranks, from the last checkpoint",
        told,
    )
    assert bits_of(mpi.run(3, JOB, "plain", *kept, PYTHONHASHSEED="0"), 3) == alone("plain")


def test_a_stopped_rank(tmp_path):
    """The others give up; the launcher ends the one that is stopped."""
    kept = ["--resume", str(tmp_path)]
    told = failed(2, *kept, "--fault", "stop", MINICNN_RANKS_TIMEOUT="8")
    assert re.search(
        r"minicnn: rank 0 on \S+ has waited 8 s for the other ranks in epoch 2, batch 2: one of "
        r"them is stopped, cut off or hangs; giving up \(MINICNN_RANKS_TIMEOUT=SECONDS in the "
        r"environment waits longer\)\. Go on: the same with fit\(resume='.*'\), on any number of "
        r"ranks, from the last checkpoint",
        told,
    )


def test_an_error_on_one_rank_of_a_plain_script(tmp_path):
    told = failed(2, "--resume", str(tmp_path), "--fault", "raise")
    assert "OSError: the disk of rank 1 is on fire" in told
    assert re.search(
        r"minicnn: rank 1 on \S+ has failed, so all end\. Go on: the same with fit\(resume=", told
    )


def test_a_full_disk(tmp_path, alone):  # noqa: F811
    """A file of rank 0 cannot grow over 4 kB: the checkpoint before stays whole."""
    kept = ["--resume", str(tmp_path)]
    told = failed(2, *kept, "--fault", "disk")
    assert "OSError: [Errno 27] File too large" in told
    assert re.search(r"minicnn: rank 0 on \S+ has failed, so all end\. Go on: ", told)
    assert bits_of(mpi.run(1, JOB, "plain", *kept, PYTHONHASHSEED="0"), 1) == alone("plain")


def test_a_rank_that_leaves():
    told = failed(2, "--fault", "exit", MINICNN_RANKS_TIMEOUT="8")
    assert "rank 0 on" in told


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("data", r"rank 1 on \S+ trains with data\.x\.contents \w+, rank 0 on \S+ with \w+"),
        ("argument", r"rank 1 on \S+ trains with data\.batch_size 12, rank 0 on \S+ with 16"),
        ("version", r"rank 1 on \S+ trains with numpy 1\.26\.0, rank 0 on \S+ with 2\.\S+"),
        ("processor", r"rank 1 on \S+ trains with instruction set generic, rank 0 on \S+ with "),
    ],
)
def test_ranks_that_differ_refuse_to_mix(fault, line):
    told = failed(2, "--fault", fault)
    assert "RanksError: 2 ranks expected to have the same, received what differs" in told
    assert re.search(line, told), told
    assert told.count("Traceback") == 1  # rank 0 alone tells what all have found


def test_ctrl_c_on_one_rank_stops_all_after_the_batch(tmp_path, alone):  # noqa: F811
    kept = ["--resume", str(tmp_path)]
    ended = mpi.run(2, JOB, "plain", *kept, "--interrupt")
    assert ended.code == 0, ended.err
    assert ended.out.count("interrupted True") == 2
    assert bits_of(mpi.run(1, JOB, "plain", *kept, PYTHONHASHSEED="0"), 1) == alone("plain")


def test_more_ranks_than_shards():
    told = failed(2, "--shards", "1")
    assert (
        "ValueError: fit expected at least one shard for each of 2 ranks, received shards=1" in told
    )


def test_mpi_s_module_stays_out_of_a_plain_run():
    import subprocess
    import sys

    program = (
        "import sys; from shard_cases import data, network; x, y = data(); "
        "network().fit(x, y, verbose=0, shards=2); print([m for m in sys.modules if 'mpi4py' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=mpi.environment(), capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_what_a_launcher_finds_without_mpi4py():
    """PYTHONPATH has a mpi4py that cannot be imported, before the true one."""
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['mpi4py'] = None; from shard_cases import data, network; "
        "x, y = data(); network().fit(x, y, verbose=0, shards=2)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=mpi.environment(OMPI_COMM_WORLD_SIZE="2"),
        capture_output=True,
        text=True,
    )
    print(done.stderr)
    assert "needs mpi4py to find the others" in done.stderr
    assert 'pip install "minicnn[mpi]"' in done.stderr


def test_the_jobs_are_where_the_tests_are():
    assert (TESTS / "rank_job.py").exists()
