"""Groups of an HDF5 file, as Keras' files are asked for what is in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.saving.hdf5 import headers
from minicnn.saving.hdf5.attributes import Attribute, attributes, texts
from minicnn.saving.hdf5.datasets import Dataset
from minicnn.saving.hdf5.file import File, failing
from minicnn.saving.hdf5.headers import Messages
from minicnn.saving.hdf5.links import links

LONGEST_NAME = 200  # characters that messages say of one


class Group:
    """A group of a file, of which is read what it is asked for, once.

    Attributes:
        path: of the file, for messages.
        name: where in the file it is, or how that begins.

    Args:
        messages: what the file says of it.
    """

    def __init__(self, file: File, messages: Messages, name: str = ""):
        self.path, self.name = file.path, name
        self._file, self._messages = file, messages
        self._inside: dict[str, Group | Dataset] = {}

    @cached_property
    def _links(self) -> dict[str, int | None]:
        return links(self._file, self._messages)

    @cached_property
    def _attributes(self) -> dict[str, Attribute]:
        return attributes(self._file, self._messages)

    def __contains__(self, name: str) -> bool:
        return name in self._links

    def names(self) -> list[str]:
        """Of what is in it."""
        return list(self._links)

    def group(self, name: str) -> "Group":
        """The group of that path in it. Raises ModelFileError for none."""
        found = self._at(name)
        if not isinstance(found, Group):
            raise self._expected(name, "as a Group", "a Dataset")
        return found

    def dataset(self, name: str) -> Dataset:
        """The array of that path in it. Raises ModelFileError for none, and for one of other files
        or of no numbers.
        """
        found = self._at(name)
        if not isinstance(found, Dataset):
            raise self._expected(name, "as a Dataset", "a Group")
        return found

    def _at(self, name: str) -> "Group | Dataset":
        here: Group | Dataset = self
        for part in name.split("/"):
            if not isinstance(here, Group) or part not in here:
                raise self._expected(name, "in it", "no such entry")
            if here._links[part] is None:
                raise self._expected(name, "in it", "a link to elsewhere")
            here = here._entry(part)
        return here

    def _entry(self, name: str) -> "Group | Dataset":
        """What a name in this group means, which is no link to elsewhere."""
        if name not in self._inside:
            place = self._links[name]
            assert place is not None
            found = headers.messages(self._file, place)
            kind = Dataset if headers.LAYOUT in found else Group
            # of a group that is inside itself names would grow without end
            self._inside[name] = kind(self._file, found, f"{self.name}/{name}"[:LONGEST_NAME])
        return self._inside[name]

    def _expected(self, name: str, expected: str, received: str) -> ModelFileError:
        return ModelFileError(
            f"{self.path!r} expected {f'{self.name}/{name}'!r:.200} {expected}, received {received}"
        )

    def text(self, name: str) -> str | None:
        """An attribute that is a text, None where there is none. Raises ValueError for others."""
        found = self._texts(name)
        if found is not None and found[0] != ():
            raise ValueError(f"expected one text in {name!r:.60}, received shape {found[0]}")
        return None if found is None else found[1][0]

    def texts(self, name: str) -> list[str]:
        """An attribute that is a list of texts, or where it was too long its parts, name0, name1
        and so on.
        """
        found = self._texts(name)
        if found is not None:
            return found[1]
        received: list[str] = []
        for part in range(len(self._attributes)):
            found = self._texts(f"{name}{part}")
            if found is None:
                break
            received += found[1]
        return received

    def _texts(self, name: str) -> tuple[tuple[int, ...], list[str]] | None:
        if name not in self._attributes:
            return None
        return texts(self._file, name, self._attributes[name])


@contextmanager
def opened(path: str, raw: Any) -> Iterator[Group]:
    """The root of an HDF5 file that is open, or of a part of a file that behaves so."""
    with failing(path):
        file = File(path, raw)
        yield Group(file, headers.messages(file, file.root()))
