"""A trained run, a model and pictures for the tests of commands; a test module asks for them with
pytest_plugins.
"""

import numpy as np
import pytest
from commands import COLOURS, TRAIN, drawn_once
from PIL import Image

from minicnn import Sequential, datasets, layers
from minicnn.cli import main
from minicnn.runs import finishing


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a run of two epochs on 320 drawn shapes; tests only read it."""
    folder = tmp_path_factory.mktemp("trained") / "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.shapes, "load_data", drawn_once)
        assert main([*TRAIN, "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def colour_model(tmp_path_factory):
    """A file of a model that names the colour of a picture, and is not sure of grey."""
    convolution, dense = (
        layers.Conv2D(3, 1, activation="relu"),
        layers.Dense(3, activation="softmax"),
    )
    head = [layers.Rescaling(1 / 255), convolution, layers.GlobalAveragePooling2D(), dense]
    model = Sequential([layers.Input((32, 32, 3)), *head], class_names=list(COLOURS))
    convolution.set_weights([np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)])
    dense.set_weights([10 * np.eye(3), np.zeros(3)])
    model.note_weights()
    path = tmp_path_factory.mktemp("models") / "colours.safetensors"
    model.save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """A folder of good pictures of all sizes, one in a folder of its own, and one broken file."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for number, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (40 + 60 * number, 64), colour).save(folder / f"{name}.png")
    Image.new("L", (50, 50), 128).save(folder / "more" / "grey.jpg")
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory, no data from outside, and shapes that are drawn once."""
    monkeypatch.setattr(datasets.shapes, "load_data", drawn_once)
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def no_plots(monkeypatch):
    """Trainings end without the plots of their results, which take some seconds."""
    monkeypatch.setattr(finishing, "draw", lambda *_: None)
