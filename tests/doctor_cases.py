"""Networks and trainings for the tests of the Doctor."""

import numpy as np
import pytest

from minicnn import Input, Sequential, optimizers
from minicnn.layers import BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from minicnn.training.callbacks.doctor import Doctor

both_engines = pytest.mark.parametrize("engine", ["fast", "reference"])


def pictures(count=320, seed=0):
    """Noise with a bright bar, upright or lying: (x, y)."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.4, (count, 12, 12, 1)).astype(np.float32), rng.integers(0, 2, count)
    for one, label, place in zip(x, y, rng.integers(0, 12, count), strict=True):
        (one[:, place] if label else one[place])[...] += 0.6
    return x, y


def network(*head, engine="fast", warmup=True, **options):
    """Two convolutions and a dense layer with normalisation, as the documented network has them."""
    stack = [Conv2D(8, 3, activation="relu"), BatchNormalization(warmup=warmup), MaxPooling2D()]
    stack += [Conv2D(8, 3, activation="relu"), BatchNormalization(warmup=warmup), Flatten(), *head]
    model = Sequential(
        [Input((12, 12, 1)), *stack, Dense(2, activation="softmax", name="last")], seed=0, **options
    )
    model.engine = engine
    return model


def deep(gain):
    """Eight dense layers without normalisation, their initial weights multiplied by `gain`."""
    hidden = [Dense(16, activation="relu") for _ in range(8)]
    model = Sequential(
        [Input((12, 12, 1)), Flatten(), *hidden, Dense(2, activation="softmax")], seed=0
    )
    for layer in model.layers[1:-1]:
        layer.params["kernel"] *= gain
    return model


def train(model, optimizer=None, epochs=3, data=None, **options):
    """The doctor of a silent training."""
    doctor = Doctor(verbose=0)
    model.compile(optimizer or optimizers.Adam(), "sparse_categorical_crossentropy")
    callbacks = [doctor, *options.pop("callbacks", [])]
    model.fit(
        *(data or pictures()),
        batch_size=32,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
        **options,
    )
    return doctor


def only(doctor, kind):
    """The doctor's finding of that kind; there must be one, and no other twice."""
    kinds = [finding.kind for finding in doctor.findings]
    assert len(set(kinds)) == len(kinds), kinds
    (finding,) = [finding for finding in doctor.findings if finding.kind == kind]
    return finding
