"""What of a model goes into a file, and how a model comes back out of it."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import losses, metrics, optimizers, schedules
from minicnn.errors import ModelFileError, did_you_mean
from minicnn.expect import count
from minicnn.kernels.threads import one_at_a_time
from minicnn.layers import LAYERS, Layer
from minicnn.names import known_arguments
from minicnn.saving import model_file

if TYPE_CHECKING:
    from minicnn.sequential import Sequential

NAMED = 6  # weights in a warning
OPTIMIZER = "/optimizer/"  # before the names of the optimizer's arrays; no layer's name has a slash

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for names in (optimizers.NAMES, schedules.SCHEDULES, losses.NAMES, metrics.NAMES)
    for cls in names.values()
}


@known_arguments
def save(model: "Sequential", filepath: str | os.PathLike) -> None:
    """Write architecture, weights, and, when the model is compiled, loss, metrics and the optimizer's memory.

    `models.load_model` reads the file. Raises ValueError for a model that is not built yet.
    """
    config, arrays = contents(model)
    _warn_of_suffix(filepath)
    model_file.write(filepath, config, arrays)


@one_at_a_time
def contents(model: "Sequential") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config and the arrays of the model's file; copies, all of one moment, whichever threads train the model."""
    if not model.built:
        raise ValueError(f"{model.name!r} has no weights to save yet: build((None, H, W, C)) or fit it first")
    config: dict[str, Any] = {"model": _model_config(model)}
    arrays = _weights_now(model)
    if model.optimizer is not None:
        config["compile"] = {
            "optimizer": _described(model.optimizer),
            "iterations": model.optimizer.iterations,
            "epochs_done": model.epochs_done,
            "loss": _described(model.loss),
            "metrics": [_described(metric) for metric in model.metrics],
        }
        for name, slots in model.optimizer.slots.items():
            arrays |= {f"{OPTIMIZER}{name}/{slot}": array.copy() for slot, array in slots.items()}
    return config, arrays


@known_arguments
def save_weights(model: "Sequential", filepath: str | os.PathLike) -> None:
    """Write the weights alone, by layer name. Raises ValueError for a model that is not built yet."""
    if not model.built:
        raise ValueError(f"{model.name!r} has no weights to save yet: build((None, H, W, C)) or fit it first")
    _warn_of_suffix(filepath)
    model_file.write(filepath, {}, _weights_now(model))


def weights_of(model: "Sequential") -> dict[str, np.ndarray]:
    """All weights by name, "conv2d/kernel"; the model's own arrays, not copies."""
    return {f"{layer.name}/{name}": array for layer in model.layers for name, array in layer.weights.items()}


@one_at_a_time
def _weights_now(model: "Sequential") -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in weights_of(model).items()}


@known_arguments
def load_weights(model: "Sequential", filepath: str | os.PathLike, skip_mismatch: bool = False) -> None:
    """Read weights by layer name from a model or weight file.

    Raises ModelFileError with a table of what does not fit; skip_mismatch=True loads what does, and warns of the rest.
    """
    if not model.built:
        raise ValueError(f"{model.name!r} is not built: call build((None, H, W, C)) before load_weights")
    put_weights(model, model_file.read(filepath)[1], filepath, skip_mismatch)


@one_at_a_time
def put_weights(
    model: "Sequential", arrays: Mapping[str, np.ndarray], path: str | os.PathLike, skip_mismatch: bool = False
) -> None:
    """load_weights for the arrays of the file at `path`, of which those that begin with "/" are no weights."""
    own = weights_of(model)
    stored = {name: array for name, array in arrays.items() if not name.startswith("/")}
    wrong = [name for name in {**own, **stored} if _shape(own, name) != _shape(stored, name)]
    if wrong and not skip_mismatch:
        rows = [("weight", "in the file", "in the model")]
        rows += [(name, _shape(stored, name), _shape(own, name)) for name in wrong]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        table = "\n".join(f"  {name:<{widths[0]}}  {file:<{widths[1]}}  {here}" for name, file, here in rows)
        advice = "skip_mismatch=True loads what fits"
        raise ModelFileError(f"{str(path)!r} does not fit {model.name!r} ({advice}):\n{table}")
    if wrong:
        left = [name for name in own if name in wrong]
        _warn_of_rest(path, left, len(own), unused=[name for name in wrong if name not in own])
    for layer in model.layers:
        names = {f"{layer.name}/{name}": array for name, array in layer.weights.items()}
        for name in names.keys() - wrong:
            names[name][...] = stored[name]
            layer._last_trained = 0
        if names.keys().isdisjoint(wrong):
            layer.has_fresh_weights = False


def _warn_of_rest(path: str | os.PathLike, left: list[str], weights: int, unused: list[str]) -> None:
    """Say what skip_mismatch has skipped: weights of the model, and arrays of the file that the model has not."""
    loaded = "nothing" if len(left) == weights else f"{weights - len(left)} of {weights} weights"
    kept = f"; as they were: {_listed(left)}" if left else ""
    spare = f"; in the file alone: {_listed(unused)}" if unused else ""
    warnings.warn(f"load_weights(skip_mismatch=True) loaded {loaded} from {str(path)!r}{kept}{spare}", stacklevel=6)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _shape(arrays: Mapping[str, np.ndarray], name: str) -> str:
    return str(arrays[name].shape) if name in arrays else "missing"


def _warn_of_suffix(path: str | os.PathLike) -> None:
    if Path(path).suffix in (".keras", ".h5", ".hdf5"):
        warnings.warn(
            f"{str(path)!r} is written as a minicnn file (safetensors), which Keras cannot open: prefer '.safetensors'",
            stacklevel=4,
        )


def _model_config(model: "Sequential") -> dict[str, Any]:
    return {
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "input_shape": model.input_shape,
        "class_names": None if model.class_names is None else [str(name) for name in model.class_names],
        "layers": [_described(layer) for layer in model.layers],
    }


def _described(thing: Any) -> dict[str, Any]:
    return {"class": type(thing).__name__, "config": thing.get_config()}


def make(description: Any, known: Mapping[str, type], what: str) -> Any:
    """The layer, optimizer, loss or metric that _described described.

    Raises ModelFileError for a class outside `known` (nothing is ever imported) and for arguments it does not take.
    """
    if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
        raise ModelFileError(f"the model file describes a {what} as {description!r:.60}, expected a class and a config")
    name = str(description.get("class"))
    if name not in known:
        raise ModelFileError(
            f"the model file names the unknown {what} {name!r}.{did_you_mean(name, known)} "
            "A class of your own goes into load_model(path, custom_objects={...})"
        )
    try:
        return known[name](**description["config"])
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the model file gives {name} arguments that it does not take: {error}") from error


def layers_of(config: dict[str, Any], custom_objects: Mapping[str, type]) -> list[Layer]:
    """The layers that a model file describes, not built yet."""
    return [make(description, {**LAYERS, **custom_objects}, "layer") for description in config["layers"]]


def restore_training(
    model: "Sequential",
    config: dict[str, Any],
    arrays: Mapping[str, np.ndarray],
    custom_objects: Mapping[str, type],
) -> None:
    """Compile the model as it was when it was saved, with what the optimizer remembered."""
    known = {**CLASSES, **custom_objects}
    optimizer = _optimizer(config["optimizer"], known)
    put_memory(optimizer, config, arrays)
    model.epochs_done = count(config.get("epochs_done", 0), "epochs_done", "model", least=0)
    model.compile(
        optimizer,
        make(config["loss"], known, "loss"),
        [make(metric, known, "metric") for metric in config["metrics"]],
    )


def _optimizer(description: Any, known: Mapping[str, type]) -> Any:
    """make of an optimizer whose learning rate may be a schedule."""
    if isinstance(description, dict) and isinstance(description.get("config"), dict):
        config = description["config"]
        if isinstance(config.get("learning_rate"), dict):
            schedule = make(config["learning_rate"], known, "schedule")
            description = description | {"config": config | {"learning_rate": schedule}}
    return make(description, known, "optimizer")


def put_memory(optimizer: optimizers.Optimizer, config: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Make an optimizer remember what one did that was saved: the number of steps, and its slots."""
    optimizer.iterations = count(config["iterations"], "iterations", "optimizer", least=0)
    optimizer.slots = {}
    for key, array in arrays.items():
        if key.startswith(OPTIMIZER):
            name, slot = key.removeprefix(OPTIMIZER).rsplit("/", 1)
            optimizer.slots.setdefault(name, {})[slot] = array.copy()
    for name, slots in optimizer.slots.items():
        if set(slots) != set(optimizer.slot_names):
            raise ModelFileError(
                f"the model file has {sorted(slots)} of {name!r} for {type(optimizer).__name__}, expected "
                f"{sorted(optimizer.slot_names)}: save the model again"
            )
