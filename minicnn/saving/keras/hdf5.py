"""HDF5, the container of Keras' weights, with h5py; of a file from a stranger only what is asked
for, after a look at its kind and size.

No link is followed that leads out of the file, and no more numbers are read than a file of that
size can hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.keras import heaps
from minicnn.saving.packages import need
from minicnn.types import Array

MOST_TEXT = 16 * 2**20  # bytes of an attribute
SPARE = 8 * 2**20  # bytes that numbers may take beyond those of the file: compressed ones do
# what h5py raises of damaged files, and what reading them does
FAILURES = (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, MemoryError)


def library() -> Any:
    """h5py. Raises ImportError where it is not installed."""
    need("h5py", "for files of Keras", "keras")
    return import_module("h5py")


@contextmanager
def failing(path: str) -> Iterator[None]:
    """Say of whatever goes wrong inside that the file is damaged, with a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except FAILURES as error:
        why = " ".join(str(error).split())
        raise ModelFileError(f"{path!r} is a damaged file of Keras ({why:.200})") from error


class Dataset:
    """An array in a file: its type and shape are known, its numbers are not read yet.

    Attributes:
        dtype, shape: as the file has them.
    """

    def __init__(self, found: Any):
        self._found = found
        self.dtype, self.shape = np.dtype(found.dtype), tuple(found.shape)

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def read(self, dtype: Any) -> Array:
        """Its numbers, in that type."""
        values = np.empty(self.shape, self.dtype)
        if values.size:
            self._found.read_direct(values)
        return values.astype(dtype, copy=False)


class Group:
    """A group of a file.

    Args:
        path: of the file, for messages.
        found: h5py's group.
        name: where in the file it is.
    """

    def __init__(self, path: str, found: Any, name: str = ""):
        self.path, self._found, self.name = path, found, name
        self._h5py = library()

    def __contains__(self, name: str) -> bool:
        return self._found.get(name, getlink=True) is not None

    def names(self) -> list[str]:
        """Of what is in it."""
        return list(self._found)

    def group(self, name: str) -> "Group":
        """The group of that path in it. Raises ModelFileError for none."""
        return Group(self.path, self._at(name, self._h5py.Group), f"{self.name}/{name}")

    def dataset(self, name: str) -> Dataset:
        """The array of that path in it. Raises ModelFileError for none, and for one of other files
        or of no numbers.
        """
        found = self._at(name, self._h5py.Dataset)
        where = f"{self.path!r} has {f'{self.name}/{name}'!r:.200}"
        if found.is_virtual or found.external:
            raise ModelFileError(f"{where} in another file, which is not opened")
        if found.dtype.kind not in "fiub" or found.shape is None or found.dtype.itemsize > 8:
            raise ModelFileError(f"{where} of type {found.dtype}, expected numbers")
        return Dataset(found)

    def _at(self, name: str, kind: Any) -> Any:
        found = self._found
        for part in name.split("/"):
            link = found.get(part, getlink=True) if part not in ("", ".", "..") else None
            if not isinstance(link, self._h5py.HardLink):
                what = "a link to elsewhere" if link is not None else "no such entry"
                raise ModelFileError(
                    f"{self.path!r} expected {f'{self.name}/{name}'!r:.200} in it, received {what}"
                )
            found = found[part]
        if not isinstance(found, kind):
            raise ModelFileError(
                f"{self.path!r} expected {f'{self.name}/{name}'!r:.200} as a {kind.__name__}, "
                f"received a {type(found).__name__}"
            )
        return found

    def text(self, name: str) -> str | None:
        """An attribute that is a text, None where there is none."""
        found = self._attribute(name)
        return None if found is None else _decoded(found)

    def texts(self, name: str) -> list[str]:
        """An attribute that is a list of texts, or where it was too long its parts, name0, name1
        and so on.
        """
        whole = self._attribute(name)
        if whole is not None:
            return [_decoded(one) for one in np.atleast_1d(whole)]
        texts: list[str] = []
        for part in range(len(self._found.attrs)):
            found = self._attribute(f"{name}{part}")
            if found is None:
                break
            texts += [_decoded(one) for one in np.atleast_1d(found)]
        return texts

    def _attribute(self, name: str) -> Any:
        if name not in self._found.attrs:
            return None
        size = self._found.attrs.get_id(name).get_storage_size()
        if size > MOST_TEXT:
            raise ModelFileError(
                f"{self.path!r} expected at most {MOST_TEXT:,} bytes in {name!r}, received {size:,}"
            )
        return self._found.attrs[name]


def _decoded(value: Any) -> str:
    """A text. Raises ValueError for anything else."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise ValueError(f"expected a text, received {value!r:.60}")
    return value


@contextmanager
def opened(path: str, file: Any) -> Iterator[Group]:
    """The root of an HDF5 file that is open, or of a part of a file that behaves so."""
    h5py = library()
    heaps.check(path, file)
    with failing(path), h5py.File(file, "r") as found:
        yield Group(path, found)
