"""The pictures that `--data` names: CIFAR-10, drawn shapes, or a folder of one's own."""

import argparse
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from minicnn import data
from minicnn.cli.choices import DOCUMENTED
from minicnn.cli.common import load_model
from minicnn.cli.networks import Size, network
from minicnn.data.pictures import Pictures, parted
from minicnn.data.split import PARTS
from minicnn.datasets import cifar10, shapes
from minicnn.datasets.cifar10_batches import VERSIONS
from minicnn.errors import DataError
from minicnn.models.model import Model

NAMES = ("cifar10", "shapes")  # words that `--data` knows
USUAL = (32, 32)  # pixels of CIFAR-10 and of the shapes


def chosen_size(what: str, size: Size | None) -> Size:
    """(H, W) of the pictures that `--data` names: as asked for, or as suits them.

    Raises ValueError for another size than 32x32 of what has only that.
    """
    if what not in NAMES and is_folder_of_pictures(Path(what)):
        return size or data.usual_size(what)
    if size not in (None, USUAL):
        height, width = size
        raise ValueError(
            f"--image-size expected a folder of pictures as --data, received {height}x{width} for "
            f"{what}, whose pictures are 32x32: leave it out"
        )
    return USUAL


def load(
    what: str, limit: int | None = None, size: Size | None = None, *, test_on_all: bool = False
) -> Pictures:
    """Load what `--data` names.

    Of CIFAR-10 and the shapes, the last fifth of the training pictures is to validate on. A folder
    is divided at random, always in the same way: 80 % to train on, 10 % to validate on, 10 % to
    test on.

    Args:
        size: (H, W) of the pictures in folders; None for what suits them.
        test_on_all: a folder is to test on, all of it.

    Raises DataError when it is missing or damaged, or a folder has too few pictures or classes to
    be divided; ValueError when limit leaves nothing to validate on.
    """
    if what == "shapes":
        return parted("synthetic shapes", shapes.CLASS_NAMES, *shapes.load_data(), limit)
    if what != "cifar10" and not Path(what).expanduser().exists():
        close = get_close_matches(Path(what).name, NAMES, n=1)
        advice = f". Did you mean {close[0]!r}?" if close else ""
        raise DataError(
            f"{what}: expected {' or '.join(NAMES)}, a folder with one folder of pictures per "
            "class, or CIFAR-10's tarball or folder, received a path where nothing is: correct it, "
            f"or name where the pictures are now, with --data PATH{advice}"
        )
    if what == "cifar10" or not is_folder_of_pictures(Path(what)):
        path = None if what == "cifar10" else what
        train, test = cifar10.load_data(path)  # which warns of a copy
        return parted(cifar10.called(path), cifar10.CLASS_NAMES, train, test, limit)
    x, y, class_names = data.from_directory(what, size or data.usual_size(what))
    if not test_on_all:
        check_enough(what, class_names, np.bincount(y))
    parts = ((x[:0], y[:0]), (x[:0], y[:0]), (x, y)) if test_on_all else data.split(x, y)
    return Pictures(
        Path(what).resolve().name, class_names, *((x[:limit], y[:limit]) for x, y in parts)
    )


def check_enough(folder: str, class_names: Sequence[str], counts: np.ndarray) -> None:
    """Raise DataError unless there are classes to tell apart, and for each part a picture of every
    one.
    """
    if len(class_names) < 2:
        raise DataError(
            f"{folder}: expected two classes or more to tell apart, each a folder of pictures, "
            "received only "
            f"{class_names[0]!r}"
        )
    few = [
        f"{count} of {name!r}"
        for name, count in zip(class_names, counts, strict=True)
        if count < len(PARTS)
    ]
    if few:
        raise DataError(
            f"{folder}: expected {len(PARTS)} pictures or more of every class, one to train on, "
            f"one to validate on and one to test on, received {', '.join(few)}: put more pictures "
            "into the folder, or remove it (50 of a class are few)"
        )


def name_of(what: str) -> str:
    """What `--data` names, valid in other working directories too."""
    return what if what in NAMES else os.path.abspath(what)


def short_name(what: str) -> str:
    """What runs on these pictures are called: cifar10 for its tarball and folder too, else the
    folder's name.
    """
    return (
        what
        if what in NAMES
        else Path(what).name
        if is_folder_of_pictures(Path(what))
        else "cifar10"
    )


def is_folder_of_pictures(path: Path) -> bool:
    """Whether a path is a folder, but none of CIFAR-10's."""
    names = [
        name for version in VERSIONS for name in (version.archive, version.folder, *version.batches)
    ]
    return path.is_dir() and not any((path / name).exists() for name in names)


def model_and_pictures(options: argparse.Namespace) -> tuple[Model, Pictures]:
    """What `--model` and `--data` name; without a model, a network for the classes and the size of
    the pictures.
    """
    if options.model is None:
        size = chosen_size(options.data or "cifar10", options.image_size)
        pictures = load(options.data or "cifar10", options.limit, size)
        return network(
            pictures.class_names, name=options.network or DOCUMENTED, size=size
        ), pictures
    for name in ("network", "image_size"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} is the model's own with --model: leave one of them out"
            )
    model = load_model(options)
    pictures = load(options.data or "cifar10", options.limit, picture_size(model))
    return model, fit_classes(pictures, model.class_names)


def picture_size(model: Model) -> tuple[int, int]:
    """(H, W) of the pictures that a model takes. Raises ValueError when it takes none."""
    if not isinstance(model.input_shape, tuple) or len(model.input_shape) != 4:
        raise ValueError(
            f"expected a model for pictures (None, H, W, C), received one for {model.input_shape}"
        )
    return model.input_shape[1], model.input_shape[2]


def fit_classes(pictures: Pictures, class_names: Sequence[str] | None) -> Pictures:
    """The pictures with labels as a model counts its classes.

    Raises DataError for a class that it does not know.
    """
    if class_names is None or list(class_names) == pictures.class_names:
        return pictures
    unknown = [name for name in pictures.class_names if name not in class_names]
    if unknown:
        raise DataError(
            f"{pictures.name}: expected pictures of the model's classes {', '.join(class_names)}, "
            "received "
            f"{', '.join(unknown)}: name the data that the model was trained on"
        )
    places = np.array([list(class_names).index(name) for name in pictures.class_names])
    parts = (
        (x, places[y.reshape(-1)]) for x, y in (pictures.train, pictures.validation, pictures.test)
    )
    return Pictures(pictures.name, list(class_names), *parts)
