"""A small network and its data, for the tests of arguments that cannot be meant."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers

X = np.random.default_rng(0).random((60, 6, 6, 3), np.float32)
Y = np.arange(60) % 3
WORDS = np.array(["cat", "dog", "eel"])


def network() -> Sequential:
    model = Sequential(
        [Input((6, 6, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def loss(**options) -> float:
    """Of one epoch."""
    return network().fit(X, Y, shuffle=False, verbose=0, **options).history["loss"][0]


def wrong(message: str):
    return pytest.raises(ValueError, match=message)
