"""Saving a model or its weights, and loading weights.

How files say what: description.py, model_file.py.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError, warn
from minicnn.expect import flag
from minicnn.machine.threads import one_at_a_time
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.saving import description, formats, keras_files, made_again, model_file

NAMED = 6  # weights in a warning


@known_arguments
def save(model: Network, filepath: str | os.PathLike, optimizer: bool = True) -> None:
    """Write architecture, weights, and, when the model is compiled, loss, metrics and the
    optimizer's memory.

    `models.load_model` reads the file. optimizer=False leaves the memory out, two thirds of the
    file with Adam: to predict, nothing changes; a training that goes on begins with a fresh
        optimizer of the same settings.

    Raises ValueError for a model that is not built yet, and for a layer of your own that could not
    be made again of its get_config(). Warns of a loss, metric or optimizer that could not, and of
    the name of a Keras file.
    """
    remembers = flag(optimizer, "optimizer", "save")
    keras_files.warn_of_name(filepath)
    made_again.check(model)
    config, arrays = contents(model, remembers)
    model_file.write(filepath, config, arrays)


@one_at_a_time
def contents(
    model: Network, optimizer: bool = True
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the arrays of the model's file; copies, all of one moment, whichever threads
    train the model.

    Without the optimizer's memory, its steps are not told either: Adam's corrections count from
    when it was empty.
    """
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to save yet: build((None, H, W, C)) or fit it first"
        )
    config, arrays = description.described(model), _weights_now(model)
    if model.optimizer is None:
        return config, arrays
    if optimizer:
        return config, arrays | description.memory(model)
    config["compile"]["iterations"] = 0
    return config, arrays


@known_arguments
def save_weights(model: Network, filepath: str | os.PathLike) -> None:
    """Write the weights alone, by layer name. Raises ValueError for a model that is not built."""
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to save yet: build((None, H, W, C)) or fit it first"
        )
    keras_files.warn_of_name(filepath)
    model_file.write(filepath, {}, _weights_now(model))


def weights_of(model: Network) -> dict[str, np.ndarray]:
    """All weights by name, "conv2d/kernel"; the model's own arrays, not copies."""
    return model.variables_by_name()


@one_at_a_time
def _weights_now(model: Network) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in weights_of(model).items()}


@known_arguments
def load_weights(model: Network, filepath: str | os.PathLike, skip_mismatch: bool = False) -> None:
    """Read weights by layer name from a model or weight file; from one of Keras by the order of the
    layers.

    Raises ModelFileError with a table of what does not fit; skip_mismatch=True loads what does, and
    warns of the rest.
    """
    if not model.built:
        raise ValueError(
            f"{model.name!r} is not built: call build((None, H, W, C)) before load_weights"
        )
    put_weights(model, formats.weights(filepath, model), filepath, skip_mismatch)


@one_at_a_time
def put_weights(
    model: Network,
    arrays: Mapping[str, np.ndarray],
    path: str | os.PathLike,
    skip_mismatch: bool = False,
) -> None:
    """load_weights for the arrays of the file at `path`, of which those that begin with "/" are no
    weights.
    """
    own = weights_of(model)
    stored = {name: array for name, array in arrays.items() if not name.startswith("/")}
    wrong = [name for name in {**own, **stored} if _shape(own, name) != _shape(stored, name)]
    if wrong and not skip_mismatch:
        rows = [("weight", "in the file", "in the model")]
        rows += [(name, _shape(stored, name), _shape(own, name)) for name in wrong]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        table = "\n".join(
            f"  {name:<{widths[0]}}  {file:<{widths[1]}}  {here}" for name, file, here in rows
        )
        advice = "skip_mismatch=True loads what fits"
        raise ModelFileError(f"{str(path)!r} does not fit {model.name!r} ({advice}):\n{table}")
    if wrong:
        left = [name for name in own if name in wrong]
        _warn_of_rest(path, left, len(own), unused=[name for name in wrong if name not in own])
    for path, layer in model.leaves.items():
        names = {f"{path}/{name}": array for name, array in layer.variables_by_name.items()}
        for name in names.keys() - wrong:
            names[name][...] = stored[name]
            layer._last_trained = 0
        if names.keys().isdisjoint(wrong):
            layer.has_fresh_weights = False


def _warn_of_rest(
    path: str | os.PathLike, left: list[str], weights: int, unused: list[str]
) -> None:
    """Say what skip_mismatch has skipped: weights of the model, and arrays of the file that the
    model has not.
    """
    loaded = "nothing" if len(left) == weights else f"{weights - len(left)} of {weights} weights"
    kept = f"; as they were: {_listed(left)}" if left else ""
    spare = f"; in the file alone: {_listed(unused)}" if unused else ""
    warn(f"load_weights(skip_mismatch=True) loaded {loaded} from {str(path)!r}{kept}{spare}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (
        f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    )


def _shape(arrays: Mapping[str, np.ndarray], name: str) -> str:
    """As in the table: with the type, unless it is a floating-point one, which all become the
    model's.
    """
    if name not in arrays:
        return "missing"
    shape, dtype = arrays[name].shape, arrays[name].dtype
    return str(shape) if dtype.kind == "f" else f"{shape} {dtype.name}"
