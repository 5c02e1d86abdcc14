"""`minicnn summary`: the layers of a model, what they weigh and how much work they are."""

import argparse

from minicnn.cli.common import add_model, declare, load_model, show
from minicnn.summary import described


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "summary",
        "print the layers of a model",
        "Print every layer of a model: what comes out of it, its parameters, its floating point operations for one "
        "picture, and the part of the picture that one of its outputs sees.",
        "summary runs/latest",
    )
    add_model(parser, default=None, first=True)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    model = load_model(options)
    lines: list[str] = []
    model.summary(lines.append, flops=True, receptive_field=True)
    show(options, described(model), "\n".join(lines))
    return 0
