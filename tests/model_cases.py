"""A residual network and its data, for the tests of Model."""

import numpy as np

from minicnn import Input, Model, Sequential, layers

X = np.random.default_rng(0).random((12, 8, 8, 3))
Y = np.arange(12) % 3


def residual(seed=0, dtype="float32", dropout=0.5):
    """Two blocks with shortcuts around them; the second shares its convolution with itself."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x))
    x = layers.Activation("relu")(layers.add([y, x]))
    shared = layers.Conv2D(8, 3, padding="same")
    x = layers.Add()([shared(shared(x)), x])
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    model = Model(inputs, layers.Dense(3, activation="softmax")(x), seed=seed, dtype=dtype)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def trained(model, **options):
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0, **options)
    return model


def equal(one, two):
    assert len(one) == len(two) and all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def with_base(**call):
    """A base with normalisation and dropout inside a model that calls it so."""
    base = Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.5),
        ],
        seed=1,
    )
    inputs = Input((8, 8, 3))
    x = layers.Flatten()(base(inputs, **call))
    model = Model(inputs, layers.Dense(3, activation="softmax")(x), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, base
