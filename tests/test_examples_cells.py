"""Every example is a percent script: a program that refuses what cannot be and keeps what it has
when Ctrl-C ends it, and a notebook in cells.
"""

import ast
import csv
import os
import re
import runpy
import signal
import subprocess
import sys

import pytest
from example_runs import EXAMPLES, cells, environment, path_of
from programs import PATIENCE, read_until

from minicnn import runs

pytest_plugins = ["run_fixtures"]
each_example = pytest.mark.parametrize("name", [path.name for path in EXAMPLES])


@each_example
def test_it_is_divided_into_cells_with_titles(name):
    before, parts = cells(path_of(name))
    (docstring,) = ast.parse(before).body  # nothing else comes before the first cell
    assert isinstance(docstring, ast.Expr) and f"python examples/{name}" in before
    assert len(parts) >= 5
    for title, code in parts:
        assert len(title.strip()) > 10, title
        assert ast.parse(code).body, f"the cell {title!r} has no code"


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


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGINT that could be sent to one process"
)
def test_ctrl_c_still_evaluates_and_saves(tmp_path):
    arguments = ["--synthetic", "--limit", "200", "--epochs", "1000", "--output", "out"]
    process = subprocess.Popen(
        [sys.executable, str(path_of("train_cifar.py")), *arguments],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = read_until(process, process.stdout, "Epoch 1/")
    process.send_signal(signal.SIGINT)
    after, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert "SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: as --synthetic asks" in before
    assert "accuracy" in after and "Traceback" not in errors
    run = runs.Run(tmp_path / "out")
    assert run.has_model and run.page.exists() and run.metrics["interrupted"] is True
    with run.history_file.open(newline="") as file:
        assert 1 <= len(list(csv.DictReader(file))) == run.metrics["epochs"] < 1000
