"""examples/train_augmented.py and examples/transfer_learning.py: what they leave behind is what their models do."""

import csv
import json
import re

import numpy as np
import pytest
from example_runs import run
from PIL import Image

from minicnn import datasets, models

AUGMENTED, TRANSFER = "train_augmented.py", "transfer_learning.py"
LIMIT = 400
both = pytest.mark.parametrize("name", [AUGMENTED, TRANSFER])


def finished(name, folder, *arguments):
    done = run(name, folder, "--synthetic", "--limit", LIMIT, "--output", "out", *arguments)
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout, json.loads((folder / "out" / "metrics.json").read_text())


@pytest.fixture(scope="module")
def augmented(tmp_path_factory):
    return finished(AUGMENTED, tmp_path_factory.mktemp("augmented"), "--epochs", 2, "--seed", 3)


@pytest.fixture(scope="module")
def transfer(tmp_path_factory):
    return finished(TRANSFER, tmp_path_factory.mktemp("transfer"), "--epochs", 3, "--new", "ring", "dots")


def held_out():
    _, (x_test, y_test) = datasets.shapes.load_data()
    return x_test[:LIMIT], y_test[:LIMIT].reshape(-1)


def is_a_picture(path):
    picture = np.asarray(Image.open(path).convert("RGB"))
    height, width, _ = picture.shape
    assert 500 <= height <= 2000 and 800 <= width <= 2000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert (picture[:5] == 255).all() and (picture[-5:] == 255).all()  # nothing touches the edge


def test_augmented_leaves_every_file_and_says_so(augmented):
    output, shown, _ = augmented
    files = {"augmentation.png", "comparison.png", "metrics.json"}
    files |= {name for kind in ("plain", "augmented") for name in (f"history_{kind}.csv", f"{kind}.safetensors")}
    assert {path.name for path in output.iterdir()} == files
    assert all(name in shown.rsplit("Results in out:", 1)[1] for name in files)
    is_a_picture(output / "augmentation.png")
    is_a_picture(output / "comparison.png")


@pytest.mark.parametrize("kind", ["plain", "augmented"])
def test_augmented_reports_what_its_saved_models_do(augmented, kind):
    output, shown, metrics = augmented
    run_of_it = metrics["runs"][kind]
    model = models.load_model(output / f"{kind}.safetensors")
    loss, accuracy = model.evaluate(*held_out())
    assert (run_of_it["test_loss"], run_of_it["test_accuracy"]) == (loss, accuracy)
    with (output / f"history_{kind}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert run_of_it["epochs_run"] == len(rows) == 2
    assert run_of_it["best_val_loss"] == min(float(row["val_loss"]) for row in rows)
    assert run_of_it["interrupted"] is False and run_of_it["seconds"] > 0
    assert f"{kind:12}  {100 * accuracy:>11.2f} %  {loss:>9.4f}" in shown


def test_augmented_compares_the_same_network_with_and_without_the_tutorials_layers(augmented):
    output, _, metrics = augmented
    kinds = [[layer.name for layer in models.load_model(output / f"{k}.safetensors").layers] for k in metrics["runs"]]
    assert kinds[1] == ["random_flip", "random_rotation", "random_zoom", *kinds[0]]
    assert metrics["runs"]["plain"]["test_loss"] != metrics["runs"]["augmented"]["test_loss"]


def test_augmented_repeats_itself_from_the_same_seed(augmented, tmp_path):
    _, _, again = finished(AUGMENTED, tmp_path, "--epochs", 2, "--seed", 3)
    for kind, run_of_it in augmented[2]["runs"].items():
        for key in ("test_loss", "best_val_loss"):
            assert again["runs"][kind][key] == run_of_it[key]


def test_transfer_leaves_every_file_and_says_so(transfer):
    output, shown, _ = transfer
    files = {"comparison.png", "metrics.json", "model.safetensors", "pretrained.safetensors", "pretraining.png"}
    assert {path.name for path in output.iterdir()} == files
    assert all(name in shown.rsplit("Results in out:", 1)[1] for name in files)
    is_a_picture(output / "comparison.png")
    is_a_picture(output / "pretraining.png")


def test_transfer_reports_what_its_saved_models_do(transfer):
    output, shown, metrics = transfer
    x, y = held_out()
    new = [datasets.shapes.CLASS_NAMES.index(name) for name in ("ring", "dots")]
    model = models.load_model(output / "model.safetensors")
    assert model.class_names == metrics["new_classes"] == ["ring", "dots"]
    chosen = np.isin(y, new)
    accuracy = (model.predict(x[chosen]).argmax(axis=1) == (y[chosen] == new[1])).mean()
    assert metrics["pictures_per_class"] == [10, 30]
    assert metrics["test_accuracy"]["then fine-tuned"][-1][-1] == pytest.approx(accuracy)
    for way in ("from scratch", "convolutions frozen", "then fine-tuned"):
        assert np.shape(metrics["test_accuracy"][way]) == (2, 3)
        assert f"{way} {100 * np.mean(metrics['test_accuracy'][way][-1]):.1f} %" in shown

    pretrained = models.load_model(output / "pretrained.safetensors")
    assert set(pretrained.class_names) == set(datasets.shapes.CLASS_NAMES) - {"ring", "dots"}
    numbers = np.array([datasets.shapes.CLASS_NAMES.index(name) for name in pretrained.class_names])
    answers = numbers[pretrained.predict(x[~chosen]).argmax(axis=1)]
    assert metrics["eight_classes"]["test_accuracy"] == pytest.approx((answers == y[~chosen]).mean())


def test_transfer_keeps_the_averages_of_batch_normalisation(transfer):
    output, _, _ = transfer
    pretrained, model = (models.load_model(output / f"{name}.safetensors") for name in ("pretrained", "model"))
    for one, other in zip(pretrained.layers, model.layers, strict=True):
        same = all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
        assert same == (not one.weights or "batch" in one.name), one.name


@both
def test_named_data_that_cannot_be_read_ends_with_one_line_and_code_3(name, tmp_path):
    done = run(name, tmp_path, "--data", tmp_path / "nowhere")
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.startswith(f"{name}: {tmp_path / 'nowhere'}") and done.stderr.count("\n") == 1


@both
def test_without_cifar_it_says_loudly_that_its_pictures_are_drawn(name, tmp_path):
    done = run(name, tmp_path, "--offline", "--limit", 250, "--epochs", 1, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: CIFAR-10 is not in ") == 2


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        (AUGMENTED, ["--epochs", "0"], "argument --epochs: expected 1 or more, received 0"),
        (AUGMENTED, ["--limit", "1"], "--limit expects 2 or more"),
        (AUGMENTED, ["--data", "x", "--synthetic"], "not allowed with argument"),
        (AUGMENTED, ["--output", __file__], "--output expects a folder that can be written"),
        (TRANSFER, ["--output", __file__], "--output expects a folder that can be written"),
        (
            TRANSFER,
            ["--synthetic", "--new", "ring", "bird"],
            "--new expects two of circle, square, .*received ring bird",
        ),
        (TRANSFER, ["--synthetic", "--new", "ring", "ring"], "--new expects two of .*received ring ring"),
        (TRANSFER, ["--synthetic", "--limit", "50"], "--limit leaves fewer than 10 pictures of triangle or crescent"),
    ],
)
def test_wrong_arguments_end_with_usage_and_code_2(tmp_path, name, arguments, message):
    done = run(name, tmp_path, *arguments)
    assert done.returncode == 2 and "usage:" in done.stderr
    assert re.search(message, done.stderr), done.stderr
