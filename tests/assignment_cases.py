"""A network, fresh and with a memory, for the tests of assignment."""

import numpy as np

from minicnn import Input, Sequential, layers
from minicnn.layers.base import Layer

ENGINES = ["fast", "reference"]
X = np.random.default_rng(0).standard_normal((4, 8, 8, 3)).astype(np.float32)
Y = np.arange(4) % 5


def network(engine="fast", optimizer="sgd"):
    stack = [
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5, seed=3),
        layers.Dense(5, activation="softmax"),
    ]
    model = Sequential([Input((8, 8, 3)), *stack], name="net", seed=0)
    model.engine = engine
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.note_weights()
    return model


def ran(engine="fast", optimizer="sgd"):
    """A model whose plan is made, and whose optimizer remembers something."""
    model = network(engine, optimizer)
    model.train_on_batch(X, Y)
    model.predict(X, verbose=0)
    return model


class Gain(Layer):
    """y = gain * x, whose setup and backward assign arrays instead of writing into them."""

    def setup(self, input_shape):
        self.params["gain"] = np.linspace(1, 2, input_shape[-1])
        self.grads = {"gain": np.zeros(input_shape[-1])}
        self.helper = 3
        return input_shape

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = (x,) if training else None
        self.last_mean = x.mean()
        return x * self.params["gain"]

    def backward(self, dy):
        dy, x = self.take_cache(dy)
        self.grads["gain"] = (dy * x).sum(axis=tuple(range(x.ndim - 1)))
        return dy * self.params["gain"]
