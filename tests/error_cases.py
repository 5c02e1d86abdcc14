"""A classifier and pictures for it, for the tests of what users are told of mistakes."""

import numpy as np

from minicnn import Input, Sequential, layers
from minicnn.layers.base import Layer


def classifier(
    *first: Layer, classes: int = 3, loss: str = "sparse_categorical_crossentropy"
) -> Sequential:
    """For pictures (8, 8, 2): optional first layers, one convolution, one dense layer with a
    softmax.
    """
    last = [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(classes, activation="softmax")]
    model = Sequential([Input((8, 8, 2)), *first, *last], name="net", seed=0)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def used(model: Sequential) -> Sequential:
    """The same model, whose weights now come from somewhere: predict does not warn of them."""
    model.set_weights(model.get_weights())
    return model


def pictures(n: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).random((n, 8, 8, 2), np.float32), np.arange(n) % 3
