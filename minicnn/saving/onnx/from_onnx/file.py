"""The whole file: bytes, a graph that is checked, and what minicnn calls it."""

import json
import os
from io import FileIO
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from minicnn.errors import ModelFileError
from minicnn.layers import Input
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.saving import description
from minicnn.saving.onnx.from_onnx.layouts import PICTURES, as_in_onnx, lying
from minicnn.saving.onnx.from_onnx.limits import AXES, NODES, TEXT
from minicnn.saving.onnx.from_onnx.network import network_of
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.table import read_node
from minicnn.saving.onnx.from_onnx.tensors import TYPES, Tensors
from minicnn.saving.onnx.from_onnx.values import BATCH, Value
from minicnn.types import Array

OLDEST, NEWEST = 7, 28  # opsets: before, arithmetic had axes; later ones may mean other things
LARGEST = 2**31 - 1  # bytes
CHANNELS_LAST = ("minicnn", "tf2onnx")  # producers whose pictures come in so
LONGEST = 2**20  # rows, columns or channels of an input


def source(path: str, file: FileIO) -> "Source":
    """What an open .onnx file says; see minicnn.saving.onnx."""
    with description.refusing(path):
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST:
            raise ModelFileError(
                f"expected an .onnx file of at most {LARGEST:,} bytes, {size:,} there"
            )
        return read_bytes(_all(file, size), path)


def _all(file: FileIO, size: int) -> bytes:
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Source:
    """A network out of an .onnx file, as minicnn's own files have it (description.py).

    Attributes:
        path: for messages.
        config: what it is.
        arrays: its weights, by name.
    """

    def __init__(self, path: str, config: dict[str, Any], arrays: dict[str, Array]):
        self.path, self.config, self.arrays = path, config, arrays

    def read(self) -> dict[str, Array]:
        """The weights."""
        return self.arrays


def read_bytes(data: bytes, path: str) -> Source:
    """What these bytes say of a file at that path. Raises ModelFileError, or what `refusing` takes
    for it.
    """
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise ModelFileError("expected an .onnx file, received what is none, or damaged") from error
    graph, version = proto.graph, _version(proto)
    if not graph.node or len(graph.node) > NODES or proto.functions or graph.sparse_initializer:
        raise ModelFileError(
            f"the .onnx file has {len(graph.node):,} nodes and {len(proto.functions)} functions of "
            f"its own, expected 1 to {NODES:,} nodes of ONNX' operators"
        )
    tensors = Tensors(os.path.dirname(os.path.abspath(path)))
    operators = [Operator(node, version, tensors) for node in graph.node]
    constants = {one.name: tensors.array(one) for one in graph.initializer}
    given = [one for one in graph.input if one.name not in constants]
    shapes = [_dims(one) for one in given]
    batches = {dims[0] for dims in shapes}
    batch = batches.pop() if len(batches) == 1 and None not in batches else BATCH
    reader = Reader(operators, [one.name for one in graph.output], batch or BATCH)
    reader.room.room += 2 * tensors.numbers
    reader.values.update(constants)
    inputs, turned = [], False
    for one, dims in zip(given, shapes, strict=True):
        last = proto.producer_name in CHANNELS_LAST or _turned_at_once(reader, one.name)
        turned = turned or len(dims) == 4 and not last
        inputs.append(_entrance(reader, one.name, dims, last))
    for operator in operators:
        if id(operator) in reader.done:
            continue
        for name in operator.inputs:
            if name and name not in reader.values:
                operator.refuse(f"reads {name!r:.{TEXT}}, which no node before it makes")
        read_node(reader, operator)
    outputs = [_exit(reader, one.name, operators[-1], turned) for one in graph.output]
    return Source(path, *network_of(inputs, outputs, graph.name, _told(proto)))


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
    label = "".join(c if c.isalnum() or c in "_.-" else "_" for c in name)[:TEXT] or "input"
    node = Input(tuple(shape[axis] for axis in perm[1:]), name=label)
    reader.names[label] += 1
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
    if isinstance(found.tensor.layer, InputLayer):
        return reader.layer("Identity", last, found.tensor)
    return found.tensor


def _told(proto: onnx.ModelProto) -> list[str] | None:
    """The class names that minicnn writes beside a network."""
    told = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        names = json.loads(told.get("class_names", "null"))
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list else None
