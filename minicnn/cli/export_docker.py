"""`minicnn export docker MODEL --to FOLDER`: what a container engine needs to build a server."""

import argparse

from minicnn.cli.common import show
from minicnn.serve.container import write


def run(options: argparse.Namespace) -> int:
    """Write the folder, and say how to go on."""
    if options.to is None:
        raise ValueError(
            "export docker expected --to FOLDER, the folder to write, received none: add --to app/"
        )
    files = write(options.file, options.to)
    total = sum(file.stat().st_size for file in files)
    result = {"saved": [str(file) for file in files], "bytes": total}
    text = (
        f"Saved {options.to}, {len(files)} files, {total:,} bytes\nnext: docker build {options.to}"
    )
    show(options, result, f"{text}, and read {options.to / 'README.md'}")
    return 0
