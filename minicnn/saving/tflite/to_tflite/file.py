"""The whole file: inputs, layers in the order in which they run, outputs, and what is told beside.

A signature, "serving_default", names inputs and outputs as the model has them.
"""

from collections import Counter
from typing import Any

from minicnn.network import Network
from minicnn.saving.graphs.limits import LARGEST
from minicnn.saving.graphs.writing import called
from minicnn.saving.tflite import metadata
from minicnn.saving.tflite.schema import (
    IDENTIFIER,
    MOST_OLD,
    OPERATORS,
    TYPES,
    UNION,
    VERSION,
)
from minicnn.saving.tflite.to_tflite.graph import Graph, Operator, Tensor, Value
from minicnn.saving.tflite.to_tflite.numbers import halved
from minicnn.saving.tflite.to_tflite.packing import packed
from minicnn.saving.tflite.to_tflite.table import write_layer

RUNTIME = b"2.9.0"  # the TensorFlow of 2022, since which LiteRT has all operators that are written


def written(model: Network, weights: str) -> bytes:
    """A network as a .tflite file; weights: the type of its kernels, see numbers.py."""
    graph = Graph()
    inputs, outputs = _layers(graph, model)
    if weights == "float16":
        halved(graph)
    names = None if model.class_names is None else [str(name) for name in model.class_names]
    given = _named([node.name for node in model.inputs], inputs)
    made = _named([node.name for node in model.outputs], outputs)
    return as_bytes(graph, model.name, given, made, names)


def as_bytes(
    graph: Graph,
    name: str,
    inputs: dict[str, int],
    outputs: dict[str, int],
    class_names: list[str] | None,
) -> bytes:
    """A graph as a file. inputs, outputs: tensors, by the names that the signature has."""
    more = [("min_runtime_version", RUNTIME.ljust(16, b"\0"))]
    if class_names is not None:
        more.append((metadata.NAME, metadata.told(name, list(inputs), list(outputs))))
    size = sum(tensor.data.nbytes for tensor in graph.tensors if tensor.data is not None)
    if size > LARGEST - 2**20:
        raise ValueError(f"a .tflite file holds at most {LARGEST:,} bytes, {name!r} has more")
    data = packed("Model", told(graph, name, inputs, outputs, more), IDENTIFIER)
    return data if class_names is None else metadata.with_labels(data, class_names)


def _layers(graph: Graph, model: Network) -> tuple[list[int], list[int]]:
    """Write all layers; the tensors of the inputs and outputs."""
    program = model.program()
    values = [
        Value(graph.tensor(node.name or "input", (1, *node.sample_shape)), node.sample_shape)
        for node in model.inputs
    ]
    inputs = [value.tensor for value in values]
    values += [Value(-1, ())] * (len(program.calls) + 1)
    users = Counter(n for call in program.calls for n in call.reads)
    users.update(dict.fromkeys(program.outputs, 2))
    alone = [users[n] == 1 for n in range(len(values))]
    paths = {id(layer): path for path, layer in model.leaves.items()}
    for call in program.calls:
        graph.scope, graph.alone = paths[id(call.layer)], alone[call.reads[0]]
        made = write_layer(graph, called(call), [values[n] for n in call.reads])
        for n in call.reads:
            if values[n].tensor == made.tensor:  # which its users read, too
                alone[call.writes] = alone[call.writes] and alone[n]
        values[call.writes] = made
    outputs: list[int] = []
    for n in program.outputs:
        value = values[n]
        if value.tensor in inputs or value.tensor in outputs:  # what comes in, or out twice
            graph.scope = f"{model.name}/output"
            value = _again(graph, value)
        outputs.append(value.tensor)
    return inputs, outputs


def _again(graph: Graph, x: Value) -> Value:
    """x as what an operator makes."""
    target = [-1, *x.shape]
    given = [x.tensor, graph.integers("shape", target)]
    return graph.node("RESHAPE", given, x.shape, "ReshapeOptions", new_shape=target)


def told(
    graph: Graph,
    name: str,
    inputs: dict[str, int],
    outputs: dict[str, int],
    more: list[tuple[str, bytes]],
) -> dict[str, Any]:
    """The table Model. more: metadata, by name. Buffer 0 is empty, as the schema wants it."""
    buffers: list[dict[str, Any]] = [{}]
    known: dict[bytes, int] = {}

    def buffer(data: bytes) -> int:
        """The number of a buffer; the same for the same bytes, as a shared layer's are."""
        if data not in known:
            known[data] = len(buffers)
            buffers.append({"data": data})
        return known[data]

    codes = list(dict.fromkeys((one.kind, one.version) for one in graph.operators))
    tensors = [
        _tensor(one, 0 if one.data is None else buffer(one.data.tobytes())) for one in graph.tensors
    ]
    return {
        "version": VERSION,
        "description": "minicnn",
        "operator_codes": [_code(*code) for code in codes],
        "subgraphs": [
            {
                "name": name,
                "tensors": tensors,
                "inputs": list(inputs.values()),
                "outputs": list(outputs.values()),
                "operators": [_operator(one, codes) for one in graph.operators],
            }
        ],
        "metadata": [{"name": key, "buffer": buffer(data)} for key, data in more],
        "buffers": buffers,
        "signature_defs": [
            {
                "signature_key": "serving_default",
                "inputs": _maps(inputs),
                "outputs": _maps(outputs),
                "subgraph_index": 0,
            }
        ],
    }


def _tensor(one: Tensor, buffer: int) -> dict[str, Any]:
    told = {
        "name": one.name,
        "shape": list(one.shape),
        "type": TYPES[one.dtype],
        "buffer": buffer,
        "has_rank": True,
    }
    if one.quantization is not None:
        told["quantization"] = one.quantization
    return told if one.fixed else told | {"shape_signature": [-1, *one.shape[1:]]}


def _code(kind: str, version: int) -> dict[str, Any]:
    number = OPERATORS[kind]
    old = min(number, MOST_OLD)
    return {"deprecated_builtin_code": old, "builtin_code": number, "version": version}


def _operator(one: Operator, codes: list[tuple[str, int]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "opcode_index": codes.index((one.kind, one.version)),
        "inputs": one.inputs,
        "outputs": one.outputs,
    }
    if one.options is not None:
        told["builtin_options_type"] = UNION[one.options[0]]
        told["builtin_options"] = one.options
    return told


def _named(names: list[str], tensors: list[int]) -> dict[str, int]:
    """Tensors by name; one that is there twice gets a number."""
    told: dict[str, int] = {}
    for name, tensor in zip(names, tensors, strict=True):
        free, number = name, 0
        while free in told:
            number += 1
            free = f"{name}_{number}"
        told[free] = tensor
    return told


def _maps(tensors: dict[str, int]) -> list[dict[str, Any]]:
    return [{"name": name, "tensor_index": tensor} for name, tensor in tensors.items()]
