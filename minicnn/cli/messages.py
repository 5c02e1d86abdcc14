"""What a command says beside its result."""

import argparse
import sys


def say(options: argparse.Namespace, message: object) -> None:
    """Print a message on stderr."""
    print(f"minicnn {options.command}: {message}", file=sys.stderr)
