"""A model out of its file."""

import os
from collections.abc import Mapping

from minicnn.errors import ModelFileError
from minicnn.models.model import Model
from minicnn.models.sequential import Sequential
from minicnn.names import known_arguments
from minicnn.saving import description, formats, restoring, weights
from minicnn.saving.fields import check
from minicnn.saving.vocabulary import callers_classes


@known_arguments
def load_model(
    filepath: str | os.PathLike,
    custom_objects: Mapping[str, type] | None = None,
    compile: bool = True,
) -> Model:
    """The model that `model.save(filepath)` wrote, with its training state if it was compiled.

    It is a Sequential where that was one, else a Model. Files of Keras, .keras and .h5 of every
    version, whose first bytes tell, open too, and .onnx and .tflite files, of that ending.

    custom_objects: classes of your own layers by name; a file can name no others but minicnn's. One
        with a name of minicnn's takes its place only in files that do not tell the two apart, as
        those with both do.
    compile: False leaves the training state in the file, unread: a loss, metrics and an optimizer
        of your own need not be there then.

    Raises FileNotFoundError; ModelFileError for a damaged file, an unknown layer, or weights that
    do not fit; ImportError for a file of ONNX without onnx; TypeError for custom_objects that are
    no dict.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> model.save("model.safetensors")
    >>> models.load_model("model.safetensors")
    <Sequential 'sequential': 1 layer, 10 parameters>
    """
    callers_classes(custom_objects, None, "load_model")  # whatever the file is
    with formats.opened(filepath) as file, description.refusing(file.path):
        config = file.config
        known = callers_classes(custom_objects, config, "load_model")
        if "quantized" in config:
            raise ModelFileError(
                f"{str(filepath)!r} holds a network in whole numbers, which cannot be trained: use "
                "quantize.load_model(filepath)"
            )
        if "model" not in config:
            raise ModelFileError(
                f"{str(filepath)!r} holds weights without an architecture: use "
                "model.load_weights(filepath)"
            )
        check(config, "config")
        model = restoring.made(
            config["model"], {"Sequential": Sequential, "Model": Model}, known, file.arrays
        )
        description.check_built(model)
        compiled = None
        if compile and "compile" in config:
            compiled = description.training_of(config["compile"], known)
        optimizer = None if compiled is None else compiled[0]
        description.check_arrays(
            model, optimizer, file.arrays, more="training" in config, unused=not compile
        )
        arrays = file.read()  # now that all of them are known to be wanted and to fit
        weights.put_weights(model, arrays, filepath)
        if compiled is not None:
            description.remember(optimizer, config["compile"], arrays)
            model.epochs_done = config["compile"].get("epochs_done", 0)
            model.compile(*compiled)
    return model
