"""What a command says beside its result."""

import argparse
import sys
from collections.abc import Callable


def say(options: argparse.Namespace, message: object) -> None:
    """Print a message on stderr."""
    print(f"minicnn {options.command}: {message}", file=sys.stderr)


def lines_of_warnings(command: str) -> Callable[..., str]:
    """A function for warnings.formatwarning: each warning's line, and nothing where it has been
    said. (Python forgets what it has said when filters change, as they do around reading pictures.)
    """
    said: set[str] = set()

    def line(message: Warning | str, *_: object, **__: object) -> str:
        text = f"minicnn {command}: warning: {message}\n"
        if text in said:
            return ""
        said.add(text)
        return text

    return line
