"""What `minicnn serve` can be told.

It loads nothing that takes time, so every command prints its help at once.
"""

import argparse

from minicnn.cli.arguments import RUN, declare, positive


def serve(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "serve",
        "answer pictures over HTTP",
        "Serve models on this machine: a page with the camera in the browser, and addresses for "
        "programs. Prints the address. Only this machine can reach it unless --host says "
        "otherwise; then a token is asked for.",
        "serve runs/latest --port 8000",
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        default=[RUN],
        help=f"a model file, a folder with one, or NAME=PATH (default: {RUN})",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=positive, default=1)
    parser.add_argument("--threads", type=positive)
    parser.add_argument("--token")
    parser.add_argument("--no-token", action="store_true")
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--allow-origin", action="append", default=[])
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--wait-ms", type=float, default=2)
    parser.add_argument("--batch", type=positive, default=32)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
