"""The formats of model files: minicnn's own, and those of others, which are opened and written too.

A format is a room that translates. Its module has

    reading(path, file)         a context manager for an open file, of an object with path, config
                                (what description.py explains), arrays (type and shape of each, by
                                name), and read(), which gives the arrays themselves
    weights(path, file, model)  the arrays that belong to a built model, by its names
    write(path, model)          for model.export; ValueError names what the format cannot say;
                                weights=, a type, where the format has several

and is imported when a file asks for it, with the package that it needs.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from minicnn.errors import ModelFileError
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.saving import model_file, regular
from minicnn.types import Array


class Format(NamedTuple):
    """How a kind of file is told from others: by its first bytes, or else by the ending of its
    name, by which it is written, too. types: what the numbers of its weights may be.
    """

    name: str
    endings: tuple[str, ...]
    module: str
    beginnings: tuple[bytes, ...] = ()
    types: tuple[str, ...] = ("float32",)


FORMATS = (
    Format(
        "Keras",
        (".keras", ".h5", ".hdf5"),
        "minicnn.saving.keras",
        (b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"),
    ),
    Format("ONNX", (".onnx",), "minicnn.saving.onnx"),
    Format("LiteRT", (".tflite",), "minicnn.saving.tflite", types=("float32", "float16")),
)
LONGEST = max(len(start) for one in FORMATS for start in one.beginnings)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a model file of any format.

    Raises FileNotFoundError when there is none, ModelFileError when it is damaged, and ImportError
    without the package that its format needs.
    """
    with regular.opened(path) as (name, file):
        found = _of_contents(name, file)
        if found is None:
            yield model_file.ModelFile(name, file)
        else:
            with import_module(found.module).reading(name, file) as source:
                yield source


def weights(path: str | os.PathLike[str], model: Network) -> Mapping[str, Array]:
    """The arrays in a file of any format, by the names that the model has for them. Raises what
    `opened` raises.
    """
    with regular.opened(path) as (name, file):
        found = _of_contents(name, file)
        if found is None:
            return model_file.ModelFile(name, file).read()
        return import_module(found.module).weights(name, file, model)


@known_arguments
def export(model: Network, filepath: str | os.PathLike, weights: str | None = None) -> None:
    """Write the model for other programs, in the format that the name's ending tells.

        .keras        for Keras 3: the model, and how it is trained
        .h5           for every Keras, in the words of Keras 2: its optimizer begins anew, and
                      layers of models inside are the model's own
        .weights.h5   the weights, and what the optimizer remembers, for load_weights of Keras 3
        .onnx         for ONNX Runtime, browsers and others: what predicts, for any number of
                      samples
        .tflite       for LiteRT, on telephones: the same

    `models.load_model` opens such a file, too; `save` writes minicnn's own, which alone has all
    that a model is.

    weights: "float16" halves a .tflite file, whose kernels are rounded then; None leaves numbers as
        they are.

    Raises ValueError for another ending or type of weights, for a model that is not built, and
    where the format has no words for a layer or an argument; ImportError without the package that
    the format needs.
    """
    name = os.fsdecode(filepath)
    found = next((one for one in FORMATS if name.lower().endswith(one.endings)), None)
    if found is None:
        known = ", ".join(ending for one in FORMATS for ending in one.endings)
        raise ValueError(
            f"export expected a file name that ends in one of {known}, received {name!r}: for "
            "minicnn's own format use model.save(filepath)"
        )
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to export yet: build((None, H, W, C)) or fit it first"
        )
    if weights is not None and weights not in found.types:
        known = ", ".join(repr(one) for one in found.types)
        raise ValueError(
            f"export expected weights as one of {known} for {found.name}, received {weights!r}: "
            "half as large are .tflite files with weights='float16'"
        )
    told = {} if weights is None or len(found.types) == 1 else {"weights": weights}
    import_module(found.module).write(name, model, **told)


def _of_contents(path: str, file: FileIO) -> Format | None:
    """The format of an open file, which is left at its beginning; None for minicnn's own."""
    try:
        start = file.read(LONGEST) or b""
        file.seek(0)
    except OSError as error:
        raise ModelFileError(f"{path!r} cannot be read: {error.strerror}") from error
    for one in FORMATS:
        if start.startswith(one.beginnings):
            return one
    ending = Path(path).suffix.lower()
    for one in FORMATS:
        if not one.beginnings and ending in one.endings:
            return one
    return None
