"""`minicnn summary`: the layers of a model, what they weigh and how much work they are."""

import argparse

from minicnn.cli.common import load_model, show
from minicnn.network.summary import described


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    model = load_model(options)
    lines: list[str] = []
    model.summary(lines.append, flops=True, receptive_field=True)
    show(options, described(model), "\n".join(lines))
    return 0
