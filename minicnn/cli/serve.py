"""`minicnn serve`: a model over HTTP, for a page in the browser and for programs."""

import argparse
import os
import re
import sys
from collections.abc import Callable

from minicnn.cli.common import show
from minicnn.cli.messages import say
from minicnn.saving.packages import need

TOKEN = re.compile(r"[!-~]+")


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop, and say where."""

    def started(address: str, names: list[str]) -> None:
        text = f"{', '.join(names)} at {address}\nCtrl-C ends it"
        show(options, {"address": address, "models": names}, text)
        sys.stdout.flush()  # who waits for it may read a pipe

    return serve(options, started)


def serve(options: argparse.Namespace, started: Callable[[str, list[str]], None]) -> int:
    """Serve as the options say; `started` is told the address and the models' names."""
    need("uvicorn", "to serve models", "serve")
    from minicnn.serve import limits, running
    from minicnn.serve.security import is_loopback

    if (options.tls_cert is None) != (options.tls_key is None):
        raise ValueError("--tls-cert and --tls-key go together, received one of them")
    reachable = not is_loopback(options.host)
    token = token_for(options, reachable)
    if reachable and options.tls_cert is None:
        say(
            options,
            f"{options.host} can be reached by other machines, and without --tls-cert and "
            "--tls-key what they send can be read on its way",
        )
    return running.run(
        running.Plan(
            models=options.models,
            host=options.host,
            port=options.port,
            token=token,
            allow_hosts=options.allow_host,
            allow_origins=options.allow_origin,
            workers=options.workers,
            threads=options.threads,
            batch=options.batch,
            wait=options.wait_ms / 1000,
            reload=options.reload,
            limits=limits.changed(options.limit),
            tls=options.tls_cert and (options.tls_cert, options.tls_key),
        ),
        started,
    )


def token_for(options: argparse.Namespace, reachable: bool) -> str | None:
    """What requests must show: the token that was given, or a new one beyond this machine.

    Raises ValueError for one that cannot stand in a header, and for two wishes at once.
    """
    from minicnn.serve.security import drawn_token

    if options.no_token and options.token:
        raise ValueError("--token and --no-token exclude one another, received both")
    if options.no_token:
        return None
    token = options.token or os.environ.get("MINICNN_TOKEN")
    if token and not TOKEN.fullmatch(token):
        raise ValueError(
            "--token, or $MINICNN_TOKEN, expected letters and signs of ASCII without spaces"
        )
    return token or (drawn_token() if reachable else None)
