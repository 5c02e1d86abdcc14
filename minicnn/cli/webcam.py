"""`minicnn webcam`: what a model says to the camera of this machine, in its browser."""

import argparse
import webbrowser
from threading import Thread

from minicnn.cli.common import show
from minicnn.cli.messages import say
from minicnn.saving.packages import need


def run(options: argparse.Namespace) -> int:
    """Serve on this machine alone, and open the page; Ctrl-C ends it."""
    need("uvicorn", "to serve the camera's page", "serve")
    from minicnn.serve import running

    def started(address: str, names: list[str]) -> None:
        text = f"{', '.join(names)} and the camera at {address}\nCtrl-C ends it"
        show(options, {"address": address, "models": names}, text)
        # a browser for terminals returns when it is closed, and the server must answer it
        Thread(target=opened, args=(options, address), daemon=True).start()

    return running.run(running.Plan(models=options.models, port=options.port, workers=1), started)


def opened(options: argparse.Namespace, address: str) -> None:
    """Open the address in the default browser, or say that there is none."""
    if not webbrowser.open(address):
        say(options, f"found no browser to open: open {address} yourself")
