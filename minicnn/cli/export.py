"""`minicnn export`: a model in a file that other programs open, or in a folder that others run."""

import argparse
from importlib import import_module

from minicnn.cli.common import load_model, show

FOLDERS = ("web",)  # words in the place of MODEL; export_WORD.py writes what they stand for


def run(options: argparse.Namespace) -> int:
    """Write the file, or the folder."""
    if options.model in FOLDERS:
        return import_module(f"minicnn.cli.export_{options.model}").run(options)
    model = load_model(options)
    model.export(options.file, options.weights)
    size = options.file.stat().st_size
    result = {"model": model.name, "saved": str(options.file), "bytes": size}
    show(options, result, f"Saved {options.file}, {size:,} bytes")
    return 0
