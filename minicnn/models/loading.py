"""A model out of the file that `model.save` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.models.sequential import Sequential
from minicnn.names import known_arguments
from minicnn.saving import description, model_file, weights
from minicnn.saving.model_file import Stored


@known_arguments
def load_model(
    filepath: str | os.PathLike, custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Sequential:
    """The model that `model.save(filepath)` wrote: architecture, weights, and, if it was compiled, its training state.

    custom_objects: classes of your own layers by name; a file can name no others but minicnn's.
    compile: False leaves the training state in the file.

    Raises FileNotFoundError, or ModelFileError for a damaged file, an unknown layer, or weights that do not fit.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> model.save("model.safetensors")
    >>> models.load_model("model.safetensors")
    <Sequential 'sequential': 1 layer, 10 parameters>
    """
    known = custom_objects or {}
    with model_file.opened(filepath) as file, description.refusing(file.path):
        config = file.config
        if "model" not in config:
            raise ModelFileError(
                f"{str(filepath)!r} holds weights without an architecture: use model.load_weights(filepath)"
            )
        description.check(config, "config")
        model = _built(config["model"], file.arrays, known)
        compiled = description.training_of(config["compile"], known) if "compile" in config else None
        optimizer = None if compiled is None else compiled[0]
        description.check_arrays(model, optimizer, file.arrays, more="training" in config)
        arrays = file.read()  # now that all of them are known to be wanted and to fit
        weights.put_weights(model, arrays, filepath)
        if compile and compiled is not None:
            description.remember(optimizer, config["compile"], arrays)
            model.epochs_done = config["compile"].get("epochs_done", 0)
            model.compile(*compiled)
    return model


def _built(described: dict[str, Any], stored: Mapping[str, Stored], known: Mapping[str, type]) -> Sequential:
    """The model that a file describes, with room for the weights that it holds."""
    description.check(described, "model")
    names = described.get("class_names")
    model = Sequential(name=described["name"], seed=described["seed"], dtype=described["dtype"], class_names=names)
    for layer in description.layers_of(described, known, stored):
        model.add(layer)
    model.build(description.input_shape(described))
    description.check_built(model, names)
    for layer in model.leaves.values():
        layer.stored = None
    return model
