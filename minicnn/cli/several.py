"""A command, as a launcher of MPI may have started it: `mpirun -n 4 minicnn train --shards 8`."""

import argparse
from importlib import import_module

from minicnn import ranks
from minicnn.training.silence import silent_but_rank_0

TOGETHER = ("train", "evaluate", "doctor")  # commands whose work ranks share


def run(options: argparse.Namespace) -> int:
    """Do what the command says, and return its exit code.

    On several ranks rank 0 alone prints, and what they cannot share it does by itself.
    """
    command = import_module(f"minicnn.cli.{options.command}")
    group = ranks.current()
    if options.command in TOGETHER:
        with silent_but_rank_0(group):
            return command.run(options)
    if group.rank:
        return 0
    with ranks.apart():
        return command.run(options)
