"""The commands quantize and compare: files that are written, and what is told of them."""

import json

import numpy as np
import pytest
from commands import COLOURS
from PIL import Image
from quantize_models import stirred

from minicnn import Input, Sequential, layers, quantize
from minicnn.cli import main
from minicnn.models import load_model

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def colours(tmp_path):
    """Twelve pictures of each colour, in a folder of its own."""
    for name, colour in COLOURS.items():
        (tmp_path / "colours" / name).mkdir(parents=True)
        for n in range(12):
            picture = Image.new("RGB", (16, 16), tuple(c + n for c in colour))
            picture.save(tmp_path / "colours" / name / f"{n}.png")
    return str(tmp_path / "colours")


@pytest.fixture
def model(tmp_path):
    """A small network for them, in its file."""
    stack = [Input((16, 16, 3)), layers.Rescaling(1 / 255)]
    stack += [layers.Conv2D(8, 3, strides=2, activation="relu")]
    stack += [layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
    made = Sequential([*stack, layers.Dense(3, activation="softmax")], seed=0,
                      class_names=list(COLOURS))  # fmt: skip
    stirred(made).save(tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


def told(capsys, *words):
    """What a command prints as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_quantize_writes_a_file_and_says_what_it_costs(colours, model, tmp_path, capsys):
    saved = str(tmp_path / "whole.safetensors")
    found = told(capsys, "quantize", model, "--data", colours, "--to", saved, "--pictures", "8")
    assert found["saved"] == saved
    assert found["pictures"] >= 3
    assert found["after"]["bytes"] == (tmp_path / "whole.safetensors").stat().st_size
    assert found["largest_difference"] < 0.05
    assert found["before"]["single"] > 0
    assert quantize.load_model(saved).class_names == list(COLOURS)
    assert main(["compare", model, saved, "--data", colours]) == 0
    text = capsys.readouterr().out
    assert "accuracy" in text
    assert "get the same answer" in text


def test_quantize_trains_on_where_it_is_asked_to(colours, model, tmp_path, capsys):
    before = load_model(model).get_layer("conv2d").kernel.numpy()
    saved = str(tmp_path / "whole.safetensors")
    words = ["--data", colours, "--to", saved, "--aware", "2", "--learning-rate", "0.1"]
    told(capsys, "quantize", model, *words)
    plain = quantize.quantized(load_model(model), [[[[0.5] * 3] * 16] * 16])
    first = quantize.load_model(saved).operations[1]
    assert not np.array_equal(first.kernel_scale, plain.operations[1].kernel_scale)
    assert (load_model(model).get_layer("conv2d").kernel.numpy() == before).all()


def test_files_of_litert_are_compared_too(colours, model, tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    saved = str(tmp_path / "whole.tflite")
    told(capsys, "quantize", model, "--data", colours, "--to", saved)
    found = told(capsys, "compare", model, saved, "--data", colours)
    assert found["agreement"] > 0.9
    assert found["after"]["name"] == saved


def test_models_for_other_pictures_are_not_compared(colours, model, tmp_path, capsys):
    other = stirred(Sequential([Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)], seed=0))
    other.save(tmp_path / "other.safetensors")
    words = [model, str(tmp_path / "other.safetensors"), "--data", colours]
    assert main(["compare", *words]) == 2
    assert "expected models for the same pictures" in capsys.readouterr().err
    assert main(["compare", model, "nothing.safetensors", "--data", colours]) == 3
