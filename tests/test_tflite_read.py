"""Networks out of .tflite files: what LiteRT computes of them, and what is refused."""

import struct
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flatbuffers")
pytest.importorskip("ai_edge_litert")

import tflite_models as models  # noqa: E402

from minicnn import Input, Model, Sequential, layers  # noqa: E402
from minicnn.errors import ModelFileError  # noqa: E402
from minicnn.models import load_model  # noqa: E402
from minicnn.saving.tflite.schema import IDENTIFIER  # noqa: E402
from minicnn.saving.tflite.to_tflite import file  # noqa: E402
from minicnn.saving.tflite.to_tflite.file import written  # noqa: E402
from minicnn.saving.tflite.to_tflite.graph import Graph  # noqa: E402
from minicnn.saving.tflite.to_tflite.packing import packed  # noqa: E402
from minicnn.testing.standard import standard_cases  # noqa: E402

FOLDER = Path(__file__).parent / "golden" / "tflite"
CASES = standard_cases()


@pytest.mark.parametrize("surroundings", [models.alone, models.among_others])
@pytest.mark.parametrize("case", CASES)
def test_what_is_written_comes_back(case, surroundings):
    layer, shape = CASES[case]
    layer = layers.RandomCrop(3, 2) if case == "RandomCrop" else deepcopy(layer)
    model = models.drawn(surroundings(layer, shape))
    data = written(model, "float32")
    inputs = models.samples(model)
    found = models.predicted(models.opened(data), inputs)
    assert models.apart(found, models.predicted(model, inputs)) < models.TOLERANCE


def test_a_chain_comes_back_as_a_sequential_and_trains(tmp_path):
    stack = [
        Input((6, 6, 2), name="pictures"), layers.Conv2D(4, 3, name="first"), layers.ReLU(),
        layers.Flatten(), layers.Dense(3, "softmax", name="classes"),
    ]  # fmt: skip
    model = models.drawn(Sequential(stack, class_names=["a", "b", "c"], seed=0))
    for kind in ("float32", "float16"):
        model.export(tmp_path / "m.tflite", weights=kind)
        again = load_model(tmp_path / "m.tflite")
        again.engine = "reference"
        assert isinstance(again, Sequential) and again.class_names == ["a", "b", "c"]
        assert again.layers[0].name == "first" and again.layers[0].activation == "relu"
        (x,) = models.samples(model, 8)
        limit = models.TOLERANCE if kind == "float32" else 1e-2
        assert models.apart([again.forward(x)], [model.forward(x)]) < limit
        again.compile("adam", "sparse_categorical_crossentropy")
        before = again.get_weights()[0].copy()
        again.train_step(x, np.arange(8) % 3)
        assert not np.array_equal(before, again.get_weights()[0])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.tflite")), ids=lambda path: path.stem)
def test_files_of_tensorflows_converter(path):
    """golden/make_tflite_files.py made them."""
    data = path.read_bytes()
    model = models.opened(data)
    inputs = models.samples(model)
    ran = models.Ran(data, inputs)
    assert models.apart(models.predicted(model, inputs), ran.outputs) < models.TOLERANCE


def refused(data, words):
    with pytest.raises(ModelFileError, match=words) as caught:
        models.opened(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_tflite_file_is_refused(tmp_path):
    data = written(models.drawn(Sequential([Input((3,)), layers.Dense(2)])), "float32")
    refused(b"", "expected a file with 'TFL3' at byte 4")
    refused(b"\0" * 100, "expected a file with 'TFL3' at byte 4")
    for size in (8, 20, 100, len(data) // 2):
        refused(data[:size], "is damaged|has no|expected")
    refused(struct.pack("<I", 2**31) + data[4:], "refers to 4 bytes at")
    path = tmp_path / "m.tflite"
    path.write_bytes(data[:60])
    with pytest.raises(ModelFileError, match=r"m\.tflite"):
        load_model(path)


def test_what_layers_cannot_say_names_operator_and_tensor():
    graph = Graph(scope="root")
    x = graph.node("SQRT", [graph.tensor("x", (1, 3))], (3,))
    told = refused(packed_model(graph, x), "SQRT")
    assert told == (
        "'the file': the .tflite file's SQRT, which makes 'root', cannot be read: none of "
        "minicnn's layers computes that"
    )


def test_a_reshape_of_nothing_is_refused():
    graph = Graph(scope="root")
    graph.tensor("x", (1, 3))
    x = graph.node("RESHAPE", [-1, graph.integers("shape", [1, 3])], (3,))
    refused(packed_model(graph, x), "RESHAPE, which makes 'root', has no numbers to reshape")


def packed_model(graph, output):
    """A file of these operators, of which tensor 0 goes in."""
    told = file.told(graph, "model", {"x": 0}, {"y": output.tensor}, [])
    return packed("Model", told, IDENTIFIER)


def test_numbers_of_8_bits_are_refused():
    graph = Graph(scope="quantised")
    x = graph.node("QUANTIZE", [graph.tensor("x", (1, 3))], (3,), dtype="int8")
    refused(packed_model(graph, x), "tensor 'quantised' has numbers of 8 bits")


def test_damaged_files_are_refused_or_read():
    """tests/check_tflite_files.py does that many times more often."""
    inputs = Input((4, 4, 1))
    x = layers.Conv2D(2, 3, activation="silu")(inputs)
    model = Model(inputs, layers.Dense(2)(layers.Flatten()(x)), class_names=["a", "b"], seed=0)
    found = models.mutants(written(models.drawn(model), "float32"), range(60))
    assert found["refused"] > 5 and found["refused"] + found["read"] == 60
