"""What `minicnn tune` can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import declare, positive, whole

SAMPLERS = ("tpe", "qmc", "grid", "random")
PRUNERS = ("median", "halving", "none")


def tune(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "tune",
        "search for hyperparameters, on any number of machines",
        "Search for hyperparameters with Optuna. The same command, typed again in another terminal "
        "or on another machine that sees the storage, takes part in the search. A process that is "
        "killed loses nothing: the next one goes on with its trial. Which trials TPE and the "
        "pruners choose depends on who finishes first where several processes take part; with the "
        "samplers qmc, grid and random, and no pruner, the whole study is reproducible. Every "
        "trial is, bit for bit: --repeat.",
        "tune space.toml --storage studies/first --trials 40",
    )
    parser.add_argument(
        "space",
        nargs="?",
        metavar="SPACE",
        help="a file such as examples/tune_cifar.toml, which says what is searched (default: that "
        "of the study that is there)",
    )
    parser.add_argument(
        "--storage",
        required=True,
        metavar="WHERE",
        help="a folder that all processes see, which gets all results, or the URL of a database, "
        "such as postgresql://user@host/name",
    )
    parser.add_argument(
        "--trials",
        type=positive,
        metavar="N",
        help="how many trials the study shall have in all, whoever trains them (default: as many "
        "as it has)",
    )
    parser.add_argument(
        "--sampler",
        choices=SAMPLERS,
        help="tpe learns from the trials before; qmc, grid and random are planned ahead (tpe)",
    )
    parser.add_argument(
        "--pruner",
        choices=PRUNERS,
        help="what ends trials early that are worse than others in the same epoch (median with "
        "tpe, else none)",
    )
    parser.add_argument(
        "--seed", type=whole, help="of the search; trial K is trained with seed + K"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="with a database: a folder for the results (default: runs/tune-NAME)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        help="threads to compute with (default: one per processor; divide them where several "
        "processes share a machine)",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--repeat",
        type=whole,
        metavar="K",
        help="train trial K once more, and say whether every bit is the same",
    )
    other.add_argument(
        "--report", action="store_true", help="only print the trials, and write report.html anew"
    )
    other.add_argument(
        "--give-up",
        type=whole,
        metavar="K",
        help="let trial K fail, which a process had on a machine that will not come back",
    )
