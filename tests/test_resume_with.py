"""fit(resume=folder) with augmentation, schedules and sources, and without what is optional."""
# ruff: noqa: ARG002, ARG005  (hooks and methods keep their whole signatures, used or not)

import signal
from pathlib import Path

import numpy as np
import pytest
from resume_cases import (
    CLASSES,
    EPOCHS,
    STEPS,
    Kill,
    Killed,
    break_off,
    killed_process,
    network,
    pictures,
    state,
    train,
)

from minicnn import Sequential, callbacks, optimizers, schedules
from minicnn.preprocessing.image import ImageDataGenerator
from minicnn.transforms import MixUp


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
