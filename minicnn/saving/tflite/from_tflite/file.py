"""The whole file: bytes, tables that are checked, and what minicnn calls them."""

from io import FileIO
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.layers.node import Node
from minicnn.saving import description, regular
from minicnn.saving.graphs.limits import AXES, BATCH, LARGEST, LONGEST, OPERATORS, TEXT
from minicnn.saving.graphs.network import Source, network_of
from minicnn.saving.tflite import metadata
from minicnn.saving.tflite.from_tflite.bounded import unpacked
from minicnn.saving.tflite.from_tflite.operator import Operator, kind_of
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.saving.tflite.from_tflite.table import read_operator
from minicnn.saving.tflite.from_tflite.tensors import Tensor
from minicnn.saving.tflite.schema import IDENTIFIER, VERSION


def source(path: str, file: FileIO) -> Source:
    """What an open .tflite file says; see minicnn.saving.tflite."""
    with description.refusing(path):
        return read_bytes(regular.contents(file, LARGEST, ".tflite"), path)


def read_bytes(data: bytes, path: str) -> Source:
    """What these bytes say of a file at that path. Raises ModelFileError, or what `refusing` takes
    for it.
    """
    model = unpacked(data, "Model", IDENTIFIER)
    graphs, buffers = model.get("subgraphs", []), model.get("buffers", [])
    if model.get("version", 0) != VERSION or len(graphs) != 1 or not buffers:
        raise ModelFileError(
            f"the .tflite file is of version {model.get('version', 0)} and has {len(graphs)} "
            f"graphs, expected version {VERSION} and one: a network that decides what it computes "
            "is no graph of layers"
        )
    graph = graphs[0]
    tensors = [Tensor(n, one, buffers) for n, one in enumerate(graph.get("tensors", []))]
    names = [one.name for one in tensors]
    kinds = [kind_of(code) for code in model.get("operator_codes", [])]
    told = graph.get("operators", [])
    if not 0 < len(told) <= OPERATORS:
        raise ModelFileError(f"the .tflite file has {len(told):,} operators, expected some")
    operators = []
    for number, one in enumerate(told):
        code = one.get("opcode_index", 0)
        if not 0 <= code < len(kinds):
            raise ModelFileError(f"the .tflite file's operator {number} is of no known code")
        operators.append(Operator(number, one, kinds[code], names))
    given, ends = (_numbers(graph, which, len(tensors)) for which in ("inputs", "outputs"))
    shapes = [_dims(tensors[n]) for n in given]
    batches = {dims[0] for dims in shapes}
    if len(batches) != 1:
        raise ModelFileError("the .tflite file has inputs of different numbers of samples")
    batch = batches.pop()
    reader = Reader(tensors, operators, ends, BATCH if batch == -1 else batch)
    inputs = [
        _entrance(reader, n, dims, name)
        for n, dims, name in zip(given, shapes, _names(model, given, names), strict=True)
    ]
    for operator in operators:
        if id(operator) in reader.done:
            continue
        for n in operator.inputs:
            if n >= 0 and n not in reader.values:
                operator.refuse(f"reads {names[n]!r:.{TEXT}}, which nothing before it makes")
        read_operator(reader, operator)
    outputs = [_exit(reader, n, operators[-1]) for n in ends]
    labels = metadata.labels(data)
    name = graph.get("name", "")
    return Source(path, *network_of(reader, inputs, outputs, name, labels))


def _numbers(graph: dict[str, Any], which: str, count: int) -> list[int]:
    """The tensors that go in or come out."""
    found = [int(n) for n in graph.get(which, [])]
    if not found or len(found) > LONGEST or not all(0 <= n < count for n in found):
        raise ModelFileError(f"the .tflite file has {which} {found!s:.60} of {count} tensors")
    return found


def _dims(tensor: Tensor) -> tuple[int, ...]:
    """The shape of an input: N, or -1 where it is open, and numbers."""
    batch, *sample = tensor.shape or (0,)
    if tensor.dtype != "float32" or tensor.data is not None:
        tensor.refuse("goes in, expected numbers of float32")
    if (
        not 1 <= len(sample) < AXES
        or not all(1 <= n <= LONGEST for n in sample)
        or not (batch == -1 or 1 <= batch <= LONGEST)
    ):
        tensor.refuse(f"goes in with the shape {tensor.shape}, expected samples of a fixed size")
    return (batch, *sample)


def _names(model: dict[str, Any], given: list[int], names: list[str]) -> list[str]:
    """What inputs are called: as the signature says, or else as their tensors are."""
    signatures = model.get("signature_defs", [])
    told = {
        one.get("tensor_index", 0): one.get("name", "")
        for signature in signatures[:1]
        for one in signature.get("inputs", [])
    }
    return [told.get(n) or names[n] for n in given]


def _entrance(reader: Reader, tensor: int, dims: tuple[int, ...], name: str) -> Node:
    """Put an input."""
    if tensor in reader.values:
        reader.tensors[tensor].refuse("goes in twice")
    node = reader.input(name, dims[1:])
    reader.values[tensor] = node
    return node


def _exit(reader: Reader, tensor: int, last: Operator) -> Node:
    """An output."""
    found = reader.values.get(tensor)
    if not isinstance(found, Node):
        reader.tensors[tensor].refuse("comes out, and does not depend on what goes in")
    return reader.output(last, found)
