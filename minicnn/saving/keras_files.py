"""Names and contents that are Keras' where a file of minicnn is meant: whoever mixes them up is
told so.
"""

import os
from pathlib import Path

from minicnn.errors import ModelFileError, warn

SUFFIXES = (".keras", ".h5", ".hdf5")
# No model file can begin so: its first eight bytes are a size, and these are too large.
BEGINNINGS = {
    b"PK\x03\x04": "a zip",
    b"\x89HDF": "HDF5",
}


def warn_of_name(path: str | os.PathLike[str]) -> None:
    """Warn of a name that Keras gives its files, as its scripts do: everybody would take the file
    for Keras' own.
    """
    if Path(os.fsdecode(path)).suffix.lower() in SUFFIXES:
        warn(
            f"{str(path)!r} is written as a minicnn file (safetensors), which Keras cannot open: "
            "prefer '.safetensors', or for Keras model.export(filepath)"
        )


def refuse_contents(path: str, start: bytes) -> None:
    """Raise ModelFileError when a file begins as those of Keras do."""
    for beginning, kind in BEGINNINGS.items():
        if start.startswith(beginning):
            raise ModelFileError(
                f"{path!r} expected a minicnn file, received {kind}, as Keras writes: open it "
                "with models.load_model and save the model again"
            )
