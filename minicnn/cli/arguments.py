"""What several commands can be told, and how a word on the command line becomes a value.

It loads nothing that takes time, as nothing does that a command needs to print its help.
"""

import argparse
import math
import re

from minicnn.cli.choices import DOCUMENTED, NETWORKS, network_named
from minicnn.errors import did_you_mean

RUN = "runs/latest"
LARGEST = 1024  # pixels a side: a thousand such pictures take 3 GB
UNITS = {"s": 1, "m": 60, "h": 3600}


def declare(
    commands: argparse._SubParsersAction, name: str, help: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Declare a command that can print JSON, with an example in its help."""
    parser = commands.add_parser(
        name, help=help, description=description, epilog=f"example: minicnn {example}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(parser=parser)  # which says how it is used, where it is used wrongly
    return parser


def add_model(
    parser: argparse.ArgumentParser, default: str | None = RUN, *, first: bool = False
) -> None:
    """Declare `--model`; with `first`, the path may also stand alone."""
    told = default or "the documented network, not trained"
    if first:
        help = "the same as --model PATH"
        parser.add_argument(
            "model", nargs="?", metavar="PATH", default=argparse.SUPPRESS, help=help
        )
    text = (
        "a model file, or a folder with one, such as a run, or an untrained network: "
        f"{', '.join(NETWORKS)} (default: {told})"
    )
    parser.add_argument("--model", metavar="PATH", default=default, help=text)
    add_import(parser)


def add_import(
    parser: argparse.ArgumentParser, defines: str = "layers of your own that the model has"
) -> None:
    """Declare `--import`, which may be given several times."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        metavar="FILE",
        help=f"run this Python file, which defines {defines}; may be repeated",
    )


def add_data(parser: argparse.ArgumentParser, default: str = "cifar10") -> None:
    """Declare `--data` and `--limit`."""
    parser.add_argument(
        "--data",
        metavar="WHAT",
        help="cifar10, which is found or downloaded; shapes, which are drawn; CIFAR-10's tarball "
        "or folder; or a "
        f"folder with one folder of pictures per class (default: {default})",
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N training and N test pictures"
    )


def add_image_size(parser: argparse.ArgumentParser) -> None:
    """Declare `--image-size`."""
    parser.add_argument(
        "--image-size",
        type=size_of,
        metavar="SIZE",
        help="pixels to which the pictures of a folder are cut and scaled, such as 64 or 48x96, "
        "height first (default: "
        "what most of them have, at most 96; CIFAR-10 and shapes are 32x32)",
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Declare `--network`."""
    listed = ". ".join(f"{name}: {told}" for name, told in NETWORKS.items())
    parser.add_argument(
        "--network",
        type=network_name,
        metavar="NAME",
        help=f"which network (default: {DOCUMENTED}). {listed}",
    )


def add_untrained(parser: argparse.ArgumentParser) -> None:
    """Declare what `pictures.model_and_pictures` reads."""
    add_model(parser, default=None)
    add_data(parser)
    add_image_size(parser)
    add_network(parser)


def network_name(text: str) -> str:
    """The name of a network on the command line. Raises ArgumentTypeError unless it is one."""
    name = network_named(text)
    if name is None:
        raise argparse.ArgumentTypeError(
            f"expected the name of a network, received {text!r}.{did_you_mean(text, NETWORKS)}"
        )
    return name


def positive(text: str) -> int:
    """A number on the command line. Raises ArgumentTypeError unless it is whole and 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, received {text!r}")
    return int(text)


def whole(text: str) -> int:
    """A number on the command line. Raises ArgumentTypeError unless it is whole and 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of 0 or more, received {text!r}")
    return int(text)


def several(text: str) -> int:
    """How many seeds. Raises ArgumentTypeError unless there are two or more."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(
            f"expected 2 or more, received {text!r}: --seed trains once"
        )
    return int(text)


def seconds(text: str) -> float:
    """A time on the command line. Raises ArgumentTypeError unless it is like 90s, 10m or 1.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(
            f"expected a time such as 90s, 10m or 2h, received {text!r}"
        )
    return float(found[1]) * UNITS[found[2]]


def rate(text: str) -> float:
    """A learning rate on the command line.

    Raises ArgumentTypeError unless it is a number above 0 and at most 10.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0 and at most 10, such as 0.001, received {text!r}"
        )
    return value


def share(text: str) -> float:
    """A share on the command line, 0.7 or 70%.

    Raises ArgumentTypeError unless it is one from 0 to 1.
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        fix = f": write {text}%" if 1 < value <= 100 else ""
        raise argparse.ArgumentTypeError(
            f"expected a share such as 0.7, or 70%, received {text!r}{fix}"
        )
    return value


def size_of(text: str) -> tuple[int, int]:
    """(H, W) as it stands on the command line.

    Raises ArgumentTypeError unless it is like 64 or 48x96, at most 1024.
    """
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if not found or not all(int(side) for side in found.groups(default=found[1])):
        raise argparse.ArgumentTypeError(
            f"expected pixels such as 64 or 48x96, height first, received {text!r}"
        )
    height, width = int(found[1]), int(found[2] or found[1])
    if max(height, width) > LARGEST:
        raise argparse.ArgumentTypeError(
            f"expected at most {LARGEST} pixels a side, received {text!r}"
        )
    return height, width
