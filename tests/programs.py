"""Programs that a test runs in a process of their own."""

import os
import signal
import subprocess
import sys
from threading import Timer

# Seconds: nothing takes as long on any machine, however busy, unless it hangs. A test that hangs
# itself is ended somewhat later, by pyproject.toml's faulthandler_timeout.
PATIENCE = 600


def read_until(process, stream, beginning):
    """What a running process writes to one of its streams, up to the line that begins so.

    One that never writes it is ended by SIGABRT, at which Python shows what its threads were doing
    if it was started with PYTHONFAULTHANDLER=1. Raises AssertionError where there is no such line.
    """
    clock = Timer(PATIENCE, process.send_signal, [signal.SIGABRT])
    clock.start()
    try:
        read = ""
        for line in stream:
            read += line
            if line.startswith(beginning):
                return read
    finally:
        clock.cancel()
    rest = process.communicate()
    raise AssertionError(f"no line began with {beginning!r}: {read}{rest}, {process.returncode}")


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
