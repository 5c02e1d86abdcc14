"""ONNX' own tests of single operators, with minicnn as what runs them.

Those in scope have floats or small integers, one output, and pictures of two dimensions, as
classifiers do: 280 of the 1,884 that the library `onnx` makes. What a test gives as an input, but
for the first, or for those that are joined, is a constant of the network here; numbers along one
axis alone are taken for one sample.
"""

import collections
import warnings
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx_models import of_bytes, predicted

from minicnn.errors import ModelFileError

TYPES = {
    TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT64, TensorProto.INT32,
}  # fmt: skip
OF_FLOATS = set("Add Mul Sub Div Max Min Pow Clip Sum Mean".split())
OF_PICTURES = set(
    "Conv MaxPool AveragePool GlobalAveragePool GlobalMaxPool ConvTranspose LpPool QLinearConv "
    "ConvInteger Resize DepthToSpace LRN InstanceNormalization".split()
)
OPERATORS = set(
    "Conv BatchNormalization Relu LeakyRelu Elu Selu PRelu Sigmoid HardSigmoid HardSwish Swish "
    "Tanh Gelu Softmax LogSoftmax Softplus Clip MaxPool AveragePool GlobalAveragePool "
    "GlobalMaxPool Gemm MatMul Add Sub Mul Div Max Min Sum Flatten Reshape Squeeze Unsqueeze "
    "Transpose Concat Pad ReduceMean ReduceMax Identity Dropout Cast QuantizeLinear "
    "DequantizeLinear QLinearConv ConvInteger MatMulInteger QLinearMatMul DynamicQuantizeLinear "
    "Split Slice Resize ConvTranspose DepthToSpace LRN InstanceNormalization "
    "LayerNormalization".split()
)
JOINING = set("Add Sub Mul Div Max Min Sum Mean Concat".split())
TOLERANCE = 1e-5
RECORDED = 1e-3  # some results are written down with four digits


class Outcome(NamedTuple):
    """operator, name of the test, "passed", "refused" or "failed", and why."""

    operator: str
    name: str
    outcome: str
    why: str


def in_scope():
    """(operator, test) of those that are."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = collect_testcases(None)
    for test in tests:
        graph = test.model.graph
        kinds = {node.op_type for node in graph.node}
        if len(kinds) != 1 or not kinds <= OPERATORS:
            continue
        (kind,) = kinds
        types = [one.type.tensor_type for one in (*graph.input, *graph.output)]
        if any(not one.type.HasField("tensor_type") for one in (*graph.input, *graph.output)):
            continue
        if any(one.elem_type not in TYPES for one in types) or len(graph.output) > 1:
            continue
        if kind in OF_PICTURES and len(types[0].shape.dim) != 4:
            continue
        if kind in OF_FLOATS and any(one.elem_type != TensorProto.FLOAT for one in types):
            continue
        yield kind, test


def one_sample(proto, arrays):
    """The same with (1, n) for every (n,), where all inputs and outputs have one axis."""
    ends = [*proto.graph.input, *proto.graph.output]
    sizes = [len(one.type.tensor_type.shape.dim) for one in ends]
    if max(sizes) != 1 or proto.graph.node[0].op_type in ("Concat", "MatMul", "QuantizeLinear"):
        return arrays
    for one, size in zip(ends, sizes, strict=True):
        if size:
            n = one.type.tensor_type.shape.dim[0].dim_value
            one.type.tensor_type.shape.ClearField("dim")
            one.type.tensor_type.shape.dim.add().dim_value = 1
            one.type.tensor_type.shape.dim.add().dim_value = n
    return [array.reshape(1, -1) if array.ndim else array for array in arrays]


def given(kind, inputs):
    """The numbers of the inputs that depend on samples."""
    if kind == "Concat":
        return list(range(len(inputs)))
    if kind not in JOINING:
        return [0]
    if len(inputs) == 2 and inputs[0].ndim < inputs[1].ndim:
        return [1]
    first = inputs[0]
    alike = [n for n, one in enumerate(inputs) if one.ndim == first.ndim]
    return [n for n in alike if inputs[n].shape[:1] == first.shape[:1]]


def tried(kind, test):
    """What happened to one test."""
    proto = onnx.ModelProto()
    proto.CopyFrom(test.model)
    inputs, outputs = ([np.asarray(one) for one in part] for part in test.data_sets[0])
    arrays = one_sample(proto, [*inputs, *outputs])
    inputs, expected = arrays[: len(inputs)], arrays[-1]
    varying = given(kind, inputs)
    for n, (info, array) in enumerate(zip(proto.graph.input, inputs, strict=True)):
        if n not in varying:
            proto.graph.initializer.append(numpy_helper.from_array(array, info.name))
    try:
        model = of_bytes(proto.SerializeToString(), test.name)
    except ModelFileError as error:
        return Outcome(kind, test.name, "refused", str(error))
    model.engine = "reference"
    xs = [inputs[n].astype(np.float32) for n in varying]
    xs = [x.transpose(0, 2, 3, 1) if x.ndim == 4 else x for x in xs]  # minicnn's order
    (received,) = predicted(model, xs)
    if received.ndim == 4 and inputs[varying[0]].ndim == 4:
        received = received.transpose(0, 3, 1, 2)
    if received.shape != expected.shape:
        return Outcome(kind, test.name, "failed", f"{received.shape}, {expected.shape}")
    rounded = np.array_equal(expected, np.round(expected, 4))
    scale = max(float(np.abs(np.nan_to_num(expected)).max()), 1e-6)
    close = np.allclose(
        received, expected, rtol=0, atol=scale * (RECORDED if rounded else TOLERANCE),
        equal_nan=True,
    )  # fmt: skip
    worst = float(np.abs(np.nan_to_num(received - expected)).max() / scale)
    return Outcome(kind, test.name, "passed" if close else "failed", f"error {worst:.1e}")


def outcomes():
    """Of all that are in scope."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [tried(kind, test) for kind, test in in_scope()]


def counted(found):
    """How many passed, were refused, failed."""
    return dict(collections.Counter(one.outcome for one in found))
