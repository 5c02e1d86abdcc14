"""`minicnn serve`: a model over HTTP, for a page in the browser and for programs."""

import argparse
import os
import socket

from minicnn.saving.packages import need


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    need("uvicorn", "to serve models", "serve")
    from minicnn.serve import served
    from minicnn.serve.limits import Limits
    from minicnn.serve.security import Security, drawn_token, is_loopback
    from minicnn.serve.server import Server
    from minicnn.serve.service import Service

    port = options.port
    token = options.token or os.environ.get("MINICNN_TOKEN") or None
    loopback = is_loopback(options.host)
    if token is None and not loopback and not options.no_token:
        token = drawn_token()
    if options.no_token:
        token = None
    models = [served.load(path, name) for name, path in map(served.named, options.models)]
    listening = socket.create_server((options.host, port), backlog=1024)
    security = Security(
        loopback, frozenset(options.allow_host), frozenset(options.allow_origin), token
    )
    service = Service(
        {model.name: model for model in models},
        Limits(),
        security,
        options.batch,
        options.wait_ms / 1000,
    )
    host, port = listening.getsockname()[:2]
    address = f"http://{host}:{port}/" + (f"#token={token}" if token else "")
    print(f"{', '.join(service.models)} at {address}", flush=True)
    Server(service).run(sockets=[listening])
    return 0
