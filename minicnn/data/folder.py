"""Train on your own pictures: a folder with one subfolder per class."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from minicnn.data import image
from minicnn.data.fitting import checked_size
from minicnn.datasets.cache import Arrays, cached
from minicnn.errors import DataError, ImageError, warn
from minicnn.names import known_arguments

READER = (
    1  # raise it when pictures are read in another way: what is kept on disk is then made again
)
# names that are no classes
PARTS = {
    "train",
    "training",
    "val",
    "valid",
    "validation",
    "test",
    "testing",
}
LOOKS = 200  # files whose size usual_size asks for
NAMED = 20  # broken files that the warning names


class Folder(NamedTuple):
    """Pictures of one size with their labels: `x, y, class_names = from_directory(...)`."""

    x: NDArray[np.uint8]  # (n, H, W, 3)
    y: NDArray[np.int64]  # (n,) the position in class_names
    class_names: list[str]


@known_arguments
def from_directory(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] = (32, 32),
    *,
    cache: bool = True,
) -> Folder:
    """Read the pictures in a folder whose subfolders are the classes, in the order of their names.

        animals/cat/tom.jpg          class 0, "cat"
        animals/cat/kittens/1.png    class 0, "cat"
        animals/dog/rex.webp         class 1, "dog"

    Pictures may have any size and form (see `read_image`); all are cut and scaled as `fit_image`
    does. Files and folders whose names begin with a dot are left alone. What cannot be read is left
    out, with one warning.

    Args:
        path: the folder.
        image_size: (H, W) of the result, or one number for both.
        cache: keep the pictures in minicnn's cache folder, from where the next call maps them into
            memory. They are read again when a file has come, gone or changed, and when what was
            kept has been damaged.

    Raises DataError when there are no subfolders, when they are parts of a data set, such as train
    and test, and when one of them has no picture that can be read; ValueError for another size.
    """
    height, width = size = checked_size(image_size)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"{folder}: expected a folder with one subfolder per class, received no folder"
        )
    class_names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if not class_names:
        raise DataError(
            f"{folder}: expected one subfolder per class, received {len(image_files(folder))} "
            "files and no subfolder: move the pictures of each class into a folder that has its "
            "name"
        )
    if all(name.lower() in PARTS for name in class_names):
        raise DataError(
            f"{folder}: expected one subfolder per class, received the parts of a data set, "
            f"{', '.join(class_names)}: call from_directory on each of them, such as "
            f"{str(folder / class_names[0])!r}"
        )
    files = {name: image_files(folder / name) for name in class_names}
    if cache:
        name = f"folder-{_digest(folder.resolve())}-{height}x{width}"
        version = _digest(
            READER, *(_identity(file) for name in class_names for file in files[name])
        )
        arrays, remark = cached(name, version, lambda _: _read(files, size))
    else:
        arrays, remark = _read(files, size)
    if remark:
        warn(f"from_directory({str(folder)!r}) {remark}")
    return Folder(arrays["x"], arrays["y"], class_names)


@known_arguments
def usual_size(path: str | os.PathLike[str], most: int = 96) -> tuple[int, int]:
    """(H, W), a square that suits most pictures in a folder: the shorter side that half of them
    reach.

    Rounded down to a multiple of 16, at least 32 and at most `most`. Of many files, 200 are looked
    at, and of those only their first lines; what cannot be read does not count.
    """
    files = image_files(Path(path).expanduser())
    sides = [
        side for file in files[:: max(1, len(files) // LOOKS)] if (side := image.shorter_side(file))
    ]
    typical = int(np.median(sides)) if sides else most
    side = max(32, min(typical, most) // 16 * 16)
    return side, side


def image_files(folder: Path) -> list[Path]:
    """All files below a folder, in the order of their names, but none whose name or folder begins
    with a dot.
    """
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [
        file
        for file in files
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _read(files: dict[str, list[Path]], size: tuple[int, int]) -> tuple[Arrays, str]:
    """The arrays x and y, and a remark on what could not be read ("" when all could)."""
    from tqdm import tqdm  # who predicts does without

    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    errors: list[tuple[Path, ImageError]] = []
    total = sum(map(len, files.values()))
    with tqdm(desc="reading pictures", total=total, unit="", leave=False, disable=None) as bar:
        for label, (name, members) in enumerate(files.items()):
            for file in members:
                try:
                    pictures.append(image.read_fitted(file, size))
                    labels.append(label)
                except ImageError as error:
                    errors.append((file, error))
                bar.update()
            if label not in labels[-1:]:
                received = "an empty folder"
                if members:
                    files_are = (
                        "1 file that is none"
                        if len(members) == 1
                        else f"{len(members)} files that are none"
                    )
                    received = f"{files_are}; the first: {errors[-len(members)][1]}"
                raise DataError(
                    f"class {name!r} expected at least one picture, received {received}: remove "
                    "the folder or put pictures into it"
                )
    return {"x": np.stack(pictures), "y": np.array(labels, np.int64)}, _remark(errors, total)


def _remark(errors: list[tuple[Path, ImageError]], total: int) -> str:
    if not errors:
        return ""
    names = [str(Path(file.parent.name, file.name)) for file, _ in errors]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"left out {len(names)} of {total} files, which are damaged or no pictures: "
        f"{', '.join(names[:NAMED])}{more}. The first: {errors[0][1]}"
    )


def _identity(file: Path) -> tuple[str, int, int, int]:
    """What changes when a file does.

    Its own time may be set back, as `cp -p` and archives do; ctime may not.
    """
    state = file.stat()
    return str(file), state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
