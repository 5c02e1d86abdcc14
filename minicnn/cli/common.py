"""What several commands do: show a result, load the model that was named, write where they were
told.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minicnn import models, runs
from minicnn.cli.choices import DOCUMENTED, NETWORKS, network_named
from minicnn.cli.messages import say
from minicnn.cli.networks import named
from minicnn.cli.own_classes import own_classes
from minicnn.errors import did_you_mean
from minicnn.models.model import Model


def show(options: argparse.Namespace, result: dict[str, Any], text: object) -> None:
    """Print a result on stdout, as JSON if that is asked for."""
    print(runs.to_json(result) if options.json else text)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of an output that cannot be written that it is the command's fault, with a ValueError."""
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError(
            f"--output expected a path that can be written, received {path}: {error.strerror}"
        ) from error


def load_model(options: argparse.Namespace) -> Model:
    """The model that `--model` names, or the documented network; which one `latest` is, is said.

    Raises ValueError for a word that is neither a path nor a network's name, and for the size of
    the pictures of a model file.
    """
    own = own_classes(options.imports)
    size = getattr(options, "image_size", None)
    if options.model is None:
        return named(DOCUMENTED, size)
    if not Path(options.model).exists() and options.model.isidentifier():
        if name := network_named(options.model):
            return named(name, size)
        raise ValueError(
            f"--model expected a model file, a folder with one or the name of a network, received "
            f"{options.model!r}, which is none.{did_you_mean(options.model, NETWORKS)}"
        )
    if size is not None:
        raise ValueError(
            f"--image-size goes with the name of a network, received it with {options.model}, "
            "which has its own: leave it out"
        )
    file = runs.model_file(options.model)
    if Path(options.model).name == runs.LATEST:
        say(options, f"asking {file}, the latest run's")
    return models.load_model(file, own)
