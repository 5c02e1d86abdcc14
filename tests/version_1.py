"""The trainings whose files of version 1 are kept in tests/golden: what made them, and what goes on
from them.
"""

from pathlib import Path

import numpy as np

from minicnn import Input, Sequential, callbacks, layers, optimizers, schedules

HERE = Path(__file__).parent / "golden"
# holds checkpoint.safetensors, broken off in the middle of the second epoch
FOLDER = HERE / "version_1"


class BreakOff(BaseException):
    """Ends the training."""


class Breaker(callbacks.Callback):
    """Raises it after the second batch of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
        if (self.epoch, batch) == (1, 1):
            raise BreakOff


def pictures():
    """(x, y) of 20 pictures."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (20, 6, 6, 1), dtype=np.uint8), np.arange(20) % 3


def network(optimizer, seed=None):
    """A compiled model with something of everything that is saved."""
    model = Sequential(
        [
            Input((6, 6, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, activation="relu", name="λ conv"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ],
        seed=seed,
        name="version 1",
        class_names=["cat", "dog", "bird"],
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    return model


def saved_model():
    """A model trained for two epochs."""
    x, y = pictures()
    model = network(
        optimizers.SGD(schedules.CosineDecay(0.1, 20), momentum=0.5, use_ema=True), seed=3
    )
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    return model


def train(resume, seed=None, watchers=()):
    """A training of three epochs that goes on from a checkpoint if there is one."""
    x, y = pictures()
    model = network(optimizers.Adam(0.01), seed)
    early = callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
    options = {"batch_size": 8, "epochs": 3, "validation_data": (x[:4], y[:4]), "verbose": 0}
    model.fit(
        x, y, callbacks=[early, *watchers], resume=resume, checkpoint_every_steps=1, **options
    )
    return model
