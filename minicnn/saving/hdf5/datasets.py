"""Arrays in an HDF5 file, whose numbers are in the header, in one piece, or in chunks.

    version 3 and later, class: 0, in the header: length (2), the numbers
                                1, in one piece: offset (8), length (8)
                                2, in chunks: chunks.py
                                3, parts of other arrays

Source: section IV.A.2.i.
"""

from math import prod
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.hdf5 import chunks, headers
from minicnn.saving.hdf5.datatypes import shape_of, type_of
from minicnn.saving.hdf5.file import NOWHERE, SPARE, Fields, File
from minicnn.saving.hdf5.headers import Messages
from minicnn.types import Array

HERE, ONE_PIECE, CHUNKS, ELSEWHERE = range(4)
VERSIONS = 3, 4, 5  # of the layout; chunks of later ones are found in other ways


class Dataset:
    """An array in a file: its type and shape are known, its numbers are not read yet.

    Attributes:
        dtype, shape: as the file has them.

    Args:
        name: where in the file it is, for messages.

    Raises ModelFileError for an array of no numbers, of other files, or of a layout that Keras does
    not write.
    """

    dtype: np.dtype
    shape: tuple[int, ...]

    def __init__(self, file: File, messages: Messages, name: str):
        self._file, self._name = file, name
        where = f"{file.path!r} has {name!r:.200}"
        layout = Fields(messages[headers.LAYOUT][0])
        version, self._class = layout.number(1), layout.number(1)
        if headers.EXTERNAL in messages or (version in VERSIONS and self._class == ELSEWHERE):
            raise ModelFileError(f"{where} in another file, which is not opened")
        if version not in VERSIONS or (self._class == CHUNKS and version != VERSIONS[0]):
            raise file.unread(f"the array {name!r:.60} whose layout is of version {version}")
        if self._class > CHUNKS:
            raise ValueError(f"there is no layout {self._class}")
        if headers.DATATYPE not in messages or headers.DATASPACE not in messages:
            raise ValueError("an array has no type or no shape")
        kind, shape = (
            type_of(messages[headers.DATATYPE][0]),
            shape_of(messages[headers.DATASPACE][0]),
        )
        if kind.dtype is None or shape is None:
            received = "nothing at all" if shape is None else kind.name
            raise ModelFileError(f"{where} as {received}, expected numbers of 1, 2, 4 or 8 bytes")
        self.dtype, self.shape = kind.dtype, shape
        packing = messages.get(headers.FILTERS)
        self._packing = chunks.filters(file, packing[0]) if packing else []
        self._layout = layout.take(layout.left)

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def read(self, dtype: Any) -> Array:
        """Its numbers, in that type. Raises ValueError where they are not there."""
        layout = Fields(self._layout)
        if self.nbytes > self._file.size + SPARE:
            raise ValueError(f"the array {self._name!r:.60} has {self.nbytes:,} bytes")
        if not self.nbytes:
            return np.empty(self.shape, dtype)
        if self._class == ONE_PIECE:
            at = layout.number()
            self._check(layout.number() if at != NOWHERE else 0)
            self._file.check(at, self.nbytes)
        values = np.empty(self.shape, self.dtype)
        if self._class == ONE_PIECE:
            self._file.fill(at, values.reshape(-1).view(np.uint8).data)
        elif self._class == CHUNKS:
            chunks.fill(self._file, layout, self._packing, values)
        else:
            data = layout.take(layout.number(2))
            self._check(len(data))
            values[...] = np.frombuffer(data, self.dtype).reshape(self.shape)
        with np.errstate(all="ignore"):  # what is too large for that type becomes infinite
            return values.astype(dtype, copy=False)

    def _check(self, length: int) -> None:
        if length != self.nbytes:
            numbers = f"its numbers have {length:,}"
            raise ValueError(f"the array {self._name!r:.60} has {self.nbytes:,} bytes, {numbers}")
