"""The `minicnn` command. Every command is a module here: `add` declares its arguments, `run` does it."""

import argparse

from minicnn import __version__
from minicnn.cli import doctor, gradcheck, profile, warmup

COMMANDS = (gradcheck, profile, warmup, doctor)


def main(arguments: list[str] | None = None) -> int:
    """Run `minicnn ...`; returns the exit code: 0 ok, 1 a check failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="minicnn", description="Convolutional networks to read, check and train.")
    parser.add_argument("--version", action="version", version=f"minicnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    return options.run(options)
