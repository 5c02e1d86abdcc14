"""Batches of pictures that lie in folders, one for each class: what
ImageDataGenerator.flow_from_directory returns.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minicnn.data.fitting import checked_size
from minicnn.errors import DataError
from minicnn.expect import count, flag, is_word_of
from minicnn.labels import to_categorical
from minicnn.names import known_arguments
from minicnn.preprocessing.files import PictureFiles, class_folders, files_below
from minicnn.preprocessing.flow import Changes, Flow
from minicnn.preprocessing.pictures import FILTERS, MODES, img_to_array, known, load_img
from minicnn.seeds import seed_of
from minicnn.types import Array, Shape

WHO = "flow_from_directory"
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")  # Keras'
CLASS_MODES = ("categorical", "binary", "sparse", "input", None)
SUBSETS = ("training", "validation")


class Generator(Changes, Protocol):
    """What changes the pictures: an ImageDataGenerator."""

    validation_split: float

    def check_measured(self, owner: str, /) -> None: ...


class DirectoryFlow(Flow):
    """A source of batches of the pictures in folders; see Flow.

    Attributes:
        class_indices: the number of each class, by its name.
        classes: the number of each picture's class, int32 (n,).
        class_mode: how batches show it.
        filenames: of the pictures, from the folder.
        filepaths: the same with the folder.
        samples, num_classes: how many pictures and classes there are.
        image_shape: (H, W, C) of each picture, target_size its (H, W).
    """

    x: PictureFiles

    def __init__(
        self,
        generator: Changes,
        files: PictureFiles,
        filenames: Sequence[str],
        classes: Array,
        class_indices: dict[str, int],
        class_mode: str | None,
        batch_size: int,
        shuffle: bool,
        seed: int,
    ):
        labels = labels_in(class_mode, classes, len(class_indices))
        super().__init__(generator, files, labels, batch_size, shuffle, seed)
        self.filenames, self.classes, self.class_mode = list(filenames), classes, class_mode
        self.class_indices = class_indices

    @property
    def filepaths(self) -> list[str]:
        return list(self.x.paths)

    @property
    def samples(self) -> int:
        return self.n

    @property
    def num_classes(self) -> int:
        return len(self.class_indices)

    @property
    def image_shape(self) -> Shape:
        return self.x.shape[1:]

    @property
    def target_size(self) -> tuple[int, int]:
        return self.x.shape[1], self.x.shape[2]

    def __getitem__(self, index: int) -> Any:
        batch = super().__getitem__(index)
        return (batch, batch.copy()) if self.class_mode == "input" else batch


def labels_in(class_mode: str | None, classes: Array, number: int) -> list[Array]:
    """The labels of all pictures as batches show them, float32 as in Keras, or none."""
    if class_mode == "categorical":
        return [to_categorical(classes, number)]
    return [classes.astype(np.float32)] if class_mode in ("binary", "sparse") else []


@known_arguments
def flow_from_directory(
    self: Generator,
    directory: str | os.PathLike[str],
    target_size: tuple[int, int] = (256, 256),
    color_mode: str = "rgb",
    classes: Sequence[str] | None = None,
    class_mode: str | None = "categorical",
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    *,
    follow_links: bool = False,
    subset: str | None = None,
    interpolation: str = "nearest",
) -> DirectoryFlow:
    """Batches of changed pictures from a folder whose subfolders are the classes, read as they are
    asked for.

    Says how many pictures and classes it has found. `data.from_directory` reads pictures once and
    cuts them to their size; this squeezes and reads them in every epoch.

    Args:
        directory: the folder. Files and folders whose names begin with a dot are left out.
        target_size: (H, W) of the pictures in batches, to which files are resized as load_img does.
        color_mode: "rgb" or "grayscale".
        classes: subfolders, in the order of their numbers; all of them, sorted, unless given.
        class_mode: of the labels: "categorical" for one-hot rows (N, K), "binary" and "sparse" for
            numbers (N,), "input" for the pictures themselves, None for none.
        shuffle: draw a new order for every epoch; else files are in the order of classes and names.
        seed: for order and changes; None draws one.
        follow_links: also into subfolders that are links.
        subset: "training" or "validation", the parts of each class that validation_split makes: the
            first files are the validation's, as in Keras.
        interpolation: "nearest", "bilinear", "bicubic", "box", "hamming" or "lanczos".

    Raises DataError where there are no classes or no pictures, ImageError for a file that is no
    picture when its batch is asked for, and ValueError for other arguments.
    """
    self.check_measured(WHO)
    known(class_mode, CLASS_MODES, "class_mode", WHO)
    known(color_mode, MODES, "color_mode", WHO)
    known(interpolation, FILTERS, "interpolation", WHO)
    size = checked_size(target_size)
    folder = Path(directory).expanduser()
    names = class_folders(folder, classes, "classes", WHO)
    if class_mode == "binary" and len(names) != 2:
        raise ValueError(
            f"{WHO} expected two classes for class_mode='binary', received "
            f"{len(names)}: use class_mode='categorical' or 'sparse'"
        )
    filenames: list[str] = []
    numbers: list[int] = []
    for number, name in enumerate(names):
        found = files_below(folder / name, ENDINGS, flag(follow_links, "follow_links", WHO))
        if subset is not None:
            found = part_of(found, subset, self.validation_split)
        filenames += [os.path.join(name, file) for file in found]
        numbers += [number] * len(found)
    if not filenames:
        raise DataError(
            f"{WHO} expected pictures ({', '.join(ENDINGS)}) in the subfolders of "
            f"{str(folder)!r}, received none"
            + (f" for the subset {subset!r}" if subset else "")
            + ": correct the path, or look at the files' endings"
        )
    print(f"Found {len(filenames)} images belonging to {len(names)} classes.")

    def read(path: str) -> Array:
        return img_to_array(load_img(path, color_mode, size, interpolation))

    paths = [str(folder / name) for name in filenames]
    return DirectoryFlow(
        self,
        PictureFiles(paths, read, (*size, 3 if color_mode == "rgb" else 1)),
        filenames,
        np.array(numbers, np.int32),
        {name: number for number, name in enumerate(names)},
        class_mode,
        count(batch_size, "batch_size", WHO),
        flag(shuffle, "shuffle", WHO),
        seed_of(seed, WHO),
    )


def part_of(files: list[str], subset: str, validation_split: float) -> list[str]:
    """The files of a class that are in a subset. Raises ValueError where there are no subsets."""
    if not is_word_of(subset, SUBSETS) or not validation_split:
        raise ValueError(
            f"{WHO} expected subset 'training' or 'validation' of an "
            "ImageDataGenerator(validation_split=...), received "
            f"{subset!r} with validation_split={validation_split}"
        )
    at = int(validation_split * len(files))
    return files[at:] if subset == "training" else files[:at]
