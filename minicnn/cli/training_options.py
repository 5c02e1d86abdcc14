"""What `minicnn train` can be told. What comes of it is in options.py."""

import argparse
import math
from pathlib import Path

from minicnn.cli.arguments import (
    RUN,
    add_data,
    add_image_size,
    add_import,
    add_network,
    positive,
    rate,
    seconds,
    several,
    whole,
)
from minicnn.cli.choices import RECIPES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what a training can be told."""
    told = ". ".join(f"{name}: {recipe.told}" for name, recipe in RECIPES.items())
    usual = ", ".join(f"{name} {recipe.epochs}" for name, recipe in RECIPES.items())
    sizes = ", ".join(f"{name} {recipe.batch_size}" for name, recipe in RECIPES.items())
    rates = ", ".join(f"{name} {recipe.learning_rate:g}" for name, recipe in RECIPES.items())
    add_data(parser)
    add_image_size(parser)
    parser.add_argument(
        "--recipe", choices=list(RECIPES), help=f"how to train (default: documented). {told}"
    )
    add_network(parser)
    parser.add_argument(
        "--model",
        metavar="PATH",
        help="begin with what this model file or run has learnt (recipe: finetune)",
    )
    add_import(parser)
    parser.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="train on pictures flipped and shifted, or not (default: with best, and where they "
        "are few)",
    )
    parser.add_argument(
        "--learning-rate", type=rate, metavar="RATE", help=f"of the optimizer ({rates})"
    )
    parser.add_argument(
        "--class-weight",
        choices=["balanced"],
        help="let classes with few pictures count as much as those with many",
    )
    parser.add_argument(
        "--epochs", type=positive, help=f"passes over the pictures, at most ({usual}; more for few)"
    )
    parser.add_argument(
        "--batch-size", type=positive, help=f"pictures per step ({sizes}; fewer for few)"
    )
    parser.add_argument(
        "--shards",
        type=positive,
        metavar="V",
        help="cut every batch into V parts (1), which ranks share: mpirun -n 4 minicnn train "
        "--shards 8. The same shards give the same network on any number of machines",
    )
    parser.add_argument(
        "--batch-norm",
        choices=["shard", "sync"],
        help="let batch normalisation normalise within a shard (shard), or, slower, over the whole "
        "batch (sync)",
    )
    parser.add_argument(
        "--max-time",
        type=seconds,
        default=math.inf,
        metavar="TIME",
        help="stop after so long, such as 90s, 10m or 2h",
    )
    parser.add_argument("--seed", type=whole, help="the same seed gives the same network (0)")
    parser.add_argument(
        "--seeds",
        type=several,
        metavar="N",
        help="train N times, from --seed on, and give mean and interval",
    )
    parser.add_argument(
        "--threads", type=positive, help="threads to compute with (default: one per processor)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-<data>)"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help=f"go on with this run, or that in --output (default: {RUN}), where it stopped, with "
        "the options it was "
        "begun with; --data names where its pictures are now",
    )
