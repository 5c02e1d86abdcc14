"""`minicnn train`: what it can be told, and what becomes of it."""

import argparse
import json
import re

import numpy as np
import pytest
from own_layers import SWISH
from PIL import Image

from minicnn import Sequential, callbacks, data, layers, models, optimizers, report, runs, schedules
from minicnn.cli import arguments, main, options, pictures, recipes, seeds, train, training_options
from minicnn.cli.choices import NETWORKS, RECIPES, network_named
from minicnn.cli.networks import BUILDERS, WITH_DROPOUT, network
from minicnn.layers import (
    BatchNormalization,
    Conv2D,
    Dropout,
    InputLayer,
    RandomCrop,
    RandomFlip,
    Rescaling,
)

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")


def given(*arguments):
    """The options of a command line."""
    parser = argparse.ArgumentParser()
    training_options.add_options(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def chosen(*arguments, saved=None):
    return options.choose(given(*arguments), saved or {})


@pytest.fixture
def photographs(here):
    """Ten pictures of 40x70 pixels of each of two colours, in a folder each."""
    rng = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (here / "photographs" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.clip(colour + rng.normal(0, 20, (70, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(here / "photographs" / name / f"{number}.png")
    return here / "photographs"


# What is chosen


def test_the_recipe_decides_what_is_not_given():
    plain = chosen("--data", "shapes")
    assert (plain["recipe"], plain["network"], plain["image_size"]) == (
        "documented",
        "documented",
        "32x32",
    )
    many = RECIPES["documented"].suited(plain, 40_000)
    assert (many["epochs"], many["batch_size"], many["learning_rate"], many["augment"]) == (
        100,
        64,
        1e-3,
        False,
    )
    best = RECIPES["best"].suited(
        chosen("--data", "shapes", "--recipe", "best", "--epochs", 7), 50_000
    )
    assert (best["epochs"], best["batch_size"], best["learning_rate"], best["augment"]) == (
        7,
        128,
        4e-3,
        True,
    )


def test_few_pictures_get_smaller_batches_and_are_augmented_unless_told_otherwise():
    found = RECIPES["best"].suited(chosen("--data", "shapes", "--recipe", "best"), 300)
    assert (found["epochs"], found["batch_size"], found["augment"]) == (60, 16, True)
    asked = chosen("--data", "shapes", "--no-augment", "--batch-size", 100)
    found = RECIPES["documented"].suited(asked, 300)
    assert (found["batch_size"], found["augment"]) == (100, False) and found["epochs"] > 100
    assert options.command(asked) == "minicnn train --data shapes --no-augment --batch-size 100"


def test_a_model_is_tuned_and_brings_size_and_network(colour_model):
    found = chosen("--data", "shapes", "--model", colour_model)
    assert (found["recipe"], found["network"], found["image_size"]) == ("finetune", None, None)
    assert found["model"] == str(colour_model.resolve())
    assert (
        chosen("--data", "shapes", "--model", colour_model, "--recipe", "best")["recipe"] == "best"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--recipe", "finetune"],
            "--recipe finetune expected --model, which it begins with, received none",
        ),
        (
            ["--model", "x.safetensors", "--network", "small"],
            "--network is the model's own with --model, received small",
        ),
        (
            ["--model", "x.safetensors", "--image-size", "64"],
            "--image-size is the model's own with --model, received 64x64",
        ),
        (
            ["--image-size", "64"],
            "--image-size expected a folder of pictures as --data, received 64x64 for shapes, "
            "whose",
        ),
    ],
)
def test_options_that_exclude_each_other(arguments, message):
    with pytest.raises(ValueError, match=message):
        chosen("--data", "shapes", *arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--learning-rate", "fast"],
            "expected a number above 0 and at most 10, such as 0.001, received 'fast'",
        ),
        (
            ["--learning-rate", "0"],
            "expected a number above 0 and at most 10, such as 0.001, received '0'",
        ),
        (
            ["--learning-rate", "nan"],
            "expected a number above 0 and at most 10, such as 0.001, received 'nan'",
        ),
        (
            ["--image-size", "64x"],
            "expected pixels such as 64 or 48x96, height first, received '64x'",
        ),
        (["--image-size", "0"], "expected pixels such as 64 or 48x96, height first, received '0'"),
        (["--seed", "-1"], "expected a whole number of 0 or more, received '-1'"),
        (["--seeds", "1"], "expected 2 or more, received '1': --seed trains once"),
        (
            ["--network", "huge"],
            "expected the name of a network, received 'huge'. Known are: convolutional, ",
        ),
        (
            ["--network", "resnt20"],
            "expected the name of a network, received 'resnt20'. Did you mean 'resnet20'?",
        ),
        (
            ["--recipe", "secret"],
            "invalid choice: 'secret' (choose from 'documented', 'best', 'finetune')",
        ),
    ],
)
def test_what_no_option_can_be(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(["train", *arguments])
    printed = capsys.readouterr().err
    assert message in printed and printed.startswith("usage: minicnn train")


def test_the_command_that_repeats_a_run_says_what_was_told():
    arguments = [
        "--data",
        "shapes",
        "--learning-rate",
        "0.02",
        "--network",
        "small",
        "--class-weight",
        "balanced",
    ]
    assert options.command(chosen(*arguments)) == (
        "minicnn train --data shapes --learning-rate 0.02 --network small --class-weight balanced"
    )
    assert (
        options.command(chosen("--data", "shapes", "--recipe", "best"))
        == "minicnn train --data shapes --recipe best"
    )
    again = options.command(chosen(*arguments)).split()[2:]
    assert chosen(*again) == chosen(*arguments)


def test_runs_of_before_have_the_options_of_then(here):
    old = {
        "data": "shapes",
        "limit": 50,
        "augment": False,
        "epochs": 3,
        "batch_size": 64,
        "seed": 1,
    }
    run = runs.create(here / "old", {"options": old})
    assert run.options == old | runs.BEFORE
    assert chosen("--resume", saved=run.options)["learning_rate"] == 1e-3
    with pytest.raises(
        ValueError, match="begun with, --recipe documented, received best: leave it out"
    ):
        chosen("--resume", "--recipe", "best", saved=run.options)


def test_the_epochs_of_one_cycle_cannot_be_changed():
    begun = RECIPES["best"].suited(chosen("--data", "shapes", "--recipe", "best"), 100)
    with pytest.raises(ValueError, match="--epochs 60, received 70"):
        chosen("--resume", "--epochs", 70, saved=begun)
    assert chosen("--resume", "--epochs", 170, saved=chosen("--data", "shapes"))["epochs"] == 170


# The size of pictures


@pytest.mark.parametrize(
    "sides, expected", [((40, 70), 32), ((70, 64), 64), ((300, 400), 96), ((9, 12), 32)]
)
def test_the_size_suits_most_pictures(sides, expected, here):
    (here / "own" / "one").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", sides[::-1]).save(here / "own" / "one" / f"{number}.png")
    Image.new("RGB", (500, 500)).save(here / "own" / "one" / "large.png")
    (here / "own" / "one" / "none.txt").write_text("no picture")
    assert data.usual_size(here / "own") == (expected, expected)


def test_sizes_on_the_command_line(photographs):
    assert arguments.size_of("64") == (64, 64) and arguments.size_of("48x96") == (48, 96)
    assert chosen("--data", photographs)["image_size"] == "32x32"
    assert chosen("--data", photographs, "--image-size", "48x96")["image_size"] == "48x96"
    assert pictures.load(str(photographs), size=(48, 96)).train[0].shape == (16, 48, 96, 3)


# Networks


def test_what_can_be_chosen_is_there():
    assert list(BUILDERS) == list(NETWORKS) and list(recipes.PREPARE) == list(RECIPES)


@pytest.mark.parametrize("name", WITH_DROPOUT)
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 32), (48, 96), (96, 96), (224, 224)])
def test_networks_suit_the_size(name, size):
    model = network(["a", "b"], name=name, size=size)
    assert model.output_shape == (None, 2) and model.name == f"{name}_cnn"
    assert model.count_params() < 1_500_000  # the dense layer does not grow with the picture
    before = next(layer for layer in model.layers if len(layer.output_shape) == 1).input_shape
    assert max(before[:2]) <= 4


def test_the_documented_network_is_as_documented():
    assert network().count_params() == 161_098
    assert sum(isinstance(layer, Conv2D) for layer in network(size=(96, 96)).layers) == 4


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_bytes_of_any_size_behind_augmentation(name):
    changes = recipes.augmentation((36, 32))
    model = network(["a", "b", "c"], changes, 3, name=name, size=(36, 32), dropout=0.25)
    assert model.input_shape == (None, 36, 32, 3) and model.class_names == ["a", "b", "c"]
    rates = [layer.rate for layer in model.layers if isinstance(layer, Dropout)]
    assert model.seed == 3 and (rates == [0.25]) == (name in WITH_DROPOUT)
    found = [layer for layer in model.layers if not isinstance(layer, InputLayer)]
    assert found[:2] == changes and isinstance(found[2], Rescaling)
    assert sum(isinstance(layer, Rescaling) for layer in found) == 1


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("small", (4, 9), "SmallCNN expected pictures of 8x8 pixels or more, received 4x9"),
        ("resnet50", (30, 90), "ResNet50 expected pictures of 32x32 pixels or more, received 30x9"),
    ],
)
def test_too_small_pictures_are_refused(name, size, message):
    with pytest.raises(ValueError, match=message):
        network(name=name, size=size)


def test_a_networks_name_stands_for_it_where_a_file_may(capsys):
    assert main(["summary", "resnet20"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('Model: "resnet20"') and "Total params: 274,042" in printed
    assert main(["summary", "resnet50", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"] == 25_636_712 and shown["layers"][0]["output_shape"][0] == 224
    assert main(["summary", "ResNet50", "--image-size", "64", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"] == 25_636_712 and shown["layers"][0]["output_shape"][0] == 64
    assert main(["summary", "SmallCNN", "--image-size", "48x64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["output_shape"] == [48, 64, 3]
    assert main(["summary", "resent20"]) == 2
    assert capsys.readouterr().err == (
        "minicnn summary: --model expected a model file, a folder with one or the name of a "
        "network, received 'resent20', which is none. Did you mean 'resnet20'?\n"
    )


def test_every_network_is_named_in_help(capsys):
    for command in ("train", "summary", "profile"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        printed = capsys.readouterr().out
        assert all(re.search(rf"\b{name}\b", printed) for name in NETWORKS)


# Recipes


@pytest.mark.usefixtures("no_plots")
def test_best_trains_on_all_pictures_with_one_cycle(photographs):
    arguments = [
        "train",
        "--data",
        str(photographs),
        "--recipe",
        "best",
        "--epochs",
        "2",
        "--network",
        "small",
    ]
    assert main([*arguments, "--image-size", "16", "--batch-size", "8", "--output", "best"]) == 0
    run = runs.Run("best")
    parts = {name: run.config["data"][name] for name in ("train", "validation", "test")}
    assert parts == {"train": 18, "validation": 0, "test": 2}
    assert "val_loss" not in run.history and len(run.history["epoch"]) == 2
    model = models.load_model(run.model_file)
    assert [type(layer) for layer in model.layers[:2]] == [RandomFlip, RandomCrop]
    assert isinstance(model.optimizer, optimizers.AdamW) and isinstance(
        model.optimizer.schedule, schedules.OneCycle
    )
    assert model.optimizer.schedule.steps == 2 * 3 and model.loss.label_smoothing == 0.05
    assert (run.folder / "doctor.txt").read_text(encoding="utf-8").strip()


@pytest.mark.usefixtures("no_plots")
def test_finetune_trains_the_head_first_and_is_resumed(photographs, trained):
    arguments = ["train", "--data", str(photographs), "--model", str(trained), "--output"]
    assert main([*arguments, "parts", "--epochs", "4"]) == 0
    before, after = (
        models.load_model(trained / "model.safetensors"),
        models.load_model("parts/model.safetensors"),
    )
    assert after.class_names == ["blue", "red"] and after.output_shape == (None, 2)
    convolution = before.get_layer("conv2d").params["kernel"]
    assert np.array_equal(after.get_layer("conv2d").params["kernel"], convolution)
    assert not np.array_equal(
        after.get_layer("dense").params["kernel"], before.get_layer("dense").params["kernel"]
    )
    assert main(["train", "--resume", "--output", "parts", "--epochs", "7"]) == 0
    assert main([*arguments, "whole", "--epochs", "7"]) == 0
    parts, whole = (
        models.load_model(f"{name}/checkpoint/checkpoint.safetensors")
        for name in ("parts", "whole")
    )
    for one, other in zip(parts.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(whole.get_layer("conv2d").params["kernel"], convolution)
    assert float(whole.optimizer.learning_rate) == pytest.approx(1e-4)
    assert [layer.trainable for layer in whole.layers if isinstance(layer, BatchNormalization)] == [
        False
    ] * 3


def test_a_model_of_the_same_classes_keeps_its_head(trained):
    model = models.load_model(trained / "model.safetensors", compile=False)
    shapes = pictures.load("shapes", 20)
    tuned = recipes.fitted(model, {"augment": True, "seed": 3}, shapes)
    assert [type(layer) for layer in tuned.layers[:2]] == [RandomFlip, RandomCrop]
    for one, other in zip(tuned.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    again = recipes.fitted(tuned, {"augment": True, "seed": 3}, shapes)
    assert len(again.layers) == len(tuned.layers)  # it changes pictures already


def test_what_is_told_reaches_the_training(monkeypatch):
    seen = {}

    def fit(model, **arguments):
        seen.update(
            arguments, rate=float(model.optimizer.learning_rate), kept=runs.Run("run").options
        )
        raise KeyboardInterrupt

    monkeypatch.setattr(Sequential, "fit", fit)
    arguments = [
        "--data",
        "shapes",
        "--limit",
        "50",
        "--learning-rate",
        "0.02",
        "--class-weight",
        "balanced",
    ]
    assert main(["train", *arguments, "--batch-size", "5", "--output", "run"]) == 130
    assert (seen["rate"], seen["class_weight"], seen["batch_size"]) == (0.02, "balanced", 5)
    assert any(isinstance(watcher, callbacks.Doctor) for watcher in seen["callbacks"])
    assert (seen["kept"]["learning_rate"], seen["kept"]["class_weight"]) == (0.02, "balanced")


# Layers of one's own


def test_own_layers_are_imported(here, photographs, capsys):
    (here / "my_layers.py").write_text(SWISH)
    namespace: dict = {}
    exec(SWISH, namespace)
    model = Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            namespace["Swish"](),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ],
        class_names=["red", "green", "blue"],
    )
    model.save("own.safetensors")
    arguments = ["predict", str(photographs / "red" / "0.png"), "--model", "own.safetensors"]
    assert main(arguments) == 3
    assert "names the unknown layer 'Swish'" in capsys.readouterr().err
    assert main([*arguments, "--import", "my_layers.py"]) == 0
    assert "0.png: " in capsys.readouterr().out
    assert main(["summary", "own.safetensors", "--import", "my_layers.py"]) == 0
    assert "swish (Swish)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, code, message",
    [
        (None, 3, "--import expected a Python file such as my_layers.py, received 'mine.py'"),
        (
            "x = 1\n",
            2,
            "--import expected a file that defines layers, received mine.py, which defines none",
        ),
        ("class:\n", 2, "--import cannot run mine.py: invalid syntax"),
    ],
)
def test_what_cannot_be_imported(text, code, message, here, capsys):
    if text is not None:
        (here / "mine.py").write_text(text)
    assert main(["summary", "--import", "mine.py"]) == code
    assert message in capsys.readouterr().err


# Several seeds


def test_several_seeds_give_mean_and_interval(here, capsys):
    folders = []

    def fake(_, chosen, folder):
        folders.append(folder)
        labels = np.arange(100) % 2
        right = 60 + 10 * (chosen["seed"] - 4)
        answers = np.where(np.arange(100) < right, labels, 1 - labels)
        return train.Trained(
            runs.Run(folder), report.evaluate_report(labels, np.eye(2)[answers], ["a", "b"]), False
        )

    told = argparse.Namespace(command="train", json=True, seeds=3)
    assert seeds.run(told, {"seed": 4}, here / "runs" / "x", fake) == 0
    assert [folder.name for folder in folders] == ["x-seed-4", "x-seed-5", "x-seed-6"]
    found = json.loads(capsys.readouterr().out)
    assert found["accuracies"] == {"4": 0.6, "5": 0.7, "6": 0.8}
    assert found["accuracy"]["mean"] == pytest.approx(0.7) and found["accuracy"][
        "deviation"
    ] == pytest.approx(0.1)
    reach = 4.302653 * 0.1 / np.sqrt(3)  # t(0.975, 2) of the tables
    assert found["accuracy"]["interval"] == pytest.approx([0.7 - reach, 0.7 + reach])
    told.json = False
    assert seeds.run(told, {"seed": 4}, here / "runs" / "x", fake) == 0
    text = capsys.readouterr().out
    assert (
        "seed 5    test accuracy  70.00 %" in text and "95 % interval      45.16 to 94.84 %" in text
    )


def test_interrupted_seeds_say_what_there_is(here, capsys):
    def fake(*arguments):
        folder = arguments[-1]
        return train.Trained(runs.Run(folder), None, True)

    told = argparse.Namespace(command="train", json=True, seeds=3)
    assert seeds.run(told, {"seed": 0}, here / "x", fake) == 130
    found = json.loads(capsys.readouterr().out)
    assert found["interrupted"] is True and found["accuracy"] is None and len(found["runs"]) == 1


def test_seeds_begin_anew(capsys):
    assert main(["train", "--resume", "--seeds", "2"]) == 2
    assert "--seeds begins new runs, and --resume none" in capsys.readouterr().err


@pytest.mark.parametrize(
    "freedom, t",
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (10, 2.2281), (29, 2.0452)],
)
def test_students_t_is_that_of_the_tables(freedom, t):
    numbers = [0.0] * freedom + [1.0]
    found = report.spread(numbers)
    reach = t * np.std(numbers, ddof=1) / np.sqrt(freedom + 1)
    assert found.interval == pytest.approx(
        (np.mean(numbers) - reach, np.mean(numbers) + reach), rel=1e-4
    )


@pytest.mark.parametrize("numbers", [[], [0.5]])
def test_one_number_has_no_spread(numbers):
    with pytest.raises(ValueError, match="spread expected two numbers or more, received "):
        report.spread(numbers)


# What else commands are told


@pytest.mark.parametrize(
    "text, value", [("0.7", 0.7), ("70%", 0.7), ("1", 1.0), ("0", 0.0), ("0.5%", 0.005)]
)
def test_an_accuracy_is_a_share_or_a_percentage(text, value):
    assert arguments.share(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "70",
            "argument --min-accuracy: expected a share such as 0.7, or 70%, received '70': write "
            "70%",
        ),
        ("-1", "expected a share such as 0.7, or 70%, received '-1'"),
        ("170%", "expected a share such as 0.7, or 70%, received '170%'"),
        ("much", "expected a share such as 0.7, or 70%, received 'much'"),
        ("nan", "expected a share such as 0.7, or 70%, received 'nan'"),
    ],
)
def test_what_is_no_accuracy(text, message, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["evaluate", f"--min-accuracy={text}"])
    printed = capsys.readouterr().err
    assert (
        exit.value.code == 2
        and message in printed
        and printed.startswith("usage: minicnn evaluate")
    )


def test_lrfind_leads_to_train(capsys):
    assert (
        main(["lrfind", "--data", "shapes", "--limit", "300", "--network", "small", "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["command"].startswith(
        "minicnn train --data shapes --limit 300 --network small --learning-rate 0."
    )
    assert float(found["command"].split()[-1]) == pytest.approx(found["suggestion"], rel=0.05)


def test_lrfind_of_a_model_takes_no_network(colour_model, capsys):
    assert (
        main(["lrfind", "--data", "shapes", "--model", str(colour_model), "--network", "small"])
        == 2
    )
    assert (
        "--network is the model's own with --model: leave one of them out"
        in capsys.readouterr().err
    )


def test_runs_are_called_after_their_data(here, photographs):
    (here / "cifar-10-python.tar.gz").write_bytes(b"")
    assert pictures.short_name(str(here / "cifar-10-python.tar.gz")) == "cifar10"
    assert (
        pictures.short_name(str(photographs)) == "photographs"
        and pictures.short_name("shapes") == "shapes"
    )


@pytest.mark.parametrize(
    ("what", "fix"),
    [("shpes", ". Did you mean 'shapes'?"), ("mnist", "")],
)
def test_pictures_that_no_word_names(what, fix, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--data", what]) == 3
    printed = capsys.readouterr().err
    assert f"{what}: expected cifar10 or shapes, a folder with one folder of pictures" in printed
    assert printed.endswith(f"where the pictures are now, with --data PATH{fix}\n")


def test_a_size_goes_with_a_network_s_name_alone(tmp_path, capsys):
    file = str(tmp_path / "m.safetensors")
    Sequential([layers.Input((4,)), layers.Dense(2)]).save(file)
    assert main(["summary", file, "--image-size", "64"]) == 2
    assert "--image-size goes with the name of a network, received it with" in (
        capsys.readouterr().err
    )


def test_the_spelling_of_classes_names_networks():
    for word, name in (
        ("ResNet20", "resnet20"),
        ("MobileNetV2", "mobilenetv2"),
        ("SmallMobileNetV2", "small_mobilenetv2"),
        ("DocumentedCNN", "documented"),
        ("efficientnetb0", "efficientnetb0"),
        ("ResNet", None),
    ):
        assert network_named(word) == name
