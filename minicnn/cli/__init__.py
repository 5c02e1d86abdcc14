"""The `minicnn` command. All commands stand in commands.py; `run` in the module of its name does
what one of them does.

Results are printed on stdout, progress and messages on stderr, and `--json` prints one JSON object
in place of text.
Exit codes: 0 done; 1 a check failed, or some of the inputs could not be used; 2 wrong usage; 3 a
file that is needed is missing or damaged; 4 a package is missing; 75 another rank of MPI has been
waited for too long; 130 ended by Ctrl-C.
"""

import argparse
import os
import sys
import warnings
from importlib import import_module

from minicnn import __version__
from minicnn.cli.commands import COMMANDS
from minicnn.cli.messages import lines_of_warnings, say
from minicnn.errors import DataError, ModelFileError


def main(arguments: list[str] | None = None) -> int:
    """Run `minicnn ...` and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="minicnn",
        description="Convolutional networks to read, check and train.",
        epilog="example: minicnn train --data shapes --epochs 5 && minicnn predict --model "
        "runs/latest picture.jpg",
    )
    parser.add_argument("--version", action="version", version=f"minicnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        command(commands)
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None and not unknown:
        parser.print_help()
        return 0
    if unknown:
        getattr(options, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    warnings.formatwarning = lines_of_warnings(options.command)
    try:
        return import_module("minicnn.cli.several").run(options)
    except KeyboardInterrupt:
        return failed(options, "interrupted", 130)
    # whoever read stdout has enough, as `head` has; Python shall not complain when it closes
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as error:
        missing = f"install what is missing, with pip install {error.name or 'NAME'}"
        return failed(options, f"{error}: {missing}", 4)
    except ImportError as error:  # of minicnn, which says what to install
        return failed(options, error, 4)
    except (DataError, ModelFileError, FileNotFoundError) as error:
        return failed(options, error, 3)
    except (ValueError, OSError) as error:
        return failed(options, error, 2)


def failed(options: argparse.Namespace, message: object, code: int) -> int:
    """Say what has gone wrong, and end what a launcher of MPI has started beside this."""
    from minicnn.ranks import failing, made  # they load NumPy

    group = made()
    failing.before_telling(group)
    say(options, message)
    failing.end_all(group, code)
    return code
