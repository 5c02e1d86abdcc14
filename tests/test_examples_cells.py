"""Every example is a percent script: a program, and a notebook whose cells run one by one in one
namespace.
"""

import ast
import contextlib
import io
import os
import re
import runpy
import sys
import warnings

import pytest
from example_runs import ARGUMENTS, EXAMPLES, path_of

from minicnn.saving import model_file

pytest_plugins = ["example_fixtures", "run_fixtures"]
each_example = pytest.mark.parametrize("name", [path.name for path in EXAMPLES])
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
            "metrics.json",
            "sparse.safetensors",
            "trade.png",
            "whole.safetensors",
        }
    },
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


def cells(path):
    """The text before the first mark, then (title, code) of every cell."""
    before, *parts = re.split(r"(?m)^# %%(.*)$", path.read_text(encoding="utf-8"))
    return before, list(zip(parts[::2], parts[1::2], strict=True))


@each_example
def test_it_is_divided_into_cells_with_titles(name):
    before, parts = cells(path_of(name))
    (docstring,) = ast.parse(before).body  # nothing else comes before the first cell
    assert isinstance(docstring, ast.Expr) and f"python examples/{name}" in before
    assert len(parts) >= 5
    for title, code in parts:
        assert len(title.strip()) > 10, title
        assert ast.parse(code).body, f"the cell {title!r} has no code"


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
def test_its_cells_run_one_by_one_and_come_to_the_same_bits(name, as_script, here, monkeypatch):
    folder, _ = as_script(name)
    assert "next: " in run_as_notebook(name, ARGUMENTS[name], monkeypatch)
    models = [path.relative_to(folder) for path in sorted(folder.glob("runs/*/*.safetensors"))]
    assert models
    for path in models:
        ours, theirs = (model_file.read(place / path)[1] for place in (here, folder))
        assert ours.keys() == theirs.keys()
        assert all(
            (ours[key] == theirs[key]).all() for key in ours if not key.startswith("optimizer")
        ), path


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


def refused(name, arguments, monkeypatch, capsys):
    """The exit code of an example that is not to begin, and what it prints."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(path_of(name)), run_name="__main__")
    return stopped.value.code, capsys.readouterr()


@each_example
@pytest.mark.parametrize("named_by", ["--data", "MINICNN_DATA"])
def test_named_data_that_cannot_be_read_ends_with_one_line_and_code_3(
    name, named_by, here, monkeypatch, capsys
):
    path = here / "cifar-10-python.tar.gz"
    path.write_bytes(b"<html>404 Not Found</html>")
    if named_by == "MINICNN_DATA":
        monkeypatch.setenv("MINICNN_DATA", str(path))
    code, printed = refused(
        name, ["--data", path] if named_by == "--data" else [], monkeypatch, capsys
    )
    assert (code, printed.out) == (3, "")
    why = "" if named_by == "--data" else "MINICNN_DATA does not name CIFAR-10: "
    assert printed.err.startswith(f"{name}: {why}{path}") and printed.err.count("\n") == 1
    assert os.listdir(here) == [path.name]


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        *((path.name, ["--output", f"{__file__}/x"],
            "--output expects .*new folders? that ") for path in EXAMPLES),
        ("train_cifar.py", ["--epochs", "0"], "argument --epochs: expected 1 or more, received 0"),
        ("train_cifar.py", ["--limit", "1"], "--limit expects 2 or more"),
        ("train_cifar.py", ["--data", "x", "--synthetic"], "argument --synthetic: not allowed with "
                                                           "argument --data"),
        ("train_augmented.py", ["--limit", "1"], "--limit expects 2 or more"),
        ("train_resnet.py", ["--resume", "nowhere"], "--resume one that holds a run: nowhere is no "
                                                     "run folder"),
        ("train_best.py", ["--resume", "nowhere"], "--resume one that holds a run: nowhere is no "
                                                   "run folder"),
        ("transfer_learning.py", ["--new", "ring", "bird"], "--new expects two of circle, "
                                                            ".*received ring bird"),
        ("transfer_learning.py", ["--new", "ring", "ring"], "--new expects two of .*received ring "
                                                            "ring"),
        ("transfer_learning.py", ["--limit", "50"], "--limit leaves fewer than 10 pictures of "
                                                    "triangle or crescent"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_wrong_arguments_end_with_usage_and_code_2(name, arguments, message, monkeypatch, capsys):
    synthetic = [] if "--synthetic" in arguments else ["--synthetic"]
    code, printed = refused(name, [*arguments, *synthetic], monkeypatch, capsys)
    assert code == 2 and "usage:" in printed.err
    assert re.search(message, printed.err), printed.err


def test_help_shows_an_example_and_the_defaults(monkeypatch, capsys):
    code, printed = refused("train_cifar.py", ["--help"], monkeypatch, capsys)
    told = " ".join(printed.out.split())
    assert code == 0
    for expected in (
        "example: python examples/train_cifar.py --data",
        "at most (100; 10 over drawn shapes)",
        "--seed",
        "runs/<date>-cifar10",
    ):
        assert expected in told
