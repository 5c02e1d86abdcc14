"""A file of Keras as models.load_model takes it: a description and arrays, of which the numbers are
read at the end.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving import hdf5
from minicnn.types import Array


class Known(NamedTuple):
    """Type and shape of an array, as minicnn will have it."""

    dtype: np.dtype
    shape: tuple[int, ...]


class Source:
    """What was found in a file.

    Attributes:
        path: for messages.
        config: as in minicnn's files.
        arrays: type and shape of each array, by name.

    Args:
        datasets: in the file, by minicnn's names.
        constants: weights that are no weights in Keras.
        size: of the file; its numbers take no more bytes, or little more.
    """

    def __init__(
        self,
        path: str,
        config: dict[str, Any],
        datasets: Mapping[str, hdf5.Dataset],
        constants: Mapping[str, Any],
        size: int,
    ):
        self.path, self.config = path, config
        self._datasets, self._dtype = datasets, np.dtype(config["model"]["dtype"])
        self._constants = {
            name: np.asarray(value, self._dtype).reshape(-1) for name, value in constants.items()
        }
        total = sum(one.nbytes for one in datasets.values())
        if total > size + hdf5.SPARE:
            raise ModelFileError(
                f"{path!r} has {size:,} bytes, which cannot be {total:,} bytes of weights"
            )
        shapes = {name: one.shape for name, one in datasets.items()}
        shapes |= {name: one.shape for name, one in self._constants.items()}
        self.arrays = {name: Known(self._dtype, shape) for name, shape in shapes.items()}

    def read(self) -> dict[str, Array]:
        """All arrays, in the model's type."""
        with hdf5.failing(self.path):
            found = {name: one.read(self._dtype) for name, one in self._datasets.items()}
        return found | self._constants
