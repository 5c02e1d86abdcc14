"""Networks as .tflite files: LiteRT computes what they do, and XNNPACK takes them whole."""

from copy import deepcopy

import numpy as np
import pytest

pytest.importorskip("flatbuffers")
pytest.importorskip("ai_edge_litert")

import graph_cases  # noqa: E402
import graph_models  # noqa: E402
import graph_parts  # noqa: E402
import tflite_models as models  # noqa: E402

from minicnn import Input, Model, Sequential, layers  # noqa: E402
from minicnn.cli import main  # noqa: E402
from minicnn.models import load_model  # noqa: E402
from minicnn.saving.tflite import metadata  # noqa: E402
from minicnn.saving.tflite.from_tflite.bounded import unpacked  # noqa: E402
from minicnn.saving.tflite.schema import IDENTIFIER  # noqa: E402
from minicnn.saving.tflite.to_tflite.file import written  # noqa: E402
from minicnn.saving.tflite.to_tflite.table import TABLE  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

CASES = standard_cases()
# operators that XNNPACK has not: they run beside it
NOT_WHOLE = {"LOG_SOFTMAX", "GREATER", "GREATER_EQUAL", "SELECT_V2", "RESIZE_NEAREST_NEIGHBOR"}
NOT_WHOLE |= {"GATHER", "REDUCE_MAX", "SLICE", "LOCAL_RESPONSE_NORMALIZATION"}


def small(**options):
    """Convolution, ReLU, normalisation, pooling, dense: what the documented network has."""
    stack = [
        Input((8, 8, 3), name="pictures"),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(3, activation="softmax", name="classes"),
    ]
    return models.drawn(Sequential(stack, name="small", seed=0, **options))


def told(data):
    return unpacked(data, "Model", IDENTIFIER)


@pytest.mark.parametrize("surroundings", [models.alone, models.among_others])
@pytest.mark.parametrize("case", CASES)
def test_litert_computes_what_a_layer_does(case, surroundings):
    layer, shape = CASES[case]
    layer = layers.RandomCrop(3, 2) if case == "RandomCrop" else deepcopy(layer)
    model = models.drawn(surroundings(layer, shape))
    inputs = models.samples(model)
    ran = models.Ran(written(model, "float32"), inputs)
    assert models.apart(ran.outputs, models.predicted(model, inputs)) < models.TOLERANCE
    if not NOT_WHOLE & set(ran.operators):
        assert ran.whole


def test_every_layer_is_written():
    """But for those that act in training only, which are not there in inference."""
    left = {
        name
        for name, layer in layers.LAYERS.items()
        if layer not in TABLE and not layer.acts_in_training_only
    }
    assert left == {"InputLayer"}


@pytest.mark.parametrize("number", range(6))
def test_litert_computes_what_drawn_graphs_do(number):
    graph = graph_cases.draw(number)
    model = graph_models.model_of(graph, "float32")
    inputs = [x.astype(np.float32) for x in graph_parts.given(graph)]
    ran = models.Ran(written(model, "float32"), inputs)
    assert models.apart(ran.outputs, models.predicted(model, inputs)) < models.TOLERANCE


def test_a_network_is_taken_whole_for_any_number_of_samples():
    model = small()
    data = written(model, "float32")
    for batch in (1, 5):
        inputs = models.samples(model, batch)
        ran = models.Ran(data, inputs)
        assert models.apart(ran.outputs, models.predicted(model, inputs)) < models.TOLERANCE
        assert ran.whole
    assert ran.operators == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED",
        "FULLY_CONNECTED", "SOFTMAX",
    ]  # fmt: skip
    tensors = told(data)["subgraphs"][0]["tensors"]
    assert tensors[0]["shape_signature"].tolist() == [-1, 8, 8, 3]
    assert tensors[0]["shape"].tolist() == [1, 8, 8, 3]


def test_normalisation_and_relu_become_parts_of_a_convolution():
    def network(shared):
        x = y = layers.Conv2D(4, 3)(inputs := Input((6, 6, 2)))
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3)(y)))
        return models.drawn(Model(inputs, [y, x] if shared else y, seed=0))

    for shared, operators in ((False, 2), (True, 3)):
        model = network(shared)
        inputs = models.samples(model)
        ran = models.Ran(written(model, "float32"), inputs)
        assert len(ran.operators) == operators
        assert models.apart(ran.outputs, models.predicted(model, inputs)) < models.TOLERANCE


def test_what_somebody_else_reads_is_left_as_it_is():
    x = layers.Conv2D(4, 3)(inputs := Input((6, 6, 2)))
    y = layers.ReLU()(layers.Dropout(0.5)(x))
    model = models.drawn(Model(inputs, layers.Add()([y, layers.Activation("tanh")(x)]), seed=0))
    given = models.samples(model)
    ran = models.Ran(written(model, "float32"), given)
    assert models.apart(ran.outputs, models.predicted(model, given)) < models.TOLERANCE
    assert "RELU" in ran.operators


def test_weights_of_16_bits_are_rounded_and_nothing_else():
    model = small()
    data, whole = written(model, "float16"), written(model, "float32")
    kernels = sum(layer.params["kernel"].size for layer in model.layers if "kernel" in layer.params)
    assert len(whole) - len(data) > 2 * kernels - 2000
    for layer in model.leaves.values():
        kernel = layer.params.get("kernel")
        if kernel is not None and kernel.size >= 64:
            kernel[...] = kernel.astype(np.float16)
    inputs = models.samples(model)
    ran = models.Ran(data, inputs)
    assert models.apart(ran.outputs, models.predicted(model, inputs)) < models.TOLERANCE
    assert ran.whole
    model.layers[0].params["kernel"][0, 0, 0, 0] = 1e6
    with pytest.raises(ValueError, match="numbers beyond 65504, which float16 has not"):
        written(model, "float16")


def test_numbers_lie_where_kernels_may_read_them():
    data = written(small(), "float16")
    view = memoryview(data)
    start = np.frombuffer(view, np.uint8).ctypes.data
    for buffer in told(data)["buffers"]:
        if "data" in buffer:
            assert (np.frombuffer(buffer["data"], np.uint8).ctypes.data - start) % 16 == 0


def test_what_a_file_says_beside_the_network():
    data = written(small(class_names=["cat", "dog", "sea urchin"]), "float32")
    assert metadata.labels(data) == ["cat", "dog", "sea urchin"]
    model = told(data)
    (signature,) = model["signature_defs"]
    assert signature["signature_key"] == "serving_default"
    assert [one["name"] for one in signature["inputs"]] == ["pictures"]
    assert [one["name"] for one in signature["outputs"]] == ["classes"]
    buffers = {one["name"]: model["buffers"][one["buffer"]]["data"] for one in model["metadata"]}
    inside = unpacked(bytes(buffers["TFLITE_METADATA"]), "ModelMetadata", b"M001")
    (output,) = inside["subgraph_metadata"][0]["output_tensor_metadata"]
    assert output["associated_files"][0] == {
        "name": "labels.txt",
        "description": "the classes",
        "type": 2,
    }
    assert written(small(class_names=["cat", "dog", "sea urchin"]), "float32") == data
    assert metadata.labels(written(small(), "float32")) is None


def test_several_inputs_and_outputs_keep_names_and_order():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    y = layers.Subtract(name="y")([a, b])
    model = models.drawn(Model([a, b], [y, a, y], name="three"))
    inputs = models.samples(model)
    data = written(model, "float32")
    assert models.apart(models.Ran(data, inputs).outputs, models.predicted(model, inputs)) == 0
    (signature,) = told(data)["signature_defs"]
    assert [one["name"] for one in signature["inputs"]] == ["a", "b"]
    assert [one["name"] for one in signature["outputs"]] == ["y", "a", "y_1"]


def test_a_name_that_is_taken_gets_a_number_that_is_free():
    a = Input((3,), name="a")
    y, other = layers.ReLU(name="y")(a), layers.ReLU(name="y_1")(a)
    (signature,) = told(written(Model(a, [y, y, other]), "float32"))["signature_defs"]
    assert [one["name"] for one in signature["outputs"]] == ["y", "y_1", "y_1_1"]


def test_a_layer_of_ones_own_and_wrong_types_are_named(tmp_path):
    class Own(layers.Layer):
        def forward(self, x, *, training=False):  # noqa: ARG002
            return x

    model = Sequential([Input((3,)), Own(name="mine")])
    with pytest.raises(ValueError, match="Own 'mine' has no form in LiteRT"):
        model.export(tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="expected weights as one of 'float32', 'float16'"):
        small().export(tmp_path / "m.tflite", weights="int4")
    with pytest.raises(ValueError, match="expected weights as one of 'float32' for Keras"):
        small().export(tmp_path / "m.keras", weights="float16")
    assert not list(tmp_path.iterdir())


def test_the_command_exports(tmp_path):
    small().save(tmp_path / "m.safetensors")
    paths = [str(tmp_path / name) for name in ("m.safetensors", "m.tflite")]
    assert main(["export", *paths, "--weights", "float16"]) == 0
    model = load_model(tmp_path / "m.safetensors")
    assert (tmp_path / "m.tflite").read_bytes() == written(model, "float16")
