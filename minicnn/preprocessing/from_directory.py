"""image_dataset_from_directory: the pictures in a folder as batches, by Keras' rules."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.data.fitting import checked_size
from minicnn.data.image import read_image
from minicnn.errors import DataError
from minicnn.expect import array, count, flag, number
from minicnn.labels import to_categorical, whole
from minicnn.names import known_arguments
from minicnn.preprocessing.dataset import Dataset
from minicnn.preprocessing.files import PictureFiles, class_folders, files_below
from minicnn.preprocessing.pictures import MODES, img_to_array, known
from minicnn.preprocessing.resizing import METHODS, cut_to_aspect
from minicnn.seeds import fresh_seed
from minicnn.types import Array

WHO = "image_dataset_from_directory"
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # Keras'
LABEL_MODES = ("int", "categorical", "binary", None)
SUBSETS = ("training", "validation", "both", None)


@known_arguments
def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of the pictures in a folder, float32 (N, H, W, C) from 0 to 255, with their labels,
    as a Dataset, which has class_names and file_paths; two of them for subset "both".

    `data.from_directory` reads pictures once, averages where they get smaller, and returns arrays.

    Args:
        directory: the folder. Files and folders whose names begin with a dot are left out.
        labels: "inferred" from the subfolders, which are the classes; a number for each file in the
            order of their paths; or None.
        label_mode: "int" for int32 (N,), "categorical" for one-hot float32 (N, K), "binary" for
            float32 (N, 1), None for pictures alone.
        class_names: subfolders in the order of their numbers; all of them, sorted, unless given.
        color_mode: "rgb" or "grayscale".
        image_size: (H, W), or one number for both.
        shuffle: draw a new order of all pictures for every epoch; else they are in the order of
            their paths.
        seed: for the order, and for who is in which subset, as in Keras; None draws one.
        validation_split: the share of pictures, the last ones of the shuffled, that is the subset
            "validation".
        subset: "training", "validation" or "both".
        interpolation: "bilinear" or "nearest", as tf.image.resize.
        follow_links: also into subfolders that are links.
        crop_to_aspect_ratio: cut pictures to the aspect of image_size; else they are squeezed.
        verbose: say how many files there are.

    Raises DataError where there are no classes or no pictures, ImageError for a file that is no
    picture when its batch is asked for, and ValueError for other arguments.
    """
    known(label_mode, LABEL_MODES, "label_mode", WHO)
    known(color_mode, MODES, "color_mode", WHO)
    known(interpolation, METHODS, "interpolation", WHO, "resizing")
    size, batch_size = checked_size(image_size), count(batch_size, "batch_size", WHO)
    shuffle, verbose = flag(shuffle, "shuffle", WHO), flag(verbose, "verbose", WHO)
    crop = flag(crop_to_aspect_ratio, "crop_to_aspect_ratio", WHO)
    check_subset(validation_split, subset, shuffle, seed)
    folder = Path(directory).expanduser()
    if label_mode is None:
        labels = None
    paths, numbers, names = indexed(folder, labels, class_names, follow_links)
    if not paths:
        raise DataError(
            f"{WHO} expected pictures ({', '.join(ENDINGS)}) in {str(folder)!r}, received none: "
            "correct the path, or look at the files' endings"
        )
    if verbose:
        belonging = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(paths)} files{belonging}.")
    if label_mode == "binary" and names is not None and len(names) != 2:
        raise ValueError(
            f"{WHO} expected two classes for label_mode='binary', received {names}: use 'int' or "
            "'categorical'"
        )
    seed = fresh_seed() % 1_000_000 if seed is None else count(seed, "seed", WHO, least=0)
    order = np.arange(len(paths))
    if shuffle:
        np.random.RandomState(seed).shuffle(order)  # noqa: NPY002  Keras' order, for its subsets

    def read(path: str) -> Array:
        x = img_to_array(as_mode(read_image(path), color_mode))
        return METHODS[interpolation](cut_to_aspect(x, size) if crop else x, size)

    def dataset(part: Array, shuffled: bool) -> Dataset:
        chosen = [paths[n] for n in part]
        files = PictureFiles(chosen, read, (*size, 3 if color_mode == "rgb" else 1))
        y = None if numbers is None else labelled(numbers[part], label_mode, len(names or ()))
        made = batches(files, y, batch_size, shuffled, seed)
        made.class_names, made.file_paths = names, chosen
        return made

    if subset is None:
        return dataset(order, shuffle)
    at = len(paths) - int((validation_split or 0) * len(paths))
    parts = {"training": order[:at], "validation": order[at:]}
    for name in parts if subset == "both" else [subset]:
        if not len(parts[name]):
            raise ValueError(
                f"{WHO} expected validation_split={validation_split} to leave pictures to the "
                f"{name} subset, received {len(paths)}: change it"
            )
        if verbose:
            print(f"Using {len(parts[name])} files for {name}.")
    if subset == "both":
        return [dataset(parts["training"], shuffle), dataset(parts["validation"], False)]
    return dataset(parts[subset], shuffle)


def check_subset(
    validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    """Raise ValueError unless share and subset are given both or neither, with a seed."""
    known(subset, SUBSETS, "subset", WHO)
    if (validation_split is None) != (subset is None):
        raise ValueError(
            f"{WHO} expected validation_split and subset together, received "
            f"validation_split={validation_split!r} and subset={subset!r}"
        )
    if validation_split is not None:
        number(validation_split, "validation_split", WHO, above=0, below=1)
        if shuffle and seed is None and subset != "both":
            raise ValueError(
                f"{WHO} expected a seed with validation_split, received None: without one the "
                "training and the validation pictures overlap"
            )


def indexed(
    folder: Path, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[str], Array | None, list[str] | None]:
    """Paths, numbers of classes and their names, the latter two None without labels."""
    follow_links = flag(follow_links, "follow_links", WHO)
    if isinstance(labels, str):
        known(labels, ("inferred",), "labels", WHO)
        names = class_folders(folder, class_names, "class_names", WHO)
        files = [files_below(folder / name, ENDINGS, follow_links) for name in names]
        paths = [
            str(folder / name / file)
            for name, found in zip(names, files, strict=True)
            for file in found
        ]
        return paths, np.repeat(np.arange(len(names), dtype=np.int32), [*map(len, files)]), names
    if class_names is not None:
        raise ValueError(
            f"{WHO} expected class_names with labels='inferred' only, received {labels!r:.60}"
        )
    if not folder.is_dir():
        class_folders(folder, None, "class_names", WHO)  # which says that it is none
    paths = [str(folder / file) for file in files_below(folder, ENDINGS, follow_links)]
    if labels is None:
        return paths, None, None
    labels = array(labels, "labels", WHO)
    if labels.shape != (len(paths),):
        raise ValueError(
            f"{WHO} expected a label for each of the {len(paths)} files, received "
            f"{len(labels) if labels.ndim else repr(labels.item())}"
        )
    numbers = whole(labels, WHO).astype(np.int32)
    return paths, numbers, [str(label) for label in np.unique(numbers)]


def labelled(numbers: Array, label_mode: str | None, classes: int) -> Array:
    """Labels as batches show them, of numbers (n,)."""
    if label_mode == "categorical":
        return to_categorical(numbers, classes)
    return numbers.astype(np.float32)[:, None] if label_mode == "binary" else numbers


def batches(
    files: PictureFiles, y: Array | None, batch_size: int, shuffled: bool, seed: int
) -> Dataset:
    """The files as batches, each epoch in an order of its own if `shuffled`."""

    def batch(epoch: int, index: int) -> Any:
        order = np.arange(len(files))
        if shuffled:
            order = np.random.default_rng((seed, epoch)).permutation(len(files))
        part = order[index * batch_size : (index + 1) * batch_size]
        return files[part] if y is None else (files[part], y[part])

    return Dataset(batch, -(-len(files) // batch_size))


def as_mode(picture: Array, color_mode: str) -> Any:
    """A picture (H, W, 3) as Pillow image of one or three channels."""
    from PIL import Image

    return Image.fromarray(picture).convert(MODES[color_mode])
