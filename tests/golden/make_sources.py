"""Make sources.json: what Keras measures on sources of batches, with `steps` and with weights of
samples.

    python make_sources.py         needs keras and tensorflow (made with keras 3.15.1, tensorflow
                                   2.21.0); 20 seconds

`measured` is a function of the library: tests/test_sources.py calls it with minicnn instead of
keras.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("sources.json")
N, CLASSES = 60, 3


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, labels, and weights that are ten times as large in the last quarter."""
    x = np.random.default_rng(0).random((N, 6, 6, 3), dtype=np.float32)
    return x, np.arange(N) % CLASSES, np.r_[np.ones(45), np.full(15, 10.0)]


class Batches:
    """Arrays, `size` samples at a time."""

    def __init__(self, size: int, *arrays: np.ndarray):
        super().__init__()
        self.size, self.arrays = size, arrays

    def __len__(self) -> int:
        return -(-len(self.arrays[0]) // self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return tuple(array[index * self.size : (index + 1) * self.size] for array in self.arrays)


def network(library: Any) -> Any:
    """Always the same one, compiled."""
    layers = library.layers
    dense = layers.Dense(CLASSES, activation="softmax")
    model = library.Sequential([library.Input((6, 6, 3)), layers.Flatten(), dense])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    kernel = (np.random.default_rng(1).standard_normal((108, CLASSES)) * 0.1).astype("float32")
    dense.set_weights([kernel, np.zeros(CLASSES, "float32")])
    return model


def measured(library: Any, source: Any, flow: Any) -> dict[str, Any]:
    """What fit, evaluate and predict of a library give; source is its kind of Batches, flow its
    generator's.
    """
    x, y, weight = data()

    def fit(*arguments: Any, **options: Any) -> dict[str, list[float]]:
        return network(library).fit(*arguments, shuffle=False, verbose=0, **options).history

    def evaluate(*arguments: Any, **options: Any) -> list[float]:
        return network(library).evaluate(*arguments, verbose=0, **options)

    def predict(*arguments: Any, **options: Any) -> dict[str, Any]:
        answers = network(library).predict(*arguments, verbose=0, **options)
        return {"shape": list(answers.shape), "sum": answers.sum(axis=0).tolist()}

    return {
        "fit": {
            "5 batches": fit(x, y, epochs=2, validation_data=source(12, x, y)),
            "2 batches": fit(x, y, epochs=2, validation_data=source(40, x, y)),
            "1 batch": fit(x, y, epochs=2, validation_data=source(60, x, y)),
            "flow": fit(x, y, validation_data=flow(x, y)),
            "weighted source": fit(x, y, validation_data=source(40, x, y, weight)),
            "validation_split": fit(x, y, sample_weight=weight, validation_split=0.25),
            "weights (n, 1)": fit(x, y, sample_weight=weight[:, None]),
            "class_weight": fit(x, y, class_weight={0: 2.0, 1: 1.0, 2: 0.5}),
            "validation_steps": fit(x, y, validation_data=source(20, x, y), validation_steps=1),
            "validation_steps, arrays": fit(
                x, y, batch_size=20, validation_data=(x, y), validation_steps=1
            ),
            "validation_steps alone": fit(x, y, validation_data=(x, y), validation_steps=1),
            "steps_per_epoch": fit(source(20, x, y), steps_per_epoch=2),
            "steps_per_epoch, arrays": fit(x, y, batch_size=20, steps_per_epoch=2),
            "steps_per_epoch alone": fit(x, y, steps_per_epoch=4),
            "validation_freq": fit(
                source(20, x, y), epochs=4, validation_data=(x, y), validation_freq=2
            ),
        },
        "evaluate": {
            "source": evaluate(source(40, x, y)),
            "weighted source": evaluate(source(40, x, y, weight)),
            "steps": evaluate(source(25, x, y), steps=1),
            "steps, arrays": evaluate(x, y, batch_size=20, steps=2),
            "steps alone": evaluate(x, y, steps=1),
        },
        "predict": {
            "source": predict(source(40, x, y)),
            "steps": predict(source(25, x, y), steps=2),
            "flow": predict(flow(x, shuffle=False)),
            "steps, arrays": predict(x, batch_size=20, steps=2),
        },
    }


if __name__ == "__main__":
    keras = import_module("keras")
    source = type("Source", (Batches, keras.utils.PyDataset), {})
    generator = import_module("keras.src.legacy.preprocessing.image").ImageDataGenerator()
    GOLDEN.write_text(
        json.dumps(measured(keras, source, generator.flow), indent=1) + "\n", encoding="utf-8"
    )
