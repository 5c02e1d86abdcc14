"""`minicnn export`: a model in a file that other programs open, or in a folder that others run."""

import argparse
from importlib import import_module

from minicnn.cli.common import load_model, show

FOLDERS = (
    "docker",
    "web",
)  # words in the place of MODEL; export_WORD.py writes what they stand for


def run(options: argparse.Namespace) -> int:
    """Write the file, or the folder."""
    if options.model in FOLDERS:
        return import_module(f"minicnn.cli.export_{options.model}").run(options)
    if options.to is not None:
        raise ValueError(
            f"export expected {' or '.join(FOLDERS)} before the model where --to names a folder, "
            f"received {options.model!r}: without --to, MODEL FILE writes a file"
        )
    model = load_model(options)
    model.export(options.file, options.weights)
    size = options.file.stat().st_size
    result = {"model": model.name, "saved": str(options.file), "bytes": size}
    show(options, result, f"Saved {options.file}, {size:,} bytes")
    return 0
