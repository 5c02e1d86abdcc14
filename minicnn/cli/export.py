"""`minicnn export`: a model in a file that other programs open, or in a folder that others run."""

import argparse
from pathlib import Path

from minicnn.cli.common import load_model, show


def run(options: argparse.Namespace) -> int:
    """Write the file, or the folder."""
    if options.runtime is not None and options.model != "web":
        raise ValueError(
            f"--runtime goes with export web, received it with {options.model}: leave it out"
        )
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
    """`minicnn export WORD MODEL --to FOLDER`."""
    if options.model not in FOLDERS:
        raise ValueError(
            f"export expected {' or '.join(FOLDERS)} before MODEL and --to, received "
            f"{options.model!r}: without --to, MODEL FILE writes a file"
        )
    files = FOLDERS[options.model](options)
    size = sum(file.stat().st_size for file in files)
    result = {"saved": str(options.to), "files": [str(file) for file in files], "bytes": size}
    read = options.to / "README.md"
    show(options, result, f"Saved {options.to}, {size:,} bytes: {read} tells how to go on")
    return 0


def _docker(options: argparse.Namespace) -> list[Path]:
    """A folder from which a container engine builds an image."""
    from minicnn.serve import container

    return container.write(options.file, options.to)


def _web(options: argparse.Namespace) -> list[Path]:
    """A folder of static files with a page that runs the model itself."""
    from minicnn.serve.served import named
    from minicnn.serve.web import export_web

    name, path = named(str(options.file))
    options.model = str(path)  # the word web stood in its place
    return export_web(load_model(options), name, options.to, options.runtime)


FOLDERS = {"docker": _docker, "web": _web}  # the words, and who writes what they stand for
