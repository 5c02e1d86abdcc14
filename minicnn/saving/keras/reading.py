"""Opening files of Keras."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.network import Network
from minicnn.saving import description, hdf5, strict_json
from minicnn.saving.keras import architecture, archive, arrays, compiling, parts
from minicnn.saving.keras.source import Source
from minicnn.types import Array

ZIP = b"PK\x03\x04"
LEGACY = "model_weights"  # the group of weights in an .h5 file of a whole model


@contextmanager
def reading(path: str, file: FileIO) -> Iterator[Source]:
    """A file of a whole model. Raises ModelFileError."""
    start = file.read(len(ZIP))
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with description.refusing(path):
        if start == ZIP:
            opened = archive.Archive(path, file)
            config = opened.json(archive.CONFIG)
            version = str(opened.json(archive.METADATA).get("keras_version", "3."))
            with opened.weights() as root:
                training = config.get("compile_config")
                yield _source(path, version, config, training, root, root, size)
        else:
            with hdf5.opened(path, file) as root:
                text = root.text("model_config")
                if text is None:
                    raise ModelFileError(
                        f"{path!r} holds weights without an architecture: use "
                        "model.load_weights(filepath)"
                    )
                training = root.text("training_config")
                yield _source(
                    path,
                    root.text("keras_version") or "1.",
                    strict_json.parse(text),
                    None if training is None else strict_json.parse(training),
                    root.group(LEGACY),
                    root,
                    size,
                )


def _source(
    path: str,
    version: str,
    config: Any,
    training: Any,
    group: hdf5.Group,
    root: hdf5.Group,
    size: int,
) -> Source:
    """What is in a file.

    Args:
        version: of the Keras that wrote it.
        config: the model.
        training: how it was compiled, or None.
        group: where its weights are.
        root: where the optimizer's memory is.
    """
    model, whole = architecture.translated(config, 3 if version.startswith("3.") else 2)
    legacy = group.name != ""
    found = arrays.named(whole, group) if legacy else arrays.counted(whole, group)
    made: dict[str, Any] = {"model": model}
    if training is not None:
        compiled, memory = compiling.translated(path, training, root, whole, found)
        made |= compiled
        found |= memory
    return Source(path, made, found, arrays.constants(model), size)


def weights(path: str, file: FileIO, model: Network) -> Mapping[str, Array]:
    """The weights of a file for a model that is built, as Keras' load_weights takes them: by the
    order of the layers, whatever their names.
    """
    start = file.read(len(ZIP))
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    described = description.described(model)["model"]
    whole = parts.of_description(described, "Sequential" if model.is_chain else "Model")
    with description.refusing(path):
        if start == ZIP:
            with archive.Archive(path, file).weights() as root:
                found = arrays.counted(whole, root)
                return _read(path, described, found, size)
        with hdf5.opened(path, file) as root:
            if arrays.NEW in root or arrays.OLD in root:
                found = arrays.counted(whole, root)
            else:
                group = root.group(LEGACY) if LEGACY in root else root
                same = all(part.name in group for part in whole.parts or () if part.has_weights)
                found = arrays.named(whole, group, in_order=not same)
            return _read(path, described, found, size)


def _read(path: str, model: Any, found: Any, size: int) -> Mapping[str, Array]:
    source = Source(path, {"model": model}, found, arrays.constants(model), size)
    return source.read()
