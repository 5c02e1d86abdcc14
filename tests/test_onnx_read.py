"""Networks that come in as .onnx files, whoever wrote them."""

import json
import os
import shutil
from copy import deepcopy
from pathlib import Path

import graph_cases
import graph_models
import graph_parts
import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx_models as models  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from minicnn import Input, Model, Sequential, applications, layers  # noqa: E402
from minicnn.errors import ModelFileError  # noqa: E402
from minicnn.saving import onnx as files  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

FOLDER = Path(__file__).parent / "golden" / "onnx"
OUTPUTS = dict(np.load(FOLDER / "outputs.npz"))
EXPORTED = sorted(path.stem for path in FOLDER.glob("*.onnx"))
RESULT = Path(__file__).parents[1] / "docs" / "results" / "onnx_nodes.json"
CASES = standard_cases()
# written as several operators of which no layer computes one alone
ONE_WAY = {
    "ReLU of all arguments",
    "Activation squareplus",
    "Activation sparse_plus",
    "LayerNormalization of pictures",
}


@pytest.mark.parametrize("name", EXPORTED)
def test_what_others_export_is_read(name):
    """As PyTorch or TensorFlow computed it."""
    model = models.read(FOLDER / f"{name}.onnx")
    model.engine = "reference"
    received = model.forward(OUTPUTS["x"])
    assert models.apart([received], [OUTPUTS[name.split("_")[0]]]) < models.TOLERANCE


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_a_network_of_channels_first_pictures_has_no_transposes():
    for name in ("residual_dynamo", "google_script", "mobile_script", "squeeze_one"):
        found = kinds(models.read(FOLDER / f"{name}.onnx"))
        assert {"Permute", "Reshape"}.isdisjoint(found), name
    assert kinds(models.read(FOLDER / "shuffle_script.onnx")).count("Permute") == 1


def test_a_chain_is_a_sequential():
    model = models.read(FOLDER / "tensorflow.onnx")
    assert isinstance(model, Sequential) and model.input_shape == (None, 16, 16, 3)
    assert kinds(model) == [
        "Rescaling", "Conv2D", "ReLU", "DepthwiseConv2D", "ReLU", "MaxPooling2D", "Flatten",
        "Dense", "Softmax",
    ]  # fmt: skip


def test_what_was_taken_apart_is_put_together():
    found = kinds(models.read(FOLDER / "next_script.onnx"))
    assert found == [
        "InputLayer", "Normalization", "Conv2D", "DepthwiseConv2D", "LayerNormalization", "Dense",
        "GELU", "Dense", "Add", "GroupNormalization", "Activation", "UpSampling2D",
        "GlobalMaxPooling2D", "Dense",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["residual_script", "mobile_dynamo"])
def test_it_can_be_trained_on(name):
    model = models.read(FOLDER / f"{name}.onnx")
    model.engine = "reference"
    before = model.get_weights()
    assert not model.has_fresh_weights
    model.compile("adam", "mse")
    first = model.train_on_batch(OUTPUTS["x"], np.zeros((3, 5)))
    for _ in range(10):
        last = model.train_on_batch(OUTPUTS["x"], np.zeros((3, 5)))
    assert last < first
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


def test_and_saved_and_written_again(tmp_path):
    model = models.read(FOLDER / "google_script.onnx")
    model.engine = "reference"
    files.write(tmp_path / "again.onnx", model)
    received = models.run(tmp_path / "again.onnx", [OUTPUTS["x"]])
    assert models.apart(received, [OUTPUTS["google"]]) < models.TOLERANCE
    model.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("surroundings", [models.alone, models.among_others])
@pytest.mark.parametrize("case", [case for case in CASES if case not in ONE_WAY])
def test_what_minicnn_writes_it_reads(case, surroundings, tmp_path):
    layer, shape = CASES[case]
    layer = layers.RandomCrop(3, 2) if case == "RandomCrop" else deepcopy(layer)
    model = models.drawn(surroundings(layer, shape))
    files.write(tmp_path / "model.onnx", model)
    again = models.read(tmp_path / "model.onnx")
    again.engine = "reference"
    x = models.samples(model)
    assert models.apart(models.predicted(again, x), models.predicted(model, x)) < models.TOLERANCE


@pytest.mark.parametrize("case", sorted(ONE_WAY))
def test_or_says_that_it_cannot(case, tmp_path):
    layer, shape = CASES[case]
    files.write(tmp_path / "model.onnx", models.alone(deepcopy(layer), shape))
    with pytest.raises(ModelFileError, match="none of minicnn's layers computes that"):
        models.read(tmp_path / "model.onnx")


@pytest.mark.parametrize("number", range(8))
def test_drawn_graphs_come_back(number, tmp_path):
    graph = graph_cases.draw(number)
    model = graph_models.model_of(graph, "float32")
    files.write(tmp_path / "model.onnx", model)
    again = models.read(tmp_path / "model.onnx")
    again.engine = "reference"
    x = [one.astype(np.float32) for one in graph_parts.given(graph)]
    assert models.apart(models.predicted(again, x), models.predicted(model, x)) < models.TOLERANCE


def test_the_documented_network_comes_back_layer_by_layer(tmp_path):
    model = applications.DocumentedCNN(seed=0, class_names=list("abcdefghij"))
    files.write(tmp_path / "model.onnx", model)
    again = models.read(tmp_path / "model.onnx")
    assert isinstance(again, Sequential) and again.name == model.name
    assert again.class_names == list("abcdefghij")
    own = {n: a for n, a in model.variables_by_name().items() if not n.endswith("/batches")}
    assert again.variables_by_name().keys() == own.keys()
    for name, array in again.variables_by_name().items():
        assert np.array_equal(array, own[name])


def test_layers_are_called_as_their_weights():
    names = [layer.name for layer in models.read(FOLDER / "shuffle_dynamo.onnx").layers]
    assert {"stem.0.0", "branch.0.0", "branch.2.0", "head"} <= set(names)


# One node at a time


def graph_of(nodes, inputs, outputs, constants=(), opset=17):
    """The bytes of a file."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def read_proto(proto, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return models.read(path), path


def agrees(proto, tmp_path, x):
    """Whether the model computes what ONNX Runtime does, of pictures channels first."""
    model, path = read_proto(proto, tmp_path)
    model.engine = "reference"
    last = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    received = models.predicted(model, [last])[0]
    if received.ndim == 4:
        received = received.transpose(0, 3, 1, 2)
    assert models.apart([received], models.run(path, [x])) < models.TOLERANCE
    return model


X = np.random.default_rng(0).uniform(-1, 1, (2, 3, 7, 6)).astype(np.float32)
POOLS = [
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0]},
    {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("attributes", POOLS, ids=str)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_windows_of_all_paddings(operator, attributes, tmp_path):
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    agrees(graph_of([node], [("x", ["N", 3, 7, 6])], [("y", None)]), tmp_path, X)


@pytest.mark.parametrize(
    "attributes",
    [
        {"mode": "cubic", "cubic_coeff_a": -0.5},
        {"mode": "cubic", "exclude_outside": 1},
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        {"mode": "linear", "antialias": 1},
        {"mode": "nearest", "coordinate_transformation_mode": "half_pixel"},
    ],
    ids=str,
)
def test_pixels_where_keras_has_none_are_products(attributes, tmp_path):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
    sizes = ("sizes", np.array([2, 3, 5, 9]))
    ends = ([("x", [2, 3, 7, 6])], [("y", None)])
    model = agrees(graph_of([node], *ends, [sizes], 18), tmp_path, X)
    kernels = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert len(kernels) == 2 and not any(layer.trainable for layer in kernels)


@pytest.mark.parametrize("attributes", POOLS[:3], ids=str)
def test_means_that_count_the_padding(attributes, tmp_path):
    node = helper.make_node("AveragePool", ["x"], ["y"], count_include_pad=1, **attributes)
    agrees(graph_of([node], [("x", ["N", 3, 7, 6])], [("y", None)]), tmp_path, X)


def test_arithmetic_behind_a_convolution_is_a_part_of_it(tmp_path):
    rng = np.random.default_rng(0)
    kernel, scale = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=(4, 1, 1))
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Mul", ["a", "s"], ["b"]),
        helper.make_node("Add", ["t", "b"], ["c"]),
        helper.make_node("Sub", ["c", "one"], ["d"]),
        helper.make_node("Div", ["d", "s"], ["y"]),
    ]
    constants = [
        ("w", kernel.astype(np.float32)), ("s", scale.astype(np.float32)),
        ("t", scale.astype(np.float32) ** 2), ("one", np.float32(1)),
    ]  # fmt: skip
    model = agrees(graph_of(nodes, [("x", ["N", 3, 7, 6])], [("y", None)], constants), tmp_path, X)
    assert kinds(model) == ["Conv2D"]


def test_other_arithmetic_is_a_layer(tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"n": (), "c": (3, 1, 1), "w": (1, 6), "all": (3, 7, 6), "less": (1, 3, 1, 1)}
    for name, shape in shapes.items():
        for operator in ("Add", "Mul", "Sub", "Div"):
            constant = rng.uniform(0.5, 2, shape).astype(np.float32)
            nodes = [
                helper.make_node("Tanh", ["x"], ["a"]),
                helper.make_node(operator, ["a", name], ["y"]),
            ]
            proto = graph_of(nodes, [("x", ["N", 3, 7, 6])], [("y", None)], [(name, constant)])
            agrees(proto, tmp_path, X)


def test_softmax_of_old_files_is_over_all_axes_behind(tmp_path):
    node = helper.make_node("Softmax", ["x"], ["y"])
    for opset, axis in ((11, [1, 2, 3]), (13, 2)):
        proto = graph_of([node], [("x", ["N", 3, 7, 6])], [("y", None)], opset=opset)
        proto.ir_version = 7
        assert agrees(proto, tmp_path, X).layers[0].axis == axis


def test_every_operator_of_onnx_in_scope():
    import onnx_nodes

    found = onnx_nodes.outcomes()
    recorded = json.loads(RESULT.read_text())
    assert [one for one in found if one.outcome == "failed"] == []
    assert sorted(one.name for one in found if one.outcome == "refused") == sorted(
        one["name"] for one in recorded["refused"]
    )
    assert sum(one.outcome == "passed" for one in found) == recorded["passed"]


# What is refused, and how


def refused(proto, tmp_path):
    with pytest.raises(ModelFileError) as error:
        read_proto(proto, tmp_path)
    message = str(error.value)
    assert "\n" not in message and str(tmp_path / "model.onnx") in message
    return message.split(": ", 1)[1]


def test_what_cannot_be_said_is_named(tmp_path):
    def of(operator, inputs=("x",), constants=(), shape=("N", 3, 4, 4), opset=17, **attributes):
        node = helper.make_node(operator, list(inputs), ["y"], name="here", **attributes)
        return refused(
            graph_of([node], [("x", list(shape))], [("y", None)], constants, opset), tmp_path
        )

    who = "the .onnx file's node 'here' "
    assert of("LRN", size=4).startswith(
        f"{who}('LRN') is no LocalResponseNormalization: LocalResponseNormalization expected size "
        "as an odd number"
    )
    assert of("LRN", size=3, bias=0.0).endswith(
        "expected k as a finite number above 0, received 0.0"
    )
    assert of("Sin") == f"{who}('Sin') cannot be read: none of minicnn's layers computes that"
    assert of("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]) == (
        f"{who}('MaxPool') expected dilations=(1, 1), received (2, 2)"
    )
    assert of("Pad", ["x", "p"], [("p", np.arange(8) % 2)], mode="reflect") == (
        f"{who}('Pad') expected mode='constant', which minicnn's layers can say, received 'reflect'"
    )
    assert of("Relu", wide=3) == f"{who}('Relu') has the attribute 'wide', which is not known"
    assert of("Conv", ["x", "x"]) == (
        f"{who}('Conv') has its kernel computed from the network's inputs, expected a constant: "
        "minicnn's layers have weights of their own"
    )
    assert of("Relu", ["z"]) == f"{who}('Relu') reads 'z', which no node before it makes"
    assert of("Flatten", axis=2) == (
        f"{who}('Flatten') makes (3N, 16) of (N, 3, 4, 4): samples must stay apart"
    )
    assert of("Relu", shape=("N", 3, "H", "W")).startswith(
        "the .onnx file has an input 'x' of shape (?, 3, ?, ?), expected samples of a fixed size"
    )
    assert of("Relu", opset=6).startswith("the .onnx file has operators of opset 6, expected 7")


def test_what_is_no_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ModelFileError, match="expected an .onnx file, received"):
        models.read(path)


def test_a_few_bytes_do_not_make_large_arrays(tmp_path):
    size = [("s", np.array([2**20, 2**20]))]
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    proto = graph_of(nodes, [("x", ["N", 2**20])], [("y", None)], size)
    assert "makes a constant of shape (1048576, 1048576)" in refused(proto, tmp_path)
    one = numpy_helper.from_array(np.zeros((1, 3, 1, 1), np.float32), "k")
    nodes = [helper.make_node("Conv", ["x", "k"], ["y"], pads=[32000] * 4)]
    proto = graph_of(nodes, [("x", ["N", 3, 64, 64])], [("y", None)])
    proto.graph.initializer.append(one)
    assert "makes (64064, 64064, 3) of every sample" in refused(proto, tmp_path)


# Numbers in a second file


@pytest.fixture
def residual(tmp_path):
    for name in ("residual_dynamo.onnx", "residual_dynamo.onnx.data"):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path / "residual_dynamo.onnx"


def test_the_second_file_is_beside_the_first(residual):
    models.read(residual)
    data = residual.with_name("residual_dynamo.onnx.data")
    os.rename(data, data.with_name("elsewhere"))
    with pytest.raises(ModelFileError, match="which is not beside it: copy both files"):
        models.read(residual)
    os.symlink(data.with_name("elsewhere"), data)
    with pytest.raises(ModelFileError, match="which is a link: expected a file beside it"):
        models.read(residual)
    os.remove(data)
    data.write_bytes(data.with_name("elsewhere").read_bytes()[:2000])
    with pytest.raises(ModelFileError, match="of the 2,000 that it has"):
        models.read(residual)


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "a/../../b", "", "a\\b", "C:x"])
def test_and_nowhere_else(residual, place):
    proto = onnx.load(residual, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    residual.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelFileError, match="expected a file beside it"):
        models.read(residual)


def test_a_second_file_that_is_a_pipe_does_not_keep_anybody_waiting(residual):
    data = residual.with_name("residual_dynamo.onnx.data")
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(ModelFileError, match="which is no file"):
        models.read(residual)


def test_damaged_and_forged_files():
    import check_onnx_fuzz

    found = check_onnx_fuzz.try_files(0, 120)
    assert found["unexpected"] == [] and found["seen"]["refused"] > 60
    assert found["seen"]["read"] > 5


def test_two_outputs_of_a_model_and_several_inputs(tmp_path):
    a, b = Input((4, 4, 2), name="a"), Input((2,), name="b")
    x = layers.Multiply(name="m")([layers.Conv2D(2, 3, padding="same")(a), b])
    model = models.drawn(Model([a, b], [layers.Flatten(name="f")(x), x]))
    files.write(tmp_path / "model.onnx", model)
    again = models.read(tmp_path / "model.onnx")
    again.engine = "reference"
    assert [node.name for node in again.inputs] == ["a", "b"]
    xs = models.samples(model)
    assert models.apart(models.predicted(again, xs), models.predicted(model, xs)) < 1e-6
