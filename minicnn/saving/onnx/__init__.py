"""ONNX: networks that other programs run, and networks that other programs made.

    write(model, path)          a network as an .onnx file, which ONNX Runtime, browsers and
                                telephones run
    read(path, classes)         the network of an .onnx file, whoever exported it, as a model of
                                minicnn's layers

writing/    layers -> operators: channels-last pictures come in, one Transpose makes them
            channels-first, as ONNX has them
reading/    operators -> layers: every value knows how its axes lie in ONNX, so that a network of
            channels-first pictures becomes one of channels-last ones without a transpose

The library `onnx`, which reads and checks the container, is imported when one of them is called.
"""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from minicnn.network import Network


def write(model: Network, path: str | os.PathLike[str]) -> None:
    """Write a network, its preprocessing and its class names as an .onnx file for inference.

    Opset 17, IR version 8, float32. Inputs are (N, H, W, C) with any N and have the names of the
    model's inputs, outputs the names of the layers that they come from; nothing of a training is
    in the file.

    Raises ImportError without the library onnx, ValueError for a model that is not built and for
        one with a layer that ONNX cannot say, OSError.
    """
    _check_library("write")
    from minicnn.saving.onnx.writing.file import written

    written(model, path)


def read(path: str | os.PathLike[str], classes: Mapping[str, Callable[..., Any]]) -> Any:
    """The model in an .onnx file: pictures are (N, H, W, C) in it, however they are in the file.

    It predicts what the file does, and can be trained on.

    classes: "Sequential" and "Model", of which the first is made where every layer feeds the next.

    Raises ImportError without the library onnx, FileNotFoundError, and ModelFileError for a file
        that is damaged, or names node, operator and attribute for what minicnn's layers cannot say.
    """
    _check_library("read")
    from minicnn.saving.onnx.reading.file import opened

    return opened(path, classes)


def _check_library(verb: str) -> None:
    if find_spec("onnx") is None:
        raise ImportError(
            f"minicnn needs the library onnx to {verb} .onnx files: pip install 'minicnn[onnx]'"
        )
