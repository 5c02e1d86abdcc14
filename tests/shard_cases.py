"""Small networks and data for the tests of shards and ranks, and the bits that trainings leave."""

import hashlib
import json

import numpy as np

from minicnn import Input, Model, Sequential, layers, optimizers

CLASSES = 3


def data(n=40, seed=0):
    """uint8 pictures (n, 8, 8, 1) with something to learn in them, and labels (n,)."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 100, (n, 8, 8, 1)), rng.integers(0, CLASSES, n)
    x[np.arange(n), 2 * y] += 100
    return x.astype(np.uint8), y


def network(noise=True, metrics=("accuracy",), **optimizer):
    """Augmentation, convolution, batch normalisation, dropout."""
    noisy = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)] if noise else []
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            *noisy,
            layers.Conv2D(4, 3),
            layers.BatchNormalization(momentum=0.5),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            *([layers.Dropout(0.3)] if noise else []),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        seed=0,
    )
    adam = optimizers.Adam(0.01, **optimizer)
    model.compile(adam, "sparse_categorical_crossentropy", list(metrics))
    return model


def branched():
    """A residual block, whose shortcut has a normalisation of its own."""
    inputs = Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 255)(inputs))
    shortcut = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.Conv2D(4, 3, padding="same")(layers.ReLU()(shortcut))
    x = layers.BatchNormalization(momentum=0.5, warmup=True)(x)
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.SpatialDropout2D(0.2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = Model(inputs, layers.Dense(CLASSES, activation="softmax")(x), seed=0)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def tree_sum(terms):
    """The sum of the tree's definition: the first so many terms, the largest power of two below
    their number, and the rest, each summed likewise.
    """
    if len(terms) == 1:
        return terms[0]
    at = max(2**k for k in range(len(terms)) if 2**k < len(terms))
    return tree_sum(terms[:at]) + tree_sum(terms[at:])


def state_of(model):
    """(name, array) of all moving averages."""
    return [
        (f"{path}/{name}", state.copy())
        for path, layer in model.leaves.items()
        for name, state in layer.state.items()
    ]


def bits(model, history):
    """sha256 of weights, of what the optimizer remembers, of the history and of the generators."""
    hashed = hashlib.sha256()
    for name, value in sorted(model.variables_by_name().items()):
        hashed.update(name.encode() + value.tobytes())
    for name, slots in sorted(model.optimizer.slots.items()):
        for slot in sorted(slots):
            hashed.update(f"{name}/{slot}".encode() + slots[slot].tobytes())
    hashed.update(json.dumps(history.history).encode())
    states = [layer.random_state for layer in model.leaves.values()]
    hashed.update(json.dumps([states, model.shuffle_rng.bit_generator.state]).encode())
    return hashed.hexdigest()
