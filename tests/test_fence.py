"""Nothing is read or written beside an array: fenced_networks.py in processes of its own, which a
fault would end.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import check_fence
import fence
import pytest

pytestmark = pytest.mark.skipif(not fence.POSSIBLE, reason="memory cannot be protected here")


def run(*arguments):
    command = [sys.executable, Path(__file__).with_name("fenced_networks.py"), *map(str, arguments)]
    environment = os.environ | {"NUMBA_NUM_THREADS": "2", "MINICNN_ENGINE": "fast"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_ten_drawn_networks_touch_no_fence():
    """The long form is check_fence.py."""
    done = run(0, 10)
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0, (
        f"exit code {done.returncode} at network {last}: {done.stderr[-2000:]}"
    )
    assert json.loads(last[0]) == {"held": 10}


@pytest.mark.parametrize("short", fence.SHORT)
@pytest.mark.parametrize("number", [0, 3], ids=["end", "beginning"])
def test_an_array_that_is_one_number_short_is_a_fault(short, number):
    """Otherwise the test above would show nothing."""
    done = run(number, number + 1, f"short={short}")
    assert done.returncode == -signal.SIGSEGV, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    assert done.stdout.split() == [str(number)]


def test_the_last_long_check_found_no_fault():
    result = json.loads(
        (Path(__file__).parent.parent / "docs" / "results" / "fence.json").read_text(
            encoding="utf-8"
        )
    )
    assert (
        result["passed"]
        and result["tried"] == result["held"] >= check_fence.COUNT
        and not result["faults"]
    )
