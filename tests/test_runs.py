"""minicnn.runs: a run folder is found, read and written, also when it is unfinished or damaged."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from minicnn import Sequential, layers, runs
from minicnn.errors import DataError
from minicnn.runs import (
    HistoryFile,
    Run,
    best_epoch,
    create,
    discard,
    find,
    model_file,
    to_json,
)
from minicnn.runs.latest import link
from minicnn.saving.atomic import write_text

pytest_plugins = ["run_fixtures"]


def begun(folder, name, *, has_model=True):
    """A run that has had an epoch and a model, or not yet."""
    run = create(folder / name, {"name": name})
    if has_model:
        run.history_file.write_text("epoch,seconds,loss\n0,1.0,2.0\n")
        run.model_file.write_bytes(b"")
    return run


def test_without_links_latest_is_the_run_begun_last_that_has_a_model(tmp_path):
    for age, name in enumerate(("empty", "new", "middle", "old")):
        run = begun(tmp_path, name, has_model=name != "empty")
        os.utime(run.config_file, ns=(0, 10**18 - age))
    (tmp_path / "no run").mkdir()
    assert (
        find(tmp_path / "latest").folder
        == model_file(tmp_path / "latest").parent
        == tmp_path / "new"
    )
    assert find(tmp_path / "old").config == {"name": "old"}


def test_latest_is_a_relative_link_that_is_moved_in_one_step(tmp_path):
    for name in ("first", "second"):
        assert link(begun(tmp_path, name))
        assert (tmp_path / "latest").readlink() == Path(name)
        assert find(tmp_path / "latest").folder == tmp_path / name
        assert model_file(tmp_path / "latest") == tmp_path / name / "model.safetensors"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "latest", "second"]
    tmp_path.rename(tmp_path.with_name("moved"))
    assert (tmp_path.with_name("moved") / "latest" / "config.json").exists()


def test_a_run_without_a_model_does_not_become_the_latest(tmp_path):
    assert link(begun(tmp_path, "good"))
    assert not link(begun(tmp_path, "empty", has_model=False))
    assert not link(Run(tmp_path / "nowhere"))
    assert find(tmp_path / "latest").folder == tmp_path / "good"


def test_a_link_to_a_run_that_is_gone_is_passed_over(tmp_path):
    begun(tmp_path, "here")
    link(begun(tmp_path, "gone"))
    (tmp_path / "gone").rename(tmp_path.with_name("elsewhere"))
    assert find(tmp_path / "latest").folder == tmp_path / "here"
    assert link(Run(tmp_path / "here")) and (tmp_path / "latest").readlink() == Path("here")


def test_where_links_are_not_permitted_the_search_goes_by_time(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    assert link(begun(tmp_path, "one"))
    assert [path.name for path in tmp_path.iterdir()] == ["one"] and find(
        tmp_path / "latest"
    ).folder.name == "one"


def test_no_link_is_made_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert link(begun(Path(), "one")) and [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_run_that_is_only_begun_is_named(tmp_path):
    begun(tmp_path, "one", has_model=False)
    with pytest.raises(
        FileNotFoundError,
        match="there is no run in .* yet: .* minicnn train --resume .*one goes on",
    ):
        find(tmp_path / "latest")


def test_what_a_failed_training_has_made_is_removed_and_nothing_else(tmp_path):
    for name in ("new", "mine"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "thesis.txt").write_text("years of work")
        run = begun(tmp_path, name, has_model=False)
        run.checkpoint.mkdir()
        (run.checkpoint / "checkpoint.safetensors").write_bytes(b"")
        discard(run)
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*")] == [
        Path("mine"),
        Path("mine", "thesis.txt"),
    ]


def test_a_folder_that_is_called_latest_is_itself(tmp_path):
    """A link that somebody made, for example."""
    create(tmp_path / "new", {})
    (tmp_path / "latest").mkdir()
    assert link(begun(tmp_path, "newer")) and not (tmp_path / "latest").is_symlink()
    with pytest.raises(
        FileNotFoundError, match="latest is no run folder: there is no config.json in it"
    ):
        find(tmp_path / "latest")
    (tmp_path / "latest" / "config.json").write_text('{"is": "here"}')
    assert find(tmp_path / "latest").config == {"is": "here"}


def test_latest_without_runs(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="there is no run in .* yet: `minicnn train` makes one"
    ):
        find(tmp_path / "runs" / "latest")


def test_a_run_is_never_replaced(tmp_path):
    create(tmp_path / "one", {"first": True})
    with pytest.raises(
        FileExistsError, match="one holds a run already: resume it, or choose another name"
    ):
        create(tmp_path / "one", {"first": False})
    assert Run(tmp_path / "one").config == {"first": True}


def test_no_run_is_called_latest(tmp_path):
    with pytest.raises(
        ValueError, match="a run cannot be called 'latest', which stands for the last one"
    ):
        create(tmp_path / "latest", {})
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_the_one_in_any_folder(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match="expected a model file in this folder, model.safetensors, received no",
    ):
        model_file(tmp_path)
    for name in ("a", "b", "model"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"")
        if name == "b":
            with pytest.raises(
                ValueError,
                match="expected one model file .*, received a.safetensors, b.safetensors: ",
            ):
                model_file(tmp_path)
        else:
            assert model_file(tmp_path) == tmp_path / f"{name}.safetensors"


def test_a_model_is_a_file_or_that_of_a_run(tmp_path):
    run = create(tmp_path / "run", {})
    # whoever reads it will complain
    assert model_file(tmp_path / "any.safetensors") == tmp_path / "any.safetensors"
    with pytest.raises(
        FileNotFoundError, match="run has no model yet: its first epoch has not ended"
    ):
        model_file(tmp_path / "run")
    run.model_file.write_bytes(b"")
    assert model_file(tmp_path / "run") == run.model_file


def test_an_unfinished_run_can_be_read(tmp_path):
    run = create(tmp_path / "run", {})
    assert (run.metrics, run.history) == ({}, {})


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "epoch,loss\n0,1.5\n1", "epoch,loss\n0,high", "\0"]
)
def test_damaged_files_are_named(tmp_path, text):
    run = create(tmp_path / "run", {})
    for file in (run.config_file, run.metrics_file, run.history_file):
        file.write_text(text)
    for what in ("config", "metrics"):
        with pytest.raises(DataError, match=f"{what}.json .*: train again"):
            getattr(run, what)
    if text not in ("{", "[1]", "\0"):
        with pytest.raises(DataError, match="history.csv is damaged .*: train again"):
            print(run.history)


def test_history_is_written_after_every_epoch_and_read_back(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    model = Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    run = create(tmp_path / "run", {})
    seen = []

    class Reader(HistoryFile):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            seen.append(run.history)

    watcher = Reader(run.history_file)
    history = model.fit(x, y, epochs=3, validation_split=0.2, callbacks=[watcher], verbose=0)
    for count, found in enumerate(seen, start=1):
        assert found["epoch"] == list(range(count)) and found["seconds"] == watcher.seconds[:count]
        assert {name: found[name] for name in history.history} == {
            name: values[:count] for name, values in history.history.items()
        }
    assert all(seconds > 0 for seconds in watcher.seconds)


def test_history_of_an_epoch_that_is_repeated_after_a_kill_is_there_once(tmp_path):
    watcher = HistoryFile(tmp_path / "history.csv")
    watcher.model = Sequential()
    for epoch in (0, 1, 1):
        watcher.on_epoch_begin(epoch)
        watcher.model.history.history = {"loss": [3.0, 2.0][:epoch]}
        watcher.on_epoch_end(epoch, {"loss": 3.0 - epoch})
    found = Run(tmp_path).history
    assert found["epoch"] == [0, 1] and found["loss"] == [3.0, 2.0] and len(found["seconds"]) == 2


@pytest.mark.parametrize(
    "losses, best",
    [([3.0, 1.0, 2.0, 1.0], 2), ([float("nan"), 2.0], 2), ([float("nan")], None), ([], None)],
)
def test_best_epoch(losses, best):
    assert best_epoch({"val_loss": losses}) == best


def test_json_knows_no_infinity():
    value = {
        "a": float("inf"),
        "b": [float("nan"), np.float32(0.5), np.int64(3)],
        1: {"c": (None, "é", True)},
    }
    assert json.loads(to_json(value), parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 0.5, 3],
        "1": {"c": [None, "é", True]},
    }


def test_a_file_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_text(path, "old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_plots_are_saved_with_their_text(trained):
    names = {path.stem for path in (trained / "plots").glob("*.txt")}
    assert names == {
        "curves",
        "confusion",
        "reliability",
        "classes",
        "pictures",
        "mistakes",
        "filters",
    }
    narrow = {
        path.stem.removesuffix("-narrow") for path in (trained / "plots").glob("*-narrow.png")
    }
    assert narrow == names - {"confusion", "reliability"}
    for name in names:
        assert (trained / "plots" / f"{name}.png").stat().st_size > 5000
        assert (
            len((trained / "plots" / f"{name}.txt").read_text(encoding="utf-8").splitlines()) >= 3
        )


def test_a_folder_is_used_if_only_by_seeds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = runs.unused_folder("shapes")
    first.with_name(f"{first.name}-seed-0").mkdir(parents=True)
    second = runs.unused_folder("shapes")
    assert second.name == f"{first.name}-2"
    second.mkdir()
    assert runs.unused_folder("shapes").name == f"{first.name}-3"


@pytest.mark.parametrize(
    "name", ["model.safetensors", "history.csv", "report.html", "doctor.txt", "plots"]
)
def test_nobodys_files_are_overwritten(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(
        FileExistsError, match=f"holds {name} already, which a run would overwrite: choose another"
    ):
        create(tmp_path, {})
    assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
