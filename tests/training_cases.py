"""Small models, data and a layer that takes notes, for the tests of fit."""

from collections.abc import Sequence

import numpy as np

from minicnn import Input, Sequential, layers, optimizers
from minicnn.layers.base import Layer

CLASSES = 3


def linear(learning_rate: float = 0.1, metrics: Sequence = ("accuracy",), **options) -> Sequential:
    """One softmax layer over four numbers, trained by plain gradient descent: everything can be
    computed by hand.
    """
    model = Sequential(
        [Input((4,)), layers.Dense(CLASSES, activation="softmax")], **{"seed": 0} | options
    )
    model.compile(optimizers.SGD(learning_rate), "sparse_categorical_crossentropy", metrics)
    return model


def linear_data(n: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 4)).astype(np.float32), np.arange(n) % CLASSES


def easy_pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pictures (n, 8, 8, 1) of noise with one bright quarter, whose place is the class, and
    labels (n, 1).
    """
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 120, (n, 8, 8, 1)), rng.integers(0, 4, n)
    for picture, label in zip(x, y, strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        picture[row : row + 4, column : column + 4] += 100
    return x.astype(np.uint8), y[:, None].astype(np.uint8)


def bits(model: Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


class Recorder(Layer):
    """A first layer that changes nothing and notes the batches it sees in training, and those in
    inference.
    """

    def __init__(self):
        super().__init__()
        self.trained: list[np.ndarray] = []
        self.asked: list[np.ndarray] = []

    def forward(self, x, *, training=False):
        x = self.accept(x)
        (self.trained if training else self.asked).append(x[:, 0].copy())
        return x

    def backward(self, dy):
        return dy


def recorded() -> tuple[Sequential, Recorder]:
    recorder = Recorder()
    model = Sequential([Input((4,)), recorder, layers.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, recorder


def numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples that carry their own number as their first value."""
    x = np.zeros((n, 4), np.float32)
    x[:, 0] = np.arange(n)
    return x, np.arange(n) % CLASSES


def head() -> list[Layer]:
    return [layers.Flatten(), layers.Dense(CLASSES, activation="softmax")]


def deep(**options) -> Sequential:
    """With a batch normalisation, whose moving statistics one bad batch could spoil for ever."""
    model = Sequential(
        [
            Input((6, 6, 1)),
            layers.Conv2D(2, 3, name="first_conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            *head(),
        ],
        seed=0,
        **options,
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def pictures(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).standard_normal((n, 6, 6, 1)).astype(np.float32), np.arange(
        n
    ) % CLASSES
