"""The whole file: inputs, layers in the order in which they run, outputs, and what is told beside.

Opset 17 and IR version 8, of 2022, are pinned: whatever reads ONNX has read them for years, and
nothing that minicnn has needs a later one.
"""

import json
import os

import onnx

from minicnn.network import Network
from minicnn.saving import atomic
from minicnn.saving.graphs.limits import LARGEST
from minicnn.saving.graphs.writing import called
from minicnn.saving.onnx.to_onnx.graph import Graph, Value
from minicnn.saving.onnx.to_onnx.table import write_layer

OPSET, IR = 17, 8
BATCH = "N"  # the name of the open axis


def written(model: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as an .onnx file; see minicnn.saving.onnx."""
    atomic.write(path, [proto(model).SerializeToString()])


def proto(model: Network) -> onnx.ModelProto:
    """The file's contents, which ONNX' own checker has passed."""
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights to export yet: build((None, H, W, C)) or fit it first"
        )
    graph = Graph()
    program = model.program()
    values = [Value(graph.unique(node.name or "input"), node.sample_shape) for node in model.inputs]
    inputs = list(values)
    names = [node.name for node in model.outputs]
    graph.taken.update(names)  # kept for them
    values += [Value("", ())] * (len(program.calls) + 1)
    paths = {id(layer): path for path, layer in model.leaves.items()}
    for call in program.calls:
        graph.scope = paths[id(call.layer)]
        values[call.writes] = write_layer(graph, called(call), [values[n] for n in call.reads])
    graph.scope = "output"
    outputs = [graph.last(values[n]) for n in program.outputs]
    return as_model(graph, model.name, inputs, outputs, names, model.class_names)


def as_model(
    graph: Graph,
    name: str,
    inputs: list[Value],
    outputs: list[Value],
    names: list[str],
    class_names: list[str] | None,
) -> onnx.ModelProto:
    """A graph as a file's contents; names: of the outputs."""
    ends = _named(graph, outputs, names)
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            name,
            [_info(one.name, one) for one in inputs],
            [_info(end, one) for end, one in zip(ends, outputs, strict=True)],
            list(graph.constants.values()),
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="minicnn",
    )
    if class_names is not None:
        classes = json.dumps([str(one) for one in class_names])
        onnx.helper.set_model_props(made, {"class_names": classes})
    if made.ByteSize() > LARGEST:
        raise ValueError(
            f"an .onnx file holds at most {LARGEST:,} bytes, {name!r} has {made.ByteSize():,}"
        )
    onnx.checker.check_model(made, full_check=True)
    return made


def _named(graph: Graph, outputs: list[Value], names: list[str]) -> list[str]:
    """The names of the outputs in the file, those of the layers that they come from.

    What is an input, or an output twice, comes out of a node of its own.
    """
    makers = {name: node for node in graph.nodes for name in node.output}
    ends: list[str] = []
    renamed: dict[str, str] = {}
    for value, wanted in zip(outputs, names, strict=True):
        if value.name not in makers or value.name in renamed or wanted in ends:
            graph.scope = f"{wanted}/output"
            ends.append(graph.node("Identity", renamed.get(value.name, value.name)))
            continue
        renamed[value.name] = wanted
        makers[value.name].name = makers[value.name].output[0] = wanted
        for node in graph.nodes:
            for place, read in enumerate(node.input):
                if read == value.name:
                    node.input[place] = wanted
        ends.append(wanted)
    return ends


def _info(name: str, value: Value) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [BATCH, *value.shape])
