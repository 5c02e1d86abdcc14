"""Programs that a test runs in a process of their own."""

import os
import subprocess
import sys


def run(program, *arguments, folder=None, **environment):
    """The finished process of a Python program; from `folder`, if given, minicnn is imported."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder or ""), *sys.path]), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done


def output(program, *arguments, **options):
    """What a program prints, line by line; it must succeed."""
    done = run(program, *arguments, **options)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout.splitlines()
