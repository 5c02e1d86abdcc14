"""`minicnn export web MODEL --to FOLDER`: the camera's page with the network inside it."""

import argparse

from minicnn import runs
from minicnn.cli.common import load_model, show
from minicnn.serve.web import export_web


def run(options: argparse.Namespace) -> int:
    """Write the folder, and say how to look at it."""
    if options.to is None:
        raise ValueError(
            "export web expected --to FOLDER, the folder to write, received none: add --to app/"
        )
    options.model = str(options.file)  # the word web stood in its place
    model = load_model(options)
    files = export_web(model, called(options.model), options.to, options.runtime)
    total = sum(file.stat().st_size for file in files)
    result = {"saved": [str(file) for file in files], "bytes": total}
    look = f"python3 -m http.server --bind 127.0.0.1 --directory {options.to} 8000"
    text = f"Saved {options.to}, {len(files)} files, {total:,} bytes\nnext: {look}"
    show(options, result, f"{text}, and open http://localhost:8000")
    return 0


def called(model: str) -> str:
    """The name of a model: its file's, or the folder's in which that lies as model.safetensors."""
    file = runs.model_file(model).resolve()
    return file.parent.name if file.stem == "model" else file.stem
