"""What several commands share: how one is declared, how its result is shown, and which model it works on."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minicnn import models, runs
from minicnn.cli.networks import network
from minicnn.cli.own_classes import add_import, own_classes
from minicnn.sequential import Sequential

RUN = "runs/latest"


def declare(
    commands: argparse._SubParsersAction, name: str, help: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Declare a command that can print JSON, with an example in its help."""
    parser = commands.add_parser(name, help=help, description=description, epilog=f"example: minicnn {example}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(parser=parser)  # which says how it is used, where it is used wrongly
    return parser


def show(options: argparse.Namespace, result: dict[str, Any], text: object) -> None:
    """Print a result on stdout, as JSON if that is asked for."""
    print(runs.to_json(result) if options.json else text)


def say(options: argparse.Namespace, message: object) -> None:
    """Print a message on stderr."""
    print(f"minicnn {options.command}: {message}", file=sys.stderr)


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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of an output that cannot be written that it is the command's fault, with a ValueError."""
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError(f"--output expected a path that can be written, received {path}: {error.strerror}") from error


def add_model(parser: argparse.ArgumentParser, default: str | None = RUN, *, first: bool = False) -> None:
    """Declare `--model`; with `first`, the path may also stand alone."""
    told = default or "the documented network, not trained"
    if first:
        help = "the same as --model PATH"
        parser.add_argument("model", nargs="?", metavar="PATH", default=argparse.SUPPRESS, help=help)
    text = f"a model file, or a folder with one, such as a run (default: {told})"
    parser.add_argument("--model", metavar="PATH", default=default, help=text)
    add_import(parser)


def load_model(options: argparse.Namespace) -> Sequential:
    """The model that `--model` names, or the documented network; which one `latest` is, is said."""
    own = own_classes(options.imports)
    if options.model is None:
        return network()
    file = runs.model_file(options.model)
    if Path(options.model).name == runs.LATEST:
        say(options, f"asking {file}, the latest run's")
    return models.load_model(file, own)
