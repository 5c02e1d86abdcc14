"""What the command about data can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import add_data, declare


def data(commands: argparse._SubParsersAction) -> None:
    """Declare the command and what it does with data."""
    parser = commands.add_parser(
        "data",
        help="get pictures, count them, look at them",
        description="Get pictures, count them, look at them.",
        epilog="example: minicnn data fetch",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parser.set_defaults(parser=parser)
    info = declare(
        actions,
        "info",
        "count classes, measure channels",
        "Print how many pictures there are of each class, and mean and deviation of each channel.",
        "data info --data shapes",
    )
    add_data(info)
    look = declare(
        actions,
        "show",
        "save pictures of the pictures",
        "Save the first training pictures with their classes, and a diagram of how many there are "
        "of each class.",
        "data show --data photographs/ --output look",
    )
    add_data(look)
    look.add_argument(
        "--output",
        type=Path,
        default=Path("plots"),
        help="folder for the two files (default: plots)",
    )
    fetch = declare(
        actions,
        "fetch",
        "find or download CIFAR-10",
        "Find CIFAR-10 on this machine or download it, which goes on where it was interrupted. "
        "MINICNN_OFFLINE=1 forbids the download. What --data names is found without its name from "
        "then on. Exits with 3 when it cannot be had.",
        "data fetch",
    )
    fetch.add_argument("--data", metavar="PATH", help="its tarball or folder, if you have it")
