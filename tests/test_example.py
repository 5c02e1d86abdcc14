"""examples/train_cifar.py, run as a user runs it: from another folder, nothing installed, in a process of its own."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from programs import PATIENCE

from minicnn import datasets, models, report

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "train_cifar.py"
FILES = {"confusion.png", "curves.png", "history.csv", "metrics.json", "model.safetensors", "predictions.png"}
LIMIT = 300


def command(*arguments):
    return [sys.executable, str(SCRIPT), *map(str, arguments)]


def environment(folder, **more):
    """This one, but without any CIFAR-10 that the machine may have, and without the path to minicnn."""
    names = ("PYTHONPATH", "MINICNN_DATA", "MINICNN_OFFLINE")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    return clean | {"MINICNN_HOME": str(folder / "cache"), "KERAS_HOME": str(folder / "keras")} | more


def run(folder, *arguments, **more):
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A short training on a machine that has no CIFAR-10 and no network."""
    folder = tmp_path_factory.mktemp("example")
    done = run(folder, "--offline", "--limit", LIMIT, "--epochs", 2, "--seed", 3, "--output", "out")
    assert done.returncode == 0, done.stderr
    return folder / "out", done


def test_it_leaves_every_file_and_says_so(finished):
    output, done = finished
    assert {path.name for path in output.iterdir()} == FILES
    assert all(name in done.stdout.rsplit("Results in out:", 1)[1] for name in FILES)
    for number in ("Total params: 161,098", "Trainable params: 160,650", "Non-trainable params: 448"):
        assert number in done.stdout
    assert "Traceback" not in done.stderr


def test_without_cifar_it_says_loudly_that_its_pictures_are_drawn(finished):
    output, done = finished
    loud = "SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: CIFAR-10 is not in "
    training = done.stdout.index("Epoch 1/2")
    assert 0 < done.stdout.index(loud) < training < done.stdout.rindex(loud)
    data = json.loads((output / "metrics.json").read_text())["data"]
    assert data == {"source": "synthetic", "name": "SYNTHETIC shapes, not CIFAR-10", "train": LIMIT, "test": LIMIT}


@pytest.mark.filterwarnings("ignore:classification_report")  # so soon, some classes are never predicted
def test_its_metrics_are_those_of_the_model_that_it_saved(finished):
    output, done = finished
    metrics = json.loads((output / "metrics.json").read_text())
    _, (x_test, y_test) = datasets.shapes.load_data()
    x_test, y_test = x_test[:LIMIT], y_test[:LIMIT]
    model = models.load_model(output / "model.safetensors")
    assert x_test.dtype == np.uint8  # the saved model takes pictures as they are
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    answers = model.predict(x_test, verbose=0).argmax(axis=1)
    classes = report.classification_report(y_test, answers, datasets.shapes.CLASS_NAMES)
    assert (metrics["test_loss"], metrics["test_accuracy"]) == (loss, accuracy)
    assert accuracy == pytest.approx(classes.accuracy)
    assert metrics["classes"] == classes.to_dict()
    assert metrics["confusion_matrix"] == report.confusion_matrix(y_test, answers, 10).tolist()
    assert str(classes) in done.stdout


def test_its_metrics_tell_how_it_was_trained(finished):
    output, _ = finished
    metrics = json.loads((output / "metrics.json").read_text())
    with (output / "history.csv").open(newline="") as file:
        validation_loss = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert metrics["epochs_run"] == len(validation_loss) == 2
    assert metrics["best_epoch"] == 1 + int(np.argmin(validation_loss))
    assert metrics["images_per_second"] == pytest.approx(2 * 0.8 * LIMIT / metrics["seconds"])
    assert metrics["interrupted"] is False
    assert (metrics["options"]["seed"], metrics["options"]["batch_size"]) == (3, 64)
    assert metrics["environment"]["numpy"] == np.__version__
    assert metrics["environment"]["cpu"]


@pytest.mark.parametrize("name", ["confusion.png", "curves.png", "predictions.png"])
def test_its_pictures_are_large_enough_and_not_blank(finished, name):
    output, _ = finished
    picture = np.asarray(Image.open(output / name).convert("RGB"))
    height, width, _ = picture.shape
    assert 800 <= height <= 2000 and 1000 <= width <= 2000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100  # colours
    assert (picture[:5] == 255).all() and (picture[-5:] == 255).all()  # nothing touches the edge


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT that could be sent to one process")
def test_ctrl_c_still_evaluates_and_saves(tmp_path):
    process = subprocess.Popen(
        command("--synthetic", "--limit", 200, "--epochs", 1000, "--output", "out"),
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    before = ""
    for line in process.stdout:
        before += line
        if line.startswith("Epoch 1/"):
            process.send_signal(signal.SIGINT)
            break
    after, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert "SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: as --synthetic asks" in before
    assert "Test accuracy" in after and "Traceback" not in errors
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["interrupted"] is True
    assert 1 <= metrics["epochs_run"] < 1000


def damaged(folder):
    (folder / "cifar-10-python.tar.gz").write_bytes(b"<html>404 Not Found</html>")
    return folder / "cifar-10-python.tar.gz"


@pytest.mark.parametrize("named_by", ["--data", "MINICNN_DATA"])
@pytest.mark.parametrize("make", [damaged, lambda folder: folder / "nowhere"], ids=["damaged", "missing"])
def test_named_data_that_cannot_be_read_ends_with_one_line_and_code_3(tmp_path, named_by, make):
    path = make(tmp_path)
    done = run(tmp_path, "--data", path) if named_by == "--data" else run(tmp_path, MINICNN_DATA=str(path))
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"train_cifar.py: {path}")
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "0"], "argument --epochs: expected 1 or more, received 0"),
        (["--limit", "1"], "--limit expects 2 or more"),
        (["--data", "x", "--synthetic"], "argument --synthetic: not allowed with argument --data"),
        (["--output", __file__], "--output expects a folder that can be written"),
    ],
)
def test_wrong_arguments_end_with_usage_and_code_2(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "usage:" in done.stderr


def test_help_shows_an_example_and_the_defaults(tmp_path):
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    told = " ".join(done.stdout.split())
    for expected in ("example: python examples/train_cifar.py --data", "at most (100)", "--seed", "runs/cifar10"):
        assert expected in told
