"""minicnn prune: the file that it writes, what it says was saved, and what it refuses."""

import json

import pytest

from minicnn import datasets, models, plots, pruning
from minicnn.cli import main

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")
FEW = ["--data", "shapes", "--limit", "80"]


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The file of an untrained documented network for the drawn shapes."""
    from minicnn import Input, applications, layers

    inputs = layers.Rescaling(1 / 255)(Input((32, 32, 3)))
    names = datasets.shapes.CLASS_NAMES
    model = applications.DocumentedCNN(input_tensor=inputs, class_names=names, seed=0)
    model.note_weights()
    path = tmp_path_factory.mktemp("pruned") / "model.safetensors"
    model.save(path)
    return path


def test_a_smaller_model_is_written(network, capsys):
    arguments = [str(network), "--multiplications", "50%", "--to", "small.safetensors"]
    assert main(["prune", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "conv2d_1                  64           40   62.5 %" in printed
    assert "accuracy" not in printed and printed.endswith("Saved small.safetensors\n")
    saved = pruning.savings(models.load_model(network), models.load_model("small.safetensors"))
    assert saved.multiplications[1] <= 0.5 * saved.multiplications[0]


def test_it_is_trained_on_where_there_are_pictures(network, capsys):
    arguments = [str(network), "--filters", "conv2d=16", "conv2d_2=64", "--to", "s.safetensors"]
    more = [*FEW, "--epochs", "1", "--learning-rate", "0.01", "--json"]
    assert main(["prune", *arguments, *more]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert list(found["accuracy"]) == ["before", "pruned", "trained on"]
    assert found["filters"]["conv2d"] == {"before": 32, "after": 16}
    assert "training on with 64 pictures" in printed.err


def test_weights_become_0(network, capsys):
    arguments = [str(network), "--sparsity", "0.8", "--to", "sparse.safetensors"]
    assert main(["prune", *arguments, *FEW, "--epochs", "2"]) == 0
    assert "zeros                  0.0 %       80.0 %" in capsys.readouterr().out
    model = models.load_model("sparse.safetensors")
    assert pruning.sparsity(model) == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--sparsity", "0.8"], "received no pictures: name some with --data"),
        (["--keep", "0"], "prune_filters expected keep as a finite number above 0 and at most 1"),
        (["--filters", "conv2d=12"], "as a multiple of 8, with which vectors are filled"),
    ],
)
def test_what_cannot_be(network, arguments, message, capsys):
    assert main(["prune", str(network), "--to", "s.safetensors", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "one of the arguments --keep --multiplications --filters --sparsity is required"),
        (["--keep", "0.5", "--sparsity", "0.8"], "not allowed with argument"),
        (["--filters", "conv2d"], "expected a layer and a number, such as conv2d=16, received"),
        (["--keep", "50"], "expected a share such as 0.7, or 70%, received '50': write 50%"),
    ],
)
def test_wrong_arguments(network, arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(["prune", str(network), "--to", "s.safetensors", *arguments])
    assert message in capsys.readouterr().err


def test_the_picture_of_the_trade():
    whole = {"accuracy": 0.74, "milliseconds": 5.0, "kilobytes": 600.0}
    half = {"accuracy": 0.73, "milliseconds": 3.0, "kilobytes": 300.0}
    plot = plots.trade({"whole": whole, "half": half})
    assert plot.data["half"] == half and [len(axes.lines) for axes in plot.figure.axes] == [3, 3]
    assert [axes.get_xscale() for axes in plot.figure.axes] == ["linear", "linear"]
    slow = plots.trade({"whole": whole, "half": half, "int8": whole | {"milliseconds": 80.0}})
    assert [axes.get_xscale() for axes in slow.figure.axes] == ["log", "linear"]
    with pytest.raises(ValueError, match="^trade expected two to 5 versions, received 1: whole$"):
        plots.trade({"whole": whole})
    message = (
        "expected accuracy, milliseconds, kilobytes of every version, received no milliseconds"
    )
    with pytest.raises(ValueError, match=f"^trade {message} and no kilobytes of 'half'$"):
        plots.trade({"whole": whole, "half": {"accuracy": 0.5}})
