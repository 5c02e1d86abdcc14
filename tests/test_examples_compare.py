"""examples/train_augmented.py and examples/transfer_learning.py: what they leave behind is what
their models do.
"""

import json

import numpy as np
import pytest
from example_runs import ARGUMENTS
from PIL import Image

from minicnn import datasets, models, runs

pytest_plugins = ["example_fixtures"]
AUGMENTED, TRANSFER = "train_augmented.py", "transfer_learning.py"


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
