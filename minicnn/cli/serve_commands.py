"""What `minicnn serve` and `minicnn webcam` can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse
import os
from pathlib import Path

from minicnn.cli.arguments import RUN, declare, positive

PORT = 8000
MOST_WAIT = 1000  # milliseconds


def serve(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "serve",
        "answer pictures over HTTP",
        "Serve models: a page that shows what they say to the camera's picture, and addresses that "
        "programs ask. The page's address is printed. Only this machine can reach it, unless "
        "--host says otherwise; a token is asked for then.",
        "serve runs/latest --port 8000",
    )
    add_models(parser)
    add_address(parser)
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which the server may be called, such as camera.example.com; may be "
        "repeated",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a page of another server that may ask, such as https://example.com; may be repeated",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="processes that answer; one that dies is replaced (default: one per processor, at "
        "most 4)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="threads that each process computes on (default: the processors, shared out)",
    )
    parser.add_argument(
        "--batch",
        type=positive,
        default=32,
        metavar="N",
        help="answer at most so many pictures together (default: 32)",
    )
    parser.add_argument(
        "--wait-ms",
        type=milliseconds,
        default=2.0,
        metavar="MS",
        help="let the first wait so many milliseconds for others that are on their way "
        "(default: 2)",
    )
    parser.add_argument(
        "--reload", action="store_true", help="load a model anew when its file is replaced"
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="change what requests may cost, such as body=16000000 bytes, pixels, pictures in a "
        "request, in_flight requests, answer_seconds; may be repeated",
    )


def webcam(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "webcam",
        "classify what the camera sees",
        "Serve models on this machine alone, and open their page in the browser: it shows what "
        "they say to the camera's picture, and takes pictures of your own.",
        "webcam runs/latest",
    )
    add_models(parser)
    parser.add_argument(
        "--port",
        type=port,
        default=PORT,
        help="the port to listen at, by which browsers remember that the camera is allowed; 0 "
        f"takes one that is free (default: {PORT})",
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """Declare which models are served."""
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        default=[RUN],
        help="a model file, a folder with one, such as a run, or NAME=PATH for a name of your own "
        f"(default: {RUN})",
    )


def add_address(parser: argparse.ArgumentParser) -> None:
    """Declare where a server listens, and who may ask it."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at; 0.0.0.0 lets other machines reach it (default: 127.0.0.1, "
        "this machine alone)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=os.environ.get("PORT") or str(PORT),
        help=f"the port to listen at; 0 takes one that is free (default: $PORT, or {PORT})",
    )
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        help="what requests must show (default: $MINICNN_TOKEN; beyond this machine one is drawn)",
    )
    parser.add_argument(
        "--no-token", action="store_true", help="let everybody ask who can reach the server"
    )
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="a certificate, for https, in PEM"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="and its key")


def port(text: str) -> int:
    """A port. Raises ArgumentTypeError unless it is a whole number up to 65535."""
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 0 to 65535, received {text!r}"
        )
    return int(text)


def milliseconds(text: str) -> float:
    """A short time. Raises ArgumentTypeError unless it is a number from 0 to a thousand."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_WAIT:
        raise argparse.ArgumentTypeError(
            f"expected milliseconds from 0 to {MOST_WAIT}, received {text!r}"
        )
    return value
