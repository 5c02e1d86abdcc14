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
from minicnn.quantize.tflite_operators import READERS
from minicnn.quantize.tflite_tensors import Whole
from minicnn.saving import regular
from minicnn.saving.description import refusing
from minicnn.saving.graphs.limits import OPERATORS
from minicnn.saving.tflite import metadata
from minicnn.saving.tflite.from_tflite.bounded import unpacked
from minicnn.saving.tflite.from_tflite.operator import Operator, kind_of
from minicnn.saving.tflite.schema import IDENTIFIER, VERSION
from minicnn.types import Shape

LARGEST = 2**28  # bytes of a file
ENDINGS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}


def read(path: str | os.PathLike[str]) -> QuantizedModel:
    """The network in a .tflite file of whole numbers. Raises FileNotFoundError, ModelFileError."""
    with regular.opened(path) as (name, file), refusing(name):
        return read_bytes(regular.contents(file, LARGEST, ".tflite"))


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
            told = READERS[kind](self.tensors, operator)
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
            operator.refuse(
                "reads what nothing before it makes"
                if self.of_input is not None
                else "is of a network in reals, expected int8: models.load_model opens it"
            )
        return self.values[found]

    def _flat(self, operator: Operator, value: int, size: int) -> int:
        """A value as vectors, which LiteRT's dense layer makes of it by itself."""
        shape = self.input_shape if value == 0 else self.operations[value - 1].shape
        if len(shape) == 1:
            return value
        name, makes = f"{operator.name}/flat", self._quantization(value)
        self.operations.append(IntegerOperation("reshape", name, (value,), (size,), makes=makes))
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
        weights = {one: told.pop(one, None) for one in ("kernel", "bias", "kernel_scale")}
        makes = tensor.quantization
        kind = told.pop("kind")
        if kind in KEEPING and makes != self._quantization(reads[0]):
            operator.refuse("changes the scale of its numbers, expected one that keeps it")
        self.operations.append(
            IntegerOperation(
                kind, name, reads, tensor.sample, activation, told, makes=makes, **weights
            )
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
