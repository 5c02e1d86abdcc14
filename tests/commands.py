"""For the tests of commands: options, colours, shapes, and `minicnn` in a process of its own."""

import functools
import os
import subprocess
import sys

from minicnn import datasets

TRAIN = ["train", "--data", "shapes", "--limit", "400", "--epochs", "2", "--seed", "1"]
COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
# 12,000 pictures are drawn in some seconds: once for all commands of a process
drawn_once = functools.cache(datasets.shapes.load_data)


def started(*arguments):
    """`python -m minicnn`, running; it can be killed or interrupted."""
    return subprocess.Popen(
        [sys.executable, "-m", "minicnn", *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
