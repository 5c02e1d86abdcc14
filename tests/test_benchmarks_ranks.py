"""benchmarks/ranks.py without MPI: what a job said, and what its failure says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # its programs import each other by name

import ranks  # noqa: E402


def test_a_job_says_its_pace():
    program = (
        "import os; print('noise'); print('{\"images/s\": ' + os.environ['OMP_NUM_THREADS'] + '}')"
    )
    assert ranks.pace([sys.executable, "-c", program], 3, {}) == 3


def test_a_job_that_fails_again_and_again_is_told_in_its_own_words():
    with pytest.raises(RuntimeError) as error:
        ranks.pace([sys.executable, "-c", "raise SystemExit('no such MPI')"], 1, {})
    print(error.value)
    assert "no such MPI" in str(error.value)


def test_a_job_that_fails_once_is_started_again(tmp_path):
    flag = str(tmp_path / "flag")
    program = (
        "import os, sys\n"
        f"if not os.path.exists({flag!r}): open({flag!r}, 'w'); sys.exit(1)\n"
        "print('{\"images/s\": 7}')"
    )
    assert ranks.pace([sys.executable, "-c", program], 1, {}) == 7


def test_one_rank_of_minicnn_trains():
    small = "import ranks_worker as w; w.BATCH, w.PICTURES, w.EPOCHS = 8, 16, 2; w.main()"
    done = subprocess.run(
        [sys.executable, "-c", small, "minicnn"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": f"{BENCHMARKS}:{BENCHMARKS.parent}",
            "PATH": "",
            "HOME": str(Path.home()),
        },
    )
    assert json.loads(done.stdout)["images/s"] > 0
