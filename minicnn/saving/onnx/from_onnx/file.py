"""The whole file: bytes, a graph that is checked, and what minicnn calls it."""

import json
import os
from io import FileIO
from typing import NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from minicnn.errors import ModelFileError
from minicnn.layers.node import Node
from minicnn.saving import description, regular
from minicnn.saving.graphs.limits import AXES, BATCH, LARGEST, LONGEST, OPERATORS, TEXT
from minicnn.saving.graphs.network import Source, network_of
from minicnn.saving.onnx.from_onnx.layouts import PICTURES, as_in_onnx, lying
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.table import read_node
from minicnn.saving.onnx.from_onnx.tensors import TYPES, Tensors
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.types import Array

OLDEST, NEWEST = 7, 28  # opsets: before, arithmetic had axes; later ones may mean other things
CHANNELS_LAST = ("minicnn", "tf2onnx")  # producers whose pictures come in so


def source(path: str, file: FileIO) -> Source:
    """What an open .onnx file says; see minicnn.saving.onnx."""
    with description.refusing(path):
        return read(told(message(regular.contents(file, LARGEST, ".onnx")), path), path)


def message(data: bytes) -> onnx.ModelProto:
    """What Protocol Buffers make of these bytes. Raises ModelFileError."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise ModelFileError("expected an .onnx file, received what is none, or damaged") from error
    return proto


class Told(NamedTuple):
    """What a file says. What was parsed out of its bytes is not needed any more then: the numbers
    are there once.

    Attributes:
        inputs: names and shapes, of which N is None where it is open.
        stored: numbers of constants.
        channels_last: whether its producer is known for pictures that come in so.
    """

    name: str
    operators: list[Operator]
    constants: dict[str, Array]
    inputs: list[tuple[str, tuple[int | None, ...]]]
    outputs: list[str]
    class_names: list[str] | None
    stored: int
    channels_last: bool


def told(proto: onnx.ModelProto, path: str) -> Told:
    """What the contents of a file at that path say, beside which others may be. Raises
    ModelFileError.
    """
    graph, version = proto.graph, _version(proto)
    count = len(graph.node)
    if not 0 < count <= OPERATORS or proto.functions or graph.sparse_initializer:
        raise ModelFileError(
            f"the .onnx file has {count:,} nodes and {len(proto.functions)} functions of its own, "
            f"expected 1 to {OPERATORS:,} nodes of ONNX' operators"
        )
    tensors = Tensors(os.path.dirname(os.path.abspath(path)))
    operators = [Operator(node, version, tensors) for node in graph.node]
    constants = {one.name: tensors.array(one) for one in graph.initializer}
    return Told(
        graph.name,
        operators,
        constants,
        [(one.name, _dims(one)) for one in graph.input if one.name not in constants],
        [one.name for one in graph.output],
        _class_names(proto),
        tensors.numbers,
        proto.producer_name in CHANNELS_LAST,
    )


def read(of_file: Told, path: str) -> Source:
    """The network that a file describes. Raises ModelFileError, or what `refusing` takes for it."""
    batches = {dims[0] for _, dims in of_file.inputs}
    batch = batches.pop() if len(batches) == 1 else None
    reader = Reader(of_file.operators, of_file.outputs, batch or BATCH, of_file.stored)
    reader.values.update(of_file.constants)
    inputs, turned = [], False
    for name, dims in of_file.inputs:
        last = of_file.channels_last or _turned_at_once(reader, name)
        turned = turned or len(dims) == 4 and not last
        inputs.append(_entrance(reader, name, dims, last))
    with np.errstate(all="ignore"):  # what is not finite is refused where it becomes a weight
        for operator in of_file.operators:
            if id(operator) in reader.done:
                continue
            for name in operator.inputs:
                if name and name not in reader.values:
                    operator.refuse(f"reads {name!r:.{TEXT}}, which no node before it makes")
            read_node(reader, operator)
    last_operator = of_file.operators[-1]
    outputs = [_exit(reader, name, last_operator, turned) for name in of_file.outputs]
    return Source(path, *network_of(reader, inputs, outputs, of_file.name, of_file.class_names))


def _version(proto: onnx.ModelProto) -> int:
    """Which operators it means."""
    for one in proto.opset_import:
        if one.domain in ("", "ai.onnx"):
            if OLDEST <= one.version <= NEWEST:
                return one.version
            raise ModelFileError(
                f"the .onnx file has operators of opset {one.version}, expected {OLDEST} to "
                f"{NEWEST}: export it again"
            )
    raise ModelFileError("expected an .onnx file, received one that names no operators")


def _dims(info: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """The shape of an input: N, or None where it is open, and numbers."""
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or kind.elem_type not in TYPES:
        raise ModelFileError(f"the .onnx file has an input {info.name!r:.{TEXT}} of no numbers")
    sizes = [axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim]
    batch, *sample = sizes or [None]
    if not 1 <= len(sample) < AXES or not all(n and 1 <= n <= LONGEST for n in sample):
        raise ModelFileError(
            f"the .onnx file has an input {info.name!r:.{TEXT}} of shape "
            f"({', '.join('?' if n is None else str(n) for n in sizes)}), expected samples of a "
            "fixed size: export it with only the first axis open"
        )
    return (batch if batch and 0 < batch <= LONGEST else None, *sample)


def _entrance(reader: Reader, name: str, dims: tuple[int | None, ...], last: bool) -> Node:
    """Put an input, of pictures channels last; last: whether they are so in the file."""
    shape = (reader.batch, *(n for n in dims[1:] if n))
    perm = tuple(range(len(dims)))
    if len(dims) == 4 and not last:
        perm = PICTURES
    node = reader.input(name, tuple(shape[axis] for axis in perm[1:]))
    reader.keep(name, Value(node, shape, perm))
    return node


def _turned_at_once(reader: Reader, name: str) -> bool:
    """Whether pictures come in channels last: a transpose to channels first is among their users,
    behind arithmetic perhaps.
    """
    coming = [name]
    for _ in range(50):
        if not coming:
            break
        for user in reader.users.get(coming.pop(0), []):
            if user.kind == "Transpose" and user.attributes.get("perm") == [0, 3, 1, 2]:
                return True
            if user.kind in ("Add", "Sub", "Mul", "Div", "Cast", "Identity"):
                coming += user.outputs[:1]
    return False


def _exit(reader: Reader, name: str, last: Operator, turned: bool) -> Node:
    """An output as the model has it: in the order of ONNX, but pictures channels last where those
    that came in were turned.
    """
    found = reader.values.get(name)
    if not isinstance(found, Value):
        raise ModelFileError(
            f"the .onnx file has an output {name!r:.{TEXT}} that does not depend on its inputs"
        )
    if found.batch != 0:
        raise ModelFileError(
            f"the .onnx file has an output {name!r:.{TEXT}} whose first axis is not the samples"
        )
    if turned and found.rank == 4 and not found.last:
        found = lying(reader, last, found, PICTURES)
    else:
        found = as_in_onnx(reader, last, found)
    return reader.output(last, found.tensor)


def _class_names(proto: onnx.ModelProto) -> list[str] | None:
    """The class names that minicnn writes beside a network."""
    told = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        names = json.loads(told.get("class_names", "null"))
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list else None
