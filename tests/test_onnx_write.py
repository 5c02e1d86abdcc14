"""Networks as .onnx files: ONNX Runtime computes what they do."""

import json
import sys
from copy import deepcopy

import graph_cases
import graph_models
import graph_parts
import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx_models as models  # noqa: E402

from minicnn import Input, Model, Sequential, applications, layers  # noqa: E402
from minicnn.saving import onnx as files  # noqa: E402
from minicnn.saving.onnx.to_onnx.table import TABLE  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

CASES = standard_cases()


def error(model, path, inputs=None):
    """How far ONNX Runtime is from the model, which is written to that path."""
    inputs = models.samples(model) if inputs is None else inputs
    files.write(path, model)
    return models.apart(models.run(path, inputs), models.predicted(model, inputs))


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("surroundings", [models.alone, models.among_others])
@pytest.mark.parametrize("case", CASES)
def test_onnx_runtime_computes_what_a_layer_does(case, surroundings, tmp_path):
    layer, shape = CASES[case]
    model = models.drawn(surroundings(deepcopy(layer), shape))
    if case == "RandomCrop":  # of pictures that are large enough
        model = models.drawn(surroundings(layers.RandomCrop(3, 2), shape))
    assert error(model, tmp_path / "model.onnx") < models.TOLERANCE


def test_every_layer_is_written():
    """But for those that act in training only, which are not there in inference."""
    left = {
        name
        for name, layer in layers.LAYERS.items()
        if layer not in TABLE and not layer.acts_in_training_only
    }
    assert left == {"InputLayer"}


@pytest.mark.parametrize("number", range(12))
def test_onnx_runtime_computes_what_drawn_graphs_do(number, tmp_path):
    graph = graph_cases.draw(number)
    model = graph_models.model_of(graph, "float32")
    inputs = [x.astype(np.float32) for x in graph_parts.given(graph)]
    assert error(model, tmp_path / "model.onnx", inputs) < models.TOLERANCE


def test_the_documented_network_has_one_transpose(tmp_path):
    model = models.drawn(applications.DocumentedCNN(seed=0))
    assert error(model, tmp_path / "model.onnx") < models.TOLERANCE
    found = operators(tmp_path / "model.onnx")
    assert found.count("Transpose") == 1
    assert found[-2:] == ["Gemm", "Softmax"]
    assert set(found) == {
        "Transpose", "Conv", "Relu", "BatchNormalization", "MaxPool", "Flatten", "Gemm", "Softmax",
    }  # fmt: skip


@pytest.mark.parametrize("make", [applications.SEResNet20, applications.SmallInception])
def test_networks_with_branches_have_one_transpose(make, tmp_path):
    model = models.drawn(make(seed=0))
    files.write(tmp_path / "model.onnx", model)
    assert operators(tmp_path / "model.onnx").count("Transpose") == 1


def test_what_a_file_says_beside_the_network(tmp_path):
    inputs = Input((8, 8, 3), name="pictures")
    x = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=4.0)(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(2, "softmax", name="classes")(layers.Flatten()(layers.Conv2D(2, 3)(x)))
    model = Model(inputs, x, name="small", class_names=["cat", "dog"], seed=0)
    assert error(model, tmp_path / "model.onnx") < models.TOLERANCE
    proto = onnx.load(tmp_path / "model.onnx")
    assert (proto.ir_version, [(o.domain, o.version) for o in proto.opset_import]) == (
        8,
        [("", 17)],
    )
    assert (proto.producer_name, proto.graph.name) == ("minicnn", "small")
    (given,), (made,) = proto.graph.input, proto.graph.output
    assert (given.name, made.name) == ("pictures", "classes")
    dims = [
        [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim]
        for one in (given, made)
    ]
    assert dims == [["N", 8, 8, 3], ["N", 2]]
    (told,) = proto.metadata_props
    assert (told.key, json.loads(told.value)) == ("class_names", ["cat", "dog"])
    assert [node.op_type for node in proto.graph.node[:4]] == ["Mul", "Sub", "Div", "Transpose"]


def test_any_number_of_samples(tmp_path):
    model = models.drawn(Sequential([Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)]))
    for batch in (1, 5):
        assert error(model, tmp_path / "m.onnx", models.samples(model, batch)) < models.TOLERANCE


def test_several_inputs_and_outputs_keep_names_and_order(tmp_path):
    a, b = Input((3,), name="a"), Input((3,), name="b")
    y = layers.Subtract(name="y")([a, b])
    model = models.drawn(Model([a, b], [y, a, y], name="three"))
    assert error(model, tmp_path / "model.onnx") == 0
    proto = onnx.load(tmp_path / "model.onnx")
    assert [one.name for one in proto.graph.input] == ["a", "b"]
    assert proto.graph.output[0].name == "y"


def test_a_layer_of_pictures_of_two_sizes_has_two_geometries(tmp_path):
    conv = layers.Conv2D(2, 3, strides=2, padding="same", name="shared")
    a, b = Input((5, 5, 2)), Input((8, 6, 2))
    model = models.drawn(Model([a, b], [conv(a), conv(b)]))
    assert error(model, tmp_path / "model.onnx") < models.TOLERANCE
    names = [one.name for one in onnx.load(tmp_path / "model.onnx").graph.initializer]
    assert names == ["shared/kernel", "shared/bias"]  # shared in the file, too


def test_models_inside_are_written_out(tmp_path):
    inner = Sequential([Input((4, 4, 2)), layers.Conv2D(2, 3, name="conv")], name="inner")
    x = Input((4, 4, 2))
    model = models.drawn(Model(x, layers.Flatten()(inner(x))))
    assert error(model, tmp_path / "model.onnx") < models.TOLERANCE
    assert "inner/conv" in [one.name for one in onnx.load(tmp_path / "model.onnx").graph.node]


def test_what_cannot_be_written(tmp_path):
    class Own(layers.Layer):
        pass

    path = tmp_path / "model.onnx"
    with pytest.raises(
        ValueError, match="Own 'own' has no form in ONNX: nobody knows what Own, which is no class"
    ):
        files.write(path, Sequential([Input((3,)), Own()]))
    with pytest.raises(ValueError, match="has no weights to export yet"):
        files.write(path, Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="makes pictures larger in inference"):
        files.write(path, Sequential([Input((4, 4, 1)), layers.RandomCrop(6, 6, padding=2)]))
    assert not path.exists()


def test_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = Sequential([Input((3,)), layers.Dense(2)])
    with pytest.raises(ImportError, match=r'onnx to write .*: pip install "minicnn\[onnx\]"'):
        files.write(tmp_path / "model.onnx", model)
    with pytest.raises(ImportError, match="to read .onnx files"):
        with files.reading("model.onnx", None):
            pass
