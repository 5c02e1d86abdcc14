"""Small networks for the tests of whole numbers, of all that these can do."""

import numpy as np

from minicnn import Input, Model, Sequential, layers

SHAPE = (13, 11, 3)


def stirred(model, seed=0):
    """The model with drawn statistics of its normalisations and drawn biases; the layers run."""
    rng = np.random.default_rng(seed)
    for layer in model.leaves.values():
        if isinstance(layer, layers.BatchNormalization):
            C = layer.state["moving_mean"].size
            layer.params["gamma"][...] = rng.normal(1, 0.4, C)
            layer.params["beta"][...] = rng.normal(0, 0.3, C)
            layer.state["moving_mean"][...] = rng.normal(0.1, 0.2, C)
            layer.state["moving_variance"][...] = rng.uniform(0.05, 1.5, C)
        elif "bias" in layer.params:
            layer.params["bias"][...] = rng.normal(0, 0.1, layer.params["bias"].shape)
    model.note_weights()
    model.engine = "reference"
    return model


def pictures(count=40, shape=SHAPE, seed=5):
    """Drawn pictures."""
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def branching(ending="softmax"):
    """Branches, both ways of normalising, every window, vectors that are normalised."""
    inputs = Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", strides=2)(inputs)
    x = layers.ReLU(max_value=6)(layers.BatchNormalization()(x))
    before = x
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Add()([layers.Conv2D(8, 1)(x), before])
    x = layers.ReLU()(x)
    y = layers.MaxPooling2D(2, padding="same")(x)
    z = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.ZeroPadding2D(1)(layers.Concatenate()([y, z]))
    x = layers.BatchNormalization()(layers.SeparableConv2D(12, 3, activation="relu")(x))
    x = layers.Conv2D(12, 1, groups=3)(layers.Dropout(0.3)(x))
    x = layers.ReLU()(layers.MaxPooling2D(2, 1)(x))
    x = layers.Dense(16, activation="relu")(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(5, activation=ending)(layers.BatchNormalization()(x))
    names = [f"class {n}" for n in range(5)]
    return stirred(Model(inputs, x, seed=3, name="branching", class_names=names))


def chain():
    """What the documented network has."""
    stack = [Input((8, 8, 3))]
    stack += [layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization()]
    stack += [layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(8, activation="relu")]
    stack += [layers.Dropout(0.5), layers.Dense(4, activation="softmax")]
    return stirred(Sequential(stack, seed=1, name="chain"))
