"""`minicnn train --resume`: which run goes on, whether its pictures are there, and whether anything
is left to do.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from minicnn import runs
from minicnn.cli.arguments import RUN


def named(options: argparse.Namespace) -> runs.Run | None:
    """The run that is to go on, if one is. Raises ValueError when two are named."""
    if options.resume is None:
        return None
    if options.resume and options.output:
        raise ValueError(
            f"--resume {options.resume} expected no --output, received {options.output}: name one "
            "run"
        )
    return runs.find(options.resume or options.output or RUN)


def recognise(begun: runs.Run, now: Mapping[str, Any]) -> None:
    """Note where the pictures of a run are now, by the config that it would be begun with today.

    Raises ValueError when these are not the pictures that it was begun with.
    """
    data = now["options"]["data"]
    if begun.fingerprint not in (None, now["data"]["fingerprint"]):
        known = begun.config["data"]
        raise ValueError(
            f"--resume expected the pictures that {begun.folder} was begun with "
            f"({known['train']:,} to train on from {begun.data}, fingerprint {begun.fingerprint}), "
            f"received {now['data']['train']:,} from {data}, fingerprint "
            f"{now['data']['fingerprint']}: name where those pictures are, or begin a new run"
        )
    if data != begun.data:
        runs.rewrite(begun, begun.config | {"options": begun.config["options"] | {"data": data}})


def nothing_left(run: runs.Run, epochs: int) -> str:
    """What to say of a run that had ended before it was resumed."""
    done = len(run.history["epoch"])
    why = f"it has had all {done} epochs; --epochs {2 * done} trains on"
    if done < epochs:
        why = (
            f"early stopping ended it after {done} epochs, and what that has ended stays ended: "
            "begin a new run"
        )
    return f"nothing was left to train in {run.folder}: {why}\n{runs.next_steps(run)}"
