"""Every example, run once as a script for all tests: what it leaves behind is what its models do,
can be asked, and comes from its cells as well, one by one in one namespace.

Longer than other files: what a script has left is asked by many tests, and made once in a file.
"""

import contextlib
import functools
import io
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from commands import COLOURS, drawn_once
from example_runs import ARGUMENTS, EXAMPLES, cells, path_of
from PIL import Image

from minicnn import datasets, models, report, runs
from minicnn.cli import main
from minicnn.saving import model_file

pytest_plugins = ["example_fixtures", "run_fixtures"]
each_example = pytest.mark.parametrize("name", [path.name for path in EXAMPLES])
AUGMENTED, CIFAR, TRANSFER = "train_augmented.py", "train_cifar.py", "transfer_learning.py"
OF_RUNS = {
    "config.json",
    "history.csv",
    "metrics.json",
    "model.safetensors",
    "plots",
    "report.html",
}
LEFT = {
    "shrink.py": {
        "shrunk": {
            "half-the-filters.safetensors",
            "half.safetensors",
            "int8.safetensors",
            "metrics.json",
            "sparse.safetensors",
            "trade.png",
            "whole.safetensors",
        }
    },
    "train_94.py": {"94": OF_RUNS | {"checkpoint"}},
    "train_augmented.py": {
        "plain": OF_RUNS,
        "augmented": OF_RUNS | {"augmentation.png", "comparison.png"},
    },
    "train_best.py": {"best": OF_RUNS | {"checkpoint"}},
    "train_cifar.py": {"shapes": OF_RUNS},
    "train_inception.py": {"inception": OF_RUNS | {"checkpoint"}},
    "train_resnet.py": {"resnet": OF_RUNS | {"checkpoint"}},
    "transfer_learning.py": {
        "transfer": {
            "comparison.png",
            "metrics.json",
            "model.safetensors",
            "pretrained.safetensors",
            "pretraining.png",
        }
    },
}


@each_example
def test_what_it_leaves_lies_in_folders_that_say_what_it_is(name, as_script):
    folder, done = as_script(name)
    left = {path.name: path for path in (folder / "runs").iterdir() if path.name != "latest"}
    assert {path.name.rpartition("-")[2] for path in left.values()} == LEFT[name].keys()
    # drawn pictures never lie in a folder called cifar10
    assert all("-shapes" in folder_name for folder_name in left)
    for folder_name, path in left.items():
        assert {file.name for file in path.iterdir()} == LEFT[name][folder_name.rpartition("-")[2]]
    # what can be done next
    assert str(max(left.values(), key=os.path.getmtime).name) in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[-1].startswith("next: ") and "Traceback" not in done.stderr


@each_example
def test_without_cifar_it_says_loudly_that_its_pictures_are_drawn(name, as_script):
    told = as_script(name)[1].stdout
    loud = "SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: CIFAR-10 is not in "
    assert told.index(loud) < told.index("Epoch 1/") < told.rindex(loud)


def run_as_notebook(name, arguments, monkeypatch):
    """A notebook knows no __file__, and compiles each cell on its own. Returns what is printed."""
    monkeypatch.setattr(sys, "argv", [str(path_of(name)), *arguments])
    names = {"__name__": "__main__"}
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        warnings.catch_warnings(action="ignore"),
    ):
        for number, (_, code) in enumerate(cells(path_of(name))[1]):
            exec(compile(code, f"cell {number}", "exec"), names)
    return printed.getvalue()


@each_example
@pytest.mark.usefixtures("no_plots")
def test_its_cells_run_one_by_one_and_come_to_the_same_bits(name, as_script, here, monkeypatch):
    folder, _ = as_script(name)
    assert "next: " in run_as_notebook(name, ARGUMENTS[name], monkeypatch)
    saved = [path.relative_to(folder) for path in sorted(folder.glob("runs/*/*.safetensors"))]
    assert saved
    for path in saved:
        ours, theirs = (model_file.read(place / path)[1] for place in (here, folder))
        assert ours.keys() == theirs.keys()
        assert all(
            (ours[key] == theirs[key]).all() for key in ours if not key.startswith("optimizer")
        ), path


@pytest.mark.usefixtures("no_plots")
def test_train_best_goes_on_with_a_run(here, monkeypatch):
    arguments = ["--synthetic", "--limit", "100", "--batch-size", "50"]
    run_as_notebook(
        "train_best.py", [*arguments, "--epochs", "2", "--output", "whole"], monkeypatch
    )
    with pytest.raises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as told:
        run_as_notebook(
            "train_best.py", [*arguments, "--epochs", "2", "--output", "whole"], monkeypatch
        )
    # never overwritten
    assert "--output expects a new folder that can be written" in told.getvalue()
    before = (here / "whole" / "history.csv").read_bytes()
    run_as_notebook(
        "train_best.py", [*arguments, "--epochs", "2", "--resume", "whole"], monkeypatch
    )
    assert (here / "whole" / "history.csv").read_bytes() == before


# train_augmented.py and transfer_learning.py


@functools.cache
def held_out(name):
    arguments = ARGUMENTS[name]
    limit = int(arguments[arguments.index("--limit") + 1])
    _, (x_test, y_test) = datasets.shapes.load_data()
    return x_test[:limit], y_test[:limit].reshape(-1)


def is_a_picture(path):
    picture = np.asarray(Image.open(path).convert("RGB"))
    height, width, _ = picture.shape
    assert 500 <= height <= 2000 and 800 <= width <= 2000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert (picture[:5] == 255).all() and (picture[-5:] == 255).all()  # nothing touches the edge


@pytest.fixture
def both(as_script):
    """The runs of train_augmented.py by the names of their models, and what it printed."""
    folder, done = as_script(AUGMENTED)
    (plain,), (augmented,) = (
        list(folder.glob(f"runs/*-{kind}")) for kind in ("plain", "augmented")
    )
    assert (folder / "runs" / "latest").samefile(augmented)
    return {"plain": runs.Run(plain), "augmented": runs.Run(augmented)}, done.stdout


@pytest.fixture
def transfer(as_script):
    folder, done = as_script(TRANSFER)
    (output,) = folder.glob("runs/*-transfer")
    return output, done.stdout, json.loads((output / "metrics.json").read_text())


def test_augmented_compares_the_same_network_with_and_without_the_tutorials_layers(both):
    found, shown = both
    is_a_picture(found["augmented"].folder / "augmentation.png")
    is_a_picture(found["augmented"].folder / "comparison.png")
    kinds = [
        [layer.name for layer in models.load_model(run.model_file).layers] for run in found.values()
    ]
    assert kinds[1] == ["random_flip", "random_rotation", "random_zoom", *kinds[0]]
    for name, run in found.items():
        test = run.metrics["test"]
        assert (
            f"{name:12}  {100 * test['accuracy']:>11.2f} %  {test['cross_entropy']:>13.4f}       1 "
            " " in shown
        )
        probabilities = models.load_model(run.model_file).predict(held_out(AUGMENTED)[0])
        assert test["accuracy"] == pytest.approx(
            (probabilities.argmax(axis=1) == held_out(AUGMENTED)[1]).mean()
        )


def test_transfer_draws_its_comparison(transfer):
    output, _, _ = transfer
    is_a_picture(output / "comparison.png")
    is_a_picture(output / "pretraining.png")


def test_transfer_reports_what_its_saved_models_do(transfer):
    output, shown, metrics = transfer
    x, y = held_out(TRANSFER)
    new = [datasets.shapes.CLASS_NAMES.index(name) for name in ("ring", "dots")]
    model = models.load_model(runs.model_file(output))
    assert model.class_names == metrics["new_classes"] == ["ring", "dots"]
    chosen = np.isin(y, new)
    accuracy = (model.predict(x[chosen]).argmax(axis=1) == (y[chosen] == new[1])).mean()
    assert metrics["pictures_per_class"] == [10]
    assert metrics["test_accuracy"]["then fine-tuned"][-1][-1] == pytest.approx(accuracy)
    for way in ("from scratch", "convolutions frozen", "then fine-tuned"):
        assert np.shape(metrics["test_accuracy"][way]) == (1, 3)
        assert f"{way} {100 * np.mean(metrics['test_accuracy'][way][-1]):.1f} %" in shown

    pretrained = models.load_model(output / "pretrained.safetensors")
    assert set(pretrained.class_names) == set(datasets.shapes.CLASS_NAMES) - {"ring", "dots"}
    numbers = np.array([datasets.shapes.CLASS_NAMES.index(name) for name in pretrained.class_names])
    answers = numbers[pretrained.predict(x[~chosen]).argmax(axis=1)]
    assert metrics["eight_classes"]["test_accuracy"] == pytest.approx(
        (answers == y[~chosen]).mean()
    )


def test_transfer_keeps_the_averages_of_batch_normalisation(transfer):
    output, _, _ = transfer
    pretrained, model = (
        models.load_model(output / f"{name}.safetensors") for name in ("pretrained", "model")
    )
    for one, other in zip(pretrained.layers, model.layers, strict=True):
        same = all(
            np.array_equal(a, b)
            for a, b in zip(one.get_weights(), other.get_weights(), strict=True)
        )
        assert same == (not one.weights or "batch" in one.name), one.name


# train_cifar.py, README's first command


@pytest.fixture
def finished(as_script, monkeypatch):
    """The working directory of a short training on a machine that has no CIFAR-10 and no network;
    and what it said.
    """
    folder, done = as_script(CIFAR)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MINICNN_HOME", str(folder / "cache"))
    monkeypatch.setattr(datasets.shapes, "load_data", drawn_once)
    return Path("runs/latest"), done


def test_its_run_is_the_latest_and_tells_how_it_was_trained(finished):
    run, done = runs.Run(finished[0]), finished[1]
    config, history = run.config, run.history
    assert (
        config["data"].items()
        >= {"name": "synthetic shapes", "synthetic": True, "train": 240, "test": 300}.items()
    )
    assert (
        config["options"].items()
        >= {"data": "shapes", "seed": 3, "batch_size": 64, "limit": 300}.items()
    )
    assert config["command"].endswith("train_cifar.py --offline --seed 3 --limit 300 --epochs 2")
    assert config["environment"]["numpy"] == np.__version__ and config["environment"]["cpu"]
    assert (
        history["epoch"] == [0, 1]
        and run.metrics["epochs"] == 2
        and run.metrics["interrupted"] is False
    )
    assert run.metrics["best_epoch"] == 1 + int(np.argmin(history["val_loss"]))
    for number in (
        "Total params: 161,098",
        "Trainable params: 160,650",
        "Non-trainable params: 448",
    ):
        assert number in done.stdout


# so soon, some classes are never predicted
@pytest.mark.filterwarnings("ignore:classification_report")
def test_its_metrics_are_those_of_the_model_that_it_saved(finished):
    latest, done = finished
    _, (x_test, y_test) = datasets.shapes.load_data()
    assert x_test.dtype == np.uint8  # the saved model takes pictures as they are
    model = models.load_model(latest / "model.safetensors")
    assert model.class_names == list(datasets.shapes.CLASS_NAMES)
    probabilities = model.predict(x_test[:300], verbose=0)
    evaluation = report.evaluate_report(y_test[:300], probabilities, model.class_names)
    assert runs.Run(latest).metrics["test"] == evaluation.to_dict()
    assert str(evaluation) in done.stdout


def test_predict_evaluate_report_and_explain_find_it(finished, tmp_path, capsys):
    latest, _ = finished
    picture = tmp_path / "red.png"
    Image.new("RGB", (40, 50), COLOURS["red"]).save(picture)
    (name,) = (path.name for path in Path("runs").iterdir() if path.name != "latest")
    page = (latest / "report.html").read_bytes()
    for command in (
        ["predict", picture],
        ["evaluate"],
        ["explain", picture, "--output", tmp_path],
        ["report"],
    ):
        assert main([*map(str, command), "--json"]) == 0
        printed = capsys.readouterr()
        found = json.loads(printed.out)
        assert f"runs/{name}" in printed.err  # which model it asks
        if command[0] == "predict":
            assert set(found["predictions"][str(picture)]["classes"]) <= set(
                datasets.shapes.CLASS_NAMES
            )
        if command[0] == "evaluate":
            assert found["images"] == 2000 and found["data"] == "synthetic shapes"
    assert (latest / "report.html").read_bytes() == page
