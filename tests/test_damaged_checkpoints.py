"""Checkpoints and run folders that are damaged: fit and the commands say so in one line, and
nothing else happens.
"""

import contextlib
import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from model_files import config_of, data_of, header_of, repacked, sealed
from test_saving import ODD, places

from minicnn import Input, Sequential, callbacks, layers, optimizers, runs
from minicnn.cli import main
from minicnn.errors import DataError, ModelFileError
from minicnn.training.checkpoint import FILE

pytest_plugins = ["run_fixtures"]


def train(folder: Path, watch=()) -> Sequential:
    """Two epochs with every callback that has a state, resumed in the middle of the second."""
    rng = np.random.default_rng(0)
    middle = [layers.RandomFlip(), layers.Flatten(), layers.Dropout(0.5)]
    model = Sequential([Input((4, 4, 1)), *middle, layers.Dense(2, "softmax")], seed=1)
    model.compile(
        optimizers.Adam(0.01, use_ema=True), "sparse_categorical_crossentropy", ["accuracy"]
    )
    own = [
        callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss"),
        callbacks.ModelCheckpoint(folder / "best.safetensors", "loss", save_best_only=True),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.Doctor(verbose=0),
        callbacks.SwapEMAWeights(),
    ]
    x, y = rng.random((12, 4, 4, 1), np.float32), np.arange(12) % 2
    options = {
        "batch_size": 4,
        "epochs": 2,
        "validation_data": (x[:2], y[:2]),
        "checkpoint_every_steps": 1,
    }
    model.fit(x, y, callbacks=[*own, *watch], resume=folder, verbose=0, **options)
    return model


class Stop(BaseException):
    """Ends a training."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> bytes:
    """A checkpoint in the middle of the second epoch."""
    folder = tmp_path_factory.mktemp("whole")
    batches = []

    def stop(batch, logs):  # noqa: ARG001
        batches.append(1)
        if len(batches) == 5:
            raise Stop

    with contextlib.suppress(Stop):
        train(folder, [callbacks.LambdaCallback(on_train_batch_end=stop)])
    return (folder / FILE).read_bytes()


def resumed(raw: bytes, folder: Path) -> bool:
    """Whether a training goes on from the file; it raises ValueError with a message, or nothing."""
    (folder / FILE).write_bytes(raw)
    try:
        train(folder)
    except ValueError as error:
        assert str(error)
        assert isinstance(error, ModelFileError) or "fit" in str(error)
        return False
    return True


def changed(raw: bytes, path: tuple, value) -> bytes:
    config = copy.deepcopy(config_of(raw))
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    if value == "left out":
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    metadata = header_of(raw)["__metadata__"] | {"config": json.dumps(config)}
    return repacked(raw, header_of(raw) | {"__metadata__": metadata})


def test_the_checkpoint_is_whole(raw, tmp_path):
    assert resumed(raw, tmp_path)


def test_no_value_of_the_state_can_raise_anything_else(raw, tmp_path):
    """Each value of what a checkpoint adds to a model file, replaced by an odd one or left out, by
    turns.
    """
    paths = [path for path in places(config_of(raw)) if path[:1] in (("training",), ("compile",))]
    odd = ["left out", *ODD]
    outcomes = [
        resumed(changed(raw, path, odd[i % len(odd)]), tmp_path) for i, path in enumerate(paths)
    ]
    assert len(outcomes) > 150 and outcomes.count(False) > 0.6 * len(outcomes)


def test_no_type_of_an_array_can_raise_anything_else(raw, tmp_path):
    header = header_of(raw)
    for name in header:
        if name != "__metadata__":
            for kind, size in (("F16", 2), ("I64", 8), ("BOOL", 1), ("F64", 8)):
                other, data, end = copy.deepcopy(header), b"", 0
                for one, entry in other.items():
                    if one != "__metadata__":
                        start, stop = entry["data_offsets"]
                        numbers = data_of(raw)[start:stop]
                        if one == name and entry["dtype"] != kind:
                            entry["dtype"], numbers = (
                                kind,
                                bytes(int(np.prod(entry["shape"])) * size),
                            )
                        entry["data_offsets"] = [end, end + len(numbers)]
                        data, end = data + numbers, end + len(numbers)
                if other[name]["dtype"] != header[name]["dtype"]:
                    assert not resumed(sealed(other, data), tmp_path), (name, kind)


NO_CONFIGS = [
    "{}",
    "[]",
    "",
    '{"options": {}}',
    '{"options": []}',
    '{"options": {"data": 5}}',
    "[" * 5000,
]
NO_METRICS = [
    b"{}",
    b"[]",
    b'{"test": 5}',
    b"\xff",
    b"a,b\n1,2\n",
    b'{"test": {"accuracy": []}}',
    b"\0",
]


@pytest.mark.parametrize("text", NO_CONFIGS)
@pytest.mark.parametrize(
    "command", [["evaluate", "--model"], ["report"], ["train", "--resume", "--output"]]
)
def test_a_config_that_is_none_gives_one_line_and_3(text, command, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(text)
    model = Sequential([Input((32, 32, 3)), layers.Flatten(), layers.Dense(10, "softmax")])
    model.save(folder / "model.safetensors")
    assert main([*command, str(folder)]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "run" in said and "Traceback" not in said


@pytest.mark.parametrize("file", ["metrics.json", "history.csv", "plots/curves.txt"])
@pytest.mark.parametrize("content", NO_METRICS)
def test_other_files_of_a_run_that_are_damaged(file, content, trained, tmp_path):
    """The page is made all the same where they are not needed, or says which run is damaged."""
    run = runs.Run(shutil.copytree(trained, tmp_path / "run"))
    runs.write_page(run)
    (run.folder / file).write_bytes(content)
    try:
        runs.write_page(run)
    except (DataError, FileNotFoundError) as error:
        assert "run" in str(error)
