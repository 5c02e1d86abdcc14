"""The commands with a model that has branches: they show, measure and train what its file holds."""

import json

import numpy as np
import pytest
from commands import COLOURS
from PIL import Image

from minicnn import Input, Model, Sequential, layers, models
from minicnn.cli import main, recipes
from minicnn.cli.pictures import Pictures

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")
NAMES = list(COLOURS)


@pytest.fixture(scope="session")
def residual(tmp_path_factory):
    """The file of a residual network that has a model inside."""
    pixels = Input((32, 32, 4))
    block = Model(
        pixels, layers.Add()([pixels, layers.Conv2D(4, 3, padding="same")(pixels)]), name="block"
    )
    inputs = Input((32, 32, 3))
    x = layers.AveragePooling2D(4)(
        block(layers.Conv2D(4, 1, activation="relu")(layers.Rescaling(1 / 255)(inputs)))
    )
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = Model(inputs, outputs, name="residual", seed=0, class_names=NAMES)
    model.note_weights()
    path = tmp_path_factory.mktemp("graphs") / "residual.safetensors"
    model.save(path)
    return path


@pytest.fixture
def colours(tmp_path):
    """Twelve pictures of each colour, in a folder of its own; of the last one only where it is
    asked for.
    """
    for name, colour in COLOURS.items():
        (tmp_path / "colours" / name).mkdir(parents=True)
        for n in range(12):
            Image.new("RGB", (32, 32), tuple(c + n for c in colour)).save(
                tmp_path / "colours" / name / f"{n}.png"
            )
    return tmp_path / "colours"


def test_it_is_shown_measured_and_asked(residual, colours, capsys):
    assert main(["summary", "--model", str(residual)]) == 0
    assert "block (Model)" in capsys.readouterr().out.replace("block (Functional)", "block (Model)")
    assert main(["evaluate", "--model", str(residual), "--data", str(colours), "--json"]) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["accuracy"] <= 1
    assert (
        main(["predict", str(colours / "red" / "0.png"), "--model", str(residual), "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert "red" in json.dumps(found)


@pytest.mark.usefixtures("no_plots")
def test_it_is_trained_on_and_stays_what_it_is(residual, colours, here):
    options = ["--data", str(colours), "--epochs", "1", "--augment", "--seed", "1"]
    assert main(["train", "--model", str(residual), *options, "--output", "one"]) == 0
    first = models.load_model(here / "one" / "model.safetensors")
    assert type(first) is Model and first.class_names == sorted(NAMES)
    # pictures are not changed twice
    assert list(fitted(first, NAMES, augment=True).leaves) == list(first.leaves)
    assert [name for name in first.leaves if name.startswith("random")] == [
        "random_flip",
        "random_crop",
    ]
    assert "block/conv2d" in first.leaves


def fitted(model, names, augment=False):
    none = np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, int)
    return recipes.fitted(
        model, {"augment": augment, "seed": 7}, Pictures("none", names, none, none, none)
    )


@pytest.mark.parametrize("augment", [False, True])
def test_a_model_is_fitted_with_what_it_has_learnt(augment, residual):
    model = models.load_model(residual)
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    same = fitted(model, NAMES, augment)
    assert (type(same), same.name, same.seed, same.optimizer) == (Model, "residual", 7, None)
    assert np.array_equal(same.predict(x), model.predict(x))
    other = fitted(model, ["cup", "spoon"], augment)
    assert (other.class_names, other.output_shape) == (["cup", "spoon"], (None, 2))
    for path, layer in models.load_model(residual).leaves.items():
        if path != "dense":
            assert all(map(np.array_equal, other.leaves[path].get_weights(), layer.get_weights()))


def test_a_sequential_stays_one():
    model = Sequential(
        [Input((32, 32, 3)), layers.Flatten(), layers.Dense(3)], class_names=NAMES, seed=0
    )
    found = fitted(model, NAMES, augment=True)
    assert type(found) is Sequential
    assert list(found.leaves) == ["random_flip", "random_crop", "flatten", "dense"]
