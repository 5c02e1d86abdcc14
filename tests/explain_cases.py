"""Networks and pictures for the tests of explanations."""

import numpy as np
import pytest
from matplotlib.image import BboxImage

from minicnn import Input, Sequential, explain
from minicnn.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    Rescaling,
)

MAPS = {"grad_cam": explain.grad_cam, "saliency": explain.saliency, "occlusion": explain.occlusion}
each_map = pytest.mark.parametrize("method", MAPS.values(), ids=MAPS)


def body():
    """A network with everything that is another in training than in inference."""
    return [
        Rescaling(2.0, offset=-1.0),
        Conv2D(6, 3, activation="relu", name="first"),
        BatchNormalization(),
        MaxPooling2D(),
        Dropout(0.5),
        Conv2D(5, 3, padding="same", activation="relu", name="second"),
        BatchNormalization(),
        Flatten(),
        Dense(7, activation="relu"),
        Dropout(0.5),
    ]


def made(stack, shape=(12, 11, 3), dtype="float64", **options):
    """A model with random weights and statistics, which counts as trained."""
    model = Sequential([Input(shape), *stack], seed=0, dtype=dtype, **options)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for name, array in layer.weights_by_name.items():
            if name != "kernel":
                array[...] = rng.uniform(0.5, 1.5, array.shape)
            if name == "gamma":
                array[::2] *= -1
    model.note_weights()
    return model


def network(dtype="float64", **options):
    return made([*body(), Dense(4, activation="softmax")], dtype=dtype, **options)


def scores_of(model):
    """A model like network(), without the softmax, that shares nothing with it."""
    twin = made([*body(), Dense(4)])
    twin.set_weights(model.get_weights())
    return twin


def picture(shape=(12, 11, 3), seed=2):
    return np.random.default_rng(seed).random(shape)


def slope(function, x, direction, h=1e-6):
    """Derivative of a function of x in a direction, by central differences."""
    return (function(x + h * direction) - function(x - h * direction)) / (2 * h)


def copied(layer):
    return type(layer)(**layer.get_config() | {"name": None})


def drawn(plot):
    """The arrays of all pictures in a figure."""
    placed = [artist for artist in plot.figure.artists if isinstance(artist, BboxImage)]
    return [
        np.asarray(image.get_array())
        for image in [*placed, *(i for axes in plot.figure.axes for i in axes.images)]
    ]
