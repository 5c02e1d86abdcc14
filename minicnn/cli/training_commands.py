"""What the commands that train can be told, and those that prepare, list and show trainings.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import RUN, add_untrained, declare, positive, whole
from minicnn.cli.training_options import add_options


def train(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "train",
        "train a network",
        "Train a network, by default the documented one with Adam, until the validation loss has "
        "not fallen for ten epochs (or more, where pictures are few), and evaluate it on test "
        "pictures. All that comes of it is kept in a run folder, with a page that shows it. Ctrl-C "
        "ends the training early and keeps its results.",
        "train --data photographs/ --augment --max-time 10m",
    )
    add_options(parser)


def report(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "report",
        "write a run's page anew",
        "Write report.html of a run from the files in its folder, also while it trains or after it "
        "was killed.",
        "report runs/latest",
    )
    parser.add_argument(
        "run_folder", nargs="?", default=RUN, metavar="RUN", help=f"a run folder (default: {RUN})"
    )


def runs(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "runs",
        "list trainings, or compare some of them",
        "Without names, or with folders that hold runs, list them: what they were trained on, how, "
        "and what came of it. With the names of two runs or more, show in which options they "
        "differ, and draw their curves.",
        "runs runs/first runs/second --output compared.png",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        default=["runs"],
        metavar="RUN",
        help="runs, or folders of runs (default: runs)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="save the curves of those that are compared (default: compared.png)",
    )


def lrfind(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "lrfind",
        "find a learning rate",
        "Train for a moment with a learning rate that rises from step to step, watch the loss, and "
        "suggest a rate. The model itself is not changed.",
        "lrfind --data shapes --output rates.png",
    )
    add_untrained(parser)
    parser.add_argument("--batch-size", type=positive, help="pictures per step (default: as train)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="save the curve as a picture, such as rates.png"
    )


def check(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "check",
        "check a model before a long training",
        "Check that the loss of an untrained model is that of guessing, that it can learn 50 "
        "pictures by heart, that its gradients are right, that its units are alive and that an "
        "epoch has steps enough. Takes less than a minute; exits with 1 when a check fails.",
        "check --data photographs/",
    )
    add_untrained(parser)
    parser.add_argument("--seed", type=whole, default=0, help="of the weights (default 0)")
