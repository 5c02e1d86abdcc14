"""Files of pictures that are read when they are asked for, and where they are found."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from minicnn.errors import DataError
from minicnn.types import Array, Shape


class PictureFiles:
    """Pictures in files: `files[numbers]` reads those of these numbers, float32 (N, H, W, C).

    Attributes:
        paths: of the files.
        shape: (n, H, W, C), as of an array.
    """

    def __init__(self, paths: Sequence[str], read: Callable[[str], Array], shape: Shape):
        self.paths, self.read, self.shape = paths, read, (len(paths), *shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, numbers: Array) -> Array:
        x = np.empty((len(numbers), *self.shape[1:]), np.float32)
        for place, number in zip(x, numbers, strict=True):
            place[...] = self.read(self.paths[number])
        return x


def class_folders(directory: Path, names: Sequence[str] | None, what: str, owner: str) -> list[str]:
    """The names of the subfolders, sorted, or `names` themselves, which must be among them.

    Those that begin with a dot are left out. Raises DataError where there are none.
    """
    if not directory.is_dir():
        raise DataError(
            f"{owner} expected a folder with one subfolder per class, received {str(directory)!r}, "
            "which is no folder: correct the path"
        )
    found = sorted(
        entry.name for entry in directory.iterdir() if entry.is_dir() and entry.name[0] != "."
    )
    if names is not None:
        if isinstance(names, str) or not isinstance(names, Sequence | np.ndarray):
            raise ValueError(
                f"{owner} expected {what} as a list of names of subfolders, received {names!r:.80}"
            )
        names = list(names)
        if missing := [name for name in names if name not in found]:
            raise DataError(
                f"{owner} expected {what} to be subfolders of {str(directory)!r}, received "
                f"{missing[0]!r}, which is none: those are {', '.join(found) or 'none'}"
            )
        return names
    if not found:
        raise DataError(
            f"{owner} expected a folder with one subfolder per class, received "
            f"{str(directory)!r} without any: move the pictures of each class into a folder that "
            "has its name"
        )
    return found


def files_below(folder: Path, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """The files with one of these endings in a folder and its subfolders, in Keras' order, as paths
    from there.

    The folders are in the order of their paths, the files of each in that of their names. What
    begins with a dot is left out.
    """
    found = []
    walk = os.walk(folder, followlinks=follow_links)
    for root, _, files in sorted(walk, key=lambda step: step[0]):
        relative = os.path.relpath(root, folder)
        if any(part[0] == "." for part in Path(relative).parts):
            continue
        found += [
            os.path.normpath(os.path.join(relative, name))
            for name in sorted(files)
            if name.lower().endswith(endings) and name[0] != "."
        ]
    return found
