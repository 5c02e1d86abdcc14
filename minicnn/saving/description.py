"""What a model file says of a model: nothing of it is believed before it is checked.

    model      name, dtype, seed, class_names, layers, and
                   input_shape of a Sequential, whose layers take what the one before them makes
                   nodes, inputs and outputs of a Model
    compile    optimizer, iterations, epochs_done, loss, metrics; only for a compiled model
    training   what training/checkpoint.py adds

Layers, optimizer, loss and metrics are a class and its arguments; a file can name minicnn's classes
and those that the caller names, no others (vocabulary.py). Among the layers may be models: of class
"Sequential" or "Model", with the same words as arguments, but for dtype, which is that of the
whole, and seed, which is there where one was given. A layer or a model that is a part of several
models is described once; elsewhere stands its path, {"shared": "backbone/conv2d"}.

Nodes are the calls of layers, each after those that it takes, and are meant by number:

    {"layer": "input_layer"}                                  0: where samples enter
    {"layer": "conv2d"}                                       1: takes node 0, the one before it
    {"layer": "conv2d_1"}                                     2: takes node 1
    {"layer": "add", "inputs": [1, 2]}                        3
    {"layer": "backbone", "inputs": [3], "training": false}   4: as in backbone(x, training=False)
    {"layer": "backbone", "call": 4, "index": 1}              5: the second output of that call

    "inputs": [0], "outputs": 3       or [3, 4], or {"head": 3, "features": 4}: as they were given
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from minicnn import losses
from minicnn.errors import ModelFileError
from minicnn.network import Network
from minicnn.saving import structure
from minicnn.saving.fields import check, class_and_config, make
from minicnn.saving.model_file import Stored
from minicnn.saving.vocabulary import LOSSES, METRICS, OPTIMIZERS
from minicnn.types import Array

# before the names of arrays that are no weights: no layer has a slash
OPTIMIZER, REST = (
    "/optimizer/",
    "/training/",
)
MOST_STEPS = 2**53
LARGEST_OUTPUT = 2**31  # numbers that a layer makes of one sample


# From a model


def described(model: Network) -> dict[str, Any]:
    """What a file says of a model. Raises ValueError where it could not be read again."""
    structure.check_class_names(model)
    joined = structure.described(model)
    about = {
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "input_shape": joined.get("input_shape"),
        "class_names": None
        if model.class_names is None
        else [str(name) for name in model.class_names],
    }
    if not model.is_chain:
        del about["input_shape"]
    config: dict[str, Any] = {"model": about | joined}
    if model.optimizer is not None:
        config["compile"] = {
            "optimizer": class_and_config(model.optimizer),
            "iterations": model.optimizer.iterations,
            "epochs_done": model.epochs_done,
            "loss": class_and_config(model.loss),
            "metrics": [class_and_config(metric) for metric in model.metrics],
        }
    return config


def memory(model: Network) -> dict[str, Array]:
    """What the optimizer remembers of the model's parameters, by name in the file; copies."""
    return {
        f"{OPTIMIZER}{name}/{slot}": array.copy()
        for name in _parameters(model)
        for slot, array in model.optimizer.slots.get(name, {}).items()
    }


def _parameters(model: Network) -> dict[str, Array]:
    return {
        f"{path}/{name}": value
        for path, layer in model.leaves.items()
        for name, value in layer.params.items()
    }


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
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        MemoryError,
        RecursionError,
    ) as error:
        raise ModelFileError(
            f"{path!r} describes no model that minicnn can build: {error!s:.500}"
        ) from error


def check_built(model: Network) -> None:
    """Raise ModelFileError for a model that could not compute anything."""
    if not model.leaves:
        raise ModelFileError(
            f"the model file has no layers that compute anything in {model.name!r:.60}"
        )
    for layer in model.leaves.values():
        if (
            not layer.output_shape
            or min(layer.output_shape) < 1
            or prod(layer.output_shape) >= LARGEST_OUTPUT
        ):
            raise ModelFileError(
                f"the model file has {layer} make {layer.output_shape} of every sample"
            )
    structure.check_class_names(model)


def check_arrays(
    model: Network,
    optimizer: Any,
    stored: Mapping[str, Stored],
    more: bool,
    unused: bool = False,
) -> None:
    """Raise ModelFileError unless a file holds just the weights, the optimizer's memory and, if
    allowed, `more`. unused: the memory is not wanted, and not looked at.
    """
    own = model.variables_by_name()
    for name, array in own.items():
        found = stored.get(name)
        if found is None or (found.shape, found.dtype) != (array.shape, array.dtype):
            received = "nothing" if found is None else f"{found.dtype} {found.shape}"
            raise ModelFileError(
                f"the model file expected {name!r}, {array.dtype} {array.shape}, received "
                f"{received}"
            )
    remembered: dict[str, dict[str, Stored]] = {}
    for name in stored.keys() - own:
        if name.startswith(OPTIMIZER) and optimizer is not None:
            parameter, _, slot = name.removeprefix(OPTIMIZER).rpartition("/")
            remembered.setdefault(parameter, {})[slot] = stored[name]
        elif not (more and name.startswith(REST)) and not (unused and name.startswith(OPTIMIZER)):
            raise ModelFileError(
                f"the model file holds {name!r:.80}, of which {model.name!r} knows nothing"
            )
    _check_memory(model, optimizer, remembered)


def _check_memory(
    model: Network, optimizer: Any, remembered: Mapping[str, dict[str, Stored]]
) -> None:
    """Machine code reads and writes these arrays: each must be just like its parameter."""
    parameters = _parameters(model)
    for name, slots in remembered.items():
        parameter = parameters.get(name)
        known = optimizer.slot_names_for(name, () if parameter is None else parameter.shape)
        if set(slots) != set(known):
            raise ModelFileError(
                f"the model file has {sorted(slots)} of {name!r} for {type(optimizer).__name__}, "
                f"expected {sorted(known)}: save the model again"
            )
        for slot, array in slots.items():
            if parameter is None or (array.shape, array.dtype) != (
                parameter.shape,
                parameter.dtype,
            ):
                expected = (
                    "no such parameter"
                    if parameter is None
                    else f"{parameter.dtype} {parameter.shape}"
                )
                raise ModelFileError(
                    f"the model file has {slot} of {name!r} as {array.dtype} {array.shape}, "
                    f"expected {expected}: save the model again"
                )


def training_of(compiled: dict[str, Any], known: Mapping[str, type]) -> tuple[Any, Any, list[Any]]:
    """The optimizer, without its memory, the loss and the metrics that a file describes."""
    check(compiled, "compile")
    for what in ("iterations", "epochs_done"):
        steps(compiled.get(what, 0), what, "optimizer" if what == "iterations" else "model")
    optimizer = optimizer_of(compiled["optimizer"], {**OPTIMIZERS, **known})
    chosen = [made_of(metric, METRICS, known, "metric") for metric in compiled["metrics"]]
    return optimizer, made_of(compiled["loss"], LOSSES, known, "loss"), chosen


def made_of(
    description: Any, classes: Mapping[str, type], known: Mapping[str, Any], what: str
) -> Any:
    """make of a loss or metric, which may be a function that the caller or minicnn knows."""
    check(description, "class")
    function = description["config"].get("function")
    if isinstance(function, str):
        functions = {one.__name__: one for one in losses.FUNCTIONS} | dict(known)
        if not callable(functions.get(function)):
            raise ModelFileError(
                f"the model file names the unknown {what} {function!r:.60}: a function of your own "
                f"goes into load_model(path, custom_objects={{{function!r:.60}: ...}})"
            )
        config = description["config"] | {"function": functions[function]}
        return classes[description["class"]](**config)
    return make(description, {**classes, **known}, what)


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
        raise ModelFileError(
            f"the model file's {owner} expected {what} of at least 0, received {value!r:.60}"
        )
    return value


def remember(optimizer: Any, compiled: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Make an optimizer remember what one did that was saved: the number of steps, and its slots,
    checked before.
    """
    optimizer.iterations = steps(compiled["iterations"], "iterations", "optimizer")
    optimizer.slots = {}
    for key, array in arrays.items():
        if key.startswith(OPTIMIZER):
            name, slot = key.removeprefix(OPTIMIZER).rsplit("/", 1)
            optimizer.slots.setdefault(name, {})[slot] = array.copy()
