"""An error on one rank ends all.

A Python program that ends with an error ends alone: under MPI the others would wait for ever. What
all ranks find out alike, such as a wrong argument, rank 0 says alone: the others give it a moment.
"""

import sys
import time
from types import TracebackType

from minicnn.ranks.group import Group

MOMENT = 1.5  # seconds
INTERRUPTED = 130


def end_all(group: Group, code: int) -> None:
    """End all ranks, unless this one is alone: the error has been told."""
    if group.size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        group.abort(code)


def before_telling(group: Group) -> None:
    """Let rank 0 tell an error first, if it has the same."""
    if group.rank:
        time.sleep(MOMENT)


def end_all_on_errors(group: Group) -> None:
    """From now on an error that nobody handles, on any rank, ends all."""
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before_telling(group)
        shown(kind, error, trace)
        sys.stderr.write(f"minicnn: {group.named} has failed, so all ranks end. {group.go_on}\n")
        end_all(group, INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1)

    sys.excepthook = hook
