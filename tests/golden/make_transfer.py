"""Make transfer.npz: a fine-tuning by Keras, for tests/test_transfer.py.

    python make_transfer.py       needs keras and tensorflow (made with keras 3.15.1, tensorflow
                                  2.21.0)

A small network whose first block is frozen, its batch normalisation included, and whose second
block and head train for eight Adam steps, in float64. The test trains the same with minicnn.
Weights and pictures are made from seeds.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("transfer.npz")
FROZEN = 3  # layers
STEPS, BATCH, CLASSES = 8, 6, 4


def layers_of(library: Any, classes: int = CLASSES) -> list[Any]:
    layers = library.layers
    return [
        layers.Input((10, 10, 2)),
        layers.Conv2D(3, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 2, activation="relu"),
        layers.BatchNormalization(momentum=0.5),
        layers.Flatten(),
        layers.Dense(classes, activation="softmax"),
    ]


def set_weights(layers: list[Any]) -> None:
    """Kernels uniform in [-0.5, 0.5), all else in [0, 1): as variances must be, and like no batch's
    moments.
    """
    rng = np.random.default_rng(5)
    for layer in layers:
        layer.set_weights(
            [rng.random(weight.shape) - 0.5 * (weight.ndim > 1) for weight in layer.get_weights()]
        )


def batches() -> tuple[np.ndarray, np.ndarray]:
    """x (STEPS, BATCH, 10, 10, 2) in [-1, 1), labels (STEPS, BATCH)."""
    rng = np.random.default_rng(6)
    x = 2 * rng.random((STEPS, BATCH, 10, 10, 2)) - 1
    return x, np.floor(rng.random((STEPS, BATCH)) * CLASSES).astype(np.int64)


def train(library: Any, model: Any) -> np.ndarray:
    """The losses of all steps, then all weights, in one row."""
    # a Python float may become a float32
    adam = library.optimizers.Adam(0.05, np.float64(0.9), np.float64(0.999))
    model.compile(adam, "sparse_categorical_crossentropy")
    losses = [float(model.train_on_batch(x, y)) for x, y in zip(*batches(), strict=True)]
    # Keras' model puts frozen ones last
    weights = [weight for layer in model.layers for weight in layer.get_weights()]
    return np.concatenate([losses, *(weight.reshape(-1) for weight in weights)])


def main() -> None:
    keras = import_module("keras")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    model = keras.Sequential(layers_of(keras))
    for layer in model.layers[:FROZEN]:
        layer.trainable = False
    set_weights(model.layers)
    np.savez_compressed(GOLDEN, allow_pickle=False, row=train(keras, model))
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
