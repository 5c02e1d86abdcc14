"""An error on one rank ends all.

A Python program that ends with an error ends alone: under MPI the others would wait for ever. What
all ranks find out alike, such as a wrong argument, rank 0 says alone: the others give it a moment.
"""

import os
import sys
import time
from types import TracebackType

from minicnn.ranks.group import Group

MOMENT = 1.5  # seconds
INTERRUPTED = 130


def before_telling(group: Group) -> None:
    """Let rank 0 tell an error first, if it has the same."""
    if group.rank:
        time.sleep(MOMENT)


def end_all(group: Group, code: int) -> None:
    """Say which rank has failed and how to go on, and end all; nothing where this one is alone.

    The error has been told.
    """
    if group.size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(2, f"minicnn: {group.named} has failed, so all end. {group.go_on}\n".encode())
        group.abort(code)


def end_all_on_errors(group: Group) -> None:
    """From now on an error that nobody handles ends all ranks."""
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before_telling(group)
        shown(kind, error, trace)
        end_all(group, INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1)

    sys.excepthook = hook
