"""LiteRT (TensorFlow Lite): networks for telephones, and networks that were made for them.

    write(path, model, weights)     a network as a .tflite file
    reading(path, file)             the network of a .tflite file, whoever made it, in the words of
                                    minicnn's own files and made of minicnn's layers
    weights(path, file, model)      its weights alone

schema.py       the words of the format
metadata.py     the names of the classes
to_tflite/      layers -> operators, written with the library flatbuffers alone
from_tflite/    operators -> layers, out of bytes that nobody trusts, with no library

docs/files.md says what is written and what opens.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from typing import Any

from minicnn.network import Network
from minicnn.saving import atomic
from minicnn.saving.packages import need
from minicnn.types import Array


def write(path: str, model: Network, weights: str = "float32") -> None:
    """Write a network, its preprocessing and its class names as a .tflite file for inference.

    Inputs are (N, H, W, C) with any N; a signature has the names of inputs and outputs. Nothing of
    a training is in the file.

    weights: "float32", or "float16", which halves the file.

    Raises ImportError without the library flatbuffers, ValueError for a layer that LiteRT cannot
    say, OSError.
    """
    need("flatbuffers", "to write .tflite files", "tflite")
    from minicnn.saving.tflite.to_tflite.file import written

    atomic.write(path, [written(model, weights)])


@contextmanager
def reading(path: str, file: FileIO) -> Iterator[Any]:
    """What an open .tflite file says, with path, config, arrays and read().

    Raises ModelFileError for a file that is damaged, and for what minicnn's layers cannot say; it
    names operator and tensor.
    """
    from minicnn.saving.tflite.from_tflite.file import source

    yield source(path, file)


def weights(path: str, file: FileIO, model: Network) -> Mapping[str, Array]:  # noqa: ARG001
    """The weights in an open .tflite file, by the names that its own model would have for them:
    those of a model that load_model has made of it.
    """
    from minicnn.saving.tflite.from_tflite.file import source

    return source(path, file).read()
