"""`minicnn export`: a model in a file that other programs open, or in a folder that serves it."""

import argparse
from importlib import import_module
from pathlib import Path

from minicnn.cli.common import load_model, show

FOLDERS = {"docker": "minicnn.serve.container"}  # what `--to` writes, and who writes it


def run(options: argparse.Namespace) -> int:
    """Write the file, or the folder."""
    if options.to is not None:
        return _folder(options)
    if options.model in FOLDERS and not Path(options.model).exists():
        raise ValueError(
            f"export {options.model} expected a folder to write: add --to FOLDER, such as --to app/"
        )
    model = load_model(options)
    model.export(options.file, options.weights)
    size = options.file.stat().st_size
    result = {"model": model.name, "saved": str(options.file), "bytes": size}
    show(options, result, f"Saved {options.file}, {size:,} bytes")
    return 0


def _folder(options: argparse.Namespace) -> int:
    """`minicnn export docker MODEL --to FOLDER`."""
    if options.model not in FOLDERS:
        raise ValueError(
            f"export expected {' or '.join(FOLDERS)} before MODEL and --to, received "
            f"{options.model!r}: without --to, MODEL FILE writes a file"
        )
    files = import_module(FOLDERS[options.model]).write(options.file, options.to)
    size = sum(file.stat().st_size for file in files)
    result = {"saved": str(options.to), "files": [str(file) for file in files], "bytes": size}
    read = options.to / "README.md"
    show(options, result, f"Saved {options.to}, {size:,} bytes: {read} tells how to go on")
    return 0
