"""`minicnn export`: a model in a file that other programs open."""

import argparse

from minicnn.cli.common import load_model, show


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    model = load_model(options)
    model.export(options.file, options.weights)
    size = options.file.stat().st_size
    result = {"model": model.name, "saved": str(options.file), "bytes": size}
    show(options, result, f"Saved {options.file}, {size:,} bytes")
    return 0
