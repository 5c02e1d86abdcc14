"""minicnn's own file of a quantized network, and which file is whose.

A model file (minicnn/saving/model_file.py) whose JSON text has, in the place of a model,

    quantized   name, input_shape, input, ending, class_names, operations: of each kind, name,
                reads, shape, makes, and activation and settings where there are some

A quantization is [scale, zero_point]. The arrays of an operation are "conv2d/kernel" int8,
"conv2d/bias" int32 and "conv2d/kernel_scale" float32.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.names import known_arguments
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation
from minicnn.saving import formats, model_file
from minicnn.saving.description import refusing
from minicnn.types import Array

WORD = "quantized"
ARRAYS = ("kernel", "bias", "kernel_scale")
FIELDS = {"name", "input_shape", "input", "ending", "class_names", "operations"}
OPERATION = {"kind", "name", "reads", "shape", "makes"}
OPTIONAL = {"activation", "settings"}
SETTINGS = {"strides", "padding", "dilation_rate", "groups", "pool_size", "frame", "axis"}


def save(model: QuantizedModel, filepath: str | os.PathLike[str]) -> None:
    """Write a quantized network."""
    described = {
        "name": model.name,
        "input_shape": model.computation.input_shape,
        "input": _pair(model.of_input),
        "ending": model.ends_in,
        "class_names": model.class_names,
        "operations": [_described(one) for one in model.operations],
    }
    arrays = {
        f"{one.name}/{what}": getattr(one, what)
        for one in model.operations
        for what in ARRAYS
        if getattr(one, what) is not None
    }
    model_file.write(filepath, {WORD: described}, arrays)


def _pair(of: Quantization) -> list[float]:
    return [float(of.scale), int(of.zero_point)]


def _described(operation: IntegerOperation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": operation.kind,
        "name": operation.name,
        "reads": operation.reads,
        "shape": operation.shape,
        "makes": _pair(operation.makes),
    }
    if operation.activation is not None:
        told["activation"] = operation.activation
    if operation.settings:
        told["settings"] = dict(operation.settings)
    return told


@known_arguments
def load_model(filepath: str | os.PathLike[str]) -> QuantizedModel:
    """The quantized network in a file: minicnn's own, or a .tflite file of whole numbers.

    Raises FileNotFoundError, or ModelFileError for a file that is damaged, or has a network in
    reals, which models.load_model opens.
    """
    if os.fsdecode(filepath).lower().endswith(".tflite"):
        from minicnn.quantize.from_tflite import read

        return read(filepath)
    with formats.opened(filepath) as file, refusing(file.path):
        if WORD not in file.config:
            raise ModelFileError(
                f"{os.fsdecode(filepath)!r} has a network in reals, expected one in whole numbers: "
                "open it with models.load_model, and quantize.quantized makes such a one of it"
            )
        return _made(file.config[WORD], file.read())


def _made(told: Any, arrays: Mapping[str, Array]) -> QuantizedModel:
    """The model that a file describes. Raises what `refusing` takes."""
    _expect(told, FIELDS, set())
    names = told["class_names"]
    if not isinstance(told["name"], str) or not isinstance(told["operations"], list):
        raise ModelFileError("the model file expected a name and a list of operations")
    if names is not None and not all(isinstance(name, str) for name in names):
        raise ModelFileError("the model file expected class names as text")
    operations = [_operation(one, arrays) for one in told["operations"]]
    known = {f"{one.name}/{what}" for one in operations for what in ARRAYS}
    if unknown := set(arrays) - known:
        raise ModelFileError(f"the model file holds {min(unknown)!r:.80}, which nothing reads")
    computation = Computation(
        told["name"], _numbers(told["input_shape"]), operations, told["ending"], names
    )
    return QuantizedModel(computation, _quantization(told["input"]))


def _operation(told: Any, arrays: Mapping[str, Array]) -> IntegerOperation:
    _expect(told, OPERATION, OPTIONAL)
    name, settings = told["name"], told.get("settings", {})
    if not isinstance(name, str) or not isinstance(told["kind"], str):
        raise ModelFileError("the model file expected kinds and names of operations as text")
    _expect(settings, set(), SETTINGS)
    kernel, bias, scale = (arrays.get(f"{name}/{what}") for what in ARRAYS)
    return IntegerOperation(
        told["kind"],
        name,
        _numbers(told["reads"]),
        _numbers(told["shape"]),
        told.get("activation"),
        {key: _setting(value) for key, value in settings.items()},
        kernel,
        bias,
        scale,
        _quantization(told["makes"]),
    )


def _expect(told: Any, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(told, dict) or needed - set(told) or set(told) - needed - allowed:
        raise ModelFileError(
            f"the model file expected {sorted(needed | allowed)}, received {told!r:.80}"
        )


def _numbers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 8 or not all(type(n) is int for n in value):
        raise ModelFileError(f"the model file expected a few whole numbers, received {value!r:.60}")
    return tuple(value)


def _setting(value: Any) -> Any:
    """A word, a number, or tuples of numbers."""
    if isinstance(value, list) and len(value) <= 2:
        return tuple(_setting(part) for part in value)
    if type(value) is int or isinstance(value, str):
        return value
    raise ModelFileError(f"the model file has the setting {value!r:.60}, which is none")


def _quantization(value: Any) -> Quantization:
    if not isinstance(value, list) or len(value) != 2 or type(value[1]) is not int:
        raise ModelFileError(f"the model file expected a scale and a zero point, not {value!r:.60}")
    return Quantization(np.float32(value[0]), value[1])
