"""examples/train_cifar.py, README's first command: what it leaves behind can be asked, and Ctrl-C
keeps it.
"""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import COLOURS
from example_runs import environment, path_of
from PIL import Image
from programs import PATIENCE

from minicnn import datasets, models, report, runs
from minicnn.cli import main

pytest_plugins = ["example_fixtures", "run_fixtures"]
NAME, LIMIT = "train_cifar.py", 300


@pytest.fixture
def finished(as_script, monkeypatch):
    """The working directory of a short training on a machine that has no CIFAR-10 and no network;
    and what it said.
    """
    folder, done = as_script(NAME)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MINICNN_HOME", str(folder / "cache"))
    return Path("runs/latest"), done


def test_its_run_is_the_latest_and_tells_how_it_was_trained(finished):
    run, done = runs.Run(finished[0]), finished[1]
    config, history = run.config, run.history
    assert (
        config["data"].items()
        >= {"name": "synthetic shapes", "synthetic": True, "train": 240, "test": LIMIT}.items()
    )
    assert (
        config["options"].items()
        >= {"data": "shapes", "seed": 3, "batch_size": 64, "limit": LIMIT}.items()
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
    probabilities = model.predict(x_test[:LIMIT], verbose=0)
    evaluation = report.evaluate_report(y_test[:LIMIT], probabilities, model.class_names)
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


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGINT that could be sent to one process"
)
def test_ctrl_c_still_evaluates_and_saves(tmp_path):
    arguments = ["--synthetic", "--limit", "200", "--epochs", "1000", "--output", "out"]
    process = subprocess.Popen(
        [sys.executable, str(path_of(NAME)), *arguments],
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
    assert "accuracy" in after and "Traceback" not in errors
    run = runs.Run(tmp_path / "out")
    assert run.has_model and run.page.exists() and run.metrics["interrupted"] is True
    with run.history_file.open(newline="") as file:
        assert 1 <= len(list(csv.DictReader(file))) == run.metrics["epochs"] < 1000
