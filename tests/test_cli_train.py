"""`minicnn train`: what it leaves, how it ends early, how it goes on."""

import json
import os
import re
import shutil
import signal
import sys

import numpy as np
import pytest
from commands import COLOURS, TRAIN, started
from PIL import Image
from programs import PATIENCE, read_until

from minicnn import callbacks, datasets, models, report, runs
from minicnn.cli import arguments, main, resume, train
from minicnn.layers import RandomCrop, RandomFlip
from minicnn.machine import threads
from minicnn.saving import model_file

pytest_plugins = ["run_fixtures"]
pytestmark = pytest.mark.usefixtures("here")
FILES = {
    "checkpoint",
    "config.json",
    "doctor.txt",
    "history.csv",
    "metrics.json",
    "model.safetensors",
    "plots",
    "report.html",
}
SMALL = ["train", "--data", "shapes", "--limit", "100"]


def weights(run):
    """All arrays of a run's model file: weights and the optimizer's memory."""
    return model_file.read(run / "model.safetensors")[1]


def test_it_leaves_a_run_folder(trained):
    assert {path.name for path in trained.iterdir()} == FILES
    config = runs.Run(trained).config
    assert config["command"] == "minicnn train --data shapes --limit 400 --epochs 2 --seed 1"
    assert config["options"]["batch_size"] == 16 and config["options"]["augment"] is True
    assert re.fullmatch("[0-9a-f]{16}", config["data"].pop("fingerprint"))
    assert config["data"] == {
        "name": "synthetic shapes",
        "synthetic": True,
        "train": 320,
        "validation": 80,
        "test": 400,
    }
    assert (config["model"]["name"], config["model"]["parameters"]) == ("documented_cnn", 161_098)
    assert {"minicnn", "python", "numpy", "numba", "cpu", "cores", "threads"} <= config[
        "environment"
    ].keys()
    history = runs.Run(trained).history
    assert history["epoch"] == [0, 1] and set(history) == {
        *("epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    }


def test_its_metrics_are_those_of_the_model_that_it_saved(trained):
    metrics, history = runs.Run(trained).metrics, runs.Run(trained).history
    model = models.load_model(trained / "model.safetensors")
    _, (x, y) = datasets.shapes.load_data()
    evaluation = report.evaluate_report(
        y[:400], model.predict(x[:400]), datasets.shapes.CLASS_NAMES
    )
    assert metrics["test"] == evaluation.to_dict()
    assert metrics["epochs"] == 2 and metrics["interrupted"] is False
    assert metrics["seconds"] == pytest.approx(sum(history["seconds"])) and metrics["seconds"] > 0
    assert metrics["best_epoch"] == 1 + int(np.argmin(history["val_loss"]))


@pytest.mark.usefixtures("no_plots")
def test_the_result_goes_to_stdout_and_progress_to_stderr(capsys):
    assert main([*SMALL, "--epochs", "1", "--output", "runs/one", "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["run"] == os.path.join("runs", "one") and found["test"]["images"] == 100
    assert "Epoch 1/1  loss" in printed.err
    assert "minicnn train: synthetic shapes, 80 pictures to train on, results go to" in printed.err


@pytest.mark.usefixtures("no_plots")
def test_runs_get_names_and_the_last_one_is_latest(here, capsys):
    for _ in range(2):
        assert main([*SMALL, "--epochs", "1"]) == 0
    first, second = sorted(path.name for path in (here / "runs").iterdir() if path.name != "latest")
    assert (here / "runs" / "latest").readlink().name == second
    assert first.endswith("-shapes") and second == f"{first}-2"
    assert runs.find("runs/latest").folder.name == second
    text = capsys.readouterr().out
    assert (
        "accuracy" in text
        and f"Results in {os.path.join('runs', second)}: checkpoint, config.json" in text
    )


def test_an_existing_run_is_not_overwritten(trained, capsys):
    before = (trained / "metrics.json").read_bytes()
    assert main([*TRAIN, "--output", str(trained)]) == 2
    assert (
        f"{trained} holds a run already: resume it, or choose another name"
        in capsys.readouterr().err
    )
    assert (trained / "metrics.json").read_bytes() == before


@pytest.mark.usefixtures("no_plots")
def test_augmentation_is_part_of_the_model():
    assert main([*SMALL, "--epochs", "1", "--augment", "--output", "augmented"]) == 0
    model = models.load_model("augmented/model.safetensors")
    assert [type(layer) for layer in model.layers[:2]] == [RandomFlip, RandomCrop]
    assert model.count_params() == 161_098


@pytest.fixture
def all_threads_afterwards():
    yield
    threads.set_threads(threads.state()["available"])


@pytest.mark.usefixtures("no_plots", "all_threads_afterwards")
def test_threads_are_those_asked_for(here):
    assert main([*SMALL, "--epochs", "1", "--threads", "1", "--output", "one"]) == 0
    assert runs.Run("one").config["environment"]["threads"] == 1
    assert main([*SMALL, "--epochs", "1", "--threads", "99999", "--output", "many"]) == 2
    assert not (here / "many").exists()


@pytest.mark.usefixtures("no_plots")
def test_a_killed_training_goes_on_as_if_nothing_had_happened(here):
    """Killed in the middle of an epoch, without warning; also with augmentation, dropout and
    another time limit.
    """
    options = [*SMALL[:3], "--limit", "300", "--augment", "--seed", "4"]
    process = started(*options, "--epochs", "1000", "--output", "parts")
    read_until(process, process.stderr, "Epoch 2/")
    process.kill()
    process.communicate()
    part = runs.Run("parts")
    assert part.metrics == {} and len(part.history["epoch"]) >= 2  # what there is can be read
    assert main(["report", "parts"]) == 0
    assert "This training has not ended" in part.page.read_text(encoding="utf-8")
    epochs = len(part.history["epoch"]) + 2  # it may have trained on before it was killed
    assert main(["train", "--resume", "parts", "--epochs", str(epochs), "--max-time", "2h"]) == 0
    assert main([*options, "--epochs", str(epochs), "--output", "whole"]) == 0
    whole, parts = weights(here / "whole"), weights(here / "parts")
    assert whole.keys() == parts.keys() and all(
        np.array_equal(whole[name], parts[name]) for name in whole
    )
    histories = [runs.Run(name).history for name in ("whole", "parts")]
    for history in histories:
        assert history.pop("seconds") and history["epoch"] == list(range(epochs))
    assert histories[0] == histories[1]
    assert runs.Run("whole").metrics["test"] == part.metrics["test"]


@pytest.mark.usefixtures("no_plots")  # of the resumed training, which runs in this process
def test_ctrl_c_keeps_the_results_and_can_be_resumed(here):
    process = started(*SMALL, "--epochs", "1000", "--output", "stopped")
    read_until(process, process.stderr, "Epoch 2/")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "Results in stopped: checkpoint, config.json" in out and "Traceback" not in err
    assert {path.name for path in (here / "stopped").iterdir()} == FILES
    metrics = runs.Run("stopped").metrics
    assert metrics["interrupted"] is True and metrics["epochs"] >= 2
    assert "This training was interrupted" in (here / "stopped" / "report.html").read_text(
        encoding="utf-8"
    )
    assert (
        main(["train", "--resume", "--output", "stopped", "--epochs", str(metrics["epochs"] + 1)])
        == 0
    )
    metrics = runs.Run("stopped").metrics
    assert metrics["interrupted"] is False and metrics["epochs"] == len(
        runs.Run("stopped").history["epoch"]
    )


@pytest.mark.usefixtures("no_plots")
def test_ctrl_c_in_the_first_epoch_leaves_what_can_be_resumed(here, capsys, monkeypatch):
    class Impatient(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, *_, **__):
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(train.callbacks, "ModelCheckpoint", Impatient)
        assert main([*SMALL, "--epochs", "1", "--output", "stopped"]) == 130
    printed = capsys.readouterr()
    assert (
        printed.out == ""
        and "interrupted before an epoch had ended; minicnn train --resume stopped goes on"
        in printed.err
    )
    assert main(["evaluate", "--model", "stopped"]) == 3
    assert main(["report", str(here / "stopped")]) == 0
    monkeypatch.setattr(
        train.callbacks, "ModelCheckpoint", type("Impatient", (callbacks.ModelCheckpoint,), {})
    )
    assert main(["train", "--resume", "--output", str(here / "stopped")]) == 0


@pytest.mark.usefixtures("no_plots")
def test_a_time_limit_ends_the_training_and_a_resumed_one_has_time_again():
    arguments = [*SMALL, "--epochs", "3", "--output", "hurried"]
    assert main([*arguments, "--max-time", "0s"]) == 0
    run = runs.Run("hurried")
    assert run.history["epoch"] == [0] and run.metrics["interrupted"] is False
    assert main(["train", "--resume", "--output", "hurried"]) == 0
    assert run.history["epoch"] == [0, 1, 2] and run.metrics["epochs"] == 3


@pytest.mark.parametrize("text, value", [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_times(text, value):
    assert arguments.seconds(text) == value


def test_resume_takes_no_other_options(trained, capsys):
    assert main(["train", "--resume", "--output", str(trained), "--seed", "7"]) == 2
    assert (
        "--resume expected the options that the run was begun with, --seed 1, received 7"
        in capsys.readouterr().err
    )
    assert main(["train", "--resume", str(trained), "--output", "other"]) == 2
    assert (
        f"--resume {trained} expected no --output, received other: name one run"
        in capsys.readouterr().err
    )


@pytest.fixture
def photographs(here):
    """Twenty pictures of each of two colours, in a folder each."""
    rng = np.random.default_rng(0)
    for name in ("red", "blue"):
        (here / "photographs" / name).mkdir(parents=True)
        for number in range(20):
            picture = np.uint8(COLOURS[name]) + rng.integers(0, 25, (40, 50, 3), np.uint8)
            Image.fromarray(picture).save(here / "photographs" / name / f"{number}.png")
    return here / "photographs"


@pytest.mark.usefixtures("no_plots")
def test_a_run_knows_its_pictures_where_they_were_moved(photographs, here, capsys):
    assert main(["train", "--data", "photographs", "--epochs", "1", "--output", "runs/one"]) == 0
    moved = here / "elsewhere" / "other name"
    moved.parent.mkdir()
    photographs.rename(moved)
    capsys.readouterr()
    for command in (["evaluate"], ["train", "--resume"]):
        assert main(command) == 3
        assert (
            f"{photographs}: expected cifar10 or shapes, a folder with one folder of pictures per "
            "class, or CIFAR-10's tarball or folder, received a path where nothing is: correct it, "
            "or name where the pictures are now, with --data PATH\n"
        ) in capsys.readouterr().err
    assert main(["evaluate", "--data", str(moved), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["images"] == 4  # those that it was not trained on
    assert f"{moved} has the pictures of {photographs}: its test pictures are taken" in printed.err
    assert main(["train", "--resume", "runs/one", "--data", str(moved), "--epochs", "2"]) == 0
    assert runs.Run("runs/one").options["data"] == str(moved)
    assert runs.Run("runs/one").history["epoch"] == [0, 1]
    assert main(["evaluate"]) == 0
    capsys.readouterr()
    next(moved.glob("red/*.png")).unlink()
    assert main(["train", "--resume", "--data", str(moved), "--epochs", "3"]) == 2
    told = capsys.readouterr().err
    assert (
        f"--resume expected the pictures that {os.path.join('runs', 'one')} was begun with (32 to "
        "train on" in told
    )
    assert "name where those pictures are, or begin a new run" in told


def test_a_run_that_has_ended_says_that_nothing_was_left(trained, here, capsys):
    shutil.copytree(trained, here / "runs" / "NAME")
    before = {path: path.stat().st_mtime_ns for path in (here / "runs" / "NAME").glob("*.*")}
    assert main(["train", "--resume", "runs/NAME"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == (
        f"nothing was left to train in {os.path.join('runs', 'NAME')}: it has had all 2 epochs; "
        "--epochs 4 trains on"
    )
    assert lines[1].startswith("next: ") and "Epoch" not in printed.err
    assert before == {
        path: path.stat().st_mtime_ns for path in (here / "runs" / "NAME").glob("*.*")
    }
    assert "early stopping ended it after 2 epochs" in resume.nothing_left(
        runs.Run("runs/NAME"), 100
    )


def test_a_training_that_fails_before_its_first_epoch_leaves_nothing(here, capsys, monkeypatch):
    class Failing(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, *_, **__):
            raise ValueError("expected something else")

    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("keep")
    monkeypatch.setattr(train.callbacks, "ModelCheckpoint", Failing)
    for output in ([], ["--output", "mine"]):
        assert main([*SMALL, *output]) == 2
    assert [path.name for path in here.rglob("*")] == ["mine", "runs", "notes.txt"]
    assert main(["train", "--resume"]) == 3
    assert "there is no run in runs yet" in capsys.readouterr().err


def test_the_last_line_says_what_can_be_done_next(trained, here, monkeypatch):
    page = trained / "report.html"
    monkeypatch.setattr(shutil, "which", lambda name, path=None: name if path is None else None)
    told = runs.next_steps(runs.Run(trained))
    assert (
        told
        == f"next: minicnn predict PICTURE --model {trained}; minicnn evaluate --model {trained}; "
        f"open {page}"
    )
    shutil.copytree(trained, here / "runs" / "one")
    (here / "runs" / "latest").symlink_to("one")
    run = runs.Run("runs/one")
    assert (
        runs.next_steps(run) == f"next: minicnn predict PICTURE; minicnn evaluate; open {run.page}"
    )
    monkeypatch.setattr(shutil, "which", lambda name, path=None: path and os.path.join(path, name))
    beside = os.path.join(os.path.dirname(sys.executable), "minicnn")
    assert f"{beside} predict PICTURE" in runs.next_steps(run)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert f"{sys.executable} -m minicnn predict PICTURE" in runs.next_steps(run)


def test_a_run_of_another_program_is_not_resumed(here, capsys):
    runs.create(here / "runs" / "own", {"options": {"data": "shapes"}})
    assert main(["train", "--resume", "runs/own"]) == 3
    assert "whichever program began the run goes on with it" in capsys.readouterr().err


def test_resume_without_a_run_exits_with_3(capsys):
    assert main(["train", "--resume"]) == 3
    assert "there is no run in runs yet: `minicnn train` makes one" in capsys.readouterr().err


@pytest.mark.usefixtures("no_plots")
def test_resume_from_a_damaged_checkpoint_exits_with_3(here, capsys):
    assert main([*SMALL, "--epochs", "1", "--output", "run"]) == 0
    [checkpoint] = (here / "run" / "checkpoint").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert main(["train", "--resume", "--output", "run", "--epochs", "2"]) == 3
    assert "is damaged or no model file" in capsys.readouterr().err
    assert runs.Run("run").history["epoch"] == [0]
