"""The documented network, and a tiny one, for the tests of Sequential."""

import numpy as np

from minicnn import Input, Sequential, layers


def documented_model(**options) -> Sequential:
    """The network of the project's source document."""
    return Sequential(
        [
            layers.Conv2D(32, (3, 3), padding="valid", activation="relu", input_shape=(32, 32, 3)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, (3, 3), padding="valid", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(128, (3, 3), padding="valid", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        **options,
    )


DOCUMENTED_ROWS = [  # name, class, output shape, parameters
    ("conv2d", "Conv2D", (30, 30, 32), 896),
    ("batch_normalization", "BatchNormalization", (30, 30, 32), 128),
    ("max_pooling2d", "MaxPooling2D", (15, 15, 32), 0),
    ("conv2d_1", "Conv2D", (13, 13, 64), 18496),
    ("batch_normalization_1", "BatchNormalization", (13, 13, 64), 256),
    ("max_pooling2d_1", "MaxPooling2D", (6, 6, 64), 0),
    ("conv2d_2", "Conv2D", (4, 4, 128), 73856),
    ("batch_normalization_2", "BatchNormalization", (4, 4, 128), 512),
    ("max_pooling2d_2", "MaxPooling2D", (2, 2, 128), 0),
    ("flatten", "Flatten", (512,), 0),
    ("dense", "Dense", (128,), 65664),
    ("dropout", "Dropout", (128,), 0),
    ("dense_1", "Dense", (10,), 1290),
]


def tiny(seed: int | None = 0, **options) -> Sequential:
    """Every kind of state in a few numbers: convolution, batch normalisation, dropout, dense,
    softmax; compiled.
    """
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(4, activation="softmax"),
        ],
        seed=seed,
        **options,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tiny_data(n: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 6, 6, 2)).astype(np.float32), np.arange(n) % 4


def bits(model: Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]
