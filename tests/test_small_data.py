"""Few pictures: averages that lag are named by fit, once; folders too small to be divided are
refused, by name.
"""

import json
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from minicnn import Input, Sequential, layers, models, runs
from minicnn.cli import few, main
from minicnn.layers.averages import lagging_momentum
from minicnn.training import checks

pytest_plugins = ["run_fixtures"]
LAGS = "averages that lag"


def network(momentum=0.99, warmup=False, **options):
    """A dense layer behind a normalisation."""
    norm = layers.BatchNormalization(momentum=momentum, warmup=warmup, name="norm", **options)
    model = Sequential([Input((4,)), norm, layers.Dense(2, activation="softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def numbers(count):
    x = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(int)


def said(model, count=64, **options):
    """What fit says of averages; batches of 4."""
    arguments = {
        "batch_size": 4,
        "epochs": 3,
        "validation_data": numbers(8),
        "verbose": 0,
        **options,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*numbers(count), **arguments)
    assert all(LAGS in str(one.message) and one.filename == __file__ for one in caught), caught
    return [str(one.message) for one in caught]


def test_fit_says_once_that_averages_lag():
    """0.99 ** 16 is 85.1 %, and 0.99 ** 459 the first below a hundredth."""
    [message] = said(network())
    print(message)
    assert message == (
        "validation after 16 steps is measured with moving averages that lag: 85 % of what "
        "BatchNormalization's begin with, 0 and 1, is still in them, and less than 1 % after 459 "
        "steps (momentum 0.99). Use BatchNormalization(warmup=True), or a lower momentum"
    )


@pytest.mark.parametrize(
    "model, options",
    [
        (lambda: network(warmup=True), {}),
        (lambda: network(momentum=0.8), {}),
        (lambda: network(trainable=False), {}),
        (network, {"validation_data": None}),
        (network, {"epochs": 0}),
        (network, {"epochs": 2, "validation_freq": 3}),  # there will be no validation
    ],
)
def test_fit_says_nothing_where_nothing_depends_on_averages_that_lag(model, options):
    assert said(model(), **options) == []


@pytest.mark.parametrize("steps, epochs, freq, lags", [
    # 0.99 ** 460 is below a hundredth at the second validation
    (229, 9, 1, True), (230, 9, 1, False),
    (458, 1, 1, True), (459, 1, 1, False),  # the first is the only one
    (115, 9, 2, False), (114, 9, 2, True),
])  # fmt: skip
def test_it_is_said_when_more_than_the_first_validation_is_wrong(steps, epochs, freq, lags):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        checks.lagging_averages(network(), steps * freq, epochs // freq)
    assert bool(caught) == lags


def test_nobody_with_the_steps_of_cifar_hears_it():
    """1,563 steps an epoch in batches of 32; Keras' script has 782 in batches of 64, or 625 with
    validation_split.
    """
    for steps in (1563, 782, 625):
        checks.lagging_averages(network(), steps, 1)  # warnings are errors


def test_a_model_that_was_trained_or_loaded_has_its_averages(tmp_path):
    model = network()
    assert said(model) and said(model) == []
    model.save(tmp_path / "m.safetensors")
    assert said(models.load_model(tmp_path / "m.safetensors")) == []


def test_a_resumed_training_does_not_say_it_again(tmp_path):
    assert len(said(network(), resume=tmp_path)) == 1
    assert said(network(), resume=tmp_path, epochs=5) == []


def test_averages_that_never_arrive():
    assert "still in them, and less than 1 % never (momentum 1)" in said(network(momentum=1))[0]


def test_the_largest_momentum_counts():
    model = network()
    assert lagging_momentum(model.layers) == 0.99
    many = [
        layers.BatchNormalization(momentum=m, warmup=w)
        for m, w in ((0.9, False), (0.5, False), (0.99, True))
    ]
    assert lagging_momentum(Sequential([Input((4,)), *many], seed=0).layers) == 0.9
    assert lagging_momentum(Sequential([Input((4,)), layers.Dense(2)], seed=0).layers) is None
    assert lagging_momentum([layers.BatchNormalization()]) is None  # not built: it has no averages


# Folders


def folder(path, **counts):
    """A folder with so many one-coloured pictures, no two alike, of each class."""
    rng = np.random.default_rng(0)
    for k, (name, count) in enumerate(counts.items()):
        (path / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((32, 32, 3), rng.integers(0, 60, 3))
            pixels[..., k % 3] += 150
            Image.fromarray(pixels.astype(np.uint8)).save(path / name / f"{number}.png")
    return str(path)


@pytest.mark.usefixtures("here", "no_plots")
@pytest.mark.parametrize(
    "counts, parts",
    [
        ({"red": 3, "green": 3}, (2, 2, 2)),
        ({"red": 10, "green": 10, "blue": 10}, (24, 3, 3)),
        ({"red": 50, "green": 50}, (80, 10, 10)),
        ({"red": 40, "green": 3}, (33, 5, 5)),  # unequal
        ({"red": 4, "green": 5, "blue": 3}, (6, 3, 3)),
    ],
)
def test_few_pictures_train(counts, parts, tmp_path, capsys):
    data = folder(tmp_path / "data", **counts)
    assert (
        main(
            [
                "train",
                "--data",
                data,
                "--epochs",
                "2",
                "--batch-size",
                "64",
                "--output",
                "run",
                "--json",
            ]
        )
        == 0
    )
    config = runs.Run("run").config
    assert tuple(config["data"][name] for name in ("train", "validation", "test")) == parts
    assert "momentum" not in config["model"], "its averages are warmed up"
    printed = capsys.readouterr()
    assert LAGS not in printed.err
    assert json.loads(printed.out)["verdict"]["text"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "counts, message",
    [
        ({"red": 1, "green": 1}, "received 1 of 'green', 1 of 'red': put more pictures into the "
                                 "folder, or remove it"),
        ({"red": 2, "green": 2}, "received 2 of 'green', 2 of 'red'"),
        ({"red": 50, "green": 1}, "expected 3 pictures or more of every class, one to train on, "
                                  "one to validate on and "
         "one to test on, received 1 of 'green'"),
        ({"red": 50}, "expected two classes or more to tell apart, each a folder of pictures, "
                      "received only 'red'"),
        ({"red": 50, "green": 0}, "class 'green' expected at least one picture, received an empty "
                                  "folder"),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_divided_are_refused_before_a_run_is_made(
    counts, message, tmp_path, capsys, here
):
    data = folder(tmp_path / "data", **counts)
    assert main(["train", "--data", data, "--epochs", "1"]) == 3
    error = capsys.readouterr().err
    print(error)
    assert message in error
    assert list(here.iterdir()) == [], "no run folder is left"


# The verdict


@pytest.mark.usefixtures("here", "no_plots")
def test_train_and_evaluate_say_what_has_come_of_it(tmp_path, capsys):
    data = folder(tmp_path / "data", red=10, green=10)
    assert main(["train", "--data", data, "--epochs", "3", "--output", "run"]) == 0
    text = capsys.readouterr().out
    kinds = "Healthy|Still learning|No better|Learnt by heart"
    [sentence] = re.findall(rf"^(?:{kinds})[^\n]*on new pictures[^\n]*$", text, re.M)
    assert text.index("accuracy") < text.index(sentence) < text.index("Results in run")
    assert main(["evaluate", "--model", "run"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(sentence)
    assert main(["evaluate", "--model", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["text"] == sentence
    assert (
        main(
            [
                "evaluate",
                "--model",
                "run",
                "--data",
                folder(tmp_path / "other", red=2, green=2),
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["verdict"] is None, (
        "of other pictures the run says nothing"
    )
    assert main(["evaluate", "--model", "run/model.safetensors", "--data", data, "--json"]) == 0
    (runs.Run("run").config_file).write_text(
        json.dumps({"options": runs.Run("run").options, "model": 3})
    )
    assert main(["evaluate", "--model", "run"]) == 3
    assert "run is no whole run: config.json or history.csv is wrong" in capsys.readouterr().err


# Steps


@pytest.mark.parametrize(
    "pictures, size, patience, epochs",
    [
        (24, 16, 625, 2500),  # 2 steps an epoch
        (240, 16, 84, 336),
        (1600, 16, 13, 100),
        (1905, 32, 21, 100),
        (4000, 64, 20, 100),
        (8000, 64, 10, 100),
        (40_000, 64, 10, 100),  # as documented
    ],
)
def test_few_pictures_get_smaller_batches_and_as_many_steps_of_patience(
    pictures, size, patience, epochs
):
    assert few.batch_size(pictures) == size
    assert few.patience(pictures, size) == patience and few.epochs(pictures, size) == epochs
    assert few.augment(pictures) == (size < 64)


@pytest.mark.usefixtures("here", "no_plots")
def test_what_is_asked_for_is_done_and_stands_in_the_command(tmp_path):
    data = folder(tmp_path / "data", red=10, green=10)
    arguments = ["train", "--data", data, "--epochs", "1", "--output"]
    assert main([*arguments, "by-itself"]) == 0
    assert main([*arguments, "asked", "--no-augment", "--batch-size", "5"]) == 0
    usual, asked = runs.Run("by-itself").config, runs.Run("asked").config
    assert (usual["options"]["augment"], usual["options"]["batch_size"]) == (True, 16)
    assert (asked["options"]["augment"], asked["options"]["batch_size"]) == (False, 5)
    assert usual["command"] == f"minicnn train --data {data} --epochs 1 --image-size 32x32"
    assert (
        asked["command"]
        == f"minicnn train --data {data} --no-augment --epochs 1 --batch-size 5 --image-size 32x32"
    )


@pytest.mark.usefixtures("here", "no_plots")
def test_a_run_is_not_evaluated_on_pictures_of_which_it_may_have_seen_some(tmp_path, capsys):
    data = folder(tmp_path / "data", red=10, green=10)
    assert main(["train", "--data", data, "--epochs", "1", "--output", "run"]) == 0
    assert main(["evaluate", "--model", "run"]) == 0
    next((tmp_path / "data" / "red").iterdir()).unlink()
    capsys.readouterr()
    assert main(["evaluate", "--model", "run"]) == 3
    error = capsys.readouterr().err
    print(error)
    assert f"{data} expected the pictures that run was trained on, received others" in error
    assert "name pictures that it has not seen with --data" in error
