"""Programs that a test runs in a process of their own."""

import os
import subprocess
import sys

PATIENCE = 1800  # seconds: nothing takes as long on any machine, however busy, unless it hangs


def run(program, *arguments, folder=None, **environment):
    """The finished process of a Python program; from `folder`, if given, minicnn is imported."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder or ""), *sys.path]),
            **environment,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done


def output(program, *arguments, **options):
    """What a program prints, line by line; it must succeed."""
    done = run(program, *arguments, **options)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout.splitlines()
