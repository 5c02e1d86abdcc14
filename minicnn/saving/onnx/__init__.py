"""ONNX: networks that other programs run, and networks that other programs made.

    write(path, model)          a network as an .onnx file, which ONNX Runtime, browsers and
                                telephones run
    reading(path, file)         the network of an .onnx file, whoever exported it, in the words of
                                minicnn's own files and made of minicnn's layers
    weights(path, file, model)  its weights alone

to_onnx/    layers -> operators: channels-last pictures come in, one Transpose makes them
            channels-first, as ONNX has them
from_onnx/  operators -> layers: every value knows how its axes lie in ONNX, so that a network of
            channels-first pictures becomes one of channels-last ones without a transpose

The library `onnx`, which reads and checks the container, is imported when one of them is called.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from typing import Any

from minicnn.network import Network
from minicnn.saving.packages import need
from minicnn.types import Array


def write(path: str, model: Network) -> None:
    """Write a network, its preprocessing and its class names as an .onnx file for inference.

    Opset 17, IR version 8, float32. Inputs are (N, H, W, C) with any N and have the names of the
    model's inputs, outputs the names of the layers that they come from; nothing of a training is
    in the file.

    Raises ImportError without the library onnx, ValueError for a model that is not built and for
        one with a layer that ONNX cannot say, OSError.
    """
    need("onnx", "to write .onnx files", "onnx")
    from minicnn.saving.onnx.to_onnx.file import written

    written(model, path)


@contextmanager
def reading(path: str, file: FileIO) -> Iterator[Any]:
    """What an open .onnx file says, with path, config, arrays and read().

    Pictures are (N, H, W, C) in the model, however they are in the file. It predicts what the file
    does, and can be trained on.

    Raises ImportError without the library onnx, and ModelFileError for a file that is damaged; it
        names node, operator and attribute for what minicnn's layers cannot say.
    """
    need("onnx", "to read .onnx files", "onnx")
    from minicnn.saving.onnx.from_onnx.file import source

    yield source(path, file)


def weights(path: str, file: FileIO, model: Network) -> Mapping[str, Array]:  # noqa: ARG001
    """The weights in an open .onnx file, by the names that its own model would have for them: those
    of the model that it was written from. Raises what `reading` raises.
    """
    with reading(path, file) as found:
        return found.read()
