"""Models and how to load one: the names that Keras keeps under `keras.models`."""

import os
from collections.abc import Mapping

from minicnn import persistence
from minicnn.errors import ModelFileError
from minicnn.names import known_arguments, missing_from
from minicnn.saving import model_file
from minicnn.sequential import Sequential

__all__ = ["Sequential", "load_model"]

__getattr__ = missing_from(__name__, "models", __all__)


@known_arguments
def load_model(
    filepath: str | os.PathLike, custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Sequential:
    """The model that `model.save(filepath)` wrote: architecture, weights, and, if it was compiled, its training state.

    custom_objects: classes of your own layers by name; a file can name no others but minicnn's.
    compile: False leaves the training state in the file.

    Raises FileNotFoundError, or ModelFileError for a damaged file, an unknown layer, or weights that do not fit.
    """
    config, arrays = model_file.read(filepath)
    if "model" not in config:
        raise ModelFileError(f"{str(filepath)!r} holds weights without an architecture: use model.load_weights(path)")
    try:
        described = config["model"]
        layers = persistence.layers_of(described, custom_objects or {})
        model = Sequential(
            layers,
            name=described["name"],
            seed=described["seed"],
            dtype=described["dtype"],
            class_names=described.get("class_names"),
        )
        model.build(tuple(described["input_shape"]))
        model.load_weights(filepath)
        if compile and "compile" in config:
            persistence.restore_training(model, config["compile"], arrays, custom_objects or {})
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"{str(filepath)!r} describes no model that minicnn can build: {error}") from error
    return model
