"""The whole file: bytes, a graph that is checked, and a model."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from minicnn.errors import ModelFileError
from minicnn.layers import Input
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.network.walk import walk
from minicnn.saving import description
from minicnn.saving.onnx.reading.layouts import PICTURES, as_in_onnx, lying
from minicnn.saving.onnx.reading.limits import AXES, NODES, TEXT
from minicnn.saving.onnx.reading.operator import Operator
from minicnn.saving.onnx.reading.reader import Reader
from minicnn.saving.onnx.reading.table import read_node
from minicnn.saving.onnx.reading.tensors import TYPES, Tensors
from minicnn.saving.onnx.reading.values import BATCH, Value
from minicnn.saving.structure import CHAIN, GRAPH

OLDEST, NEWEST = 7, 28  # opsets: before, arithmetic had axes; later ones may mean other things
LARGEST = 2**31 - 1  # bytes
CHANNELS_LAST = ("minicnn", "tf2onnx")  # producers whose pictures come in so
LONGEST = 2**20  # rows, columns or channels of an input


def opened(path: str | os.PathLike[str], classes: Mapping[str, Callable[..., Any]]) -> Any:
    """The model in an .onnx file; see minicnn.saving.onnx."""
    name = os.fsdecode(path)
    with description.refusing(name):
        return made(_bytes(name), os.path.dirname(os.path.abspath(name)), classes)


def _bytes(name: str) -> bytes:
    try:
        status = os.stat(name)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise ModelFileError(
                f"{name!r} expected an .onnx file of at most {LARGEST:,} bytes, received a folder, "
                f"a device, a pipe or {status.st_size:,} bytes"
            )
        with open(name, "rb") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no model file {name!r:.300}") from None
    except OSError as error:
        raise ModelFileError(f"{name!r} cannot be read: {error.strerror}") from error


def made(data: bytes, folder: str, classes: Mapping[str, Callable[..., Any]]) -> Any:
    """The model that these bytes say. Raises ModelFileError, or what `refusing` takes for it."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise ModelFileError("expected an .onnx file, received what is none, or damaged") from error
    graph = proto.graph
    version = _version(proto)
    if not graph.node or len(graph.node) > NODES or proto.functions or graph.sparse_initializer:
        raise ModelFileError(
            f"the .onnx file has {len(graph.node):,} nodes and {len(proto.functions)} functions of "
            f"its own, expected 1 to {NODES:,} nodes of ONNX' operators"
        )
    tensors = Tensors(folder)
    operators = [Operator(node, version, tensors) for node in graph.node]
    constants = {one.name: tensors.array(one) for one in graph.initializer}
    given = [one for one in graph.input if one.name not in constants]
    shapes = [_dims(one) for one in given]
    batches = {dims[0] for dims in shapes}
    batch = batches.pop() if len(batches) == 1 and None not in batches else BATCH
    reader = Reader(operators, [one.name for one in graph.output], batch or BATCH)
    reader.room.room += 2 * tensors.numbers
    reader.values.update(constants)
    inputs = []
    for one, dims in zip(given, shapes, strict=True):
        last = proto.producer_name in CHANNELS_LAST or _turned_at_once(reader, one.name)
        inputs.append((_entrance(reader, one.name, dims, last), last))
    for operator in operators:
        if id(operator) in reader.done:
            continue
        for name in operator.inputs:
            if name and name not in reader.values:
                operator.refuse(f"reads {name!r:.{TEXT}}, which no node before it makes")
        read_node(reader, operator)
    turned = any(node.ndim == 4 and not one for node, one in inputs)
    outputs = [_exit(reader, one.name, operators[-1], turned) for one in graph.output]
    return _model(proto, [node for node, _ in inputs], outputs, classes)


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
    reader.values[name] = Value(node, shape, perm)
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


def _model(
    proto: onnx.ModelProto,
    inputs: list[Node],
    outputs: list[Node],
    classes: Mapping[str, Callable[..., Any]],
) -> Any:
    """Sequential where each layer feeds the next alone, else Model."""
    name = "".join(c if c.isalnum() or c in "_.-" else "_" for c in proto.graph.name)[:TEXT]
    options = {"name": name or None, "seed": 0, "class_names": _class_names(proto, outputs)}
    used = walk(outputs, inputs).finished
    inputs = [node for node in inputs if node in set(used)]
    if not any(node.inputs for node in used):
        raise ModelFileError("the .onnx file has no layers that compute anything")
    is_chain = len(inputs) == len(outputs) == 1 and all(
        len(node.inputs) == 1 and node.inputs[0] is before
        for before, node in zip(used, used[1:], strict=False)
    )
    if is_chain:
        model = classes[CHAIN]([inputs[0], *(node.layer for node in used[1:])], **options)
    else:
        ends: Any = outputs if len(outputs) > 1 else outputs[0]
        model = classes[GRAPH](inputs if len(inputs) > 1 else inputs[0], ends, **options)
    description.check_built(model)
    return model


def _class_names(proto: onnx.ModelProto, outputs: list[Node]) -> list[str] | None:
    """Those that minicnn writes beside a network; None where there are none for its classes."""
    told = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        names = json.loads(told.get("class_names", "null"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    classes = max(2, outputs[0].sample_shape[-1])
    return names if len(outputs) == 1 and len(names) == classes else None
