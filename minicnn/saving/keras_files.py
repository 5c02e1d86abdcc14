"""Files of Keras: they are neither written nor read, and whoever tries is told what to do instead."""

import os
from pathlib import Path

from minicnn.errors import ModelFileError

SUFFIXES = (".keras", ".h5", ".hdf5")
# No model file can begin so: its first eight bytes are a size, and these are too large.
BEGINNINGS = {
    b"PK\x03\x04": "a zip",
    b"\x89HDF": "HDF5",
}


def refuse_name(path: str | os.PathLike[str], who: str) -> None:
    """Raise ValueError for the name of a file that Keras would write: everybody would take it for Keras' file."""
    name = Path(os.fsdecode(path))
    if name.suffix.lower() in SUFFIXES:
        raise ValueError(
            f"{who} expected a name for a minicnn file, received {str(name)!r}, which Keras could not open: "
            f"use {name.with_suffix('.safetensors').name!r}"
        )


def refuse_contents(path: str, start: bytes) -> None:
    """Raise ModelFileError when a file begins as those of Keras do."""
    for beginning, kind in BEGINNINGS.items():
        if start.startswith(beginning):
            raise ModelFileError(
                f"{path!r} expected a minicnn file, received {kind}, as Keras writes: build the same layers here, and "
                "where Keras is installed take over the weights with model.set_weights(keras_model.get_weights())"
            )
