"""A program that hangs is ended, and says where it hung."""

import subprocess
import sys

import programs
import pytest
from commands import started
from programs import read_until

SAYS = 'Model: "documented_cnn"'


def test_it_is_read_up_to_a_line():
    process = started("summary")
    assert read_until(process, process.stdout, SAYS).startswith(SAYS)
    process.kill()
    process.communicate()


def test_one_that_ends_before_and_one_that_hangs_are_told(monkeypatch, tmp_path):
    process = started("summary", tmp_path / "none")
    with pytest.raises(AssertionError, match=r"no line began with 'Model: .*none.*, 3$"):
        read_until(process, process.stdout, SAYS)
    monkeypatch.setattr(programs, "PATIENCE", 3)
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", "import time; time.sleep(1000)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pytest.raises(AssertionError, match=r"(?s)no line began with 'Model: .*Fatal.*-6$"):
        read_until(process, process.stdout, SAYS)
