"""What `minicnn lesson` can be told.

It loads nothing that takes time, so it prints its help at once.
"""

import argparse
from pathlib import Path

from minicnn.cli.arguments import declare, positive


def lesson(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "lesson",
        "build a network's parts yourself, in ten lessons of ten minutes",
        "List the lessons; with a number, write that lesson as a file, lesson_4.py: text, and a "
        "skeleton of some fifteen lines that you write. --check then says what is right, what is "
        "wrong, and which usual mistake it is; the exit code is 1 while something is wrong.",
        "lesson 4 && minicnn lesson 4 --check",
    )
    parser.add_argument("number", nargs="?", type=positive, metavar="N", help="which lesson")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--check",
        nargs="?",
        type=Path,
        const=True,
        metavar="FILE",
        help="look at what you have written (default: lesson_N.py, or lesson_N.ipynb)",
    )
    how.add_argument(
        "--solution",
        action="store_true",
        help="print the lines that were to be written; with --output, write the whole lesson with "
        "them",
    )
    parser.add_argument(
        "--notebook", action="store_true", help="write a notebook for Jupyter, not a script"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the file to write (default: lesson_N.py)"
    )
