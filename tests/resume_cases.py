"""Trainings that are broken off and resumed, for the tests of fit(resume=folder).

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
from minicnn import Input, Sequential, callbacks, layers, losses, metrics, optimizers
from minicnn.saving import model_file

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


def break_off(folder: Path, kill: Kill, **arguments) -> None:
    with pytest.raises(Killed):
        train(folder, kill=kill, model_seed=5, **arguments)


RESUMED_ELSEWHERE = """
import signal, sys
from pathlib import Path
import resume_cases as t
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
