"""What a model file says of a model, and how a model is made of that: nothing of it is believed before it is checked.

    model      name, dtype, seed, input_shape, class_names, layers
    compile    optimizer, iterations, epochs_done, loss, metrics; only for a compiled model
    training   what training/checkpoint.py adds

Layers, optimizer, loss and metrics are a class and its arguments; a file can name minicnn's classes and those that the
caller names, no others.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from minicnn import losses, metrics, optimizers, schedules
from minicnn.errors import ModelFileError, did_you_mean
from minicnn.layers import LAYERS, Layer
from minicnn.network import Network
from minicnn.saving.model_file import Stored
from minicnn.saving.signature import arguments, fits
from minicnn.types import Array

OPTIMIZER, REST = "/optimizer/", "/training/"  # before the names of arrays that are no weights: no layer has a slash
MOST_STEPS = 2**53
MOST_LAYERS = 5000
LARGEST_OUTPUT = 2**31  # numbers that a layer makes of one sample

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for names in (optimizers.NAMES, schedules.SCHEDULES, losses.NAMES, metrics.NAMES)
    for cls in names.values()
}
FIELDS: dict[str, dict[str, Any]] = {  # of every object, and what they may be
    "config": {"model": dict, "compile": dict, "training": dict},
    "model": {
        "name": str, "dtype": str, "seed": int, "input_shape": list[int | None], "class_names": list[str] | None,
        "layers": list[dict],
    },
    "compile": {"optimizer": dict, "iterations": int, "epochs_done": int, "loss": dict, "metrics": list[dict]},
    "training": {"of": dict, "state": dict, "position": dict},
    "class": {"class": str, "config": dict},
}  # fmt: skip
OPTIONAL = {"config": {"compile", "training"}, "model": {"class_names"}, "compile": {"epochs_done"}}


# From a model


def described(model: Network) -> dict[str, Any]:
    """What a file says of a model. Raises ValueError where it could not be read again."""
    names = [layer.name for layer in model.layers]
    if len(set(names)) < len(names) or any("/" in name for name in names):
        raise ValueError(f"{model.name!r} expected layers with different names without '/', received {names}")
    if len(names) > MOST_LAYERS:
        raise ValueError(f"a model file has room for {MOST_LAYERS:,} layers, received {len(names):,}")
    _check_class_names(model, model.class_names)
    config: dict[str, Any] = {
        "model": {
            "name": model.name,
            "dtype": model.dtype.name,
            "seed": model.seed,
            "input_shape": model.input_shape,
            "class_names": None if model.class_names is None else [str(name) for name in model.class_names],
            "layers": [_described(layer) for layer in model.layers],
        }
    }
    if model.optimizer is not None:
        config["compile"] = {
            "optimizer": _described(model.optimizer),
            "iterations": model.optimizer.iterations,
            "epochs_done": model.epochs_done,
            "loss": _described(model.loss),
            "metrics": [_described(metric) for metric in model.metrics],
        }
    return config


def memory(model: Network) -> dict[str, Array]:
    """What the optimizer remembers of the model's parameters, by name in the file; copies."""
    return {
        f"{OPTIMIZER}{name}/{slot}": array.copy()
        for name in _parameters(model)
        for slot, array in model.optimizer.slots.get(name, {}).items()
    }


def _described(thing: Any) -> dict[str, Any]:
    return {"class": type(thing).__name__, "config": thing.get_config()}


def _parameters(model: Network) -> dict[str, Array]:
    return {f"{path}/{name}": value for path, layer in model.leaves.items() for name, value in layer.params.items()}


# From a file


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Say of whatever goes wrong inside that it is the file's fault, with a ModelFileError."""
    try:
        yield
    except ModelFileError as error:
        if path in str(error):
            raise
        raise ModelFileError(f"{path!r}: {error}") from error.__cause__
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError, RecursionError) as error:
        raise ModelFileError(f"{path!r} describes no model that minicnn can build: {error!s:.500}") from error


def check(value: Any, what: str) -> None:
    """Raise ModelFileError unless an object has the fields that it must have, of the right kinds, and no others."""
    fields, received = FIELDS[what], value if isinstance(value, dict) else {}
    if missing := fields.keys() - received.keys() - OPTIONAL.get(what, set()):
        raise ModelFileError(f"the model file has no {what!r} with {', '.join(sorted(missing))}: {value!r:.60}")
    for name, field in received.items():
        if name not in fields:
            raise ModelFileError(
                f"the model file has an unknown {name!r:.60} in {what!r}.{did_you_mean(name[:60], fields)}"
            )
        if not fits(field, fields[name]) or isinstance(field, bool):
            raise ModelFileError(f"the model file has {name!r} in {what!r} of another kind: {field!r:.60}")


def layers_of(model: dict[str, Any], known: Mapping[str, type], stored: Mapping[str, Stored]) -> Iterator[Layer]:
    """The layers that a file describes, not built yet: they will have room for what it holds, and nothing drawn."""
    if len(model["layers"]) > MOST_LAYERS:
        received = len(model["layers"])
        raise ModelFileError(f"the model file expected at most {MOST_LAYERS:,} layers, received {received:,}")
    shapes = {name: array.shape for name, array in stored.items()}
    for description in model["layers"]:
        layer = make(description, {**LAYERS, **known}, "layer")
        layer.stored = shapes
        yield layer


def input_shape(model: dict[str, Any]) -> tuple[int | None, ...]:
    """(None, H, W, C). Raises ModelFileError for anything else."""
    batch, *sample = model["input_shape"] or [0]
    if batch is not None or not sample or not all(isinstance(n, int) and n > 0 for n in sample):
        received = model["input_shape"]
        raise ModelFileError(f"the model file expected an input_shape such as (None, 32, 32, 3), received {received}")
    return (batch, *sample)


def check_built(model: Network, class_names: list[str] | None) -> None:
    """Raise ModelFileError for a model that could not compute anything."""
    for layer in model.leaves.values():
        if not layer.output_shape or min(layer.output_shape) < 1 or prod(layer.output_shape) >= LARGEST_OUTPUT:
            raise ModelFileError(f"the model file has {layer} make {layer.output_shape} of every sample")
    _check_class_names(model, class_names)


def _check_class_names(model: Network, names: list[str] | None) -> None:
    outputs = model.classes
    if names is not None and len(names) != outputs:
        raise ValueError(f"{model.name!r} has {outputs} outputs and expected as many class_names, received {names}")


def check_arrays(model: Network, optimizer: Any, stored: Mapping[str, Stored], more: bool) -> None:
    """Raise ModelFileError unless a file holds just the weights, the optimizer's memory and, if allowed, `more`."""
    own = model.variables_by_name()
    for name, array in own.items():
        found = stored.get(name)
        if found is None or (found.shape, found.dtype) != (array.shape, array.dtype):
            received = "nothing" if found is None else f"{found.dtype} {found.shape}"
            raise ModelFileError(f"the model file expected {name!r}, {array.dtype} {array.shape}, received {received}")
    remembered: dict[str, dict[str, Stored]] = {}
    for name in stored.keys() - own:
        if name.startswith(OPTIMIZER) and optimizer is not None:
            parameter, _, slot = name.removeprefix(OPTIMIZER).rpartition("/")
            remembered.setdefault(parameter, {})[slot] = stored[name]
        elif not (more and name.startswith(REST)):
            raise ModelFileError(f"the model file holds {name!r:.80}, of which {model.name!r} knows nothing")
    _check_memory(model, optimizer, remembered)


def _check_memory(model: Network, optimizer: Any, remembered: Mapping[str, dict[str, Stored]]) -> None:
    """Machine code reads and writes these arrays: each must be just like its parameter."""
    parameters = _parameters(model)
    for name, slots in remembered.items():
        if set(slots) != set(optimizer.slot_names):
            raise ModelFileError(
                f"the model file has {sorted(slots)} of {name!r} for {type(optimizer).__name__}, expected "
                f"{sorted(optimizer.slot_names)}: save the model again"
            )
        for slot, array in slots.items():
            parameter = parameters.get(name)
            if parameter is None or (array.shape, array.dtype) != (parameter.shape, parameter.dtype):
                expected = "no such parameter" if parameter is None else f"{parameter.dtype} {parameter.shape}"
                raise ModelFileError(
                    f"the model file has {slot} of {name!r} as {array.dtype} {array.shape}, expected {expected}: "
                    "save the model again"
                )


def make(description: Any, known: Mapping[str, type], what: str) -> Any:
    """The layer, optimizer, loss or metric that _described described.

    Raises ModelFileError for a class outside `known` (nothing is ever imported) and for arguments it does not take.
    """
    check(description, "class")
    name, config = description["class"], description["config"]
    if name not in known:
        raise ModelFileError(
            f"the model file names the unknown {what} {name!r:.60}.{did_you_mean(name[:60], known)} "
            "A class of your own goes into load_model(path, custom_objects={...})"
        )
    cls = known[name]
    kinds = arguments(cls) if cls.__module__.startswith("minicnn.") else {}
    for argument, value in config.items():
        if argument in kinds and not fits(value, kinds[argument]):
            raise ModelFileError(f"the model file gives {name} an argument of another kind: {argument}={value!r:.60}")
    try:
        return cls(**config)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(f"the model file gives {name} arguments that it does not take: {error!s:.500}") from error


def training_of(compiled: dict[str, Any], known: Mapping[str, type]) -> tuple[Any, Any, list[Any]]:
    """The optimizer, without its memory, the loss and the metrics that a file describes."""
    check(compiled, "compile")
    for what in ("iterations", "epochs_done"):
        steps(compiled.get(what, 0), what, "optimizer" if what == "iterations" else "model")
    known = {**CLASSES, **known}
    optimizer = optimizer_of(compiled["optimizer"], known)
    chosen = [make(metric, known, "metric") for metric in compiled["metrics"]]
    return optimizer, make(compiled["loss"], known, "loss"), chosen


def optimizer_of(description: Any, known: Mapping[str, type]) -> Any:
    """make of an optimizer, whose learning rate may be a schedule."""
    check(description, "class")
    rate = description["config"].get("learning_rate")
    if isinstance(rate, dict):
        schedule = make(rate, known, "schedule")
        description = description | {"config": description["config"] | {"learning_rate": schedule}}
    return make(description, known, "optimizer")


def steps(value: Any, what: str, owner: str) -> int:
    """A number of steps or epochs. Raises ModelFileError when it is none."""
    if type(value) is not int or not 0 <= value <= MOST_STEPS:
        raise ModelFileError(f"the model file's {owner} expected {what} of at least 0, received {value!r:.60}")
    return value


def remember(optimizer: Any, compiled: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Make an optimizer remember what one did that was saved: the number of steps, and its slots, checked before."""
    optimizer.iterations = steps(compiled["iterations"], "iterations", "optimizer")
    optimizer.slots = {}
    for key, array in arrays.items():
        if key.startswith(OPTIMIZER):
            name, slot = key.removeprefix(OPTIMIZER).rsplit("/", 1)
            optimizer.slots.setdefault(name, {})[slot] = array.copy()
