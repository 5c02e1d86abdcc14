"""space.toml: what it says is what is searched, and what it says wrongly is answered with file,
key, what was expected, what was received and what to do.
"""

import re

import pytest

from minicnn.cli.networks import BUILDERS
from minicnn.tune import networks
from minicnn.tune.ranges import Choices, Range
from minicnn.tune.space import read

WHOLE = """
[study]
metric = "val_loss"
seed = 7

[data]
data = "shapes"
limit = 400

[model]
network = "documented"
dropout = {low = 0, high = 0.5, step = 0.1}
filters = {low = 8, high = 32, step = 8}

[training]
epochs = 4
batch_size = {choices = [32, 64]}
learning_rate = {low = 1e-4, high = 1e-2, log = true}
optimizer = {choices = ["adam", "sgd"]}

[augmentation]
flip = true
shift = {low = 0.0, high = 0.25}
"""
OWN = """
from minicnn import Input, Sequential, layers

def build(input_shape, classes, units=8, kind="relu", depth=None):
    dense = layers.Dense(classes, activation="softmax")
    return Sequential([Input(input_shape), layers.Flatten(), layers.Dense(units), dense])

def other(shape):
    return None
"""


@pytest.fixture
def written(tmp_path):
    """A function that writes a space.toml and reads it."""

    def write(text):
        path = tmp_path / "space.toml"
        path.write_text(text, encoding="utf-8")
        return read(path, BUILDERS)

    return write


def test_values_are_fixed_and_tables_are_searched(written):
    space = written(WHOLE)
    assert space.domains == {
        "dropout": Range(0.0, 0.5, 0.1),
        "filters": Range(8, 32, 8),
        "batch_size": Choices((32, 64)),
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "optimizer": Choices(("adam", "sgd")),
        "shift": Range(0.0, 0.25),
    }
    assert space.fixed["training", "epochs"] == 4 and space.fixed["augmentation", "flip"] is True
    assert space.told["study"] == {
        "name": "space", "metric": "val_loss", "seed": 7, "sampler": "tpe", "pruner": "median",
    }  # fmt: skip
    chosen = {"dropout": 0.1, "filters": 16, "batch_size": 64, "learning_rate": 0.001,
              "optimizer": "sgd", "shift": 0.0}  # fmt: skip
    values = space.values(chosen)
    assert values["model"] == {"network": "documented", "dropout": 0.1, "filters": 16}
    assert values["training"]["schedule"] == "constant"


def test_a_planned_search_has_no_pruner_unless_it_asks_for_one(written):
    planned = written('[study]\nsampler = "qmc"\n[training]\nepochs = {low = 1, high = 3}')
    asked = written(
        '[study]\nsampler = "qmc"\npruner = "halving"\n[training]\nepochs = {low = 1, high = 3}'
    )
    assert planned.told["study"]["pruner"] == "none"
    assert asked.told["study"]["pruner"] == "halving"


def test_what_is_said_on_the_command_line_goes_first(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = {low = 1, high = 3}\n[study]\nseed = 3")
    space = read(path, BUILDERS, {"seed": 5, "sampler": "grid"})
    assert space.told["study"]["seed"] == 5 and space.told["study"]["sampler"] == "grid"
    assert space.told["study"]["name"] == "mine"


def test_two_keys_of_one_name_are_told_apart(written, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def build(input_shape, classes, momentum=0.5):\n    return None\n"
    )
    space = written(
        '[model]\nnetwork = "mine.py:build"\nmomentum = {low = 0.1, high = 0.2}\n'
        '[training]\noptimizer = "sgd"\nmomentum = {low = 0.5, high = 0.9}\n'
    )
    assert list(space.domains) == ["model.momentum", "training.momentum"]
    values = space.values({"model.momentum": 0.1, "training.momentum": 0.9})
    assert values["model"]["momentum"] == 0.1 and values["training"]["momentum"] == 0.9


def test_a_function_of_ones_own_says_what_it_can_be_told(written, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    space = written(
        '[model]\nnetwork = "mine.py:build"\nunits = {choices = [4, 8]}\n'
        'kind = {choices = ["relu", "gelu"]}\ndepth = {low = 1, high = 3}'
    )
    assert space.domains["depth"] == Range(1, 3)
    model = networks.own("mine.py:build", tmp_path)(input_shape=(8, 8, 3), classes=3)
    assert model.output_shape == (None, 3)
    before = networks.fingerprint("mine.py:build", tmp_path)
    (tmp_path / "mine.py").write_text(OWN + "\n")
    assert networks.fingerprint("mine.py:build", tmp_path) != before


RATE = "[training]\nlearning_rate = {low = 1e-4, high = 1e-2, log = true}\n"
WRONG = [
    ("[trainin]\nepochs = 3", "has [trainin], which is unknown. Did you mean 'training'?"),
    ("training = 3", "training expected a section, received 3: [training]"),
    ("[training]\nlerning_rate = 1", "has lerning_rate in [training], which is unknown. Did you "
     "mean 'learning_rate'?"),
    ("[model]\nepochs = 3", "has epochs in [model], which is unknown. Write it below [training]."),
    ("[model]\ndropuot = 0.1", "has dropuot in [model], which is unknown. Did you mean 'dropout'?"),
    ("[model]\nnetwork = 'resnet20'\ndropout = 0.1", "has dropout in [model], which is unknown."),
    ("[model]\nnetwork = 'resnt20'", "[model] network expected the name of a network, or a "
     "function such as my_model.py:build, received 'resnt20'. Did you mean 'resnet20'?"),
    ("[model]\nnetwork = 3", "received 3."),
    ("[model]\nnetwork = 'mine.py'", "expected a Python file and a function in it"),
    ("[model]\nnetwork = 'gone.py:build'", "and there is no"),
    ("[model]\nnetwork = 'mine.py:biuld'", "expected a function of mine.py, received 'biuld'. Did "
     "you mean 'build'?"),
    ("[model]\nnetwork = 'mine.py:other'", "expected a function other(input_shape, classes, ...), "
     "received other(shape) of mine.py"),
    ("[model]\nnetwork = 'broken.py:build'", "cannot run"),
    ("[training]\nepochs = 'ten'", "[training] epochs expected a whole number of at least 1, "
     "received 'ten'"),
    ("[training]\nepochs = 0", "received 0"),
    ("[training]\nepochs = true", "received True"),
    ("[training]\nepochs = 2.5", "expected a whole number of at least 1, received 2.5"),
    ("[training]\nlearning_rate = 20", "expected a number above 0 and at most 10, received 20"),
    ("[training]\noptimizer = 'adm'", "[training] optimizer expected one of sgd, adam,"),
    ("[training]\noptimizer = 'adm'", "received 'adm'. Did you mean 'adam'?"),
    ("[study]\nmetric = 'accuracy'", "expected one of val_accuracy, val_loss, received 'accuracy'"),
    ("[study]\nsampler = {choices = ['tpe']}", "expected one value for all trials"),
    ("[training]\nbatch_size = {low = 64, high = 32}", "expected low < high, received 64 and 32: "
     "swap them"),
    ("[training]\nbatch_size = {low = 64, high = 64}", "write 64 for a fixed value"),
    ("[training]\nbatch_size = {low = 64}", "expected low and high, or choices"),
    ("[training]\nbatch_size = {low = 64, hihg = 128}", "batch_size has hihg, which is unknown. "
     "Did you mean 'high'?"),
    ("[training]\nbatch_size = {low = 16, high = 64, step = 0}", "batch_size.step expected a whole "
     "number above 0 and at most 48, received 0"),
    ("[training]\nbatch_size = {low = 16, high = 64, step = 100}", "received 100"),
    ("[training]\nbatch_size = {low = 16, high = 64, log = 1}", "log expected true or false"),
    ("[training]\nlearning_rate = {low = 0.1, high = 1, log = true, step = 0.1}", "expected step "
     "or log, received both"),
    ("[training]\nweight_decay = {low = 0, high = 1, log = true}", "expected low above 0 with log "
     "= true, received 0"),
    ("[training]\nbatch_size = {choices = []}", "expected choices = [one, or, more], received []"),
    ("[training]\nbatch_size = {choices = 32}", "received 32"),
    ("[training]\nbatch_size = {choices = [32, 32]}", "expected different choices"),
    ("[training]\nbatch_size = {choices = [32], log = true}", "expected choices alone, received "
     "log too"),
    ("[training]\nbatch_size = {choices = [32, 'all']}", "expected a whole number of at least 1, "
     "received 'all'"),
    ("[training]\noptimizer = {low = 'adam', high = 'sgd'}", "expected choices, received a range"),
    (RATE + "momentum = 0.9", "[training] momentum expected an optimizer that has it, received "
     "adam: leave out one of them"),
    (RATE + "[augmentation]\nmixup = 0.2\ncutmix = 1.0", "expected mixup or cutmix, received both"),
    ("[augmentation]\nflip = 1", "flip expected true or false, received 1"),
    ("[training]\nepochs = 3", "expected something to search, received fixed values only"),
    ("[training\nepochs = 3", "expected TOML, received something else"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), WRONG)
def test_what_is_wrong_is_answered(text, answer, written, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("def build(:")
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(answer)) as raised:
        written(text)
    assert str(raised.value).startswith(str(tmp_path / "space.toml"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file such as space.toml, received"):
        read(tmp_path / "gone.toml", BUILDERS)


def test_the_example_is_read():
    from pathlib import Path

    space = read(Path(__file__).parents[1] / "examples" / "tune_cifar.toml", BUILDERS)
    assert len(space.domains) > 3
