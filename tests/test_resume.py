"""fit(resume=folder): a training that is broken off and resumed, anywhere and however, ends as if
nothing had happened.

Equal means the same bits: sha256 of weights, of the optimizer's memory, of the history and of every
    random generator.
"""
# ruff: noqa: ARG002, ARG005  (hooks and methods keep their whole signatures, used or not)

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import (
    Input,
    Sequential,
    callbacks,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    schedules,
)
from minicnn.errors import ModelFileError
from minicnn.preprocessing.image import ImageDataGenerator
from minicnn.saving import model_file
from minicnn.training.checkpoint import FILE
from minicnn.transforms import MixUp

STEPS, EPOCHS = 5, 3  # of the trainings here: 38 samples in batches of 8
CLASSES = 3


def pictures(n: int = 38, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pictures (n, 8, 8, 1) and one-hot labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 256, (n, 8, 8, 1), dtype=np.uint8), np.eye(CLASSES, dtype=np.float32)[
        np.arange(n) % CLASSES
    ]


class Killed(BaseException):
    """What ends a training at once, as SIGKILL would, but only this far."""


class Kill(callbacks.Callback):
    """Raises Killed, or kills the process, after a batch, both numbers counted from 0."""

    def __init__(self, epoch: int, batch: int, with_signal: int = 0):
        super().__init__()
        self.at, self.epoch, self.with_signal = (epoch, batch), 0, with_signal

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            if self.with_signal:
                os.kill(os.getpid(), self.with_signal)
            else:
                raise Killed


class Mean(metrics.Metric):
    """A metric with a memory of its own: an array."""

    def reset(self) -> None:
        super().reset()
        self.sums = np.zeros(CLASSES)

    def values(self, y_true, y_pred):
        self.sums += y_pred.sum(axis=0)
        return y_pred[:, 0]

    def result(self) -> float:
        return float(self.sums[1] / max(self.count, 1))


def network(augmented: bool = False, seed: int | None = None) -> Sequential:
    """Everything with a memory: dropout, batch statistics, Adam, averages, and, if wanted,
    augmentation.
    """
    random = (
        [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomErasing(0.5)]
        if augmented
        else []
    )
    model = Sequential(
        [
            Input((8, 8, 1)),
            *random,
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(warmup=True),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        seed=seed,
    )
    model.compile(
        optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        ["accuracy", Mean("mean")],
    )
    return model


def watchers(folder: Path) -> list[callbacks.Callback]:
    """Every callback with a state, set so that each of them acts within three epochs."""
    return [
        callbacks.SwapEMAWeights(swap_on_epoch=True),
        callbacks.EarlyStopping(patience=4, restore_best_weights=True, monitor="val_accuracy"),
        callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=10.0, cooldown=1),
        callbacks.ModelCheckpoint(
            folder / "best.safetensors", save_best_only=True, save_freq=3, monitor="loss"
        ),
        callbacks.CSVLogger(folder / "log.csv"),
    ]


def train(
    folder: Path,
    resume: bool = True,
    kill: Kill | None = None,
    augmented: bool = False,
    model_seed: int | None = None,
    **arguments,
) -> Sequential:
    """A training in a folder, by a model that is new each time and, without a seed, another each
    time.
    """
    model = network(augmented, model_seed)
    x, y = pictures()
    options = {
        "batch_size": 8,
        "epochs": EPOCHS,
        "validation_data": pictures(10, seed=1),
        "verbose": 0,
    } | arguments
    model.fit(
        x,
        y,
        callbacks=[*watchers(folder), *([kill] if kill else [])],
        resume=folder if resume else None,
        **options,
    )
    return model


def state(model: Sequential) -> dict[str, str]:
    """sha256 of all that a training leaves in a model."""
    weights, memory = hashlib.sha256(), hashlib.sha256()
    for weight in model.get_weights():
        weights.update(weight.tobytes())
    for name, slots in sorted(model.optimizer.slots.items()):
        for slot, array in sorted(slots.items()):
            memory.update(f"{name}/{slot}".encode() + array.tobytes())
    memory.update(json.dumps([model.optimizer.iterations, model.optimizer.get_config()]).encode())
    history = json.dumps([model.history.history, model.history.epoch])
    drawn = [layer.random_state for layer in model.leaves.values()]
    generators = json.dumps([model.shuffle_rng.bit_generator.state, *drawn])
    return {
        "weights": weights.hexdigest(),
        "optimizer": memory.hexdigest(),
        "history": hashlib.sha256(history.encode()).hexdigest(),
        "generators": hashlib.sha256(generators.encode()).hexdigest(),
    }


def files(folder: Path) -> dict[str, str]:
    """What callbacks have written."""
    config, arrays = model_file.read(folder / "best.safetensors")
    saved = json.dumps(config | {"model": config["model"] | {"seed": None}}).encode()
    for name, array in sorted(arrays.items()):
        saved += name.encode() + array.tobytes()
    written = {"log.csv": (folder / "log.csv").read_bytes(), "best.safetensors": saved}
    return {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The training that nobody interrupts, once with and once without a checkpoint: the seed makes
    them equal.
    """
    folder, other = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("plain")
    model = train(folder, model_seed=5)
    assert state(model) == state(train(other, resume=False, model_seed=5))
    assert files(folder) == files(other)
    assert (
        len(model.history.epoch) == EPOCHS and len(set(model.history.history["learning_rate"])) > 1
    )
    return state(model), files(folder)


def break_off(folder: Path, kill: Kill, **arguments) -> None:
    with pytest.raises(Killed):
        train(folder, kill=kill, model_seed=5, **arguments)


# Broken off anywhere


@pytest.mark.parametrize("every", [None, 1, 2])
@pytest.mark.parametrize(("epoch", "batch"), [(e, b) for e in range(EPOCHS) for b in range(STEPS)])
def test_broken_off_after_any_batch_it_ends_as_if_it_had_not(epoch, batch, every, whole, tmp_path):
    """Checkpoints at an epoch's edge only, after every step, after every other. The resuming model
    has other weights, generators and another seed."""
    break_off(tmp_path, Kill(epoch, batch), checkpoint_every_steps=every)
    resumed = train(tmp_path, checkpoint_every_steps=every)
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_is_the_checkpoint_that_makes_it_so(whole, tmp_path):
    """The tests above can fail: without the checkpoint the same script ends elsewhere."""
    break_off(tmp_path, Kill(1, 2))
    (tmp_path / FILE).unlink()
    ended = state(train(tmp_path))
    assert all(ended[part] != whole[0][part] for part in ended)


def test_broken_off_again_and_again(whole, tmp_path):
    for epoch, batch in ((0, 0), (0, 1), (0, 4), (1, 0), (1, 3), (2, 2), (2, 4)):
        break_off(tmp_path, Kill(epoch, batch), checkpoint_every_steps=1)
    assert state(train(tmp_path, checkpoint_every_steps=1)) == whole[0]
    assert files(tmp_path) == whole[1]


def test_the_frequency_of_checkpoints_changes_nothing_and_may_change(whole, tmp_path):
    break_off(tmp_path, Kill(1, 2), checkpoint_every_steps=1)
    assert state(train(tmp_path, checkpoint_every_steps=3)) == whole[0]


RESUMED_ELSEWHERE = """
import signal, sys
from pathlib import Path
import test_resume as t
epoch, batch, augmented = map(int, sys.argv[2:])
kill = t.Kill(epoch, batch, signal.SIGKILL)
t.train(Path(sys.argv[1]), kill=kill, augmented=bool(augmented), model_seed=5,
        checkpoint_every_steps=2)
"""


def killed_process(folder: Path, epoch: int, batch: int, augmented: bool = False) -> None:
    """Train in a process of its own, which SIGKILL ends."""
    paths = [Path(__file__).parent, Path(minicnn.__file__).parents[1]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        RESUMED_ELSEWHERE,
        folder,
        str(epoch),
        str(batch),
        str(int(augmented)),
    ]
    assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_after_kill_9_in_the_middle_of_epochs(whole, tmp_path):
    killed_process(tmp_path, 0, 3)
    killed_process(tmp_path, 2, 1)  # which first resumes what the one before left
    resumed = train(tmp_path, checkpoint_every_steps=2)
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_while_the_checkpoint_is_written_the_one_before_is_whole(
    whole, tmp_path, monkeypatch
):
    replace, calls = os.replace, []

    def kill_at_the_third(source, target):
        if Path(target).name == FILE:
            calls.append(target)
            if len(calls) == 3:
                raise Killed
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", kill_at_the_third)
        patched.setattr(os, "unlink", lambda path: None)  # killed: nobody tidies up
        with pytest.raises(Killed):
            train(tmp_path, model_seed=5, checkpoint_every_steps=2)
    assert len(list(tmp_path.glob(f".{FILE}.*"))) == 1
    assert state(train(tmp_path, checkpoint_every_steps=2)) == whole[0]
    assert list(tmp_path.glob(f".{FILE}.*")) == []


@pytest.mark.parametrize("batch", [1, STEPS - 1])
def test_after_ctrl_c_the_epoch_goes_on_where_it_was_left(batch, whole, tmp_path):
    model = train(tmp_path, kill=Kill(1, batch, signal.SIGINT), model_seed=5)
    assert model.history.interrupted and model.history.epoch == [0]  # the second epoch is not over
    resumed = train(tmp_path)
    assert not resumed.history.interrupted
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]


def test_the_same_model_can_go_on_after_ctrl_c(whole, tmp_path):
    """In a notebook, the cell runs again: with the learning rate that a callback has lowered."""
    model, (x, y) = network(seed=5), pictures()
    options = {
        "batch_size": 8,
        "epochs": EPOCHS,
        "validation_data": pictures(10, seed=1),
        "verbose": 0,
    }
    for kill in ([Kill(2, 1, signal.SIGINT)], []):
        model.fit(x, y, callbacks=[*watchers(tmp_path), *kill], resume=tmp_path, **options)
    assert model.optimizer.learning_rate < 0.01
    assert state(model) == whole[0]


# Finished, and further


def test_a_finished_training_is_not_trained_again(whole, tmp_path):
    train(tmp_path, model_seed=5)
    seen: list[int] = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    again = train(tmp_path, kill=count)
    assert seen == []
    assert state(again) == whole[0]
    assert files(tmp_path) == whole[1]


def test_more_epochs_train_on(tmp_path):
    (tmp_path / "long").mkdir(), (tmp_path / "short").mkdir()
    expected = train(tmp_path / "long", model_seed=5, epochs=EPOCHS + 2)
    train(tmp_path / "short", model_seed=5)
    further = train(tmp_path / "short", epochs=EPOCHS + 2)
    assert state(further) == state(expected) and len(further.history.epoch) > EPOCHS
    assert files(tmp_path / "short") == files(tmp_path / "long")


def test_what_early_stopping_has_ended_stays_ended(tmp_path):
    x, y = pictures()

    def run(seed: int | None) -> Sequential:
        model, stop = (
            network(seed=seed),
            callbacks.EarlyStopping("loss", min_delta=10.0, patience=1),
        )
        model.fit(x, y, batch_size=8, epochs=9, callbacks=stop, resume=tmp_path, verbose=0)
        assert stop.stopped_epoch == 1
        return model

    first, again = run(5), run(None)
    assert first.history.epoch == again.history.epoch == [0, 1]
    assert state(first) == state(again)


def test_a_checkpoint_is_a_model_file(tmp_path):
    model = train(tmp_path, model_seed=5)
    loaded = models.load_model(tmp_path / FILE, custom_objects={"Mean": Mean})
    x, y = pictures()
    assert loaded.optimizer.iterations == model.optimizer.iterations == EPOCHS * STEPS
    loaded.fit(x, y, verbose=0)


# With augmentation, schedules, sources, and without what is optional


@pytest.mark.parametrize("batch", [1, 2])
def test_augmentation_and_mixing_go_on_too(batch, tmp_path):
    (tmp_path / "whole").mkdir(), (tmp_path / "broken").mkdir()
    options = {"augmented": True, "batch_transform": MixUp(0.4), "checkpoint_every_steps": 2}
    expected = train(tmp_path / "whole", model_seed=5, **options)
    break_off(tmp_path / "broken", Kill(1, batch), **options)
    resumed = train(tmp_path / "broken", **options)
    assert state(resumed) == state(expected)
    with pytest.raises(ValueError, match=r"batch_transform.alpha: 0.4 in the checkpoint, 0.2 here"):
        train(tmp_path / "broken", **options | {"batch_transform": MixUp(0.2)})


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_augmentation_goes_on_after_kill_9(tmp_path):
    (tmp_path / "whole").mkdir(), (tmp_path / "broken").mkdir()
    expected = train(tmp_path / "whole", model_seed=5, augmented=True, checkpoint_every_steps=2)
    killed_process(tmp_path / "broken", 1, 2, augmented=True)
    resumed = train(tmp_path / "broken", augmented=True, checkpoint_every_steps=2)
    assert state(resumed) == state(expected)


class Stream:
    """A source whose batches depend on the batches before."""

    def __init__(self, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.ended = 0

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, index):
        return self.rng.integers(0, 256, (6, 8, 8, 1), np.uint8), np.eye(CLASSES)[
            self.rng.integers(CLASSES, size=6)
        ]

    def on_epoch_end(self) -> None:
        self.ended += 1

    def get_state(self):
        return {"rng": self.rng.bit_generator.state, "ended": self.ended}

    def set_state(self, state):
        self.rng.bit_generator.state, self.ended = state["rng"], state["ended"]


@pytest.mark.parametrize(("epoch", "batch"), [(0, 4), (1, 0), (1, 3)])
def test_a_source_and_a_schedule(epoch, batch, tmp_path):
    def run(folder: Path, *kill: Kill) -> tuple[Sequential, Stream]:
        model, stream = network(seed=5 if folder.name == "whole" or kill else None), Stream()
        model.compile(
            optimizers.SGD(schedules.OneCycle(0.1, EPOCHS * STEPS), momentum=0.9),
            "categorical_crossentropy",
        )
        model.fit(
            stream,
            epochs=EPOCHS,
            callbacks=kill,
            resume=folder,
            checkpoint_every_steps=2,
            verbose=0,
        )
        return model, stream

    expected, one = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", Kill(epoch, batch))
    resumed, two = run(tmp_path / "broken")
    assert state(resumed) == state(expected)
    assert one.get_state() == two.get_state() and one.ended == EPOCHS
    rates = [schedules.OneCycle(0.1, EPOCHS * STEPS)(STEPS * n) for n in (1, 2, 3)]
    assert resumed.history.history["learning_rate"] == rates


@pytest.mark.parametrize(("epoch", "batch"), [(0, 1), (1, 3)])
def test_a_generator_without_a_seed(epoch, batch, tmp_path):
    """Its flow has one all the same, drawn anew in each process, and the checkpoint keeps it."""
    x, y = pictures()

    def run(folder: Path, *kill: Kill, seed: int | None = None) -> Sequential:
        model = network(seed=5)
        flow = ImageDataGenerator(rotation_range=20, horizontal_flip=True).flow(
            x, y, batch_size=8, seed=seed
        )
        model.fit(
            flow, epochs=EPOCHS, callbacks=kill, resume=folder, checkpoint_every_steps=2, verbose=0
        )
        return model

    expected = run(tmp_path / "whole", seed=9)
    with pytest.raises(Killed):
        run(tmp_path / "broken", Kill(epoch, batch), seed=9)
    assert state(run(tmp_path / "broken")) == state(expected)


def test_without_shuffling_and_with_a_seed_in_fit(tmp_path):
    for options in ({"shuffle": False}, {"seed": 3}):
        one, two = (tmp_path / f"{n}{next(iter(options))}" for n in range(2))
        one.mkdir(), two.mkdir()
        expected = train(one, model_seed=5, **options)
        break_off(two, Kill(1, 1), checkpoint_every_steps=1, **options)
        assert state(train(two, **options)) == state(expected)


def test_a_layer_unfrozen_on_the_way(tmp_path):
    """By a callback, which a resumed training does not ask again."""

    def run(folder: Path, *kill: Kill) -> Sequential:
        model = network(seed=5)
        model.layers[1].trainable = False
        thaw = callbacks.LambdaCallback(
            on_epoch_begin=lambda e, _: setattr(model.layers[1], "trainable", e > 0 or None)
        )
        x, y = pictures()
        model.fit(x, y, batch_size=8, epochs=2, callbacks=[thaw, *kill], resume=folder, verbose=0)
        return model

    expected = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", Kill(1, 2))
    assert state(run(tmp_path / "broken")) == state(expected)


# Callbacks


class Counter(callbacks.Callback):
    """A user's callback, with a state by naming it."""

    remembers = ("batches",)

    def __init__(self):
        super().__init__()
        self.batches, self.begun = 0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


def test_a_callback_of_ones_own_remembers_what_it_names(tmp_path):
    x, y = pictures()
    for kill, expected, begun in ((Kill(1, 2), 8, [0, 1]), (None, 2 * STEPS, [1])):
        model, counter = network(), Counter()
        given = [counter, *([kill] if kill else [])]
        options = {
            "batch_size": 8,
            "epochs": 2,
            "resume": tmp_path,
            "checkpoint_every_steps": 1,
            "verbose": 0,
        }
        if kill:
            with pytest.raises(Killed):
                model.fit(x, y, callbacks=given, **options)
        else:
            model.fit(x, y, callbacks=given, **options)
        # The eighth batch was trained after the last checkpoint, and is trained again.
        assert (counter.batches, counter.begun) == (expected, begun)


def test_logs_of_the_end_are_those_of_the_last_epoch(tmp_path):
    seen: list[dict] = []
    end = callbacks.LambdaCallback(on_train_end=lambda logs: seen.append(logs))
    train(tmp_path, model_seed=5)
    train(tmp_path, kill=end)
    last = {
        name: values[-1]
        for name, values in train(tmp_path).history.history.items()
        if name != "learning_rate"
    }
    assert seen == [last]


def test_the_bar_begins_where_the_epoch_goes_on(tmp_path, capsys):
    x, y = pictures()
    for kill in (Kill(0, 2), None):
        model = network(seed=5)
        options = {"batch_size": 8, "resume": tmp_path, "checkpoint_every_steps": 2, "verbose": 1}
        if kill:
            with pytest.raises(Killed):
                model.fit(x, y, callbacks=kill, **options)
        else:
            model.fit(x, y, **options)
    assert "100%" in capsys.readouterr().err


# What is no checkpoint of this training


def test_another_training_is_refused_and_what_differs_is_said(tmp_path):
    model = network(seed=5)
    x, y = pictures()

    def fit(model: Sequential = model, x=x, **options) -> None:
        model.fit(x, y, **{"batch_size": 8, "verbose": 0, "resume": tmp_path} | options)

    fit()
    start = (
        rf"fit cannot resume: '.*{FILE}' is of another training. Choose another folder, or delete "
        r"the file to start "
        r"anew. What differs:\n  "
    )

    def refused(what: str, **options) -> None:
        with pytest.raises(ValueError, match=start + what):
            fit(**options)

    refused(r"data.batch_size: 8 in the checkpoint, 4 here$", batch_size=4)
    refused(r"shuffle: True in the checkpoint, False here$", shuffle=False)
    refused(r"seed: None in the checkpoint, 3 here$", seed=3)
    refused(r"data.x.contents: \w+ in the checkpoint, \w+ here$", x=x[::-1])
    refused(
        r"data.x.dtype: uint8 in the checkpoint, float32 here\n  data.x.contents: ",
        x=x.astype(np.float32),
    )
    refused(
        r"data.sample_weight: None in the checkpoint, missing here\n  data.sample_weight",
        sample_weight=np.ones(38),
    )
    refused(
        r"data.x.shape: \[38, 8, 8, 1\] in .*, \[30, 8, 8, 1\] here\n(  .*\n)*  callbacks: "
        r"\['History'",
        validation_split=0.2,
        callbacks=Counter(),
    )
    other = network()
    other.compile(optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4))
    refused(
        r"(metrics.*\n  )+optimizer.config.learning_rate: 0.01 in the checkpoint, 0.02 here\n  "
        r"loss.config.label_smoothing: 0.1 in the checkpoint, 0.0 here$",
        model=other,
    )
    rest = [layers.Flatten(), layers.Dense(CLASSES, activation="softmax")]
    smaller = Sequential([Input((8, 8, 1)), layers.Rescaling(1 / 127.5, offset=-1), *rest])
    smaller.compile("sgd")
    refused(
        r"layers.rescaling.config.scale: 0.0039\d+ in .*, 0.0078\d+ here\n(  .*\n)*  and \d+ more$",
        model=smaller,
    )
    fit()  # and the checkpoint is as it was
    assert model.history.epoch == [0]


def test_a_damaged_checkpoint_and_a_plain_model_are_refused(tmp_path):
    model = train(tmp_path, model_seed=5)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-9])
    with pytest.raises(ModelFileError, match=f"{FILE}' is damaged"):
        train(tmp_path)
    model.save(tmp_path / FILE)
    with pytest.raises(
        ValueError,
        match=r"fit\(resume=...\) expected a checkpoint, received the plain model file '.*'",
    ):
        train(tmp_path)


def test_a_checkpoint_every_so_many_steps_is_a_number(tmp_path):
    with pytest.raises(
        ValueError, match="fit expected checkpoint_every_steps of at least 1, received 0"
    ):
        train(tmp_path, checkpoint_every_steps=0)


def test_a_plain_training_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "write", lambda *_: pytest.fail("a checkpoint without resume"))
    model = network()
    model.fit(*pictures(), verbose=0)
    assert list(tmp_path.iterdir()) == []
