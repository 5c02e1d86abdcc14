"""Whole numbers out of a .tflite file, whoever made it: of that everything is checked.

What opens are networks of int8 with the operators that to_tflite.py writes, with float32 or int8
going in and coming out. What they compute here is what XNNPACK makes of them.
"""

import os
from typing import Any

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import KEEPING, Computation
from minicnn.quantize.tflite_tensors import Whole
from minicnn.saving import regular
from minicnn.saving.description import refusing
from minicnn.saving.tflite import metadata
from minicnn.saving.tflite.from_tflite.bounded import unpacked
from minicnn.saving.tflite.from_tflite.limits import OPERATORS
from minicnn.saving.tflite.from_tflite.operator import Operator, kind_of
from minicnn.saving.tflite.schema import IDENTIFIER, SAME, VALID, VERSION
from minicnn.types import Array, Shape

LARGEST = 2**28  # bytes
PADDING = {SAME: "same", VALID: "valid"}
ENDINGS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
POOLS = {"MAX_POOL_2D": "max_pooling2d", "AVERAGE_POOL_2D": "average_pooling2d"}
OF_ALL = {"MEAN": "global_average", "REDUCE_MAX": "global_max"}


def read(path: str | os.PathLike[str]) -> QuantizedModel:
    """The network in a .tflite file of whole numbers. Raises FileNotFoundError, ModelFileError."""
    with regular.opened(path) as (name, file), refusing(name):
        data = file.read(LARGEST)
        return read_bytes(data or b"")


def read_bytes(data: bytes) -> QuantizedModel:
    """The network that these bytes are. Raises ModelFileError, or what `refusing` takes for it."""
    model = unpacked(data, "Model", IDENTIFIER)
    graphs, buffers = model.get("subgraphs", []), model.get("buffers", [])
    if model.get("version", 0) != VERSION or len(graphs) != 1 or not buffers:
        raise ModelFileError("the .tflite file expected version 3 and one graph")
    graph = graphs[0]
    tensors = [Whole(n, one, buffers) for n, one in enumerate(graph.get("tensors", []))]
    kinds = [kind_of(code) for code in model.get("operator_codes", [])]
    told = graph.get("operators", [])
    codes = [one.get("opcode_index", 0) for one in told]
    if not 0 < len(told) <= OPERATORS or not all(0 <= code < len(kinds) for code in codes):
        raise ModelFileError(f"the .tflite file has {len(told):,} operators, expected known ones")
    names = [one.name for one in tensors]
    operators = [
        Operator(n, one, kinds[code], names)
        for n, (one, code) in enumerate(zip(told, codes, strict=True))
    ]
    ends = [[int(n) for n in graph.get(which, [])] for which in ("inputs", "outputs")]
    if any(len(end) != 1 or not 0 <= end[0] < len(tensors) for end in ends):
        raise ModelFileError("the .tflite file expected one input and one output")
    reader = _Reader(tensors, ends[0][0])
    for operator in operators:
        reader.read(operator)
    return reader.model(ends[1][0], graph.get("name") or "model", metadata.labels(data))


class _Reader:
    """What has been read.

    Attributes:
        values: by tensor, the number of the value that it is.
        real: the tensor of real numbers that comes in, or that the last one has become.
        ending: what was done with those.
    """

    def __init__(self, tensors: list[Whole], given: int):
        self.tensors, self.given = tensors, given
        self.operations: list[IntegerOperation] = []
        self.values: dict[int, int] = {}
        self.names: set[str] = set()
        self.of_input: Quantization | None = None
        self.input_shape: Shape = ()
        self.real: int | None = None
        self.ending: str | None = None
        if tensors[given].dtype == np.int8:
            self._enter(given)
        elif tensors[given].dtype != np.float32:
            tensors[given].refuse("goes in, expected numbers of float32 or int8")

    def _enter(self, tensor: int) -> None:
        found = self.tensors[tensor]
        self.of_input, self.input_shape = found.quantization, found.sample
        self.values[tensor] = 0

    def read(self, operator: Operator) -> None:
        """An operator, as an operation or as what is around them."""
        made, kind = operator.outputs[0], operator.kind
        if kind == "QUANTIZE" and operator.inputs == [self.given] and self.of_input is None:
            self._enter(made)
        elif kind == "DEQUANTIZE" and self._is_last(operator):
            self.real = made
        elif kind in ENDINGS and self._is_last(operator) and self.ending is None:
            if kind == "SOFTMAX" and operator.options.get("beta", 0.0) != 1:
                operator.refuse("has another beta than 1")
            self.real, self.ending = made, ENDINGS[kind]
        elif kind in READERS:
            values = [self._value(operator, n) for n in range(self._values_of(operator))]
            told = READERS[kind](self, operator)
            if told["kind"] == "dense":
                values = [self._flat(operator, values[0], told["kernel"].shape[0])]
            self._put(operator, tuple(values), told)
        else:
            operator.refuse("is none that networks of whole numbers have here")

    def _is_last(self, operator: Operator) -> bool:
        """Whether it reads what the last operation makes, or what became of that in reals.

        LiteRT's softmax of whole numbers makes others in steps of 1/256: it is in reals here.
        """
        if self.real is not None:
            return operator.inputs[:1] == [self.real]
        return self._value(operator, 0) == len(self.operations)

    def _values_of(self, operator: Operator) -> int:
        return len(operator.inputs) if operator.kind in ("ADD", "CONCATENATION") else 1

    def _value(self, operator: Operator, place: int) -> int:
        found = operator.inputs[place] if place < len(operator.inputs) else -1
        if found not in self.values:
            operator.refuse("reads what nothing before it makes")
        return self.values[found]

    def _flat(self, operator: Operator, value: int, size: int) -> int:
        """A value as vectors, which LiteRT's dense layer makes of it by itself."""
        shape = self.input_shape if value == 0 else self.operations[value - 1].shape
        if len(shape) == 1:
            return value
        told = (f"{operator.name}/flat", (value,), (size,), None, {}, None, None, None)
        self.operations.append(IntegerOperation("reshape", *told, self._quantization(value)))
        return len(self.operations)

    def _put(self, operator: Operator, reads: tuple[int, ...], told: dict[str, Any]) -> None:
        made = operator.outputs[0]
        tensor = self.tensors[made]
        if made in self.values or len(operator.outputs) > 1:
            operator.refuse("makes what has been made before")
        name, number = tensor.name, 0
        while name in self.names:
            number += 1
            name = f"{tensor.name}_{number}"
        self.names.add(name)
        activation = told.pop("activation", operator.activation)
        if activation not in (None, "relu", "relu6"):
            operator.refuse(f"ends with {activation}")
        weights = [told.pop(one, None) for one in ("kernel", "bias", "kernel_scale")]
        makes = tensor.quantization
        kind = told.pop("kind")
        if kind in KEEPING and makes != self._quantization(reads[0]):
            operator.refuse("changes the scale of its numbers, expected one that keeps it")
        self.operations.append(
            IntegerOperation(kind, name, reads, tensor.sample, activation, told, *weights, makes)
        )
        self.values[made] = len(self.operations)

    def _quantization(self, value: int) -> Quantization:
        assert self.of_input is not None
        return self.of_input if value == 0 else self.operations[value - 1].makes

    def model(self, output: int, name: str, labels: list[str] | None) -> QuantizedModel:
        """The network, where it ends in that tensor."""
        if self.of_input is None or output not in (self.real, *self.values):
            raise ModelFileError(
                "the .tflite file has no network in whole numbers, or parts of it in reals: "
                "models.load_model opens what is in reals"
            )
        if output != self.real and self.values[output] != len(self.operations):
            raise ModelFileError("the .tflite file's output is not what its last operator makes")
        count = self.operations[-1].shape[-1] if self.operations else 0
        names = labels if labels is not None and len(labels) == max(2, count) else None
        computation = Computation(name, self.input_shape, self.operations, self.ending, names)
        return QuantizedModel(computation, self.of_input)

    # Weights

    def kernel(self, operator: Operator, axes: int, axis: int) -> Whole:
        """The kernel, whose filters are along an axis."""
        found = self._constant(operator, 1, np.int8, axes)
        if found.zeros.any() or (found.scales.size > 1 and found.axis != axis):
            operator.refuse("has a kernel with zero points, or with scales along another axis")
        return found

    def weights(self, operator: Operator, kernel: Array, found: Whole) -> dict[str, Any]:
        """Kernel (..., F), bias and scales."""
        filters = found.data.shape[found.axis] if found.scales.size > 1 else kernel.shape[-1]
        if operator.kind == "DEPTHWISE_CONV_2D":
            filters = kernel.shape[-1] * kernel.shape[-2]
        bias = np.zeros(filters, np.int32)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            bias = self._constant(operator, 2, np.int32, 1).data
        scale = np.broadcast_to(found.scales, filters).astype(np.float32)
        return {"kernel": np.ascontiguousarray(kernel), "bias": bias, "kernel_scale": scale}

    def _constant(self, operator: Operator, place: int, dtype: type, axes: int) -> Whole:
        number = operator.inputs[place] if place < len(operator.inputs) else -1
        found = self.tensors[number] if number >= 0 else None
        if found is None or found.data is None or found.dtype != dtype or found.data.ndim != axes:
            operator.refuse(f"expected a constant of {np.dtype(dtype)} with {axes} axes")
        return found

    def numbers(self, operator: Operator, place: int) -> list[int]:
        """A constant of a few whole numbers."""
        number = operator.inputs[place] if place < len(operator.inputs) else -1
        data = self.tensors[number].data if number >= 0 else None
        if data is None or data.dtype.kind != "i" or data.size > 64:
            operator.refuse("expected a few whole numbers")
        return [int(n) for n in data.reshape(-1)]


def _slides(operator: Operator, dilated: bool) -> dict[str, Any]:
    options = operator.options
    padding = options.get("padding", SAME)
    if padding not in PADDING:
        operator.refuse(f"has the padding {padding}")
    found: dict[str, Any] = {
        "strides": (options.get("stride_h", 0), options.get("stride_w", 0)),
        "padding": PADDING[padding],
    }
    if dilated:
        rates = (options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1))
        return found | {"dilation_rate": rates}
    return found | {"pool_size": (options.get("filter_height", 0), options.get("filter_width", 0))}


def _conv2d(reader: _Reader, operator: Operator) -> dict[str, Any]:
    operator.expect_options("Conv2DOptions")
    found = reader.kernel(operator, 4, 0)
    channels = reader.tensors[operator.inputs[0]].sample[-1]
    kernel = found.data.transpose(1, 2, 3, 0)
    groups = channels // max(kernel.shape[2], 1)
    told = {"kind": "conv2d", "groups": groups, **_slides(operator, True)}
    return told | reader.weights(operator, kernel, found)


def _depthwise(reader: _Reader, operator: Operator) -> dict[str, Any]:
    operator.expect_options("DepthwiseConv2DOptions")
    found = reader.kernel(operator, 4, 3)
    channels = reader.tensors[operator.inputs[0]].sample[-1]
    _, KH, KW, F = found.data.shape
    if found.data.shape[0] != 1 or F % channels:
        operator.refuse(f"has a kernel {found.data.shape} for {channels} channels")
    kernel = found.data.reshape(KH, KW, channels, F // channels)
    told = {"kind": "depthwise_conv2d", **_slides(operator, True)}
    return told | reader.weights(operator, kernel, found)


def _dense(reader: _Reader, operator: Operator) -> dict[str, Any]:
    options = operator.expect_options("FullyConnectedOptions")
    if options.get("weights_format", 0):
        operator.refuse("has shuffled weights")
    found = reader.kernel(operator, 2, 0)
    return {"kind": "dense", **reader.weights(operator, found.data.T, found)}


def _pool(reader: _Reader, operator: Operator) -> dict[str, Any]:  # noqa: ARG001
    operator.expect_options("Pool2DOptions")
    return {"kind": POOLS[operator.kind], **_slides(operator, False)}


def _of_all(reader: _Reader, operator: Operator) -> dict[str, Any]:
    operator.expect_options("ReducerOptions")
    axes = sorted(axis % 4 for axis in reader.numbers(operator, 1))
    if axes != [1, 2]:
        operator.refuse(f"is over the axes {axes}, expected rows and columns")
    return {"kind": OF_ALL[operator.kind]}


def _padding(reader: _Reader, operator: Operator) -> dict[str, Any]:
    sides = reader.numbers(operator, 1)
    if len(sides) != 8 or any(sides[:2] + sides[6:]):
        operator.refuse(f"pads by {sides}, expected rows and columns")
    frame = ((sides[2], sides[3]), (sides[4], sides[5]))
    return {"kind": "zero_padding2d", "frame": frame}


def _concatenate(reader: _Reader, operator: Operator) -> dict[str, Any]:
    axis = operator.expect_options("ConcatenationOptions").get("axis", 0)
    rank = len(reader.tensors[operator.outputs[0]].sample) + 1
    if not -rank <= axis < rank:
        operator.refuse(f"joins along axis {axis}")
    return {"kind": "concatenate", "axis": axis % rank}


def _plain(kind: str, **more: Any) -> Any:
    return lambda reader, operator: {"kind": kind, **more}  # noqa: ARG005


READERS: dict[str, Any] = {
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "ADD": _plain("add"),
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "MEAN": _of_all,
    "REDUCE_MAX": _of_all,
    "PAD": _padding,
    "RESHAPE": _plain("reshape"),
    "CONCATENATION": _concatenate,
    "RELU": _plain("relu", activation="relu"),
    "RELU6": _plain("relu", activation="relu6"),
}
